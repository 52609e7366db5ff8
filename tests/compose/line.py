"""What a telephone line does to sound, and the sounds that are no speech. All take and give mono float32."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import av
import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]
Codec = Literal["none", "mulaw", "alaw", "amr", "opus"]
CODECS: tuple[Codec, ...] = get_args(Codec)

_ENCODERS = {
    "mulaw": ("pcm_mulaw", "s16", None),
    "alaw": ("pcm_alaw", "s16", None),
    "amr": ("libopencore_amrnb", "s16", 12_200),  # what GSM networks speak: 12.2 kbit/s is GSM-EFR
    "opus": ("libopus", "s16", 16_000),
}
LATE = ("amr", "opus")  # these look ahead
_LOST_S = 0.02
_DTMF_ROWS = {"1": 697, "2": 697, "3": 697, "4": 770, "5": 770, "6": 770, "7": 852, "8": 852, "9": 852}
_DTMF_ROWS |= {"*": 941, "0": 941, "#": 941}
_DTMF_COLUMNS = {"1": 1209, "4": 1209, "7": 1209, "*": 1209, "2": 1336, "5": 1336, "8": 1336, "0": 1336}
_DTMF_COLUMNS |= {"3": 1477, "6": 1477, "9": 1477, "#": 1477}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What the line does. Levels in dB of full scale; `crosstalk_db` and `customer_db` are relative.

    `noise_db` is steady line noise; `comfort_db` is noise that is there only while the side is silent.
    `clip_db` makes both sides so much louder before they are cut off at full scale. `loss` is the share of
    packets of 20 ms that never arrive.
    """

    crosstalk_db: float | None = None
    crosstalk_delay_ms: float = 20.0
    noise_db: float | None = -65.0
    comfort_db: float | None = None
    customer_db: float = 0.0
    clip_db: float | None = None
    codec: Codec = "mulaw"
    loss: float = 0.0


def noise(n: int, level_db: float, random: np.random.Generator) -> Samples:
    """White noise whose effective value is `level_db`."""
    return np.asarray(random.standard_normal(n) * 10 ** (level_db / 20), np.float32)


def tone(seconds: float, rate: int, *hz: float, level_db: float = -20.0) -> Samples:
    """Sines of equal strength, `level_db` together, with 5 ms of rise and fall."""
    t = np.arange(round(seconds * rate)) / rate
    wave = sum(np.sin(2 * np.pi * f * t) for f in hz) * np.sqrt(2 / len(hz)) * 10 ** (level_db / 20)
    rise = np.minimum(1.0, np.minimum(t, t[::-1]) / 0.005) if len(t) else t
    return np.asarray(wave * rise, np.float32)


def dtmf(digits: str, rate: int) -> Samples:
    """Keys pressed: 0.12 s each with 0.1 s between."""
    gap = np.zeros(round(0.1 * rate), np.float32)
    parts = [part for key in digits for part in (_key(key, rate), gap)]
    return np.concatenate(parts[:-1])


def _key(key: str, rate: int) -> Samples:
    return tone(0.12, rate, _DTMF_ROWS[key], _DTMF_COLUMNS[key], level_db=-18.0)


def melody(seconds: float, rate: int, random: np.random.Generator) -> Samples:
    """Music made of notes: a tune over held chords, the same for the same state of `random`."""
    out = np.zeros(round(seconds * rate))
    key = 220 * 2 ** (random.integers(0, 12) / 12)
    scale = np.array([0, 2, 4, 7, 9, 12, 14, 16])
    beat_s = float(random.uniform(0.3, 0.6))
    for bar in range(int(seconds / (4 * beat_s)) + 1):
        chord = scale[random.integers(0, 4)]
        for step in (0, 4, 7):
            _add(out, _note(key / 2 * 2 ** ((chord + step) / 12), 4 * beat_s, rate), bar * 4 * beat_s, rate)
        for beat in range(4):
            hz = key * 2 ** (random.choice(scale) / 12)
            _add(out, 1.5 * _note(hz, beat_s * 1.4, rate), (bar * 4 + beat) * beat_s, rate)
    loud = float(np.sqrt(np.mean(out**2))) or 1.0
    return np.asarray(out / loud * 10 ** (-23 / 20), np.float32)


def _note(hz: float, seconds: float, rate: int) -> NDArray[np.float64]:
    """A plucked string: four partials that die away."""
    t = np.arange(round(seconds * rate)) / rate
    partials = sum(np.sin(2 * np.pi * hz * k * t) / k**1.5 for k in range(1, 5) if hz * k < rate / 2)
    fall = np.exp(-1.2 * t) * np.minimum(1.0, t / 0.01) * np.minimum(1.0, t[::-1] / 0.05)
    return np.asarray(partials * fall)


def _add(out: NDArray[np.float64], part: NDArray[np.float64], start_s: float, rate: int) -> None:
    first = round(start_s * rate)
    if first < len(out):
        out[first : first + len(part)] += part[: len(out) - first]


def delayed(samples: Samples, delay_ms: float, rate: int) -> Samples:
    """The same later, in whole samples."""
    shift = round(delay_ms / 1000 * rate)
    return np.pad(samples, (shift, 0))[: len(samples)]


def coded(samples: Samples, codec: Codec, rate: int) -> Samples:
    """`samples` after encoding and decoding, with the codec's own delay taken out again.

    `amr` needs 8 kHz and raises ValueError at another rate.
    """
    if codec == "none":
        return samples
    if codec == "amr" and rate != 8000:
        raise ValueError(f"codec amr needs 8000 Hz, got {rate}")
    name, sample_format, bits = _ENCODERS[codec]
    encoder = av.CodecContext.create(name, "w")
    encoder.sample_rate, encoder.layout, encoder.format = rate, "mono", sample_format
    if bits:
        encoder.bit_rate = bits
    if codec == "opus":
        encoder.options = {"application": "voip"}
    encoder.open()
    packets = _encode(encoder, samples, rate)
    decoder = av.CodecContext.create("libopus" if codec == "opus" else name, "r")
    decoder.sample_rate, decoder.layout = rate, "mono"
    if encoder.extradata:
        decoder.extradata = encoder.extradata
    frames = [frame for packet in (*packets, None) for frame in decoder.decode(packet)]
    resampler = av.AudioResampler("fltp", "mono", rate)
    parts = [out.to_ndarray() for frame in (*frames, None) for out in resampler.resample(frame)]
    out = np.concatenate(parts, axis=1)[0]
    late = alignment(samples, out) if codec in LATE else 0
    out = out[late:] if late >= 0 else np.pad(out, (-late, 0))
    return np.asarray(np.pad(out, (0, max(0, len(samples) - len(out))))[: len(samples)], np.float32)


def _encode(encoder: av.AudioCodecContext, samples: Samples, rate: int) -> list[av.Packet]:
    size = encoder.frame_size or 160
    whole = np.pad(samples, (0, -len(samples) % size + 4 * size))
    packets = []
    for start in range(0, len(whole), size):
        block = (np.clip(whole[start : start + size], -1, 1) * 32767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(block[None], format="s16", layout="mono")
        frame.sample_rate, frame.pts = rate, start
        packets += encoder.encode(frame)
    return [*packets, *encoder.encode(None)]


def alignment(before: Samples, after: Samples) -> int:
    """By how many samples `after` is later than `before`: the peak of their correlation within 0.1 s."""
    n = 1 << (len(before) + len(after)).bit_length()
    product = np.fft.rfft(after, n) * np.conj(np.fft.rfft(before, n))
    correlation = np.fft.irfft(product, n)
    reach = 1600
    window = np.concatenate([correlation[-reach:], correlation[: reach + 1]])
    return int(window.argmax()) - reach


def lossy(samples: Samples, share: float, rate: int, random: np.random.Generator) -> Samples:
    """Packets of 20 ms lost at random; each is filled with the one before at half the level."""
    size = round(_LOST_S * rate)
    out = samples.copy()
    for k in np.flatnonzero(random.random(len(samples) // size) < share):
        if k > 0:
            out[k * size : (k + 1) * size] = out[(k - 1) * size : k * size] / 2
    return out
