"""Files of every kind in, the right sound at the right time out."""

import os
import shutil
import struct
import tracemalloc
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.signal import correlate

from pipeline.audio.decode import SAMPLE_RATE, read_audio, recording_id
from pipeline.audio.search import find_audio
from pipeline.errors import RecordingError, UsageError
from pipeline.settings import AudioSettings

DATA = Path(__file__).parent / "data" / "audio"
SETTINGS = AudioSettings()


def chirp(rate, *, at=1.0, low=300, length=3.0):
    """Silence but for half a second of rising tone that starts at `at`."""
    t = np.arange(int(rate * length)) / rate
    u = np.clip(t - at, 0, 0.5)
    inside = (t >= at) & (t < at + 0.5)
    return np.where(inside, 0.5 * np.sin(2 * np.pi * (low * u + 1200 * u**2)) * np.sin(2 * np.pi * u) ** 2, 0)


def voice(rate):
    """The sound in tests/data/audio."""
    t = np.arange(int(1.5 * rate)) / rate
    x = np.zeros_like(t)
    inside = (t >= 0.5) & (t < 1.2)
    u = t[inside] - 0.5
    phase = 2 * np.pi * np.cumsum(140 + 30 * np.sin(2 * np.pi * 2 * u)) / rate
    buzz = sum(np.sin(k * phase) / k * (1 if k * 140 < 1800 else 0.3) for k in range(1, 22))
    x[inside] = buzz * np.hanning(inside.sum()) * 0.3
    return x


def encode(path, channels, rate, codec, container=None, bit_rate=64_000):
    samples = np.ascontiguousarray(np.atleast_2d(channels), dtype=np.float32)
    layout = {1: "mono", 2: "stereo", 6: "5.1"}[len(samples)]
    with av.open(str(path), "w", format=container) as out:
        stream = out.add_stream(codec, rate=rate, layout=layout)
        stream.bit_rate = bit_rate
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
        for packet in (*stream.encode(frame), *stream.encode(None)):
            out.mux(packet)
    return path


def wav(path, samples=None, *, rate=8000, channels=1, tag=1, bits=16, size=None):
    """A WAV written by hand, so that its header can lie."""
    data = b"" if samples is None else (np.asarray(samples) * 32767).astype("<i2").tobytes()
    size = len(data) if size is None else size
    align = channels * bits // 8
    form = struct.pack("<HHIIHH", tag, channels, rate, rate * align & 0xFFFFFFFF, align & 0xFFFF, bits)
    head = struct.pack("<4sI4s4sI", b"RIFF", (36 + size) & 0xFFFFFFFF, b"WAVE", b"fmt ", 16)
    path.write_bytes(head + form + struct.pack("<4sI", b"data", size) + data)
    return path


def lag_and_likeness(heard, source):
    """How much later than `source` the sound is, in seconds, and their correlation there."""
    products = correlate(heard, source, method="fft")
    best = int(np.argmax(np.abs(products)))
    return (best - len(source) + 1) / SAMPLE_RATE, products[best] / np.linalg.norm(heard) / np.linalg.norm(
        source
    )


def loudness(samples):
    """The level over 20 ms around each sample."""
    return np.sqrt(np.convolve(samples**2, np.full(321, 1 / 321), mode="same").clip(0))


CODECS = [
    # name, codec, rate of the source, codec and container as recorded
    ("a.wav", "pcm_s16le", 8000, "pcm_s16le", "wav"),
    ("b.wav", "pcm_u8", 8000, "pcm_u8", "wav"),
    ("c.wav", "pcm_s24le", 44100, "pcm_s24le", "wav"),
    ("d.wav", "pcm_s32le", 16000, "pcm_s32le", "wav"),
    ("e.wav", "pcm_f32le", 48000, "pcm_f32le", "wav"),
    ("f.wav", "pcm_mulaw", 8000, "pcm_mulaw", "wav"),
    ("g.wav", "pcm_alaw", 8000, "pcm_alaw", "wav"),
    ("h.ogg", "libopus", 48000, "opus", "ogg"),
    ("i.opus", "libopus", 16000, "opus", "ogg"),
    ("j.webm", "libopus", 48000, "opus", "webm"),
    ("k.mp3", "libmp3lame", 8000, "mp3", "mp3"),
    ("l.mp3", "libmp3lame", 44100, "mp3", "mp3"),
    ("m.flac", "flac", 8000, "flac", "flac"),
    ("n.m4a", "aac", 44100, "aac", "m4a"),
    ("o.m4a", "aac", 8000, "aac", "m4a"),
    ("p.au", "pcm_mulaw", 8000, "pcm_mulaw", "au"),
]


@pytest.mark.parametrize(("name", "codec", "rate", "stored", "kind"), CODECS)
def test_each_channel_is_decoded_in_place_and_in_time(tmp_path, name, codec, rate, stored, kind):
    sides = [chirp(rate), chirp(rate, at=2.0, low=500)]
    audio = read_audio(encode(tmp_path / name, sides, rate, codec), SETTINGS)
    record = audio.recording
    assert (record.codec, record.container, record.channels, record.layout) == (stored, kind, 2, "stereo")
    assert record.sample_rate_hz == (48000 if stored == "opus" else rate)
    assert audio.samples.dtype == np.float32
    assert record.duration_s == audio.samples.shape[1] / SAMPLE_RATE == pytest.approx(3.0, abs=0.001)
    assert record.error is None
    for heard, source in zip(
        audio.samples, [chirp(SAMPLE_RATE), chirp(SAMPLE_RATE, at=2.0, low=500)], strict=True
    ):
        lag, likeness = lag_and_likeness(heard, source)
        assert abs(lag) <= 0.002
        assert likeness > 0.99


MONO_ONLY = [("a.ulaw", "pcm_mulaw", "mulaw"), ("b.alaw", "pcm_alaw", "alaw"), ("c.AL", "pcm_alaw", "alaw")]


@pytest.mark.parametrize(("name", "codec", "container"), MONO_ONLY)
def test_headerless_g711_is_known_by_its_suffix(tmp_path, name, codec, container):
    audio = read_audio(encode(tmp_path / name, chirp(8000), 8000, codec, container), SETTINGS)
    lag, likeness = lag_and_likeness(audio.samples[0], chirp(SAMPLE_RATE))
    assert (audio.recording.codec, audio.recording.layout, lag) == (codec, "mono", 0)
    assert audio.recording.duration_s == 3.0
    assert likeness > 0.99


def test_a_wav_with_a_raw_suffix_is_read_as_wav(tmp_path):
    source = encode(tmp_path / "a.wav", chirp(16000), 16000, "pcm_s16le")
    assert read_audio(source.rename(tmp_path / "a.ulaw"), SETTINGS).recording.codec == "pcm_s16le"


@pytest.mark.parametrize(
    ("name", "codec", "rate"),
    [
        ("gsm_ms.wav", "gsm_ms", 8000),
        ("gsm.gsm", "gsm", 8000),
        ("nb.amr", "amr_nb", 8000),
        ("nb_dtx.amr", "amr_nb", 8000),
        ("wb.awb", "amr_wb", 16000),
        ("wb_dtx.awb", "amr_wb", 16000),
    ],
)
def test_mobile_codecs(name, codec, rate):
    audio = read_audio(DATA / name, SETTINGS)
    record = audio.recording
    assert (record.codec, record.sample_rate_hz, record.layout, record.error) == (codec, rate, "mono", None)
    assert record.duration_s == pytest.approx(1.5, abs=0.001)
    # These codecs keep loudness and spectrum, not the wave itself.
    lag, likeness = lag_and_likeness(loudness(audio.samples[0]), loudness(voice(SAMPLE_RATE)))
    assert abs(lag) <= 0.010  # AMR looks 5 ms ahead
    assert likeness > 0.99
    heard, source = (np.abs(np.fft.rfft(x)) for x in (audio.samples[0], voice(SAMPLE_RATE)))
    assert heard @ source / np.linalg.norm(heard) / np.linalg.norm(source) > 0.97


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 44100, 48000])
def test_resampling_moves_no_click(tmp_path, rate):
    samples = np.zeros(2 * rate)
    samples[[rate // 4, rate, -rate // 4]] = [0.5, 0.9, 0.5]
    heard = np.abs(read_audio(wav(tmp_path / "click.wav", samples, rate=rate), SETTINGS).samples[0])
    assert len(heard) == pytest.approx(2 * SAMPLE_RATE, abs=1)
    for at_s in (0.25, 1.0, 1.75):
        near = slice(int((at_s - 0.1) * SAMPLE_RATE), int((at_s + 0.1) * SAMPLE_RATE))
        assert near.start + np.argmax(heard[near]) == pytest.approx(
            at_s * SAMPLE_RATE, abs=0.002 * SAMPLE_RATE
        )


def test_the_record_names_the_file_by_content(tmp_path):
    path = wav(tmp_path / "call: 10:00.wav", chirp(8000))
    record = read_audio(path, SETTINGS).recording
    copy = read_audio(Path(shutil.copy(path, tmp_path / "copy.wav")), SETTINGS, uri="s3://calls/1").recording
    assert record.recording_id == copy.recording_id == recording_id(path)
    assert len(record.recording_id) == 64
    assert (record.uri, copy.uri) == (str(path), "s3://calls/1")
    assert (record.bytes, record.status) == (path.stat().st_size, "analysed")


def test_names_and_tags_that_are_not_utf8(tmp_path):
    path = wav(tmp_path / "a.wav", chirp(8000))
    tag = struct.pack("<4sI4s4sI", b"LIST", 18, b"INFO", b"INAM", 6) + b"caf\xe9\xff\0"
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.wav"))
    odd.write_bytes(path.read_bytes() + tag)
    record = read_audio(odd, SETTINGS).recording
    assert record.uri.encode().endswith(b"caf\\xe9.wav")
    assert record.duration_s == 3.0


# Layout


def test_one_side_recorded_twice_becomes_one_channel(tmp_path):
    path = encode(tmp_path / "a.wav", [chirp(8000), 0.5 * chirp(8000)], 8000, "pcm_s16le")
    audio = read_audio(path, SETTINGS)
    assert (audio.recording.layout, audio.recording.channels, audio.samples.shape) == (
        "fake_stereo",
        2,
        (1, 48000),
    )
    assert np.abs(audio.samples).max() == pytest.approx(0.5, abs=0.02)


NOISE = np.random.default_rng(7).standard_normal((2, 5 * SAMPLE_RATE)).astype(np.float32) * 0.1


# Damage


def test_a_truncated_wav_is_kept_and_told(tmp_path):
    path = wav(tmp_path / "a.wav", chirp(8000))
    path.write_bytes(path.read_bytes()[: 44 + 2 * 8000 * 2])
    record = read_audio(path, SETTINGS).recording
    assert record.duration_s == 2.0
    assert record.status == "analysed"
    assert record.error == "analysed in part: its header announces 48000 bytes of sound, 32000 are there"


@pytest.mark.parametrize("size", [0, 0x7FFFFFFF, 0xFFFFFFFF])
def test_a_streamed_wav_does_not_know_its_size(tmp_path, size):
    record = read_audio(wav(tmp_path / "a.wav", chirp(8000), size=size), SETTINGS).recording
    assert (record.duration_s, record.error) == (3.0, None)


@pytest.mark.parametrize(("name", "codec"), [("a.flac", "flac"), ("a.mp3", "libmp3lame")])
def test_a_truncated_file_says_where_it_ends(tmp_path, name, codec):
    path = encode(tmp_path / name, NOISE[0, ::2], 8000, codec)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    record = read_audio(path, SETTINGS).recording
    assert 1.5 < record.duration_s < 3.5
    assert f"ends at {record.duration_s:.2f} s, its header announces 5.00 s" in record.error


@pytest.mark.parametrize(
    ("name", "codec", "rate"),
    [("a.flac", "flac", 16000), ("a.ogg", "libopus", 48000), ("a.m4a", "aac", 16000)],
)
def test_damage_in_the_middle_shifts_nothing_after_it(tmp_path, name, codec, rate):
    source = np.tile(chirp(rate), 4)
    source += np.random.default_rng(3).standard_normal(len(source)) * 0.01
    whole = encode(tmp_path / name, source, rate, codec)
    data = bytearray(whole.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 200] = b"\x55" * 200
    before = read_audio(whole, SETTINGS)
    whole.write_bytes(data)
    after = read_audio(whole, SETTINGS)
    assert "lost, silence in their place" in after.recording.error
    assert after.samples.shape == before.samples.shape
    last = slice(10 * SAMPLE_RATE, None)
    lag, likeness = lag_and_likeness(after.samples[0, last], before.samples[0, last])
    assert (lag, likeness) == (0, pytest.approx(1, abs=0.01))


def test_samples_that_are_no_numbers_become_silence(tmp_path):
    samples = np.where(np.arange(24000) == 100, np.nan, chirp(8000))
    path = encode(tmp_path / "a.wav", samples, 8000, "pcm_f32le")
    audio = read_audio(path, SETTINGS)
    assert np.isfinite(audio.samples).all()
    assert "no numbers" in audio.recording.error
    assert lag_and_likeness(audio.samples[0], chirp(SAMPLE_RATE))[1] > 0.99


# Refusals


def video(path):
    with av.open(str(path), "w") as out:
        stream = out.add_stream("mpeg4", rate=5)
        stream.width = stream.height = 32
        stream.pix_fmt = "yuv420p"
        frame = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
        for packet in (*stream.encode(frame), *stream.encode(None)):
            out.mux(packet)


REFUSED = {
    "missing": (lambda path: None, "no such file"),
    "folder": (lambda path: path.mkdir(), "a folder, not a recording"),
    "empty": (lambda path: path.touch(), "the file is empty"),
    "text": (lambda path: path.write_text("hello\n" * 99), "not a readable audio file"),
    "noise": (lambda path: path.write_bytes(bytes(range(256)) * 20), "not a readable audio file"),
    "playlist": (
        lambda path: path.write_text("ffconcat version 1.0\nfile b.wav\n"),
        "not a readable audio file",
    ),
    "cut header": (
        lambda path: path.write_bytes(wav(path, chirp(8000)).read_bytes()[:20]),
        "not a readable audio file",
    ),
    "no samples": (wav, "no sound can be decoded"),
    "rate 0": (lambda path: wav(path, chirp(8000), rate=0), "not a readable audio file"),
    "rate 1": (lambda path: wav(path, chirp(8000), rate=1), "got 1; allowed: 4000 to 384000 Hz"),
    "rate 4e9": (lambda path: wav(path, chirp(8000), rate=0xFFFFFFFF), "not a readable audio file"),
    "no channel": (lambda path: wav(path, chirp(8000), channels=0), "no audio stream"),
    "6 channels": (lambda path: wav(path, chirp(8000), channels=6), "got 6; allowed: 1 (mono) or 2"),
    "65535 channels": (lambda path: wav(path, chirp(8000), channels=65535), "no audio stream"),
    "0 bits": (lambda path: wav(path, chirp(8000), bits=0), "no decoder for its codec"),
    "unknown codec": (lambda path: wav(path, chirp(8000), tag=0x9999), "no decoder for its codec"),
}


@pytest.mark.parametrize(("make", "says"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_recording_is_refused_in_one_line(tmp_path, make, says):
    path = tmp_path / "a.wav"
    wav(tmp_path / "b.wav", chirp(8000))
    make(path)
    with pytest.raises(RecordingError) as caught:
        read_audio(path, SETTINGS)
    assert says in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_video_without_sound_is_refused(tmp_path):
    video(tmp_path / "a.mp4")
    with pytest.raises(RecordingError, match="no audio stream in the file"):
        read_audio(tmp_path / "a.mp4", SETTINGS)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, 43), byte=st.integers(0, 255), cut=st.integers(1, 2000))
def test_no_header_crashes_the_reader(tmp_path, at, byte, cut):
    data = bytearray(wav(tmp_path / "a.wav", chirp(8000, length=0.1, at=0)).read_bytes()[:cut])
    data[at % len(data)] = byte
    (tmp_path / "a.wav").write_bytes(data)
    try:
        audio = read_audio(tmp_path / "a.wav", SETTINGS)
    except RecordingError:
        return
    assert audio.samples.shape[1] > 0


def test_memory_stays_within_three_times_the_sound(tmp_path):
    path = encode(tmp_path / "a.wav", np.tile(NOISE[:, ::2], 12), 8000, "pcm_mulaw")
    tracemalloc.start()
    audio = read_audio(path, SETTINGS)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert audio.recording.duration_s == 60
    assert peak < 3 * audio.samples.nbytes


# Search


def test_folders_are_searched_in_order_and_hidden_files_left(tmp_path):
    names = [
        "b.wav",
        "a.FLAC",
        "sub/c.mp3",
        "notes.txt",
        "manifest.csv",
        ".d.wav",
        ".hidden/e.wav",
        "sub/._c.mp3",
    ]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = find_audio([tmp_path / "notes.txt", tmp_path, tmp_path / "b.wav"])
    assert [str(path.relative_to(tmp_path)) for path in found] == [
        "notes.txt",
        "a.FLAC",
        "b.wav",
        "sub/c.mp3",
    ]


def test_a_search_without_result_is_wrong_usage(tmp_path):
    (tmp_path / "notes.txt").touch()
    with pytest.raises(UsageError, match=r"no audio in the folder: .*; allowed: .*\.wav"):
        find_audio([tmp_path])
    with pytest.raises(UsageError, match=r"no such file or folder: .*gone"):
        find_audio([tmp_path / "gone"])
