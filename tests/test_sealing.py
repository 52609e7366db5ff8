"""Sealed clear text: what opens it, what does not, and what is left of a destroyed key."""

import base64
import os
import stat

import pytest

from pipeline.errors import UsageError
from pipeline.sealing.keys import KeyFile
from pipeline.sealing.master import VARIABLE, master_key
from pipeline.sealing.seal import new_key, seal, unseal, unwrap, wrap

ONE, OTHER = "a" * 64, "b" * 64
TEXT = b"my card is 4929 1184 7702 3316"
MASTER = bytes(range(32))


@pytest.fixture(params=[0o022, 0o000], ids=["umask 022", "umask 000"])
def umask(request):
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_a_sealed_text_is_opened_with_its_key_and_shows_nothing_of_it():
    key = new_key()
    blob = seal(TEXT, key, ONE)
    assert unseal(blob, key, ONE) == TEXT
    assert b"4929" not in blob
    assert seal(TEXT, key, ONE) != blob, "each sealing has a nonce of its own"


def test_an_empty_text_is_sealed_as_well():
    key = new_key()
    assert unseal(seal(b"", key, ONE), key, ONE) == b""


@pytest.mark.parametrize("at", [0, 11, 12, 20, -17, -1])
def test_a_changed_blob_is_refused(at):
    key = new_key()
    blob = bytearray(seal(TEXT, key, ONE))
    blob[at] ^= 1
    with pytest.raises(UsageError, match=f"cannot open the sealed text of {ONE}"):
        unseal(bytes(blob), key, ONE)


@pytest.mark.parametrize("length", [0, 11, 27, 40])
def test_a_cut_blob_is_refused(length):
    key = new_key()
    with pytest.raises(UsageError, match="cannot open"):
        unseal(seal(TEXT, key, ONE)[:length], key, ONE)


def test_another_key_and_another_recording_are_refused():
    key = new_key()
    blob = seal(TEXT, key, ONE)
    for wrong in ((new_key(), ONE), (key, OTHER)):
        with pytest.raises(UsageError, match="wrong key or changed data"):
            unseal(blob, *wrong)


def test_a_wrapped_key_is_bound_to_its_recording_and_is_no_text():
    key = new_key()
    wrapped = wrap(key, MASTER, ONE)
    assert unwrap(wrapped, MASTER, ONE) == key
    with pytest.raises(UsageError, match="cannot open the key"):
        unwrap(wrapped, MASTER, OTHER)
    with pytest.raises(UsageError, match="cannot open the sealed text"):
        unseal(wrapped, MASTER, ONE)


def test_keys_are_kept_apart_and_found_again(tmp_path):
    file = tmp_path / "keys"
    keys = KeyFile(file, MASTER)
    one, other = keys.make(ONE), keys.make(OTHER)
    assert one != other
    again = KeyFile(file, MASTER)
    assert (again.find(ONE), again.make(OTHER)) == (one, other)
    assert one not in file.read_bytes()
    assert base64.b64encode(one) not in file.read_bytes()


def test_a_destroyed_key_leaves_the_blob_unreadable_and_the_others_readable(tmp_path):
    file = tmp_path / "keys"
    keys = KeyFile(file, MASTER)
    blob, kept = seal(TEXT, keys.make(ONE), ONE), seal(TEXT, keys.make(OTHER), OTHER)
    assert keys.destroy(ONE)
    assert not keys.destroy(ONE)
    for each in (keys, KeyFile(file, MASTER)):
        assert ONE not in each
        with pytest.raises(UsageError, match="no key for the sealed text"):
            each.find(ONE)
        assert unseal(kept, each.find(OTHER), OTHER) == TEXT
    assert ONE.encode() not in file.read_bytes()
    with pytest.raises(UsageError, match="cannot open"):
        unseal(blob, keys.make(ONE), ONE)  # a key made later is another one


def test_another_master_key_opens_no_key(tmp_path):
    KeyFile(tmp_path / "keys", MASTER).make(ONE)
    with pytest.raises(UsageError, match="wrong key or changed data"):
        KeyFile(tmp_path / "keys", bytes(32)).find(ONE)


def test_files_are_their_owner_s_from_the_start(tmp_path, umask):
    keys = KeyFile(tmp_path / "keys", MASTER)
    keys.make(ONE)
    assert mode_of(tmp_path / "keys") == 0o600
    keys.destroy(ONE)
    assert mode_of(tmp_path / "keys") == 0o600
    master_key(tmp_path / "master", {})
    assert mode_of(tmp_path / "master") == 0o600
    assert {path.name for path in tmp_path.iterdir()} == {"keys", "master"}


def test_a_line_that_a_crash_cut_off_is_dropped(tmp_path):
    file = tmp_path / "keys"
    one = KeyFile(file, MASTER).make(ONE)
    with file.open("ab") as opened:
        opened.write(OTHER.encode() + b" c3Rh")
    keys = KeyFile(file, MASTER)
    assert OTHER not in keys
    other = keys.make(OTHER)
    again = KeyFile(file, MASTER)
    assert (again.find(ONE), again.find(OTHER)) == (one, other)


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"", "not a file of keys"), (b"{}", "not a file of keys"), (b"earwitness keys 1\nx\n", "damaged")],
)
def test_a_file_of_something_else_is_refused_and_left_as_it_is(tmp_path, content, says):
    file = tmp_path / "keys"
    file.write_bytes(content)
    file.chmod(0o600)
    with pytest.raises(UsageError, match=says):
        KeyFile(file, MASTER)
    assert file.read_bytes() == content


def test_keys_that_others_may_read_are_refused(tmp_path):
    KeyFile(tmp_path / "keys", MASTER).make(ONE)
    master_key(tmp_path / "master", {})
    (tmp_path / "keys").chmod(0o640)
    (tmp_path / "master").chmod(0o604)
    with pytest.raises(UsageError, match=r"others may read the keys.*0o640.*chmod 600"):
        KeyFile(tmp_path / "keys", MASTER)
    with pytest.raises(UsageError, match=r"others may read the master key.*0o604.*chmod 600"):
        master_key(tmp_path / "master", {})


def test_the_master_key_is_made_once(tmp_path):
    first = master_key(tmp_path / "master", {})
    assert len(first) == 32
    assert master_key(tmp_path / "master", {}) == first


def test_the_environment_s_master_key_comes_first_and_makes_no_file(tmp_path):
    given = {VARIABLE: base64.b64encode(MASTER).decode()}
    assert master_key(tmp_path / "master", given) == MASTER
    assert not (tmp_path / "master").exists()


@pytest.mark.parametrize(
    ("text", "says"), [("secret!", "is not base64"), (base64.b64encode(b"short").decode(), "another length")]
)
def test_a_bad_master_key_is_told_without_its_text(tmp_path, text, says):
    with pytest.raises(UsageError, match=f"{says}.*{VARIABLE}.*32 bytes in base64") as told:
        master_key(tmp_path / "master", {VARIABLE: text})
    assert text not in str(told.value)
