"""Near misses: what is marked for review, what it never touches, and the real embedding."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from builders import an_analysis, found, say
from fakes import own_rules

from pipeline.errors import UsageError
from pipeline.records import CallAnalysis, Finding
from pipeline.rules.near_miss import NearMissMarker, keep_reviews
from pipeline.settings import RuleSettings
from pipeline.weights.sentences import (
    DIMENSIONS,
    EmbedOnDemand,
    SentenceWeights,
    find_embed,
    find_sentence_weights,
    load_embed,
)

SETTINGS = RuleSettings()
HELLO = say("agent", 0.0, 3.0, "Good morning, how can I help you?")
TAPED = say("agent", 4.0, 8.0, "One moment. Our coaches get to hear everything that you tell us now.")
SENTENCE = "Our coaches get to hear everything that you tell us now."


class FakeEmbed:
    """Sentences about recording point one way, those of `decoys` another, all others a third."""

    ABOUT = ("record", "tape", "monitor")

    def __init__(self, likeness: float = 0.9, decoys: tuple[str, ...] = ()):
        self.likeness, self.decoys, self.asked = likeness, decoys, []

    def __call__(self, sentences):
        self.asked += sentences
        return np.array([self._one(text) for text in sentences], np.float32)

    def _one(self, text):
        if text == SENTENCE:
            return [self.likeness, 0.0, (1 - self.likeness**2) ** 0.5]
        if text in self.decoys:
            return [self.likeness, 0.0, (1 - self.likeness**2) ** 0.5]
        return (
            [1.0, 0.0, 0.0]
            if any(word in text.lower() for word in self.ABOUT) and "not" not in text
            else [0, 1, 0]
        )


def no_decoy(rules, rule_id):
    """The rules with one of them left without decoys, and with examples that FakeEmbed knows alone."""
    rule = rules.rule(rule_id)
    about = (each for each in rule.examples if any(word in each[1].lower() for word in FakeEmbed.ABOUT))
    kept = replace(rule, examples=tuple(each for each in about if each[2] and "not" not in each[1]))
    return replace(rules, rules=tuple(kept if each.id == rule_id else each for each in rules.rules))


RULES = no_decoy(own_rules(), "recording_disclosure")
ABSENT = found(
    "recording_disclosure", "fail", basis="absence", start_s=0.0, end_s=10.0, detail={"status": "absent"}
)


def looked_at(
    *findings: Finding, embed=None, settings=SETTINGS, rules=RULES, turns=(HELLO, TAPED)
) -> CallAnalysis:
    known = an_analysis(turns=turns, findings=findings)
    return NearMissMarker(embed or FakeEmbed())(known, rules, settings)


def test_a_sentence_that_means_it_is_marked_and_nothing_else_changes():
    (finding,) = looked_at(ABSENT).findings
    review = finding.detail["review"]
    assert review["sentence"] == SENTENCE
    assert review["similarity"] == pytest.approx(0.9)
    assert review["nearest_example"] in [
        text for _, text, expect in RULES.rule(ABSENT.rule_id).examples if expect
    ]
    assert (review["turn_index"], review["start_s"]) == (1, pytest.approx(4.615, abs=0.001))
    assert replace(finding, detail={"status": "absent"}) == ABSENT


@pytest.mark.parametrize(
    "finding",
    [
        replace(ABSENT, verdict="pass"),
        replace(ABSENT, verdict="not_determinable"),
        # Something was said, too late: there is nothing to look for.
        replace(ABSENT, basis="phrase", quote="This call is recorded", turn_index=3),
        found("agent_interruptions", "fail", basis="measure", start_s=0.0, end_s=10.0),
        found("hold_length", "fail", basis="event", start_s=0.0, end_s=10.0),
        # A name has no meaning.
        found("customer_name_used", "fail", basis="absence", start_s=0.0, end_s=10.0),
        # There is no window in which it could have been said.
        replace(ABSENT, start_s=None, end_s=None),
    ],
)
def test_other_findings_stay_as_they_are_and_cost_nothing(finding):
    embed = FakeEmbed()
    assert looked_at(finding, embed=embed).findings == (finding,)
    assert embed.asked == []


def test_only_the_roles_sentences_in_the_window_are_compared():
    customer = replace(TAPED, role="customer", speaker="customer", channel=1)
    assert looked_at(ABSENT, turns=(HELLO, customer)).findings == (ABSENT,)
    early = replace(ABSENT, end_s=3.5)
    assert looked_at(early).findings == (early,)
    embed = FakeEmbed()
    looked_at(ABSENT, embed=embed)
    assert "One moment." not in embed.asked


def test_the_threshold_and_the_look_are_settings():
    least = RuleSettings(near_miss_similarity=0.95)
    assert looked_at(ABSENT, settings=least).findings == (ABSENT,)
    embed = FakeEmbed()
    assert looked_at(ABSENT, settings=RuleSettings(near_miss=False), embed=embed).findings == (ABSENT,)
    assert embed.asked == []


def test_a_sentence_nearer_to_a_decoy_is_not_marked():
    rules = own_rules()
    decoy = next(text for _, text, expect in rules.rule("recording_disclosure").examples if not expect)
    embed = FakeEmbed(decoys=(decoy,))
    assert looked_at(ABSENT, rules=rules, embed=embed).findings == (ABSENT,)


def test_the_examples_are_embedded_once():
    embed = FakeEmbed()
    look = NearMissMarker(embed)
    known = an_analysis(turns=(HELLO, TAPED), findings=(ABSENT,))
    look(known, RULES, SETTINGS)
    first = len(embed.asked)
    look(known, RULES, SETTINGS)
    assert len(embed.asked) == first + 2  # the two sentences of the call


def test_judging_again_keeps_a_mark_while_the_rule_still_fails_by_absence():
    review = {"sentence": SENTENCE}
    again = an_analysis(findings=(ABSENT,))
    (kept,) = keep_reviews(again, {"recording_disclosure": review}).findings
    assert kept.detail == {"status": "absent", "review": review}
    passed = an_analysis(findings=(replace(ABSENT, verdict="pass"),))
    assert keep_reviews(passed, {"recording_disclosure": review}) == passed
    assert keep_reviews(again, {}) is again


@pytest.mark.parametrize("basis", ["phrase", "event", "measure", None])
def test_a_mark_goes_where_the_rule_no_longer_fails_by_absence(basis):
    again = an_analysis(findings=(replace(ABSENT, basis=basis),))
    assert keep_reviews(again, {"recording_disclosure": {"sentence": SENTENCE}}) == again


def test_without_the_extra_there_is_no_near_miss(monkeypatch):
    monkeypatch.setattr("pipeline.weights.sentences.PACKAGE", "no_such_package_here")
    assert find_sentence_weights() is None
    assert find_embed() is None


def test_damaged_weights_are_refused(tmp_path):
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    embed = EmbedOnDemand(SentenceWeights(name="broken", folder=tmp_path))
    with pytest.raises(UsageError, match=r"is not the known one.*config\.json"):
        embed(["Hello."])
    with pytest.raises(UsageError, match=r"cannot be read.*config\.json"):
        load_embed(SentenceWeights(name="missing", folder=tmp_path / "nowhere"))


def test_no_weights_are_loaded_before_they_are_needed():
    code = "import sys, pipeline.archive.night; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.fixture(scope="module")
def real_embed():
    embed = find_embed()
    return embed or pytest.skip("the extra `meaning` is not installed")


@pytest.mark.real
def test_the_real_embedding_tells_meanings_apart(real_embed):
    texts = [
        "This call may be recorded for quality purposes.",
        "We tape our phone conversations.",
        "I lost my card.",
        "Just so you're aware, someone may listen back to what we say today.",
    ]
    vectors = real_embed(texts)
    assert vectors.shape == (4, DIMENSIONS)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1.0, abs=1e-5)
    # As the model's own implementation gives them (transformers 5.23, BertModel with mean pooling).
    assert (vectors @ vectors.T)[0] == pytest.approx([1.0, 0.4577, 0.1381, 0.1875], abs=1e-3)
    # A sentence's vector does not depend on the ones beside it.
    assert real_embed(texts[1:2])[0] == pytest.approx(vectors[1], abs=1e-5)


@pytest.mark.real
def test_the_real_embedding_marks_a_sentence_that_no_phrase_finds(real_embed):
    told = "There will be a recording afterwards of what the two of us said, with our quality people."
    assert not own_rules().says("recording_disclosure", "agent", told)
    turns = (HELLO, say("agent", 4.0, 9.0, told))
    (finding,) = looked_at(ABSENT, embed=real_embed, rules=own_rules(), turns=turns).findings
    assert finding.verdict == "fail"
    assert finding.detail["review"]["sentence"] == told
