"""A pack holds what stands behind a finding, says what it lacks, and overwrites nothing."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import wave
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from builders import (
    a_call,
    a_recording,
    a_rule,
    active,
    an_analysis,
    an_id,
    found,
    quarantined,
    say,
    stored,
)
from fakes import write_call

from pipeline.audit.clip import MAX_CLIP_S, Source, cut_clip
from pipeline.audit.evidence import write_pack
from pipeline.audit.nearest import nearest_miss
from pipeline.errors import RecordingError, UsageError
from pipeline.records import CallAnalysis, Finding
from pipeline.spans import Span
from pipeline.store import reading

DISCLOSURE = """
id = "recording_disclosure"
roles = ["agent", "ivr"]
[check]
kind = "said_in_time"
[examples.agent]
match = ["This call may be recorded for quality.", "You are on a recorded line."]
no_match = ["I have no record of that."]
"""
HOLDS = 'roles = ["agent"]\n[check]\nkind = "every_hold"\n[examples.agent]\nmatch = ["Thanks for holding."]\n'
RULES = (
    a_rule("recording_disclosure", 5, fatal=True, text=DISCLOSURE, title="Recording <disclosed>"),
    a_rule("hold_thanks", text=HOLDS, score="quality"),
    a_rule("dead_air", text='roles = ["agent"]\n[check]\nkind = "measure"\n'),
    a_rule("closing"),
)
SAID = Finding(
    rule_id="recording_disclosure",
    rule_version="1",
    verdict="pass",
    basis="phrase",
    start_s=5 / 6,
    end_s=11 / 6,
    turn_index=0,
    quote="call is recorded",
    detail={"status": "in_time"},
)
TURNS = [say("agent", 0.5, 2.5, "this call is recorded & <b>kept</b>"), say("customer", 1.0, 2.0, "oh right")]


ABSENT = replace(SAID, verdict="fail", basis="absence", start_s=0.0, end_s=6.0, turn_index=None, quote=None)
INSTEAD = replace(SAID, rule_id="hold_thanks", verdict="fail", basis="absence", quote="this call is recorded")
NOT_UNDERSTOOD = {"status": "unclear", "reason": "the opening was not understood"}
HALF_HEARD = (active("agent", 0.5, 1.55), active("customer", 1.0, 2.0))

CALLS: dict[str, tuple[Finding, dict[str, Any]]] = {
    "said": (SAID, {}),
    "half heard": (SAID, {"activities": HALF_HEARD}),
    "late": (replace(SAID, verdict="fail", start_s=3.0, end_s=3.5), {}),
    "absent": (ABSENT, {}),
    "instead": (INSTEAD, {}),
    "failed": (replace(SAID, verdict="fail"), {}),
    "passed": (replace(ABSENT, verdict="pass"), {}),
    "silent": (replace(ABSENT, rule_id="dead_air", basis="measure"), {}),
    "held": (replace(ABSENT, rule_id="dead_air", basis="event"), {}),
    "older": (replace(ABSENT, basis=None), {}),
    "unclear": (replace(ABSENT, verdict="not_determinable", detail=NOT_UNDERSTOOD), {}),
    "idle": (found("closing", "not_applicable"), {}),
    "old": (replace(SAID, rule_version="0"), {}),
    "gone": (SAID, {}),
    "changed": (SAID, {}),
    "spoilt": (SAID, {}),
}
"""Calls by their reference, each with its finding."""


def sum_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def call_with(audio: Path, finding: Finding, **changes: Any) -> CallAnalysis:
    """The recording at `audio`, whose agent says that the call is recorded."""
    recording = a_recording(recording_id=sum_of(audio), uri=str(audio), duration_s=6.0)
    call = a_call(call_ref=audio.stem)
    return an_analysis(turns=TURNS, recording=recording, call=call, findings=(finding,), **changes)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the recordings and `calls.duckdb`."""
    folder = tmp_path_factory.mktemp("archive")
    analyses = [
        call_with(write_call(folder / f"{name}.wav", seed=seed, seconds=6.0), finding, **changes)
        for seed, (name, (finding, changes)) in enumerate(CALLS.items())
    ]
    broken = replace(quarantined(), call=a_call(call_ref="broken"))
    stored(folder / "calls.duckdb", *analyses, broken, rules=RULES)
    (folder / "gone.wav").unlink()
    write_call(folder / "changed.wav", seed=99, seconds=6.0)
    (folder / "spoilt.wav").write_bytes(b"no sound")
    return folder


def pack(archive: Path, out: Path, call: str = "said") -> Any:
    """The document of the pack of the call's finding."""
    with reading(archive / "calls.duckdb") as connection:
        write_pack(connection, call, CALLS[call][0].rule_id, out)
    return json.loads((out / "evidence.json").read_text(encoding="utf-8"))


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "pack"


# --- what is in a pack -------------------------------------------------------------------------------


def test_what_a_site_changes_in_the_rule_is_in_the_pack(archive: Path, out: Path, tmp_path: Path) -> None:
    for file in archive.glob("*.*"):
        shutil.copy(file, tmp_path / file.name)
    with duckdb.connect(str(tmp_path / "calls.duckdb")) as connection:
        connection.execute(
            """UPDATE rule SET overlay = 'title = "Ours & mine"' WHERE text = ?""", [DISCLOSURE]
        )
    document = pack(tmp_path, out)
    shown = f'{DISCLOSURE}\n# ---- changed by this site: recording_disclosure.toml\ntitle = "Ours & mine"'
    assert (out / "rule.toml").read_text() == shown
    assert "Ours &amp; mine" in (out / "index.html").read_text(encoding="utf-8")
    assert "overlay" not in document["rule"]


def test_a_pack_holds_all_that_stands_behind_a_verdict(archive: Path, out: Path) -> None:
    document = pack(archive, out)
    assert {path.name for path in out.iterdir()} == {
        "evidence.json",
        "index.html",
        "rule.toml",
        "clip.wav",
    }
    assert document["finding"]["verdict"] == "pass"
    assert document["finding"]["detail"] == {"status": "in_time"}
    assert document["rule"]["rule_version"] == "1"
    assert (document["rule"]["weight"], document["rule"]["fatal"]) == (5.0, True)
    assert document["recording"]["sha256"] == sum_of(archive / "said.wav")
    assert document["call"]["agent_name"] == "Ann"
    assert document["analysis"]["asr_model"] == "tiny"
    assert document["analysis"]["settings"] == {"holds": {"min_s": 5.0}}
    assert (out / "rule.toml").read_text() == DISCLOSURE
    assert document["searched"] is None
    assert document["notes"] == []


def test_the_deciding_words_have_times_probabilities_and_support(archive: Path, out: Path) -> None:
    phrase = pack(archive, out, "half heard")["phrase"]
    # The customer's words lie in the same span and decide nothing.
    assert [word["text"] for word in phrase["words"]] == ["call", "is", "recorded"]
    assert [word["start_s"] for word in phrase["words"]] == pytest.approx([5 / 6, 7 / 6, 1.5])
    assert {word["probability"] for word in phrase["words"]} == {0.9}
    assert phrase["mean_probability"] == pytest.approx(0.9)
    # Of the second from 0.83 to 1.83, activity covers up to 1.55 and 0.15 s of tolerance.
    assert phrase["activity_support"] == pytest.approx((1.7 - 5 / 6) / 1.0)


def test_the_words_around_are_there_too(archive: Path, out: Path) -> None:
    heard = pack(archive, out)["heard"]
    assert len(heard) == 8
    assert [word["text"] for word in heard if word["decides"]] == ["call", "is", "recorded"]
    assert [word["start_s"] for word in heard] == sorted(word["start_s"] for word in heard)


def test_the_clip_is_the_sound_with_two_seconds_around(archive: Path, out: Path) -> None:
    clip = pack(archive, out, "late")["clip"]
    assert (clip["start_s"], clip["end_s"], clip["channels"]) == (1.0, 5.5, ["agent", "customer"])
    path = out / "clip.wav"
    assert clip["sha256"] == sum_of(path)
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (2, 16_000, 2)
        cut = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
    assert len(cut) == 4.5 * 16_000
    with wave.open(str(archive / "late.wav")) as file:
        whole = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
    # The burst on the left is over at 0.5 of the call, the one on the right begins at 0.6.
    assert np.abs(cut[: 2 * 16_000 - 800, 0]).mean() > 1000
    assert np.abs(cut[: 2 * 16_000, 1]).mean() < 50
    assert np.abs(cut[:, 1]).mean() == pytest.approx(np.abs(whole[8000:44_000, 1]).mean(), rel=0.2)


class Outside(HTMLParser):
    """Collects what a page refers to, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in {"src", "href", "action", "srcset"}]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_is_readable_escaped_and_reaches_for_nothing_but_the_clip(archive: Path, out: Path) -> None:
    pack(archive, out)
    html = (out / "index.html").read_text(encoding="utf-8")
    seen = Outside()
    seen.feed(html)
    assert seen.links == ["clip.wav"]
    assert not re.search(r"url\(|@import|https?:", html)
    assert "script" not in seen.tags
    assert "b" not in seen.tags
    for text in (
        "Recording <disclosed>",
        "<b>kept</b>",
        sum_of(archive / "said.wav"),
        "0:00.83",
        "90 %",
        "in_time",
        "tiny",
    ):
        assert text in seen.text
    assert "\n".join(DISCLOSURE.splitlines()[:3]) in seen.text


@pytest.mark.parametrize(
    ("call", "why", "shown"),
    [
        ("said", "in_time", "pass in time: “call is recorded”"),
        ("unclear", NOT_UNDERSTOOD["reason"], "not determinable the opening was not understood Call"),
        ("idle", None, "not applicable Call"),
    ],
)
def test_beside_the_verdict_stands_why(
    archive: Path, out: Path, call: str, why: str | None, shown: str
) -> None:
    assert pack(archive, out, call)["why"] == why
    seen = Outside()
    seen.feed((out / "index.html").read_text(encoding="utf-8"))
    assert shown in " ".join(seen.text.split())


# --- something that was not said ---------------------------------------------------------------------


def test_for_an_absence_the_window_its_speech_and_the_nearest_miss_are_told(archive: Path, out: Path) -> None:
    searched = pack(archive, out, "absent")["searched"]
    assert (searched["start_s"], searched["end_s"]) == (0.0, 6.0)
    assert searched["speech_s"] == pytest.approx(2.0)  # the customer's does not count
    assert searched["speech_ratio"] == pytest.approx(1 / 3)
    assert searched["words"] == 6
    near = searched["nearest_miss"]
    assert near["text"] == "this call is recorded & <b>kept</b>"
    assert near["like"] == "This call may be recorded for quality."
    assert 0.6 < near["similarity"] < 1


def test_around_a_hold_the_quote_is_what_was_said_instead(archive: Path, out: Path) -> None:
    document = pack(archive, out, "instead")
    assert document["searched"]["nearest_miss"] is None
    assert document["phrase"]["quote"] == "this call is recorded"


@pytest.mark.parametrize("call", ["said", "failed", "passed", "silent", "held", "older"])
def test_nothing_was_searched_for_where_something_was_found(archive: Path, out: Path, call: str) -> None:
    assert pack(archive, out, call)["searched"] is None


def test_the_nearest_miss_stays_within_a_turn_and_is_nothing_in_unrelated_speech() -> None:
    turns = [say("agent", 0, 2, "you are on a"), say("agent", 3, 5, "recorded delivery list")]
    words = an_analysis(turns=turns).words
    assert nearest_miss(words, ["You are on a recorded line."]) is not None
    near = nearest_miss(words, ["you are on a recorded delivery list"])
    assert near is not None
    assert {word.turn_index for word in near.words} == {0} or {word.turn_index for word in near.words} == {1}
    assert nearest_miss(words, ["Happy birthday!"]) is None
    assert nearest_miss((), ["You are on a recorded line."]) is None
    exact = nearest_miss(words, ["Recorded delivery!"])
    assert exact is not None
    assert (exact.text, exact.similarity) == ("recorded delivery", 1.0)


# --- what can be missing -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "says"),
    [
        ("gone", "no such file"),
        ("changed", "not the one that was analysed"),
        ("spoilt", "not a readable audio file"),
    ],
)
def test_without_the_recording_the_pack_is_made_without_a_clip_and_says_so(
    archive: Path, out: Path, call: str, says: str
) -> None:
    document = pack(archive, out, call)
    assert document["clip"] is None
    (note,) = document["notes"]
    assert note.startswith("No clip: ")
    assert says in note
    assert says in (out / "index.html").read_text(encoding="utf-8")
    assert not (out / "clip.wav").exists()
    assert document["phrase"]["words"]


def test_where_there_was_nothing_to_judge_there_is_no_clip(archive: Path, out: Path) -> None:
    document = pack(archive, out, "idle")
    assert (document["clip"], document["phrase"], document["heard"]) == (None, None, [])
    assert "nothing to judge" in document["notes"][0]


def test_a_rule_whose_text_is_not_stored_is_told(archive: Path, out: Path) -> None:
    document = pack(archive, out, "old")
    assert document["rule"] is None
    assert "text of the rule's version" in document["notes"][0]
    assert not (out / "rule.toml").exists()


def test_a_long_window_is_cut_off(tmp_path: Path) -> None:
    audio = write_call(tmp_path / "long.wav", seconds=MAX_CLIP_S + 10)
    clip = cut_clip(Source(path=audio, recording_id=sum_of(audio)), Span(5.0, MAX_CLIP_S + 9))
    assert clip.span == Span(3.0, 3.0 + MAX_CLIP_S)
    with pytest.raises(RecordingError, match="not the one that was analysed"):
        cut_clip(Source(path=audio, recording_id=an_id("other")), Span(0.0, 1.0))


# --- what is refused ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "rule", "says"),
    [
        (
            "said",
            "nonsense",
            r"no finding of this rule.*said\.wav.*'nonsense'; allowed: recording_disclosure",
        ),
        ("broken", "closing", r"in quarantine.*broken\.wav.*no audio in the file"),
    ],
)
def test_a_pack_that_cannot_be_made_leaves_nothing(
    archive: Path, out: Path, call: str, rule: str, says: str
) -> None:
    with (
        reading(archive / "calls.duckdb") as connection,
        pytest.raises(UsageError, match=says) as caught,
    ):
        write_pack(connection, call, rule, out)
    assert "\n" not in str(caught.value)
    assert not out.exists()


def a_file(out: Path) -> None:
    out.write_text("mine")


def a_full_folder(out: Path) -> None:
    out.mkdir()
    (out / "mine").touch()


@pytest.mark.parametrize("make", [a_file, a_full_folder])
def test_nothing_is_overwritten(archive: Path, out: Path, make: Any) -> None:
    make(out)
    with pytest.raises(UsageError, match="there is something already"):
        pack(archive, out)
    assert [path.name for path in out.iterdir()] == ["mine"] if out.is_dir() else out.read_text() == "mine"
    assert list(out.parent.glob(".pack*")) == []


def test_an_empty_folder_is_filled(archive: Path, out: Path) -> None:
    out.mkdir()
    assert pack(archive, out)["format"] == "earwitness evidence 1"


def test_an_interruption_leaves_no_half_pack(
    archive: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("pipeline.audit.evidence.page", stop)
    with pytest.raises(KeyboardInterrupt):
        pack(archive, out)
    assert not out.exists()
    assert list(out.parent.glob(".pack*")) == []
