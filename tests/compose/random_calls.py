"""Calls with a random structure: one seed, one call. For benchmarks and property tests."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from compose.composer import Composer, HoldKind, OverlapKind
from compose.line import Line

CONDITIONS = {
    "clean": Line(),
    "crosstalk": Line(),  # its level and delay are drawn
    "noise": Line(noise_db=-45.0),
    "comfort_noise": Line(noise_db=None, comfort_db=-55.0),
    "mobile_codec": Line(codec="amr"),
    "opus": Line(codec="opus"),
    "packet_loss": Line(codec="alaw", loss=0.03),
    "quiet_caller": Line(customer_db=-18.0),
    "clipping": Line(clip_db=15.0),
    "noise_and_crosstalk": Line(noise_db=-45.0),
}
"""Each call has one of these in turn."""

HOLDS: tuple[HoldKind, ...] = ("music", "melody", "tones", "silence", "announcement", "announced_music")
OVERLAPS: tuple[OverlapKind, ...] = (
    "backchannel",
    "terminal",
    "simultaneous_start",
    "interruption",
    "attempt",
)
LONG_LINES = {"agent": "explanation", "customer": "problem"}
VOICES = {"agent": ("heart", "slt", "rms"), "customer": ("awb", "rms", "slt")}
MIN_S, MAX_S = 60.0, 240.0
CLOSING_S = 12.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomCall:
    """A composed call that still needs its line, and the line it is to go over."""

    composer: Composer
    condition: str
    line: Line


def random_call(seed: int, *, max_s: float = MAX_S) -> RandomCall:
    """The call of a seed, 60 s to about `max_s` long."""
    random = np.random.default_rng((seed, 2))
    condition = list(CONDITIONS)[seed % len(CONDITIONS)]
    agent = str(random.choice(VOICES["agent"]))
    customer = str(random.choice([v for v in VOICES["customer"] if v != agent]))
    rate = 16_000 if condition == "opus" and random.random() < 0.5 else 8000
    composer = Composer(seed, agent=agent, customer=customer, rate=rate)
    script = _Script(composer=composer, random=random, agent=agent)
    until_s = float(random.uniform(MIN_S, max_s))
    script.open()
    while composer.now_s < until_s - CLOSING_S:
        script.go_on(until_s - CLOSING_S - composer.now_s)
    script.close()
    return RandomCall(composer=composer, condition=condition, line=_line(condition, random))


def _line(condition: str, random: np.random.Generator) -> Line:
    line = CONDITIONS[condition]
    if "crosstalk" not in condition:
        return line
    return Line(
        noise_db=line.noise_db,
        crosstalk_db=float(random.uniform(-45, -20)),
        crosstalk_delay_ms=float(random.uniform(0, 60)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Script:
    composer: Composer
    random: np.random.Generator
    agent: str

    def open(self) -> None:
        """Greeting, disclosure, the customer's problem."""
        if self._chance(0.25):
            self.composer.say("ivr", "disclosure").pause(self._between(1.0, 3.0))
        self.composer.say("agent", "greeting")
        if self._chance(0.6):
            self.composer.say("agent", "disclosure", after_s=self._gap())
        self.composer.say("customer", "problem", after_s=self._gap())

    def go_on(self, left_s: float) -> None:
        """One more scene; holds and transfers only where there is time for them."""
        scene = self.random.choice(["talk", "overlap", "hold", "silence", "keys", "transfer"], p=SHARES)
        if scene == "hold" and left_s > 25:
            self._hold(min(60.0, left_s - 15))
        elif scene == "transfer" and left_s > 40:
            others = [v for v in VOICES["agent"] if v != self.agent]
            self.composer.transfer(self._between(8.0, 20.0), str(self.random.choice(others)))
        elif scene == "silence":
            self.composer.pause(self._between(3.5, 9.0))
            self._talk()
        elif scene == "keys":
            digits = "".join(str(d) for d in self.random.integers(0, 10, 4))
            self.composer.say("agent", "question", after_s=self._gap()).keys("customer", digits)
            self._talk()
        elif scene == "overlap":
            self._overlap()
        else:
            self._talk()

    def close(self) -> None:
        """Goodbyes."""
        self.composer.say("agent", "closing", after_s=self._gap()).say("customer", "thanks", after_s=0.3)
        self.composer.say("agent", "goodbye", after_s=0.3).say("customer", "goodbye", after_s=0.3)

    def _talk(self) -> None:
        self.composer.say("agent", "question", after_s=self._gap())
        self.composer.say("customer", "answer", after_s=self._gap())

    def _overlap(self) -> None:
        kind = OVERLAPS[int(self.random.choice(len(OVERLAPS), p=(0.35, 0.15, 0.1, 0.25, 0.15)))]
        of, by = self.random.permutation(["agent", "customer"])
        breaks_off = kind == "interruption" and self._chance(0.4)
        line = "broken_off" if breaks_off else LONG_LINES[str(of)]
        self.composer.say(str(of), line, after_s=self._gap())
        self.composer.overlap(kind, str(by))
        self.composer.say(str(of), "question", after_s=self._gap())

    def _hold(self, longest_s: float) -> None:
        kind = HOLDS[int(self.random.integers(len(HOLDS)))]
        request = str(self.random.choice(["hold_question", "hold_told"], p=(0.7, 0.3)))
        asked = request == "hold_question"
        self.composer.hold(
            self._between(20.0 if kind.startswith("ann") else 10.0, max(21.0, longest_s)),
            kind,
            request=request,
            answer="yes" if asked and self._chance(0.8) else None,
            back="hold_thanks" if self._chance(0.75) else "return",
        )
        self.composer.say("customer", "question", after_s=self._gap())

    def _gap(self) -> float:
        return self._between(0.35, 1.0)

    def _between(self, low: float, high: float) -> float:
        return float(self.random.uniform(low, high))

    def _chance(self, share: float) -> bool:
        return bool(self.random.random() < share)


SHARES = (0.25, 0.4, 0.17, 0.07, 0.06, 0.05)
