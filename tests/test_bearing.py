"""Verdicts that the recording does not bear out are not determinable, with a reason and what would help."""

from __future__ import annotations

from dataclasses import replace

import pytest
from builders import an_analysis, quality_of, say

from pipeline.records import Finding
from pipeline.rules import judge, load_rules
from pipeline.rules.bearing import explained
from pipeline.rules.context import CallContext
from pipeline.rules.reasons import REASONS
from pipeline.settings import Settings

RULES = load_rules()
SETTINGS = Settings()
NOTICE = "This call is being recorded for training."
TALK = (
    say("agent", 1, 5, "Good morning, Fine Street, Kate speaking. How can I help?"),
    say("customer", 6, 9, "My parcel has not arrived."),
    say("agent", 10, 14, "It will be with you tomorrow."),
    say("customer", 15, 18, "Great, thank you, bye."),
)
SWAPPED = (quality_of(0, swap_suspected=True), quality_of(1, swap_suspected=True))
FAST = (quality_of(0, speed=2.0), quality_of(1, speed=1.0))


def case(*turns, duration_s=20.0, **facts) -> CallContext:
    call = an_analysis(turns=turns or TALK)
    return CallContext(
        duration_s=duration_s,
        layout="stereo",
        words=call.words,
        turns=call.turns,
        activities=call.activities,
        **facts,
    )


def spoken(language, **changes):
    return tuple(quality_of(i, language=language, languages=(language,), **changes) for i in (0, 1))


def findings(call: CallContext) -> dict[str, Finding]:
    return {found.rule_id: found for found in judge(call, RULES, SETTINGS.rules)}


def disclosure(call: CallContext) -> tuple[str, str | None]:
    found = findings(call)["recording_disclosure"]
    return found.verdict, found.detail.get("reason_code")


def test_a_clean_call_without_a_notice_fails():
    assert disclosure(case(kind="conversation", quality=spoken("en"))) == ("fail", None)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"quality": SWAPPED}, ("not_determinable", "channels_swapped")),
        ({"quality": FAST}, ("not_determinable", "speed")),
        ({"quality": spoken("fr")}, ("not_determinable", "language_without_pack")),
        (
            {"quality": spoken("en", language_source="default", language_probability=0.01)},
            ("not_determinable", "language_unsure"),
        ),
        ({"kind": "voicemail"}, ("not_applicable", "call_kind")),
        ({"kind": "one_sided"}, ("not_determinable", "one_sided")),
        ({"kind": "monologue"}, ("not_determinable", "monologue")),
    ],
)
def test_what_a_recording_does_not_show_fails_nobody(facts, expected):
    assert disclosure(case(**facts)) == expected


def test_a_notice_that_was_due_is_a_fail_though_the_recording_stops():
    late = (*TALK, say("customer", 70, 90, "And another thing."))
    assert disclosure(case(*late, duration_s=90.1)) == ("fail", None)
    data = (*TALK, say("customer", 20, 26, "My card number is 4111 1111 1111 1111."))
    assert disclosure(case(*data, duration_s=26.1)) == ("fail", None)


def test_a_recording_that_stops_before_the_notice_was_due_fails_nobody():
    assert disclosure(case(*TALK[:-1], duration_s=14.1)) == ("not_determinable", "stops_mid_call")
    assert disclosure(case(duration_s=18.1)) == ("fail", None)  # it ends with the farewell


@pytest.mark.parametrize(
    ("duration_s", "expected"),
    [(5.1, ("not_determinable", "stops_mid_call")), (20.0, ("fail", None))],
)
@pytest.mark.parametrize("courtesy", ["", " Thank you for calling."])
def test_too_few_courtesies_are_an_absence(courtesy, duration_s, expected):
    call = case(say("agent", 1, 5, f"Hello,{courtesy} I want your number"), duration_s=duration_s)
    found = findings(call)["politeness"]
    assert (found.verdict, found.detail.get("reason_code")) == expected


@pytest.mark.parametrize(("start_s", "expected"), [(0.05, "not_determinable"), (1.0, "fail")])
def test_a_courtesy_may_have_been_said_before_the_recording_starts(start_s, expected):
    said = (say("agent", start_s, 5, "and then thank you I send it."), say("customer", 6, 9, "Right. Bye."))
    assert findings(case(*said))["politeness"].verdict == expected


def test_a_recording_that_ends_in_an_unfinished_sentence_stopped():
    cut = (*TALK[:-1], say("customer", 15, 18, "Great, and then I wanted"))
    assert disclosure(case(*cut, duration_s=18.7))[1] == "stops_mid_call"
    assert disclosure(case(*cut, duration_s=30.0))[1] is None


def test_what_was_said_stays_where_only_the_other_side_is_missing():
    said = (say("agent", 1, 4, f"Good morning. {NOTICE}"), *TALK[1:])
    assert disclosure(case(*said, kind="one_sided")) == ("pass", None)
    assert disclosure(case(*said, quality=SWAPPED)) == ("not_determinable", "channels_swapped")


def test_times_are_judged_in_any_language():
    metrics = an_analysis().metrics
    found = findings(case(quality=spoken("fr"), metrics=metrics))
    assert found["hold_length"].verdict == "not_applicable"
    assert "language" not in found["dead_air"].detail.get("reason_code", "")
    assert found["greeting"].detail["reason_code"] == "language_without_pack"


def test_a_language_with_a_pack_is_judged_by_it_and_a_switch_in_both():
    other = replace(RULES, language="fr")
    both = replace(RULES, rules=RULES.rules, others={"fr": other})
    said = (say("agent", 1, 4, f"Good morning. {NOTICE}"), *TALK[1:])
    quality = (quality_of(0, languages=("fr", "en"), language="fr"), quality_of(1))
    found = {f.rule_id: f for f in judge(case(*said, quality=quality), both, SETTINGS.rules)}
    assert found["recording_disclosure"].verdict == "pass"
    assert disclosure(case(*said, quality=quality))[0] == "pass"
    assert disclosure(case(quality=quality)) == ("not_determinable", "language_without_pack")


def test_a_leg_that_begins_late_fails_nobody():
    before = [say("customer", 1 + 3.0 * i, 3.9 + 3.0 * i, "I wanted to ask something.") for i in range(6)]
    talk = (*before, say("agent", 20, 24, "It will be with you tomorrow."), say("customer", 25, 27, "Bye."))
    apart = tuple(
        replace(turn, start_s=turn.start_s + 0.5 * i, end_s=turn.end_s + 0.5 * i)
        for i, turn in enumerate(talk)
    )
    assert disclosure(case(*apart, duration_s=40.0)) == ("not_determinable", "late_leg")


def test_every_open_verdict_says_why_in_a_sentence():
    for facts in ({"quality": SWAPPED}, {"quality": FAST}, {"kind": "monologue"}, {}):
        for found in findings(case(**facts)).values():
            if found.verdict == "not_determinable":
                assert found.detail["reason"] == REASONS[found.detail["reason_code"]]
    assert all(text.endswith(".") and len(text) > 20 for text in REASONS.values())


# --- what a fact about the recording cannot override -------------------------------------------------------


@pytest.mark.parametrize("facts", [{"quality": FAST}, {"quality": SWAPPED}, {"quality": spoken("fr")}])
def test_a_rule_that_does_not_speak_of_the_kind_of_call_does_not_apply(facts):
    assert disclosure(case(kind="voicemail", **facts)) == ("not_applicable", "call_kind")


def test_an_open_verdict_keeps_its_own_reason():
    asked = (say("agent", 1, 5, "Good morning. Is it okay if I record this call?"), *TALK[2:3])
    assert disclosure(case(*asked)) == ("not_determinable", "consent_unanswered")
    assert disclosure(case(*asked, quality=SWAPPED)) == ("not_determinable", "consent_unanswered")
    # At another speed nothing was understood as it was said.
    assert disclosure(case(*asked, quality=FAST)) == ("not_determinable", "speed")


def test_what_an_agent_said_is_shown_though_the_other_side_is_missing():
    rude = (*TALK[:2], say("agent", 10, 14, "You are wrong, that is not what happened."), TALK[3])
    found = findings(case(*rude))["no_arguing"]
    assert (found.verdict, found.basis) == ("fail", "phrase")
    assert findings(case(*rude, kind="one_sided"))["no_arguing"].verdict == "fail"
    late = (*TALK, say("agent", 70, 75, NOTICE))
    # The missing side may have heard it in time.
    assert disclosure(case(*late, duration_s=90.0, kind="one_sided"))[1] == "one_sided"


def test_a_silent_customer_is_no_late_leg():
    talk = [say("agent", 1 + 3.0 * i, 3.9 + 3.0 * i, "Let me tell you what we did.") for i in range(6)]
    apart = tuple(
        replace(turn, start_s=turn.start_s + 0.5 * i, end_s=turn.end_s + 0.5 * i)
        for i, turn in enumerate(
            (*talk, say("customer", 20, 24, "That is good."), say("agent", 25, 27, "Bye."))
        )
    )
    from_start = (quality_of(0, signal_start_s=0.0), quality_of(1, signal_start_s=0.0))
    late = (quality_of(0, signal_start_s=0.0), quality_of(1, signal_start_s=20.0))
    assert disclosure(case(*apart, duration_s=40.0, quality=from_start)) == ("fail", None)
    assert disclosure(case(*apart, duration_s=40.0, quality=late)) == ("not_determinable", "late_leg")


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        ("Great, thank you, have a nice day.", None),
        ("Lovely, see you tomorrow.", None),
        ("Great, thank you.", "stops_mid_call"),
    ],
)
def test_a_call_that_ends_with_a_farewell_is_complete(last, expected):
    assert disclosure(case(*TALK[:-1], say("customer", 15, 18, last), duration_s=18.1))[1] == expected


def test_a_reason_that_is_not_in_the_table_is_a_fault():
    open_ = replace(findings(case())["recording_disclosure"], verdict="not_determinable")
    with pytest.raises(KeyError):
        explained(replace(open_, detail={"reason_code": "speeker_unknown"}))


def test_a_late_notice_is_late_whoever_gives_it():
    late = (*TALK, say("unknown", 70, 75, NOTICE))
    assert disclosure(case(*late, duration_s=90.0)) == ("fail", None)
    early = (*TALK, say("unknown", 20, 24, NOTICE))
    assert disclosure(case(*early, duration_s=90.0)) == ("not_determinable", "speaker_unknown")


def test_the_question_that_was_answered_is_quoted():
    asked = (
        say("agent", 1, 4, "Is it okay if I record this call?"),
        say("customer", 5, 9, "My parcel has not arrived at all."),
        say("agent", 10, 13, "Do you agree to this call being recorded?"),
        say("customer", 13.5, 14.5, "Yes, I do."),
    )
    found = findings(case(*asked, duration_s=30.0))["recording_disclosure"]
    assert (found.verdict, found.start_s) == ("pass", pytest.approx(10, abs=1))
