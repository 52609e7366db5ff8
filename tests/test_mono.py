"""Mono calls through the whole line with real weights: stereo sample calls mixed to one channel."""

import json

import numpy as np
import pytest
from signals import RATE, SAMPLES, at, music, sample_call, speech

from pipeline.analyse import analyse
from pipeline.archive.night import find_engine
from pipeline.audio.frames import to_mask
from pipeline.records import Audio, Call, Recording
from pipeline.settings import Settings
from pipeline.spans import Span, total_s, union

pytestmark = pytest.mark.real
SETTINGS = Settings()
NAMES = ["dev03_ivr_disclosure_refused_hold", "dev04_late_disclosure", "dev06_two_holds_announcement"]


@pytest.fixture(scope="module")
def line():
    engine = find_engine(SETTINGS)
    models = engine.load()

    def run(samples):
        recording = Recording(
            recording_id="0" * 64,
            uri="mono.wav",
            bytes=1,
            layout="mono",
            channels=1,
            duration_s=len(samples) / RATE,
        )
        audio = Audio(recording=recording, samples=samples.astype(np.float32)[None])
        return analyse(audio, call=Call(), models=models, rules=engine.rules, settings=SETTINGS)

    return run


@pytest.fixture(scope="module", params=NAMES)
def mixed(request, line):
    """A call's truth and the analysis of its two channels mixed to one."""
    truth = json.loads((SAMPLES / "truth" / f"{request.param}.json").read_text())
    return truth, line(sample_call(f"{request.param}.flac").mean(axis=0))


def spans_of(truth, role):
    return union(Span(t["start"], t["end"]) for t in truth["turns"] if t["role"] == role)


def test_the_roles_are_the_right_way_up(mixed):
    truth, analysis = mixed
    n = round(truth["duration"] * 100)
    ivr = to_mask(spans_of(truth, "ivr"), n)
    wrong, spoken = np.zeros(n, bool), np.zeros(n, bool)
    for role in ("agent", "customer"):
        said = to_mask(spans_of(truth, role), n)
        wrong |= said != to_mask((t.span for t in analysis.turns if t.role == role), n)
        spoken |= said
    assert (wrong & ~ivr).sum() / (spoken & ~ivr).sum() <= 0.10


def test_the_talk_ratio_is_within_three_points(mixed):
    truth, analysis = mixed
    agent, customer = (total_s(spans_of(truth, role)) for role in ("agent", "customer"))
    mine = [total_s(t.span for t in analysis.turns if t.role == role) for role in ("agent", "customer")]
    assert mine[0] / sum(mine) == pytest.approx(agent / (agent + customer), abs=0.04)


def test_holds_and_verdicts_are_as_on_stereo(mixed):
    truth, analysis = mixed
    assert len(analysis.holds) == len(truth["holds"])
    got = {f.rule_id: f.verdict for f in analysis.findings}
    assert got.items() >= {rule: v for rule, v in truth["findings"].items() if rule in got}.items()


# Who spoke did nothing of the kind, whoever it was.
FORBIDDING = {"dead_air", "no_arguing", "plain_language"}


@pytest.mark.parametrize(
    "samples",
    [
        at(10.0),
        np.zeros(10 * RATE),
        at(25.0, (2, music(20))),
        at(6.0, (1, speech(4.0))),
        speech(0.2),
        np.zeros(0),
    ],
    ids=["noise", "digital silence", "music only", "one voice", "a fifth of a second", "nothing"],
)
def test_little_to_hear_gives_a_result_and_no_guess(line, samples):
    analysis = line(samples)
    passed = {f.rule_id for f in analysis.findings if f.verdict == "pass"}
    assert passed <= (FORBIDDING if analysis.turns else set())
    assert {t.role for t in analysis.turns} <= {"unknown"}
    ratio = next(m for m in analysis.metrics if m.name == "talk_ratio")
    assert ratio.denominator == 0
    assert analysis.overlaps == ()
