"""Composes calls whose every instant is known: who speaks, who waits, what plays.

A `Composer` is told what happens in order; each method gives the composer back, so calls read as scripts.
The same seed and the same script give the same call, to the sample.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np

from compose.clips import Clip, Samples, clips, music, music_tracks, speech
from compose.line import Line, coded, delayed, dtmf, lossy, melody, noise, tone
from compose.parts import ComposedCall, Played, Said
from compose.truth import (
    FRAME_RATE,
    TrueHold,
    TrueOverlap,
    TrueSound,
    TrueTransfer,
    TrueTurn,
    Truth,
    joined,
)

OverlapKind = Literal["backchannel", "terminal", "simultaneous_start", "interruption", "attempt"]
HoldKind = Literal["music", "melody", "tones", "silence", "announcement", "announced_music"]
CHANNEL = {"agent": 0, "ivr": 0, "customer": 1}
LEAD_S = 0.8
TAIL_S = 1.0
DUCK_DB, DUCK_S = -12.0, 0.2  # how much music is lowered under an announcement, and how early
TRUE_KIND = {"melody": "music", "announced_music": "music"}


class Composer:
    """Builds one call from `seed`; voices are those of the clips (`compose.clips.all_clips`)."""

    def __init__(
        self, seed: int = 0, *, agent: str = "heart", customer: str = "awb", rate: int = 8000
    ) -> None:
        self._seed = seed
        self._random = np.random.default_rng(seed)
        self._voices = {"agent": agent, "customer": customer, "ivr": "heart"}
        self._rate = rate
        self._now_s = LEAD_S
        self._said: list[Said] = []
        self._played: list[Played] = []
        self._holds: list[TrueHold] = []
        self._transfers: list[TrueTransfer] = []
        self._overlaps: list[TrueOverlap] = []

    @property
    def now_s(self) -> float:
        """Where the next line would start without a pause before it."""
        return self._now_s

    def say(self, role: str, what: str | Clip, *, after_s: float = 0.4) -> Composer:
        """`role` says a line `after_s` seconds after all that was said.

        `what` is a clip or the kind of one, of which one in the role's voice is drawn. Raises KeyError for
        a kind that the role does not have.
        """
        self._put(role, self._draw(role, what), self._now_s + after_s)
        return self

    def pause(self, seconds: float) -> Composer:
        """Nobody speaks for so long."""
        self._now_s += seconds
        return self

    def overlap(self, kind: OverlapKind, by: str, what: str | Clip | None = None) -> Composer:
        """`by` speaks into the line just said by the other; where, is drawn within what `kind` means.

        Raises ValueError when the line before is `by`'s own or too short for this kind.
        """
        of = self._said[-1] if self._said else None
        if of is None or of.role == by or of.role == "ivr":
            raise ValueError(f"overlap {kind} by {by}: the line before must be the other party's")
        clip = self._draw(by, what or _usual(kind))
        length_s, own_s = of.end_s - of.start_s, speech(clip, self._rate).duration_s
        first_s, last_s = _window(kind, length_s, own_s, broken=of.clip.kind == "broken_off")
        if last_s < first_s:
            raise ValueError(f"overlap {kind}: a line of {length_s:.1f} s is too short for {own_s:.1f} s")
        start_s = of.start_s + self._speaking(of, first_s, last_s, own_s)
        if kind == "interruption" and of.clip.kind != "broken_off":
            of = self._break_off(start_s + float(self._random.uniform(0.6, 1.2)))
        said = self._put(by, clip, start_s)
        end_s = min(of.end_s, said.end_s)
        self._overlaps.append(TrueOverlap(kind=kind, by=by, of=of.role, start=start_s, end=end_s))
        return self

    def hold(
        self,
        seconds: float,
        kind: HoldKind = "music",
        *,
        request: str | None = "hold_question",
        answer: str | None = "yes",
        back: str = "hold_thanks",
    ) -> Composer:
        """The agent leaves and comes back; `seconds` pass from the last word before to the first after.

        `request`, `answer` and `back` are kinds of lines; None leaves a line out. With `announced_music`
        an announcement is spoken over the music, with `announcement` over silence.
        """
        self._lead_away(request, answer)
        start_s = self._last_word_s()
        self._now_s = start_s + seconds
        self._fill(kind, start_s, self._now_s)
        self.say("agent", back, after_s=0.0)
        asked = request == "hold_question"
        self._holds.append(
            TrueHold(
                start=start_s,
                end=self._said[-1].start_s,
                kind=TRUE_KIND.get(kind, kind),
                asked=asked,
                agreed=asked and answer == "yes",
                thanked=back == "hold_thanks",
            )
        )
        return self

    def transfer(
        self, seconds: float, to: str, kind: HoldKind = "music", *, request: str | None = "transfer_told"
    ) -> Composer:
        """Another agent, with the voice `to`, takes over after `seconds`: no hold."""
        self._lead_away(request, "yes" if request else None)
        start_s = self._last_word_s()
        self._now_s = start_s + seconds
        self._fill(kind, start_s, self._now_s)
        self._voices["agent"] = to
        self.say("agent", "transfer_greeting", after_s=0.0)
        end_s = self._said[-1].start_s
        self._transfers.append(TrueTransfer(start=start_s, end=end_s, announced=request is not None))
        return self

    def keys(self, role: str, digits: str, *, after_s: float = 0.4) -> Composer:
        """`role` presses keys of the telephone."""
        self._play(CHANNEL[role], "tones", self._now_s + after_s, dtmf(digits, self._rate))
        self._now_s = self._played[-1].end_s
        return self

    def render(self, line: Line | None = None, *, name: str = "composed", mono: bool = False) -> ComposedCall:
        """The call as recorded over `line`; `mono` mixes both sides into one channel."""
        line = line or Line()
        random = np.random.default_rng((self._seed, 1))
        n = self._length()
        dry = [self._dry(channel, n, line) for channel in (0, 1)]
        sides = [self._over(line, dry, own, random) for own in (0, 1)]
        samples = np.stack(sides)
        if mono:
            samples = samples.mean(axis=0, keepdims=True)
        return ComposedCall(
            samples=np.clip(samples, -1, 1), rate=self._rate, truth=self.truth(name, mono=mono)
        )

    def truth(self, name: str = "composed", *, mono: bool = False) -> Truth:
        """What is true of the call as it stands; no sound is made."""
        return self._truth(name, self._length() / self._rate, mono)

    def _length(self) -> int:
        """Samples of the call: whole frames of 10 ms."""
        return int(np.ceil((self._now_s + TAIL_S) * FRAME_RATE)) * self._rate // FRAME_RATE

    def _draw(self, role: str, what: str | Clip) -> Clip:
        if isinstance(what, Clip):
            return what
        found = clips(role, what, self._voices[role])
        return found[int(self._random.integers(len(found)))]

    def _put(self, role: str, clip: Clip, start_s: float) -> Said:
        """Place a line on a whole sample of 8 and 16 kHz."""
        said = Said(role=role, clip=clip, start_s=round(start_s * 8000) / 8000, rate=self._rate)
        self._said.append(said)
        self._now_s = max(self._now_s, said.end_s)
        return said

    def _break_off(self, end_s: float) -> Said:
        """End the line just said at `end_s`, unless it is over before."""
        last = self._said[-1]
        if end_s < last.end_s:
            last = self._said[-1] = replace(last, cut_s=end_s - last.start_s)
            self._now_s = max(said.end_s for said in self._said)
        return last

    def _speaking(self, of: Said, first_s: float, last_s: float, own_s: float) -> float:
        """A place in the window where `of` speaks for most of the time that is spoken into."""
        active = joined(list(of.sound.active), 0.15)
        best_s, best = first_s, -1.0
        for _ in range(20):
            at_s = float(self._random.uniform(first_s, last_s))
            end_s = at_s + min(own_s, 1.0)
            share = sum(max(0.0, min(b, end_s) - max(a, at_s)) for a, b in active)
            if share > best + 0.05:
                best_s, best = at_s, share
        return best_s

    def _lead_away(self, request: str | None, answer: str | None) -> None:
        if request is not None:
            self.say("agent", request)
        if answer is not None:
            self.say("customer", answer)

    def _last_word_s(self) -> float:
        return max((said.end_s for said in self._said), default=LEAD_S)

    def _fill(self, kind: HoldKind, start_s: float, end_s: float) -> None:
        """Put into the gap what the customer hears there."""
        first_s = start_s + min(float(self._random.uniform(0.3, 1.5)), 0.2 * (end_s - start_s))
        last_s = end_s - min(float(self._random.uniform(0.1, 0.8)), 0.1 * (end_s - start_s))
        if kind in ("music", "announced_music", "melody"):
            self._play(0, "music", first_s, self._tune(kind, last_s - first_s))
        elif kind == "tones":
            period_s = min(float(self._random.uniform(4.0, 8.0)), (last_s - first_s - 1.5) / 2)
            beep = tone(0.4, self._rate, 425.0)
            for at_s in np.arange(first_s + 1.0, last_s - 0.5, period_s):
                self._play(0, "tones", float(at_s), beep)
        if kind in ("announced_music", "announcement"):
            at_s = first_s + 0.3 * (last_s - first_s)
            while at_s < last_s - 6.0:
                said = self._put("ivr", self._draw("ivr", "announcement"), at_s)
                at_s = said.end_s + 8.0
            self._now_s = end_s
        if kind == "announced_music":
            self._duck()

    def _duck(self) -> None:
        """Lower the music under the announcements that were put over it."""
        track = self._played[-1]
        samples = track.samples.copy()
        for said in self._said:
            if said.role == "ivr" and said.start_s > track.start_s:
                first, last = (
                    round((t - track.start_s) * self._rate)
                    for t in (said.start_s - DUCK_S, said.end_s + DUCK_S)
                )
                samples[first:last] *= np.float32(10 ** (DUCK_DB / 20))
        self._played[-1] = replace(track, samples=samples)

    def _tune(self, kind: HoldKind, seconds: float) -> Samples:
        if kind == "melody":
            samples = melody(seconds, self._rate, self._random)
        else:
            tracks = music_tracks()
            track = music(tracks[int(self._random.integers(len(tracks)))], self._rate)
            samples = np.resize(track, round(seconds * self._rate))
        fade = min(len(samples), self._rate // 20)
        samples = samples.copy()
        samples[len(samples) - fade :] *= np.linspace(1, 0, fade, dtype=np.float32)
        return samples

    def _play(self, channel: int, kind: Literal["music", "tones"], start_s: float, samples: Samples) -> None:
        start_s = round(start_s * 8000) / 8000
        self._played.append(
            Played(channel=channel, kind=kind, start_s=start_s, samples=samples, rate=self._rate)
        )

    def _dry(self, channel: int, n: int, line: Line) -> Samples:
        out = np.zeros(n, np.float32)
        for said in self._said:
            if CHANNEL[said.role] == channel:
                _mix(out, said.sound.samples, said.start_s, self._rate)
        for played in self._played:
            if played.channel == channel:
                _mix(out, played.samples, played.start_s, self._rate)
        return out * np.float32(10 ** (line.customer_db / 20)) if channel == 1 else out

    def _over(self, line: Line, dry: list[Samples], own: int, random: np.random.Generator) -> Samples:
        """One side as the line delivers it."""
        out = dry[own].copy()
        if line.clip_db is not None:
            out = np.clip(out * np.float32(10 ** (line.clip_db / 20)), -1, 1)
        if line.crosstalk_db is not None:
            leak = delayed(dry[1 - own], line.crosstalk_delay_ms, self._rate)
            out += leak * np.float32(10 ** (line.crosstalk_db / 20))
        if line.comfort_db is not None:
            silent = np.convolve(np.abs(dry[own]), np.ones(self._rate // 10), mode="same") < 1e-3
            out += noise(len(out), line.comfort_db, random) * silent
        if line.noise_db is not None:
            out += noise(len(out), line.noise_db, random)
        out = coded(out, line.codec, self._rate)
        return lossy(out, line.loss, self._rate, random) if line.loss else out

    def _truth(self, name: str, duration_s: float, mono: bool) -> Truth:
        spans: dict[str, list[tuple[float, float]]] = {"agent": [], "customer": [], "ivr": []}
        for said in self._said:
            active = said.sound.active
            spans[said.role] += [(said.start_s + a, said.start_s + b) for a, b in active]
        activity = {role: joined(found) for role, found in spans.items()}
        spoken = joined([span for found in activity.values() for span in found], 0.0)
        ends = [0.0, *(end for _, end in spoken)], [*(start for start, _ in spoken), duration_s]
        gaps = list(zip(*ends, strict=True))[1:-1]
        framed = [(h.start, h.end) for h in self._holds] + [(t.start, t.end) for t in self._transfers]
        dead = tuple((a, b) for a, b in gaps if b - a > 10 and not any(h[0] < b and a < h[1] for h in framed))
        return Truth(
            name=name,
            duration=duration_s,
            mono=mono,
            turns=tuple(
                TrueTurn(role=s.role, start=s.start_s, end=s.end_s, text=s.text, voice=s.clip.voice)
                for s in sorted(self._said, key=lambda s: s.start_s)
            ),
            holds=tuple(self._holds),
            transfers=tuple(self._transfers),
            overlaps=tuple(self._overlaps),
            sounds=tuple(
                TrueSound(channel=p.channel, kind=p.kind, start=p.start_s, end=p.end_s)
                for p in sorted(self._played, key=lambda p: p.start_s)
            ),
            dead_air=dead,
            activity=activity,
        )


def _usual(kind: OverlapKind) -> str:
    """The kind of line that usually makes such an overlap."""
    return {"terminal": "question", "simultaneous_start": "question"}.get(kind, kind)


def _window(kind: OverlapKind, length_s: float, own_s: float, *, broken: bool) -> tuple[float, float]:
    """First and last start, from the other line's start, that makes an overlap of this kind.

    A line that is `broken` ends by itself where an interruption has it end.
    """
    if kind == "backchannel":
        return 0.8, length_s - 1.3
    if kind == "attempt":
        return 0.8, length_s - max(own_s, 1.0) - 1.0
    if kind == "terminal":
        return length_s - 0.42, length_s - 0.28
    if kind == "simultaneous_start":
        return 0.05, 0.22
    return (length_s - 1.2, length_s - 0.4) if broken else (1.2, length_s - 0.6)


def _mix(out: Samples, part: Samples, start_s: float, rate: int) -> None:
    first = round(start_s * rate)
    out[first : first + len(part)] += part[: max(0, len(out) - first)]
