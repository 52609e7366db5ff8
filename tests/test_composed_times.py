"""What the program finds in composed calls, against their exact truth; words come from the script."""

import re
from pathlib import Path

import numpy as np
import pytest
from compose import Composer, Line
from compose.analysis import analyse_composed

from pipeline.spans import union

README = Path(__file__).parent / "compose" / "README.md"
LINES = {
    "clean": Line(),
    "crosstalk": Line(crosstalk_db=-24.0, crosstalk_delay_ms=45.0),
    "noise": Line(noise_db=-45.0),
}


def talk(seed=11, **voices):
    """Two overlaps, a backchannel and two holds, every pause known."""
    return (
        Composer(seed, **voices)
        .say("agent", "greeting")
        .say("customer", "problem", after_s=0.6)
        .overlap("backchannel", by="agent")
        .say("agent", "explanation", after_s=0.8)
        .say("agent", "explanation", after_s=0.5)
        .overlap("interruption", by="customer")
        .say("agent", "question", after_s=0.7)
        .say("customer", "answer", after_s=0.5)
        .hold(14, "music")
        .say("customer", "problem", after_s=0.6)
        .overlap("interruption", by="agent")
        .hold(20, "announcement", request="hold_told", answer=None, back="return")
        .say("agent", "closing", after_s=0.5)
        .say("customer", "goodbye", after_s=0.5)
    )


@pytest.fixture(scope="module", params=LINES)
def pair(request):
    composed = talk().render(LINES[request.param], name=request.param)
    return composed.truth, analyse_composed(composed)


def test_holds_have_their_edges_and_kinds(pair):
    truth, found = pair
    assert [h.kind for h in found.holds] == [h.kind for h in truth.holds] == ["music", "announcement"]
    for true, hold in zip(truth.holds, found.holds, strict=True):
        assert hold.start_s == pytest.approx(true.start, abs=0.2)
        assert hold.end_s == pytest.approx(true.end, abs=0.2)
        assert hold.thanked == true.thanked
    assert [h.permission for h in found.holds] == ["granted", "not_asked"]


def test_overlaps_are_who_did_what_to_whom(pair):
    truth, found = pair
    assert [(o.kind, o.by_role, o.of_role) for o in found.overlaps] == [
        (o.kind, o.by, o.of) for o in sorted(truth.overlaps, key=lambda o: o.start)
    ]
    for true, overlap in zip(sorted(truth.overlaps, key=lambda o: o.start), found.overlaps, strict=True):
        assert overlap.start_s == pytest.approx(true.start, abs=0.1)


def test_speech_has_its_edges(pair):
    truth, found = pair
    errors = []
    for channel, roles in ((0, ("agent", "ivr")), (1, ("customer",))):
        ours = union(a.span for a in found.activities if a.channel == channel)
        for start, end in (span for role in roles for span in truth.activity[role]):
            errors += [min(abs(s.start_s - start) for s in ours), min(abs(s.end_s - end) for s in ours)]
    assert np.median(errors) <= 0.05
    assert np.percentile(errors, 95) <= 0.2


def value_of(found, name, role=None):
    metric = next(m for m in found.metrics if (m.name, m.role) == (name, role))
    return metric.numerator / metric.denominator


def test_the_partition_is_exact_and_true(pair):
    truth, found = pair
    true = truth.partition()
    parts = {m.name: m.numerator for m in found.metrics if m.name in true and m.role is None}
    assert sum(parts.values()) == pytest.approx(found.recording.duration_s, abs=1e-6)
    off = (0.05 if truth.name == "noise" else 0.015) * truth.duration
    assert all(parts[name] == pytest.approx(true[name], abs=off) for name in true)
    assert value_of(found, "talk_ratio") == pytest.approx(truth.talk_ratio(), abs=0.01)


def test_measures_of_the_talk_are_those_of_the_script(pair):
    truth, found = pair
    said = [t for t in truth.turns if t.role == "agent"]
    start_s = next(t.start for t in said if t.start > truth.turns[1].end)
    end_s = next(o.end for o in truth.overlaps if o.kind == "interruption")
    assert value_of(found, "longest_monologue", "agent") == pytest.approx(end_s - start_s, abs=0.2)
    # Customer: 0.6 and 0.5 twice each, 0.4 before the yes. Agent: 0.8, 0.7, and 0.4 before the hold question.
    # Noise hides the faint ends of words.
    off = 0.2 if truth.name == "noise" else 0.06
    assert value_of(found, "response_latency_median", "customer") == pytest.approx(0.5, abs=off)
    assert value_of(found, "response_latency_median", "agent") == pytest.approx(0.7, abs=off)
    turns = [t for t in found.turns if t.role == "agent"]
    assert value_of(found, "agent_overtalk", "agent") == pytest.approx(1 / len(turns))
    assert value_of(found, "interruptions", "agent") > 0 < value_of(found, "interruptions", "customer")


@pytest.mark.parametrize("back", ["hold_thanks", "return"])
def test_the_first_words_after_music_are_heard_on_a_noisy_line(back):
    script = Composer(2, agent="rms", customer="slt")
    script.say("agent", "greeting").say("customer", "problem").hold(46, "music", back=back)
    composed = script.say("customer", "thanks").render(Line(noise_db=-45.0))
    (hold,) = analyse_composed(composed).holds
    assert hold.end_s == pytest.approx(composed.truth.holds[0].end, abs=0.2)


OWN_RULE = """
id = "upsell"
title = "Offered the new plan"
why = "A site's own rule."
weight = 1
fatal = false
score = "quality"
roles = ["agent"]
counts = ["offers"]

[check]
kind = "sequence"
at = "call"

[[check.steps]]
say = ["offers"]

[phrases.offers]
any = ["our new plan"]

[examples.agent]
match = [{yes}]
no_match = [{no}]
"""


def test_the_examples_of_the_readme_run_as_they_stand(tmp_path, monkeypatch, capsys):
    first, second = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    exec(first, {})
    start, end, hold = re.match(r"hold (\S+) to (\S+), found (.*)", capsys.readouterr().out).groups()
    found = re.findall(r"[\d.]+", hold)
    assert [float(t) for t in found] == pytest.approx([float(start), float(end)], abs=0.2)
    rules = tmp_path / "my_rules"
    rules.mkdir()
    examples = {"yes": "our new plan", "no": "your old plan"}
    lists = {k: ", ".join(f'"{text} {i}"' for i in range(8)) for k, text in examples.items()}
    (rules / "upsell.toml").write_text(OWN_RULE.format(**lists))
    Composer(1).say("agent", "question").render().write(tmp_path).rename(tmp_path / "upsell.wav")
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(second, names)
    verdicts = {finding.rule_id: finding.verdict for finding in names["found"].findings}
    assert verdicts["upsell"] == "pass"
