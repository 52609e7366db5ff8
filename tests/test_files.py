"""A recording may consist of several files: legs, a mix, copies; files grow, are replaced, or are broken."""

import os
import shutil
import struct
import wave
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from fakes import FakeEngine, Says, Watcher

from pipeline import settings
from pipeline.archive import night
from pipeline.archive.names import leg_name, mix_base
from pipeline.archive.plan import RunRequest
from pipeline.audio.containers import RAW_FORMATS
from pipeline.audio.decode import read_audio, recording_id
from pipeline.audio.frames import SAMPLE_RATE
from pipeline.audio.legs import joined_id, read_legs
from pipeline.audio.likeness import same_sound
from pipeline.audio.same_voices import same_voices
from pipeline.audio.search import search
from pipeline.audit.clip import Source, cut_clip
from pipeline.errors import RecordingError, UsageError
from pipeline.report.night import night_markdown, summary_line
from pipeline.settings import AudioSettings
from pipeline.spans import Span
from pipeline.store import query

AUDIO = AudioSettings()
RATE = 8000


def talk(seed, seconds=6.0, rate=RATE, bursts=((0.2, 1.0), (2.0, 1.2), (4.4, 0.9))):
    """Noise in bursts as of speech, float, on a faint noise floor."""
    random = np.random.default_rng(seed)
    out = random.standard_normal(round(seconds * rate)) * 0.001
    for at, length in bursts:
        part = slice(round(at * rate), round((at + length) * rate))
        out[part] += random.standard_normal(out[part].size) * 0.1 * (1 + random.random())
    return out


OTHER = ((1.3, 0.6), (3.3, 1.0), (5.4, 0.5))


def write(path, *channels, rate=RATE):
    path.parent.mkdir(parents=True, exist_ok=True)
    pcm = np.round(np.clip(np.stack(channels, axis=1), -1, 1) * 32767).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(len(channels))
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(pcm.tobytes())
    return path


def encode(source, path, codec, rate=RATE):
    """The sound of a WAV in another format."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(source)) as given, av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=rate)
        stream.bit_rate = 64_000 if codec == "g722" else 32_000
        stream.layout = {1: "mono", 2: "stereo"}[given.streams.audio[0].layout.nb_channels]
        for frame in given.decode(audio=0):
            frame.pts = None
            for packet in stream.encode(frame):
                out.mux(packet)
        for packet in stream.encode(None):
            out.mux(packet)
    return path


@pytest.fixture
def archive(tmp_path):
    folder = tmp_path / "archive"
    folder.mkdir()
    return folder


@pytest.fixture
def order(archive, tmp_path):
    return RunRequest(paths=(archive,), db=tmp_path / "calls.duckdb", settings=settings.load(environ={}))


def go(order, engine=None):
    return night.run(order, (engine or FakeEngine())(), Watcher())


def rows(order, sql):
    return query(order.db, sql).rows


def parts(order):
    sql = "SELECT regexp_extract(uri, '[^/]*$'), part, leg_index FROM recording_file ORDER BY ALL"
    return rows(order, sql)


# Headers


def with_size(path, size):
    data = bytearray(path.read_bytes())
    data[40:44] = struct.pack("<I", size)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("size", [160, 16000, 40000, 95998])
def test_a_header_with_too_short_a_length_costs_no_sound(tmp_path, size):
    path = with_size(write(tmp_path / "a.wav", talk(1)), size)
    record = read_audio(path, AUDIO).recording
    if size == 95998:  # less than a tenth of a second is padding
        assert record.duration_s == pytest.approx(6.0, abs=0.1)
        return
    assert record.duration_s == 6.0
    assert f"announces {size} bytes of sound, all 96000 that are there are decoded" in record.error


def test_chunks_behind_the_sound_are_no_sound(tmp_path):
    path = write(tmp_path / "a.wav", talk(1))
    path.write_bytes(path.read_bytes() + b"LIST" + struct.pack("<I", 2000) + b"INFO" + b"x" * 1996)
    record = read_audio(path, AUDIO).recording
    assert (record.duration_s, record.error) == (6.0, None)


@pytest.mark.parametrize("count", [2, 3])
def test_recordings_one_after_the_other_in_a_file(tmp_path, count):
    one = write(tmp_path / "one.wav", talk(1))
    path = tmp_path / "a.wav"
    path.write_bytes(one.read_bytes() * count)
    audio = read_audio(path, AUDIO)
    assert audio.recording.duration_s == 6.0 * count
    assert f"{count} recordings in one file" in audio.recording.error
    first, last = audio.samples[0, : 6 * SAMPLE_RATE], audio.samples[0, -6 * SAMPLE_RATE :]
    assert np.corrcoef(first, last)[0, 1] > 0.99


# Formats


@pytest.mark.parametrize(("suffix", "rate"), [(".sln", 8000), (".sln16", 16000), (".sln48", 48000)])
def test_signed_linear_files(tmp_path, suffix, rate):
    source = write(tmp_path / "a.wav", talk(1, rate=rate), rate=rate)
    (tmp_path / f"b{suffix}").write_bytes(source.read_bytes()[44:])
    record = read_audio(tmp_path / f"b{suffix}", AUDIO).recording
    assert (record.duration_s, record.sample_rate_hz, record.codec) == (6.0, rate, "pcm_s16le")


@pytest.mark.parametrize(
    ("name", "codec"),
    [("b.wma", "wmav2"), ("b.mp4", "aac"), ("b.m4a", "aac"), ("b.g722", "g722"), ("b.webm", "libopus")],
)
def test_formats_by_suffix(tmp_path, name, codec):
    rate = 16000
    path = encode(write(tmp_path / "a.wav", talk(1, rate=rate), rate=rate), tmp_path / name, codec, rate)
    assert read_audio(path, AUDIO).recording.duration_s == pytest.approx(6.0, abs=0.15)


@pytest.mark.parametrize(
    ("suffix", "coded", "channels", "seconds"),
    [("raw", "s16le 8000 2", 2, 3.0), ("pcm", "s16le 8000 1", 1, 6.0), ("vox", "vox 8000 1", 1, 24.0)],
)
def test_headerless_files_by_the_settings(tmp_path, suffix, coded, channels, seconds):
    (tmp_path / f"a.{suffix}").write_bytes(write(tmp_path / "b.wav", talk(1)).read_bytes()[44:])
    record = read_audio(tmp_path / f"a.{suffix}", AudioSettings(raw={suffix: coded})).recording
    assert (record.channels, record.duration_s) == (channels, pytest.approx(seconds))


@pytest.mark.parametrize("coded", ["s16le", "mp3 8000 1", "s16le 8000 3", "s16le 80 1"])
def test_a_bad_coding_is_wrong_usage(coded):
    with pytest.raises(UsageError, match=r"audio\.raw.*coding"):
        settings.load(overrides=[f"audio.raw.pcm={coded}"], environ={})


@pytest.mark.parametrize(
    ("suffix", "remedy"), [("raw", "audio.raw.raw"), ("vox", "vox 6000 1"), ("nmf", "export it")]
)
def test_recordings_that_are_not_read_are_told_with_the_remedy(archive, suffix, remedy):
    write(archive / "a.wav", talk(1))
    (archive / f"b.{suffix}").write_bytes(b"NICE" * 99)
    (line,) = search([archive], AUDIO).skipped
    assert f"b.{suffix}" in line
    assert remedy in line


def test_four_hundred_of_a_kind_are_one_line(order, archive):
    write(archive / "a.wav", talk(1))
    for number in range(400):
        (archive / f"{number}.nmf").touch()
    (line,) = go(order).problems
    assert line.startswith("400 times")


def test_every_headerless_suffix_has_a_rate():
    assert all(raw.rate_hz >= 8000 for raw in RAW_FORMATS.values())


# Channels


@pytest.mark.parametrize(
    ("channels", "layout", "rows"),
    [
        ((talk(1), talk(2, bursts=OTHER), np.zeros(48000), np.zeros(48000)), "stereo", 2),
        ((np.zeros(48000), talk(1), np.full(48000, 8 / 32768), talk(2) * 0.01), "stereo", 2),
        ((np.zeros(48000), talk(1), np.zeros(48000)), "mono", 1),
    ],
)
def test_channels_without_a_line_are_left_out(tmp_path, channels, layout, rows):
    audio = read_audio(write(tmp_path / "a.wav", *channels), AUDIO)
    assert (audio.recording.layout, audio.samples.shape[0]) == (layout, rows)
    assert audio.recording.channels == len(channels)
    assert "carry sound and are taken" in audio.recording.error


@pytest.mark.parametrize("quiet", [0.3, 0.01])
def test_three_lines_are_refused_with_the_remedy(tmp_path, quiet):
    path = write(tmp_path / "a.wav", talk(1), talk(2, bursts=OTHER), talk(3) * quiet)
    with pytest.raises(RecordingError, match=r"too many channels.*got 3.*one channel for each side"):
        read_audio(path, AUDIO)


def late(samples, seconds, gain, rate=RATE):
    shift = round(seconds * rate)
    return np.concatenate([np.zeros(shift), samples])[: len(samples)] * gain


BOTH = talk(1) + talk(2, bursts=OTHER)


@pytest.mark.parametrize(("seconds", "gain"), [(0.02, 0.6), (0.5, 0.9), (0.0, 0.5), (0.08, -0.4)])
def test_both_voices_on_both_channels_are_mono(tmp_path, seconds, gain):
    right = late(BOTH, seconds, abs(gain)) + np.random.default_rng(9).standard_normal(len(BOTH)) * 0.003
    audio = read_audio(write(tmp_path / "a.wav", BOTH, right), AUDIO)
    assert (audio.recording.layout, audio.samples.shape[0]) == ("fake_stereo", 1)
    assert "both channels carry the same voices" in audio.recording.error


@pytest.mark.parametrize(("leak_there", "leak_back"), [(0.0, 0.0), (0.25, 0.25), (0.5, 0.1), (0.3, 0.0)])
def test_crosstalk_is_no_copy(leak_there, leak_back):
    agent, customer = talk(1, 30, SAMPLE_RATE), talk(2, 30, SAMPLE_RATE, OTHER)
    left = agent + late(customer, 0.02, leak_back, SAMPLE_RATE)
    right = customer + late(agent, 0.03, leak_there, SAMPLE_RATE)
    assert same_voices(np.stack([left, right]).astype(np.float32)) is None


# Search


def test_linked_folders_are_searched_once_and_loops_are_told(tmp_path, archive):
    write(tmp_path / "disk" / "09" / "a.wav", talk(1))
    write(archive / "b.wav", talk(2))
    (archive / "2026").symlink_to(tmp_path / "disk")
    (tmp_path / "disk" / "loop").symlink_to(archive)
    (archive / "gone").symlink_to(tmp_path / "nowhere")
    found = search([archive], AUDIO)
    assert [str(file.relative_to(archive)) for file in found.files] == ["2026/09/a.wav", "b.wav"]
    assert sorted(line.split(":")[0] for line in found.skipped) == [
        "a link that leads nowhere",
        "a link to a folder that is searched already, not followed",
    ]


def test_a_folder_that_cannot_be_read_is_told(archive, monkeypatch):
    write(archive / "a.wav", talk(1))
    (archive / "locked").mkdir()
    real = os.scandir

    def scandir(path):
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    (line,) = search([archive], AUDIO).skipped
    assert "a folder that cannot be read" in line
    assert "locked" in line


# Legs


@pytest.mark.parametrize(
    ("name", "side", "other"),
    [
        ("q-1-in.wav", "customer", "out"),
        ("q-1-OUT.wav", "agent", "in"),
        ("call_rx.wav", "customer", "tx"),
        ("call.caller.wav", "customer", "callee"),
        ("call-a1.wav", "agent", "b1"),
    ],
)
def test_names_of_legs(name, side, other):
    found = leg_name(Path(name), {"A1": "B1"})
    assert (found.side, found.other) == (side, other)


def test_other_names():
    assert leg_name(Path("in-155512-101.wav"), {}) is None
    assert mix_base(Path("call-mix.wav")) == mix_base(Path("CALL.wav")) == "call"


@pytest.mark.parametrize(("agent", "customer"), [("c-out.wav", "c-in.wav"), ("c_tx.wav", "c_rx.wav")])
def test_two_legs_are_one_stereo_call(order, archive, agent, customer):
    paths = [write(archive / agent, talk(1)), write(archive / customer, talk(2, 5.5, bursts=OTHER))]
    (archive / "manifest.csv").write_text("file,call_ref\nc.wav,L-1\n")
    summary = go(order)
    assert (summary.found, summary.totals.analysed, summary.merged) == (2, 1, 1)
    assert summary.problems == ()
    (row,) = rows(
        order,
        "SELECT recording_id, layout, channels, duration_s, error, call_ref FROM recording JOIN call USING (recording_id)",
    )
    assert row[0] == joined_id([recording_id(path) for path in paths])
    assert row[1:4] == ("stereo", 2, 6.0)
    assert "channel 1 ends 0.50 s before the other" in row[4]
    assert row[5] == "L-1"
    assert parts(order) == tuple(sorted(((agent, "leg", 0), (customer, "leg", 1))))
    engine = FakeEngine()
    again = go(order, engine)
    assert (again.unchanged, again.duplicates, engine.loads) == (1, (), 0)


def test_the_agents_leg_is_on_the_channel_of_the_settings(order, archive):
    write(archive / "c-out.wav", talk(1))
    write(archive / "c-in.wav", talk(2, bursts=OTHER))
    right = settings.load(overrides=["audio.agent_channel=right"], environ={})
    go(replace(order, settings=right))
    assert parts(order) == (("c-in.wav", "leg", 0), ("c-out.wav", "leg", 1))


@pytest.mark.parametrize("mix", ["c.wav", "c-mix.wav", "c.mp3"])
def test_a_mix_beside_its_legs_is_not_another_call(order, archive, mix):
    agent, customer = talk(1), talk(2, bursts=OTHER)
    write(archive / "c-out.wav", agent)
    write(archive / "c-in.wav", customer)
    source = write(archive.parent / "mix.wav", agent + customer)
    shutil.copy(source, archive / mix) if mix.endswith("wav") else encode(source, archive / mix, "libmp3lame")
    summary = go(order)
    assert (summary.found, summary.totals.analysed) == (3, 1)
    assert (mix, "mix", None) in parts(order)
    assert go(order).duplicates == ()


def test_stereo_files_with_names_of_legs_stay_calls(order, archive):
    for name in ("c-in.wav", "c-out.wav"):
        write(archive / name, talk(1), talk(len(name), bursts=OTHER))
    assert go(order).totals.analysed == 2


def test_a_clip_of_legs_is_cut_from_both_and_their_sums_are_checked(archive):
    legs = [write(archive / "c-out.wav", talk(1)), write(archive / "c-in.wav", talk(2, bursts=OTHER))]
    id_ = read_legs(legs, AUDIO, uri="c").recording.recording_id
    clip = cut_clip(Source(path=legs[0], recording_id=id_, legs=tuple(legs)), Span(1.0, 2.0))
    assert clip.channels == 2
    write(legs[1], talk(3))
    with pytest.raises(RecordingError, match="not the one that was analysed"):
        cut_clip(Source(path=legs[0], recording_id=id_, legs=tuple(legs)), Span(1.0, 2.0))


# Copies


@pytest.mark.parametrize(("name", "codec"), [("MP3/c.mp3", "libmp3lame"), ("c.m4a", "aac")])
def test_the_same_call_in_two_formats_is_one(order, archive, name, codec):
    source = write(archive / "c.wav", talk(1), talk(2, bursts=OTHER))
    encode(source, archive / name, codec)
    summary = go(order)
    assert (summary.found, summary.totals.analysed, summary.merged) == (2, 1, 1)
    assert "in another format" in summary.duplicates[0]
    assert parts(order) == tuple(sorted((("c.wav", "whole", None), (Path(name).name, "copy", None))))
    assert go(order).duplicates == ()


def test_calls_with_one_name_and_other_sound_are_two(order, archive):
    write(archive / "1" / "c.wav", talk(1), talk(2, bursts=OTHER))
    source = write(archive.parent / "x.wav", talk(3, bursts=OTHER), talk(4, bursts=((3.0, 2.0),)))
    encode(source, archive / "2" / "c.mp3", "libmp3lame")
    assert go(order).totals.analysed == 2
    assert not same_sound(archive / "1" / "c.wav", archive / "2" / "c.mp3", AUDIO)


# Files that change


def test_a_longer_version_of_a_file_takes_its_place(order, archive):
    full = [talk(1, 12.0), talk(2, 12.0, bursts=OTHER)]
    write(archive / "c.wav", *(side[: 5 * RATE] for side in full))
    go(order)
    write(archive / "c.wav", *full)
    summary = go(order)
    assert (summary.totals.analysed, summary.replaced) == (1, 1)
    assert "1 replaced by longer ones" in summary_line(summary)
    assert rows(order, "SELECT duration_s FROM recording") == ((12.0,),)
    assert rows(order, "SELECT count(DISTINCT recording_id) FROM turn") == ((1,),)
    assert len(parts(order)) == 1


def test_a_shorter_recording_of_the_same_name_takes_nobodys_place(order, archive):
    write(archive / "c.wav", talk(1, 12.0), talk(2, 12.0, bursts=OTHER))
    go(order)
    write(archive / "c.wav", talk(3), talk(4, bursts=OTHER))
    assert go(order).replaced == 0
    assert rows(order, "SELECT count(*) FROM recording") == ((2,),)


def test_a_renamed_recording_stays(order, archive):
    write(archive / "c.wav", talk(1), talk(2, bursts=OTHER))
    go(order)
    (archive / "c.wav").rename(archive / "d.wav")
    write(archive / "c.wav", talk(3, 9.0), talk(4, 9.0, bursts=OTHER))
    assert go(order).replaced == 0
    assert rows(order, "SELECT count(*) FROM recording") == ((2,),)


def test_a_file_that_grows_meanwhile_is_left_for_the_next_run(order, archive):
    path = write(archive / "c.wav", talk(1), talk(2, bursts=OTHER))

    class Growing(Says):
        def __call__(self, channels, names=()):
            with path.open("ab") as file:
                file.write(b"\0" * 4000)
            return super().__call__(channels)

    write(archive / "d.wav", talk(3), talk(4, bursts=OTHER))
    path_d = archive / "d.wav"
    summary = go(order, FakeEngine(Growing()))
    assert [Path(uri).name for uri in summary.waiting] == ["c.wav"]
    assert (summary.found, summary.totals.analysed) == (2, 1)
    assert "still being written" in summary_line(summary)
    assert str(path) in night_markdown(summary)
    assert rows(order, "SELECT uri FROM recording") == ((str(path_d),),)
    assert go(order).totals.analysed == 1


def test_files_that_were_written_to_a_moment_ago_wait(order, archive):
    write(archive / "c.wav", talk(1))
    os.utime(write(archive / "d.wav", talk(2)), (1e9, 1e9))
    waits = settings.load(overrides=["archive.settle_s=600"], environ={})
    summary = go(replace(order, settings=waits))
    assert (summary.totals.analysed, len(summary.waiting), summary.found) == (1, 1, 2)


# Quarantine


@pytest.mark.parametrize("count", [2, 4])
def test_equal_broken_files_are_listed_each(order, archive, count):
    names = [f"in-{number}.wav" for number in range(count)]
    for name in names:
        write(archive / name, np.zeros(0))
    write(archive / "good.wav", talk(1), talk(2, bursts=OTHER))
    (archive / "manifest.csv").write_text(
        "file,call_ref\n" + "".join(f"{n},C-{n}\n" for n in [*names, "good.wav"])
    )
    for summary in (go(order), go(order), go(replace(order, force=True))):
        assert (summary.found, summary.duplicates) == (count + 1, ())
        sql = "SELECT regexp_extract(uri, '[^/]*$'), call_ref FROM quarantine ORDER BY 1"
        assert rows(order, sql) == tuple((name, f"C-{name}") for name in names)
    assert len(summary.totals.quarantined) == count


def test_equal_good_files_stay_one(order, archive):
    shutil.copy(write(archive / "a.wav", talk(1)), archive / "b.wav")
    assert go(order).totals.analysed == 1
    assert parts(order) == (("a.wav", "whole", None), ("b.wav", "copy", None))
    assert go(order).duplicates == ()
    assert rows(order, "SELECT count(*) FROM call") == ((1,),)
