"""Music heard in several calls is known from then on, whatever is spoken over it."""

import wave
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from builders import an_analysis, an_id, sound
from channels import channels_of, fingerprints_of
from fakes import FakeEngine, Watcher
from hypothesis import given, settings
from hypothesis import strategies as st
from instruments import music_of
from signals import RATE, at, decibels, music, sample_call, speech

from pipeline import settings as all_settings
from pipeline.archive import night
from pipeline.archive.plan import RunRequest
from pipeline.audio.fingerprints import FRAME_S, Tracks, find_landmarks
from pipeline.audio.learn_tracks import HeardMusic, learn
from pipeline.records import Fingerprint, HoldTrack
from pipeline.settings import Settings
from pipeline.spans import total_s, union
from pipeline.store import query, writing
from pipeline.weights.voice_activity import load_voice_model

NOW = datetime(2026, 3, 2, tzinfo=UTC)
TUNE = music_of(60, "piano", bpm=110, seed=1)
OTHER = music_of(60, "pluck", bpm=95, root_hz=196.0, seed=2)


def cut(samples, start_s, end_s):
    return samples[round(start_s * RATE) : round(end_s * RATE)]


def track(name, samples):
    marks = find_landmarks(samples)
    return HoldTrack(
        track_id=name,
        learned_at=NOW,
        recordings=2,
        landmarks=tuple(marks.codes.tolist()),
        frames=tuple(marks.frames.tolist()),
    )


def heard(recording_id, samples):
    marks = find_landmarks(samples)
    return HeardMusic(
        recording_id=recording_id,
        fingerprint=Fingerprint(
            channel=0,
            start_s=0.0,
            end_s=len(samples) / RATE,
            landmarks=tuple(marks.codes.tolist()),
            frames=tuple(marks.frames.tolist()),
        ),
    )


@pytest.fixture(scope="module")
def known():
    return Tracks((track("tune", TUNE), track("other", OTHER), track("real", music(36.0))))


@settings(max_examples=15, deadline=None)
@given(start_s=st.floats(0, 38), by_db=st.sampled_from([0, -12, -24]), shift=st.integers(0, 511))
def test_a_piece_is_known_at_any_place_and_level(known, start_s, by_db, shift):
    piece = decibels(cut(TUNE, start_s, start_s + 20), by_db)
    samples = at(30, (5 + shift / RATE, piece), noise_db=-68)
    matches = known.find(find_landmarks(samples))
    assert {m.track_id for m in matches} == {"tune"}
    assert total_s(m.span for m in matches) > 15
    best = max(matches, key=lambda m: m.hits)
    assert best.offset * FRAME_S == pytest.approx(start_s - 5, abs=0.1)


def test_recorded_music_is_known(known):
    matches = known.find(find_landmarks(at(30, (4, music(20, start_s=60)))))
    assert {m.track_id for m in matches} == {"real"}
    assert total_s(m.span for m in matches) > 17


@pytest.mark.parametrize("speech_db", [-12, -3])
def test_a_piece_is_known_under_speech(known, speech_db):
    talk = np.tile(speech(6.0), 3)
    talk = decibels(talk / np.sqrt(np.mean(talk**2)) * np.sqrt(np.mean(TUNE**2)), speech_db)
    matches = known.find(find_landmarks(at(30, (5, cut(TUNE, 10, 30)), (6, talk))))
    assert {m.track_id for m in matches} == {"tune"}
    assert total_s(m.span for m in matches) > 10


@pytest.mark.parametrize("name", ["dev02_rude_no_disclosure.flac", "dev03_ivr_disclosure_refused_hold.flac"])
def test_speech_is_never_a_known_track(known, name):
    for channel in sample_call(name):
        assert known.find(find_landmarks(channel)) == ()


def test_silence_has_no_landmarks(known):
    assert known.find(find_landmarks(np.zeros(5 * RATE, np.float32))) == ()
    assert known.find(find_landmarks(np.zeros(0, np.float32))) == ()


def test_music_heard_in_two_recordings_becomes_a_track():
    parts = (heard("a", cut(TUNE, 0, 25)), heard("b", cut(TUNE, 12, 45)), heard("c", cut(OTHER, 0, 30)))
    learned = learn((), parts, 2, NOW)
    (new,) = learned.tracks
    assert learned.track_of == {0: new.track_id, 1: new.track_id}
    assert (new.recordings, new.frames[0]) == (2, 0)
    assert max(new.frames) * FRAME_S == pytest.approx(45, abs=3)
    matches = Tracks((new,)).find(find_landmarks(cut(TUNE, 2, 44)))
    assert total_s(m.span for m in matches) > 38


def test_what_is_learned_does_not_depend_on_the_order():
    parts = [heard("a", cut(TUNE, 0, 25)), heard("b", cut(TUNE, 12, 45)), heard("c", cut(TUNE, 30, 60))]
    one, other = (learn((), order, 2, NOW).tracks for order in (parts, parts[::-1]))
    assert [len(t.landmarks) for t in one] == pytest.approx([len(t.landmarks) for t in other], rel=0.02)
    for tracks in (one, other):
        matches = Tracks(tracks).find(find_landmarks(TUNE))
        assert total_s(m.span for m in matches) > 55


def test_twice_in_one_recording_is_heard_once():
    parts = (heard("a", cut(TUNE, 0, 25)), heard("a", cut(TUNE, 0, 25)))
    assert learn((), parts, 2, NOW).tracks == ()


def test_a_setting_says_how_many_recordings_it_takes():
    parts = tuple(heard(name, cut(TUNE, 0, 20)) for name in "abc")
    assert learn((), parts[:2], 3, NOW).tracks == ()
    (new,) = learn((), parts, 3, NOW).tracks
    assert new.recordings == 3


def test_a_known_track_grows():
    (short,) = learn((), (heard("a", cut(TUNE, 0, 20)), heard("b", cut(TUNE, 0, 20))), 2, NOW).tracks
    learned = learn((short,), (heard("c", cut(TUNE, 5, 50)),), 2, NOW)
    (longer,) = learned.tracks
    assert learned.track_of == {0: short.track_id}
    assert (longer.track_id, longer.recordings) == (short.track_id, 3)
    assert max(longer.frames) * FRAME_S > 40


@pytest.fixture(scope="module")
def voice_model():
    return load_voice_model()


def test_what_the_detector_misses_is_found_when_it_is_known(voice_model):
    # A steady beat would give it away.
    bars = enumerate((40, 63, 49, 56, 36, 70, 44, 52, 61, 38) * 2)
    sparse = np.concatenate([music_of(2, "pluck", bpm=bpm, root_hz=196.0, seed=i + 2) for i, bpm in bars])
    faint = decibels(cut(sparse, 10, 30), -28)
    samples = at(34, (6, faint), noise_db=-62)[None]
    (before,) = channels_of(samples, voice_model, Settings())
    known = Tracks((track("sparse", sparse),))
    (after,) = channels_of(samples, voice_model, Settings(), known)
    found = [s for s in after.sounds if s.kind == "music"]
    assert {s.track_id for s in found} == {"sparse"}
    assert total_s(s.span for s in found) > 1.5 * total_s(s.span for s in before.sounds if s.kind == "music")
    assert total_s(s.span for s in found) == pytest.approx(20, abs=3)
    assert fingerprints_of(samples, voice_model, Settings(), known) == ()


def test_unknown_music_leaves_a_fingerprint_without_what_was_said_over_it(voice_model):
    samples = at(40, (5, cut(TUNE, 0, 30)), (15, decibels(speech(6.0), 6)))[None]
    (part,) = fingerprints_of(samples, voice_model, Settings())
    quiet, spoken = (
        sum(a <= frame * FRAME_S + part.start_s < b for frame in part.frames) for a, b in ((6, 12), (15, 21))
    )
    assert spoken < quiet / 2
    assert len(part.frames) == len(part.landmarks)


def with_music(name, samples, start_s=4.0):
    one = heard(name, samples).fingerprint
    part = replace(one, start_s=start_s, end_s=start_s + one.end_s)
    played = sound("music", part.start_s, part.end_s)
    return an_analysis(name, fingerprints=(part,), sounds=(played,))


def test_the_store_learns_and_keeps_tracks(tmp_path):
    db = tmp_path / "calls.duckdb"
    with writing(db) as writer:
        writer.add(with_music("one", cut(TUNE, 0, 20)))
        writer.learn_tracks(2)
        assert writer.hold_tracks() == ()
        writer.add(with_music("two", cut(TUNE, 5, 25)))
        writer.add(with_music("three", cut(OTHER, 5, 25)))
        writer.learn_tracks(2)
        (known,) = writer.hold_tracks()
        writer.learn_tracks(2)
        assert writer.hold_tracks() == (known,)
        writer.publish()
    assert known.recordings == 2
    sql = "SELECT recording_id FROM {} WHERE track_id IS NOT NULL ORDER BY ALL"
    both = tuple((id_,) for id_ in sorted((an_id("one"), an_id("two"))))
    assert query(db, sql.format("sound")).rows == both
    assert query(db, sql.format("fingerprint")).rows == both


class Composed(FakeEngine):
    """Hears with the real voice model's place taken by nobody: there is only music."""

    def _load(self):
        return replace(super()._load(), voice=lambda audio: np.zeros(len(audio) // 512, np.float32))


def write(path, samples):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((samples * 32767).astype("<i2").tobytes())


def test_the_second_batch_knows_what_the_first_has_heard(tmp_path):
    for i, start_s in enumerate((0, 5, 10)):
        write(tmp_path / f"{i}.wav", at(24, (2, cut(TUNE, start_s, start_s + 20)), seed=i))
    order = RunRequest(
        paths=(tmp_path,),
        db=tmp_path / "calls.duckdb",
        settings=all_settings.load(overrides=["store.batch_calls=2"], environ={}),
    )
    night.run(order, Composed()(), Watcher())
    rows = query(order.db, "SELECT count(*), count(DISTINCT track_id) FROM sound WHERE kind = 'music'").rows
    assert rows == ((3, 1),)
    assert query(order.db, "SELECT count(*) FROM hold_track").rows == ((1,),)


def test_a_track_is_found_in_every_piece_that_it_plays_in(known):
    samples = at(60, (2, cut(TUNE, 0, 15)), (24, cut(OTHER, 5, 20)), (45, cut(TUNE, 30, 42)))
    matches = known.find(find_landmarks(samples))
    played = {name: union(m.span for m in matches if m.track_id == name) for name in ("tune", "other")}
    assert total_s(played["tune"]) > 20
    assert all(s.start_s >= 17 or s.end_s <= 18 for s in played["tune"])
    assert all(s.start_s >= 23 and s.end_s <= 41 for s in played["other"])


def test_new_times_of_holds_mean_a_new_analysis(tmp_path):
    write(tmp_path / "a.wav", at(24, (2, cut(TUNE, 0, 20))))
    order = RunRequest(
        paths=(tmp_path,), db=tmp_path / "calls.duckdb", settings=all_settings.load(environ={})
    )
    analysed = []
    for row in (
        "a.wav;;",
        "a.wav;;[[3, 5]]",
        "a.wav;[[4, 20]];[[3, 5]]",
        "a.wav;[[4, 20]];[[3, 5]]",
        "a.wav;;",
    ):
        (tmp_path / "manifest.csv").write_text(f"file;holds;pauses\n{row}\n")
        analysed.append(night.run(order, Composed()(), Watcher()).totals.analysed)
    assert analysed == [1, 1, 1, 0, 0]
    assert query(order.db, "SELECT start_s, end_s, kind FROM hold").rows == ((4.0, 20.0, "music"),)


def test_the_view_counts_how_often_a_track_is_heard(tmp_path):
    db = tmp_path / "calls.duckdb"
    with writing(db) as writer:
        writer.add(with_music("one", cut(TUNE, 0, 20)))
        writer.add(with_music("two", cut(TUNE, 5, 25)))
        writer.learn_tracks(2)
        writer.publish()
    sql = "SELECT learned_from, recordings, times_heard, heard_s FROM hold_music"
    assert query(db, sql).rows == ((2, 2, 2, 40.0),)
