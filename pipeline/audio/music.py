"""Detection of music and tones on a channel, as distinct from speech.

Music: sound whose spectral peaks stay where they are (a held note lasts longer than 100 ms, a voice
glides). A frame is steady when nearly all of its peak energy was already there 100 ms before. Without a
voice, half of the frames steady within 1.5 s are enough. Under a voice (a song, an announcement) the
sound must be steady and without pauses for 4 s: speech has at most 0.50 steady frames in such a window.
Drums alone are found by their beat (`rhythm`).
Music that is known from other calls is found by its fingerprint, whatever other sounds there are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import minimum_filter1d

from pipeline.audio.fingerprints import (
    FRAME_S,
    NO_LANDMARKS,
    NO_TRACKS,
    Landmarks,
    Match,
    Tracks,
    find_landmarks,
)
from pipeline.audio.frames import FRAME_RATE, Levels, Mask, noise_floor_db, share_around, to_mask, to_spans
from pipeline.audio.rhythm import find_rhythm
from pipeline.audio.spectrum import Spectrum, measure_spectrum
from pipeline.audio.tones import SignalTone, find_tones, is_one_tone
from pipeline.records import Fingerprint, Sound
from pipeline.settings import SoundSettings
from pipeline.spans import Span, covered_s, difference, total_s, union

MARGIN_DB = 6.0  # above the noise floor
LEAST_DB = -65.0
WINDOW = 150  # frames: 1.5 s
STEADY = 0.88  # a frame is steady when this share of its peak energy has stood still
MIN_STEADY = 0.5  # share of steady frames in a window; noise has at most 0.35, speech 0.55
MIN_COVER = 0.55  # share of frames with sound in a window; sparse music has pauses
MAX_VOICE = 0.1  # speech has at least 0.3

LONG_WINDOW = 400  # frames: 4 s, in which speech pauses
BED_STEADY = 0.62  # under a voice; speech has at most 0.50
BED_COVER = 0.95
BED_EDGE = 150  # frames: a long window reaches over the edge of the music
WEAK_STEADY = 0.38  # dense or distorted music, believed beside clear music only
WEAK_COVER = 0.98
MIN_CLEAR_S = 2.0

MIN_CORE_S = 0.5
REST_S = 3.0
MIN_WORD_S = 0.25  # of voice, in a rest that somebody speaks in
MAX_ANNOUNCEMENT_S = 30.0
NO_PAUSE = 0.97  # share of frames with sound, under an announcement
ONE_TONE_SHARE = 0.8
SIGNALS = ("ringing", "busy", "dtmf")
MIN_NEW_S = 4.0  # music not covered by a known track that is worth a fingerprint
MAX_FINGERPRINT_S = 90.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Per frame: `heard`, sound other than network tones; `voice`, the voice probability; the spectrum."""

    heard: Mask
    voice: NDArray[np.float32]
    spectrum: Spectrum


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelSounds:
    """The sounds of a channel, and fingerprints of its music that no known track covers."""

    sounds: tuple[Sound, ...]
    fingerprints: tuple[Fingerprint, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A stretch of music, and the known track that it is from."""

    span: Span
    track_id: str | None


def find_sounds(
    samples: NDArray[np.float32],
    levels: Levels,
    voice: NDArray[np.float32],
    channel: int,
    settings: SoundSettings,
    tracks: Tracks = NO_TRACKS,
) -> ChannelSounds:
    """Music and tones of one channel; `voice` is the voice probability per frame."""
    heard = levels > max(noise_floor_db(levels) + MARGIN_DB, LEAST_DB)
    spectrum = measure_spectrum(samples, len(levels))
    tones = find_tones(samples, spectrum, heard, voice, settings)
    signals = to_mask([t.span for t in tones if t.kind in SIGNALS], len(levels))
    measured = Measured(heard=heard & ~signals, voice=voice, spectrum=spectrum)
    clear = union((*find_clear_music(measured), *find_rhythm(samples, levels, measured.heard, voice)))
    marks = find_landmarks(samples) if clear or tracks else NO_LANDMARKS
    matches = tracks.find(marks)
    pieces = without_tones(join_music(measured, clear, matches, settings), tones, measured)
    music = [piece.span for piece in pieces]
    left = [t for t in tones if t.kind in SIGNALS or covered_s(t.span, music) < t.span.duration_s / 2]
    sounds = [_tone(channel, tone) for tone in left] + [_music(channel, piece) for piece in pieces]
    return ChannelSounds(
        sounds=tuple(sorted(sounds, key=lambda s: (s.start_s, s.end_s))),
        fingerprints=tuple(_fingerprints(channel, music, matches, marks, voice)),
    )


def _tone(channel: int, tone: SignalTone) -> Sound:
    single = tone.hz[0] if len(tone.hz) == 1 else None
    start_s, end_s = tone.span.start_s, tone.span.end_s
    return Sound(channel=channel, kind=tone.kind, start_s=start_s, end_s=end_s, frequency_hz=single)


def _music(channel: int, piece: Piece) -> Sound:
    start_s, end_s = piece.span.start_s, piece.span.end_s
    return Sound(channel=channel, kind="music", start_s=start_s, end_s=end_s, track_id=piece.track_id)


def find_clear_music(measured: Measured) -> tuple[Span, ...]:
    """Stretches that are certainly music, without their edges."""
    cover = share_around(measured.heard, WINDOW)
    steady_frames = measured.spectrum.steady > STEADY
    steady = share_around(steady_frames, WINDOW)
    spoken = share_around(measured.voice > 0.5, WINDOW)
    clear = (cover >= MIN_COVER) & (steady >= MIN_STEADY) & (spoken <= MAX_VOICE)
    long_cover = share_around(measured.heard, LONG_WINDOW)
    long_steady = share_around(steady_frames, LONG_WINDOW)
    bed = (long_cover >= BED_COVER) & (long_steady >= BED_STEADY)
    if bed.any():
        bed = minimum_filter1d(bed.astype(np.uint8), 2 * BED_EDGE + 1, mode="constant") > 0
    sure = measured.heard & (clear | bed)
    weak = measured.heard & (long_cover >= WEAK_COVER) & (long_steady >= WEAK_STEADY) & (spoken <= MAX_VOICE)
    spans = to_spans(sure | weak)
    known = np.concatenate([[0], np.cumsum(sure)]) / FRAME_RATE
    return tuple(
        span
        for span in spans
        if known[round(span.end_s * FRAME_RATE)] - known[round(span.start_s * FRAME_RATE)]
        >= min(MIN_CLEAR_S, span.duration_s) - 1e-6
        and span.duration_s >= MIN_CORE_S
    )


def join_music(
    measured: Measured, clear: Sequence[Span], matches: Sequence[Match], settings: SoundSettings
) -> tuple[Piece, ...]:
    """Clear music and recognised tracks as whole pieces, including announcements spoken over them."""
    joined: list[Span] = []
    for core in union([*clear, *(match.span for match in matches)]):
        if joined and _goes_on(measured, joined[-1].end_s, core.start_s):
            joined[-1] = joined[-1] | core
        else:
            joined.append(core)
    follow = measured.heard & (measured.voice < 0.3)
    long = [span for span in joined if span.duration_s >= settings.min_music_s / 2]
    # The windows blur the edges: follow the sound to where it starts and stops.
    grown = union((_follow(follow, span) for span in long), bridge_s=1.0)
    pieces = (Piece(span=span, track_id=_track_of(span, matches)) for span in grown)
    return tuple(piece for piece in pieces if piece.span.duration_s >= settings.min_music_s)


def without_tones(
    pieces: Sequence[Piece], tones: Sequence[SignalTone], measured: Measured
) -> tuple[Piece, ...]:
    """The pieces without those that are a single tone or pair of tones, continuous or repeated."""

    def is_tone(span: Span) -> bool:
        longest_s = max((tone.span & span).duration_s for tone in tones) if tones else 0.0
        one = longest_s >= ONE_TONE_SHARE * span.duration_s
        return one or is_one_tone(span, measured.spectrum, measured.heard)

    return tuple(piece for piece in pieces if piece.track_id is not None or not is_tone(piece.span))


def _track_of(span: Span, matches: Sequence[Match]) -> str | None:
    """The track that plays longest in a stretch."""
    names = sorted({match.track_id for match in matches if match.span & span})
    played = {name: total_s(m.span & span for m in matches if m.track_id == name) for name in names}
    return max(names, key=lambda name: played[name], default=None)


def _goes_on(measured: Measured, start_s: float, end_s: float) -> bool:
    """Whether the music goes on from one stretch to the next: after a rest, or under an announcement.

    A voice without music under it ends the music: the agent is checking back on the caller.
    """
    between = slice(round(start_s * FRAME_RATE), round(end_s * FRAME_RATE))
    heard = measured.heard[between]
    if heard.size == 0 or (end_s - start_s <= MAX_ANNOUNCEMENT_S and float(heard.mean()) >= NO_PAUSE):
        return True
    spoken = float((measured.voice[between] > 0.5).sum()) / FRAME_RATE
    return end_s - start_s <= REST_S and spoken < MIN_WORD_S


def _follow(heard: Mask, span: Span) -> Span:
    """The span grown along unbroken sound by at most half a window each way."""
    start, end = round(span.start_s * FRAME_RATE), round(span.end_s * FRAME_RATE)
    first, last = max(0, start - WINDOW // 2), min(len(heard), end + WINDOW // 2)
    while start > first and heard[start - 1]:
        start -= 1
    while end < last and heard[end]:
        end += 1
    return Span(start / FRAME_RATE, end / FRAME_RATE)


def _fingerprints(
    channel: int,
    music: Sequence[Span],
    matches: Sequence[Match],
    marks: Landmarks,
    voice: NDArray[np.float32],
) -> Iterator[Fingerprint]:
    """Fingerprints of the music that the known tracks do not cover, without what is said over it."""
    for span in music:
        if total_s(difference((span,), (m.span for m in matches))) < MIN_NEW_S:
            continue
        part = marks.between(span.start_s, min(span.end_s, span.start_s + MAX_FINGERPRINT_S))
        at = np.minimum(((part.frames * FRAME_S + span.start_s) * FRAME_RATE).astype(int), len(voice) - 1)
        quiet = voice[at] < 0.5
        yield Fingerprint(
            channel=channel,
            start_s=span.start_s,
            end_s=span.end_s,
            landmarks=tuple(part.codes[quiet].tolist()),
            frames=tuple(part.frames[quiet].tolist()),
        )
