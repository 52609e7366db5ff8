"""Words from activity, by faster-whisper.

Only audio with activity is recognised: stretches of it are packed into windows of at most 30 s (one pass
of the model), all windows of all channels go through the model in batches, and word times are mapped back.
A word that activity does not support is dropped: recognisers write words over silence and music. Now and
then they stop before a window ends, or pass over a piece: what is left without words is recognised again.
"""

from __future__ import annotations

from bisect import bisect, bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.audio.frames import FRAME_RATE, SAMPLE_RATE, levels_db
from pipeline.records import WORD_TOLERANCE_S, HeardChannel, HeardWord
from pipeline.settings import AsrSettings
from pipeline.spans import Span, covered_s, union
from pipeline.speech.activity import ChannelActivity
from pipeline.speech.language import SAMPLES, Sample, Spoken, choose, given, label, switches
from pipeline.speech.speed import Confidence, find_speed, is_suspicious

WINDOW_S = 30.0  # what the model sees at once
USABLE_S = 29.0
GAP_S = 0.6  # silence between two stretches in a window
REACHES_S = 0.05  # a word reaches into a piece by more than this
OPENING_WORDS, SURE = 2, 0.7  # words, and probability from which they stay where they were recognised
UNHEARD_S = 0.5  # activity in a piece without words, from which it is recognised again
UNHEARD_END_S = 2.0  # the same behind the last word, whose end may be a little off
MOST_TIMES = 4  # that anything is recognised
MAX_COMPRESSION = 2.4  # a text that packs better than this is a loop (Whisper's own threshold)
SHORT_S = 4.0  # speech of a window where a channel switches languages
SPEED_PART_S = 10.0  # that is recognised at other speeds
LANGUAGE_PART_S = (
    8.0  # of a sample, that shows its language: a short input is encoded in an eighth of the time
)
LANGUAGE_FRAMES = 800  # of 10 ms, in LANGUAGE_PART_S
MIN_LOG_PROBABILITY = -1.0  # Whisper's own threshold for a failed decoding


class Transcribe(Protocol):
    """What is recognised on each channel."""

    def __call__(
        self, channels: Sequence[ChannelActivity], names: Sequence[str] = ()
    ) -> tuple[HeardChannel, ...]:
        """One record per channel; `names` may be said."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A stretch of a channel and where it stands in its window, in seconds."""

    source: Span
    offset_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Pieces of one channel that are recognised together."""

    channel: int
    pieces: tuple[Piece, ...]

    @property
    def duration_s(self) -> float:
        """Length of the window in seconds, at most USABLE_S."""
        last = self.pieces[-1]
        return last.offset_s + last.source.duration_s

    def source_time(self, time_s: float) -> tuple[float, Piece]:
        """The time in the recording for a time in the window, kept inside the nearest piece."""
        piece = min(self.pieces, key=lambda p: _distance(time_s, p))
        inside = min(max(time_s - piece.offset_s, 0.0), piece.source.duration_s)
        return piece.source.start_s + inside, piece


def _distance(time_s: float, piece: Piece) -> float:
    start = piece.offset_s
    return max(start - time_s, time_s - (start + piece.source.duration_s), 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class InLanguage:
    """A window and the language in which it is recognised."""

    window: Window
    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelLanguage:
    """A channel's language, all that are spoken on it with that of most speech first, and its windows."""

    language: Spoken
    languages: tuple[str, ...]
    windows: tuple[InLanguage, ...]

    @classmethod
    def of(cls, language: Spoken, windows: Iterable[Window]) -> ChannelLanguage:
        """A channel in one language."""
        inside = tuple(InLanguage(window=window, language=language.language) for window in windows)
        return cls(language=language, languages=(language.language,) if inside else (), windows=inside)

    @classmethod
    def switching(cls, language: Spoken, windows: Sequence[Window], labels: Sequence[str]) -> ChannelLanguage:
        """A channel in several languages; `labels` are those of its windows."""
        speech_s: dict[str, float] = {}
        for window, code in zip(windows, labels, strict=True):
            speech_s[code] = speech_s.get(code, 0.0) + _speech_s(window)
        return cls(
            language=language,
            languages=tuple(sorted(speech_s, key=lambda code: -speech_s[code])),
            windows=tuple(InLanguage(window=w, language=c) for w, c in zip(windows, labels, strict=True)),
        )


class FasterWhisper:
    """The recogniser; `model` is a `faster_whisper.WhisperModel`."""

    def __init__(self, model: Any, settings: AsrSettings) -> None:
        from pipeline.speech.thrifty import ThriftyPipeline  # noqa: PLC0415  (slow to import)

        self._model = model
        self._batched = ThriftyPipeline(model)
        self._settings = settings

    def __call__(
        self, channels: Sequence[ChannelActivity], names: Sequence[str] = ()
    ) -> tuple[HeardChannel, ...]:
        """Words of each channel, with their language and speed; `names` may be said (`asr.names`)."""
        hotwords = ", ".join(names) if self._settings.names else ""
        packed = [pack(i, channel, self._settings) for i, channel in enumerate(channels)]
        spoken = self._spoken(packed, channels)
        windows = [window for one in spoken for window in one.windows]
        words: list[list[HeardWord]] = [[] for _ in channels]
        for _ in range(MOST_TIMES):
            left: list[InLanguage] = []
            for window, heard in self._recognised(windows, channels, hotwords):
                found = _map_back(window.window, heard)
                words[window.window.channel] += found
                again = unheard(window.window, found, channels[window.window.channel].spans)
                left += [InLanguage(window=part, language=window.language) for part in again]
            windows = left
        return tuple(
            HeardChannel(
                words=supported(sorted(found, key=lambda word: word.start_s), channel.spans, self._settings),
                languages=one.languages,
                language_probability=one.language.probability if one.windows else None,
                language_source=one.language.source if one.windows else None,
                speed=self._speed(one, found, channel),
            )
            for found, channel, one in zip(words, channels, spoken, strict=True)
        )

    def _recognised(
        self, windows: Sequence[InLanguage], channels: Sequence[ChannelActivity], hotwords: str
    ) -> Iterator[tuple[InLanguage, list[WindowWord]]]:
        """The windows with their words, those of one language together."""
        for language in dict.fromkeys(window.language for window in windows):
            these = [window for window in windows if window.language == language]
            audio = [_cut(one.window, channels[one.window.channel].samples) for one in these]
            yield from zip(these, self.recognise(audio, language, hotwords), strict=True)

    def _spoken(
        self, packed: Sequence[Sequence[Window]], channels: Sequence[ChannelActivity]
    ) -> list[ChannelLanguage]:
        """The language of each channel and of its windows."""
        network = getattr(self._model, "model", None)
        if language := given(self._settings, multilingual=getattr(network, "is_multilingual", True)):
            return [ChannelLanguage.of(language, windows) for windows in packed]
        pairs = list(zip(packed, channels, strict=True))
        samples = [self._samples(_probes(windows), channel) for windows, channel in pairs]
        chosen = choose(samples, self._settings)
        out = []
        for windows, channel, of_channel, language in zip(packed, channels, samples, chosen, strict=True):
            if switches(of_channel, self._settings):
                short = _shorter(windows)
                labels = label(self._samples(short, channel), language.language, self._settings)
                out.append(ChannelLanguage.switching(language, short, labels))
            else:
                out.append(ChannelLanguage.of(language, windows))
        return out

    def _samples(self, windows: Sequence[Window], channel: ChannelActivity) -> list[Sample]:
        """The recogniser's probabilities of languages at the beginning of each window."""
        from faster_whisper.audio import pad_or_trim  # noqa: PLC0415  (slow to import)

        found = []
        for window in windows:
            part = _cut(window, channel.samples)[: round(LANGUAGE_PART_S * SAMPLE_RATE)]
            features = self._model.feature_extractor(part)
            encoded = self._model.encode(pad_or_trim(features, length=LANGUAGE_FRAMES))
            (probabilities,) = self._model.model.detect_language(encoded)
            by_code = {token[2:-2]: float(value) for token, value in probabilities}
            found.append(Sample(speech_s=_speech_s(window), probabilities=by_code))
        return found

    def _speed(
        self, spoken: ChannelLanguage, words: Sequence[HeardWord], channel: ChannelActivity
    ) -> float | None:
        """The speed of the channel's speech; recognised at other speeds only where its words are doubtful."""
        if not spoken.windows or not words:
            return None
        speech_s = sum(span.duration_s for span in channel.spans)
        if not is_suspicious([word.probability for word in words], speech_s):
            return 1.0
        first = spoken.windows[0]
        part = _cut(first.window, channel.samples)[: round(SPEED_PART_S * SAMPLE_RATE)]
        ends_s = len(part) / SAMPLE_RATE
        inside = sum(max(0.0, min(p.source.duration_s, ends_s - p.offset_s)) for p in first.window.pieces)

        def confidence(audio: NDArray[np.float32]) -> Confidence:
            (found,) = self.recognise([audio], first.language, fallbacks=False)
            values = [word.probability for word in found]
            return (sum(values) / len(values) if values else 0.0), len(values)

        plain = sum(word.probability for word in words) / len(words)
        return find_speed(part, inside, plain, confidence)

    def recognise(
        self,
        audio: Sequence[NDArray[np.float32]],
        language: str,
        hotwords: str = "",
        *,
        fallbacks: bool = True,
    ) -> list[list[WindowWord]]:
        """The words in each window of `audio`, spoken in `language`; times from the window's start.

        `hotwords` are names, with commas between, that the recogniser prefers. Without `fallbacks` a failed
        decoding is not done again.
        """
        if not audio:
            return []
        from pipeline.speech.thrifty import alike  # noqa: PLC0415  (slow to import)

        words: list[list[WindowWord]] = [[] for _ in audio]
        options = self._options(language, hotwords)
        for group in alike([len(one) / SAMPLE_RATE for one in audio]):
            these = [audio[index] for index in group]
            for index, (segments, start_s) in zip(group, self._segments(these, options), strict=True):
                words[index] = (
                    self._words(segments, start_s, audio[index], options)
                    if fallbacks
                    else _whole_words([word for segment in segments for word in segment.words], start_s)
                )
        return words

    def _segments(
        self, audio: Sequence[NDArray[np.float32]], options: dict[str, Any]
    ) -> list[tuple[list[Any], float]]:
        """The recogniser's segments of each window, and where the window begins on their time line."""
        starts = [n / SAMPLE_RATE for n in accumulate((len(a) for a in audio), initial=0)]
        clips = [{"start": a, "end": b} for a, b in pairwise(starts)]
        segments, _ = self._batched.transcribe(
            np.concatenate(audio), clip_timestamps=clips, batch_size=self._settings.batch_size, **options
        )
        found: list[list[Any]] = [[] for _ in audio]
        for segment in segments:
            index = bisect(starts, segment.seek / 100 + 0.01) - 1  # `seek` counts 10 ms, rounded down
            found[index].append(segment)
        return list(zip(found, starts[:-1], strict=True))

    def _words(
        self, segments: Sequence[Any], start_s: float, audio: NDArray[np.float32], options: dict[str, Any]
    ) -> list[WindowWord]:
        """Words of one window with times from its start; a failed decoding is done again with fallbacks."""
        if any(
            s.compression_ratio > MAX_COMPRESSION or s.avg_logprob < MIN_LOG_PROBABILITY for s in segments
        ):
            again, _ = self._model.transcribe(
                audio, vad_filter=False, condition_on_previous_text=False, **options
            )
            return _whole_words([word for segment in again for word in segment.words], 0.0)
        return _whole_words([word for segment in segments for word in segment.words], start_s)

    def _options(self, language: str, hotwords: str) -> dict[str, Any]:
        return {
            "language": language,
            "hotwords": hotwords or None,
            "beam_size": self._settings.beam_size,
            "word_timestamps": True,
            "without_timestamps": True,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowWord:
    """A word with times from the start of its window."""

    start_s: float
    end_s: float
    text: str
    probability: float


def _whole_words(parts: Sequence[Any], window_start_s: float) -> list[WindowWord]:
    """The recogniser's parts as words.

    What it writes without a space belongs to the word before ("10", ".15"), but for groups of digits it
    strings together with hyphens ("4", "-927"): each was spoken at its own time.
    """
    words: list[WindowWord] = []
    for part in parts:
        text, start_s, end_s = (
            str(part.word),
            float(part.start) - window_start_s,
            float(part.end) - window_start_s,
        )
        probability = min(1.0, max(0.0, float(part.probability)))
        if words and not text.startswith(" "):
            if text[0] == "-" and text[1:2].isdigit() and words[-1].text[-1].isdigit():
                text = text[1:]
            else:
                before = words.pop()
                text, start_s, probability = (
                    before.text + text,
                    before.start_s,
                    min(before.probability, probability),
                )
        if text.strip():
            words.append(WindowWord(start_s=start_s, end_s=end_s, text=text.strip(), probability=probability))
    return words


def pack(channel: int, activity: ChannelActivity, settings: AsrSettings) -> tuple[Window, ...]:
    """Windows that hold all of a channel's activity, in order."""
    duration_s = len(activity.samples) / SAMPLE_RATE
    joined = union(activity.spans, bridge_s=settings.join_gap_s)
    padded = union(s.padded(settings.pad_s) & Span(0.0, duration_s) for s in joined)
    windows: list[Window] = []
    pieces: list[Piece] = []
    used_s = 0.0
    for span in (part for whole in padded for part in _split(whole, activity.samples)):
        if pieces and used_s + GAP_S + span.duration_s > USABLE_S:
            windows.append(Window(channel=channel, pieces=tuple(pieces)))
            pieces, used_s = [], 0.0
        offset_s = used_s + GAP_S if pieces else 0.0
        pieces.append(Piece(source=span, offset_s=offset_s))
        used_s = offset_s + span.duration_s
    if pieces:
        windows.append(Window(channel=channel, pieces=tuple(pieces)))
    return tuple(windows)


def _probes(windows: Sequence[Window]) -> tuple[Window, ...]:
    """Samples of a channel's speech: its first, middle and last window, or the thirds of a short one."""
    if len(windows) >= SAMPLES:
        return (windows[0], windows[len(windows) // 2], windows[-1])
    return _grouped(windows, sum(_speech_s(window) for window in windows) / SAMPLES)


def _shorter(windows: Sequence[Window]) -> tuple[Window, ...]:
    """The same speech in windows of few pieces, each to be in one language."""
    return _grouped(windows, SHORT_S)


def _grouped(windows: Sequence[Window], least_s: float) -> tuple[Window, ...]:
    """The pieces of a channel's windows, in order, in windows of at least `least_s` of speech."""
    groups: list[list[Span]] = [[]]
    for source in (piece.source for window in windows for piece in window.pieces):
        full_s = sum(span.duration_s for span in groups[-1])
        room_s = USABLE_S - GAP_S * len(groups[-1]) - full_s
        if groups[-1] and (full_s >= least_s or source.duration_s > room_s):
            groups.append([])
        groups[-1].append(source)
    return tuple(Window(channel=windows[0].channel, pieces=_placed(group)) for group in groups if group)


def _speech_s(window: Window) -> float:
    return sum(piece.source.duration_s for piece in window.pieces)


def _split(span: Span, samples: NDArray[np.float32]) -> list[Span]:
    """`span` in parts that fit a window, cut at the quietest moment of the last third."""
    parts = []
    while span.duration_s > USABLE_S:
        search = Span(span.start_s + USABLE_S * 2 / 3, span.start_s + USABLE_S)
        levels = levels_db(samples[round(search.start_s * SAMPLE_RATE) : round(search.end_s * SAMPLE_RATE)])
        quiet = np.convolve(levels, np.ones(15) / 15, mode="same")[8:-8]
        cut_s = search.start_s + (int(quiet.argmin()) + 8) / FRAME_RATE
        parts.append(Span(span.start_s, cut_s))
        span = Span(cut_s, span.end_s)
    return [*parts, span]


def _cut(window: Window, samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """The window's audio: its pieces with silence between them."""
    audio = np.zeros(round(window.duration_s * SAMPLE_RATE), np.float32)
    for piece in window.pieces:
        first = round(piece.source.start_s * SAMPLE_RATE)
        at = round(piece.offset_s * SAMPLE_RATE)
        part = samples[first : first + min(round(piece.source.duration_s * SAMPLE_RATE), len(audio) - at)]
        audio[at : at + len(part)] = part
    return audio


def _map_back(window: Window, heard: Sequence[WindowWord]) -> list[HeardWord]:
    """Words with the times of the recording, each inside its piece."""
    words = []
    for word, piece in zip(heard, _pieces_of(window, heard), strict=True):
        shift_s = piece.source.start_s - piece.offset_s
        start_s = min(max(word.start_s + shift_s, piece.source.start_s), piece.source.end_s)
        end_s = min(max(word.end_s + shift_s, start_s), piece.source.end_s)
        words.append(_heard(word, window.channel, start_s, end_s))
    return words


def unheard(window: Window, words: Sequence[HeardWord], spans: Sequence[Span]) -> tuple[Window, ...]:
    """The parts of a window with activity (`spans`, disjoint) and no words, each as a window of its own.

    None where the whole window is without words: once more would give the same.
    """
    if not words:
        return ()
    last_s = max(word.end_s for word in words)
    left: list[list[Span]] = [[]]
    for source in (piece.source for piece in window.pieces):
        rest, least_s = source, UNHEARD_S
        if any(source.start_s <= word.start_s <= source.end_s for word in words):
            left.append([])
            rest, least_s = Span(max(source.start_s, last_s), source.end_s), UNHEARD_END_S
        if covered_s(rest, spans) >= least_s:
            left[-1].append(rest)
    return tuple(Window(channel=window.channel, pieces=_placed(run)) for run in left if run)


def _placed(sources: Iterable[Span]) -> tuple[Piece, ...]:
    """The stretches one after the other, with silence between."""
    pieces: list[Piece] = []
    offset_s = 0.0
    for source in sources:
        pieces.append(Piece(source=source, offset_s=offset_s))
        offset_s += source.duration_s + GAP_S
    return tuple(pieces)


def _pieces_of(window: Window, heard: Sequence[WindowWord]) -> list[Piece]:
    """The piece of each word: the one with its middle or, where it spans a pause, the one with its end.

    A word that the recogniser stretches over a pause belongs after it: its attention runs ahead, while ends
    are right. So do the unsure words with which the same sentence seems to begin before the pause: the
    recogniser put them where there was a sound that it did not recognise. Where the stretched word begins a
    sentence itself, the words before are another sentence and stay.
    """
    pieces: list[Piece] = []
    for i, word in enumerate(heard):
        piece = window.source_time((word.start_s + word.end_s) / 2)[1]
        before = window.source_time(word.start_s)[1]
        after = window.source_time(word.end_s - REACHES_S)[1]
        if after is not before and not _ends_sentence(word):
            piece = after
            for k in () if _begins_sentence(word) else _unsure_opening(heard[:i]):
                pieces[k] = piece
        pieces.append(piece)
    return pieces


def _unsure_opening(words: Sequence[WindowWord]) -> list[int]:
    """The last words' indexes if they are few, unsure and begin a sentence; else none."""
    last = len(words)
    first = next((k + 1 for k in range(last - 1, -1, -1) if _ends_sentence(words[k])), 0)
    few = range(first, last)
    sure = any(words[k].probability >= SURE for k in few)
    return [] if sure or len(few) > OPENING_WORDS else list(few)


def _ends_sentence(word: WindowWord) -> bool:
    return word.text.endswith((".", "?", "!"))


def _begins_sentence(word: WindowWord) -> bool:
    """Whether a word is written as the first of a sentence."""
    return word.text[:1].isupper() and word.text.split("'")[0] != "I"


def _heard(word: WindowWord | HeardWord, channel: int, start_s: float, end_s: float) -> HeardWord:
    """`word` on a channel, at other times."""
    return HeardWord(
        channel=channel, start_s=start_s, end_s=end_s, text=word.text, probability=word.probability
    )


def supported(
    words: Sequence[HeardWord], spans: Sequence[Span], settings: AsrSettings
) -> tuple[HeardWord, ...]:
    """The words that activity supports, cut to it; `spans` must be disjoint and sorted."""
    starts = [span.start_s for span in spans]
    ends = [span.end_s for span in spans]
    kept = []
    for word in words:
        reach = word.span.padded(WORD_TOLERANCE_S)
        near = spans[bisect(ends, reach.start_s) : bisect_left(starts, reach.end_s)]
        support_s = covered_s(reach, near)
        if not near or support_s < settings.word_support * max(word.span.duration_s, 0.05):
            continue
        whole = (
            near[0] | near[-1]
            if covered_s(word.span, near)
            else max(near, key=lambda s: (s & reach).duration_s)
        )
        start_s = min(max(word.start_s, whole.start_s), whole.end_s - 0.01)
        end_s = max(min(word.end_s, whole.end_s), start_s + 0.01)
        kept.append(_heard(word, word.channel, start_s, end_s))
    return tuple(kept)
