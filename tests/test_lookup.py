"""People name a call by its id, its reference or its file, and are asked when they mean several."""

from __future__ import annotations

from pathlib import Path

import pytest
from builders import (
    a_call,
    a_recording,
    an_analysis,
    quarantined,
    stored,
)

from pipeline.audit.lookup import find_recording
from pipeline.errors import UsageError
from pipeline.records import CallAnalysis
from pipeline.store import reading


@pytest.fixture(scope="module")
def lookups(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with calls that are found in different ways."""

    def named(digits: str, uri: str, call_ref: str | None) -> CallAnalysis:
        recording = a_recording(recording_id=digits.ljust(64, "0"), uri=uri)
        return an_analysis(recording=recording, call=a_call(call_ref=call_ref))

    return stored(
        tmp_path_factory.mktemp("lookups") / "calls.duckdb",
        named("abcd1", "/a/first.wav", "R-1"),
        named("abcd2", "/a/second.call.wav", "abcd1"),
        named("beef", "/b/third.wav", None),
        named("cafe", "/c/third.wav", "R-4"),
        quarantined(),
    )


@pytest.mark.parametrize(
    ("name", "means"),
    [
        ("abcd1".ljust(64, "0"), "abcd1"),
        ("ABCD2", "abcd2"),
        ("R-1", "abcd1"),
        ("first.wav", "abcd1"),
        ("first", "abcd1"),
        ("second.call", "abcd2"),
        ("/b/third.wav", "beef"),
        ("abcd1", "abcd2"),  # a reference wins over first digits
    ],
)
def test_a_call_is_found_by_id_reference_or_file(lookups: Path, name: str, means: str) -> None:
    with reading(lookups) as connection:
        assert find_recording(connection, name) == means.ljust(64, "0")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("abcd", r"several calls are meant; got 'abcd'.*first\.wav.*second\.call\.wav"),
        ("third", r"several calls are meant.*/b/third\.wav.*/c/third\.wav"),
        ("cab", "no such call in the store; got 'cab'"),
        ("nowhere", "no such call"),
        ("'; --", "no such call"),
        ("", "no such call"),
    ],
)
def test_unknown_and_ambiguous_calls_are_refused(lookups: Path, name: str, says: str) -> None:
    with reading(lookups) as connection, pytest.raises(UsageError, match=says) as caught:
        find_recording(connection, name)
    assert "\n" not in str(caught.value)
