"""Transfers: somebody else takes over, or the same agent comes back; only then it was a hold."""

from dataclasses import dataclass, replace

import pytest
from builders import activities_of, conversation, say, sound
from hypothesis import given
from hypothesis import strategies as st

from pipeline.events.holds import detect_holds
from pipeline.events.scene import Scene
from pipeline.events.transfers import detect_transfers
from pipeline.settings import HoldSettings
from pipeline.spans import Span


@dataclass(frozen=True)
class Said:
    """A phrase, in the turn of the conversation that has its words."""

    kind: str
    span: Span
    turn_index: int


WORDS = {
    "let me transfer you": "transfer",
    "this is mark": "introduction",
    "thank you for holding": "thanks",
    "may i put you on hold": "request_question",
}


def scene(*turns, sounds=(), **changes):
    numbered = conversation(*turns)
    phrases = tuple(
        Said(kind, Span(turn.start_s, min(turn.end_s, turn.start_s + 2.0)), turn.turn_index)
        for turn in numbered
        for words, kind in WORDS.items()
        if words in turn.text
    )
    made = Scene(
        duration_s=200.0,
        activities=activities_of(numbered),
        turns=numbered,
        sounds=sounds,
        phrases=phrases,
    )
    return replace(made, **changes)


def found(*turns, sounds=()):
    """Transfers as (start, end, kind), and the number of holds."""
    call = scene(*turns, sounds=sounds)
    transfers = detect_transfers(call)
    holds = detect_holds(call, HoldSettings(), transfers)
    return [(t.start_s, t.end_s, t.kind) for t in transfers], len(holds)


OPENING = (say("agent", 0, 4, "good morning this is mark"), say("customer", 5, 9, "my bill is wrong"))
ANNOUNCED = say("agent", 10, 12, "let me transfer you")
MUSIC = (sound("music", 14, 38),)
RINGS = tuple(sound("ringing", at_s, at_s + 2.0) for at_s in (16, 22, 28))


@pytest.mark.parametrize("sounds", [MUSIC, RINGS, ()])
def test_somebody_who_introduces_himself_has_taken_over(sounds):
    other = say("agent", 40, 44, "thank you for holding this is mark from billing")
    assert found(*OPENING, ANNOUNCED, other, sounds=sounds) == ([(12, 40, "completed")], 0)


@pytest.mark.parametrize(
    "greeting", ["Good afternoon, billing department", "you're through to billing", "how can I help you"]
)
def test_somebody_who_greets_has_taken_over(greeting):
    assert found(*OPENING, ANNOUNCED, say("agent", 40, 44, greeting), sounds=MUSIC) == (
        [(12, 40, "completed")],
        0,
    )


@pytest.mark.parametrize("back", ["thank you for holding they do not answer", "okay so nobody is there"])
def test_music_of_a_transfer_is_a_hold_when_the_same_agent_comes_back(back):
    assert found(*OPENING, ANNOUNCED, say("agent", 40, 44, back), sounds=MUSIC) == (
        [(12, 40, "returned")],
        1,
    )


def test_ringing_after_an_announcement_is_a_hold_of_tones_when_the_same_agent_comes_back():
    call = scene(*OPENING, ANNOUNCED, say("agent", 40, 44, "okay so nobody is there"), sounds=RINGS)
    (hold,) = detect_holds(call, HoldSettings(), detect_transfers(call))
    assert (hold.start_s, hold.end_s, hold.kind) == (12, 40, "tones")


def test_ringing_that_no_words_frame_is_no_hold():
    turns = (say("agent", 0, 4, "one moment then"), say("agent", 40, 44, "right"))
    assert found(*turns, sounds=RINGS) == ([], 0)


@pytest.mark.parametrize("hello", ["Hello, Mr. Ellis, I have the refund here.", "Hi there. What happened?"])
def test_somebody_who_says_hello_after_an_announcement_has_taken_over(hello):
    assert found(*OPENING, ANNOUNCED, say("agent", 40, 44, hello), sounds=MUSIC)[0] == [(12, 40, "completed")]


@pytest.mark.parametrize(
    ("hello", "kind"),
    [
        ("Hello, are you still there?", "return"),
        ("Hello, sorry to keep you waiting, they are busy.", "thanks"),
        ("Okay, say hello to the new plan.", None),
    ],
)
def test_an_agent_who_calls_back_with_hello_is_the_same(hello, kind):
    call = scene(*OPENING, ANNOUNCED, say("agent", 40, 44, hello), sounds=MUSIC)
    heard = (Said(kind, Span(40.5, 42), 3),) if kind else ()
    call = replace(call, phrases=(*call.phrases, *heard))
    assert [t.kind for t in detect_transfers(call)] == ["returned"]


def test_a_warm_transfer_needs_no_pause():
    other = say("agent", 13, 16, "hello this is mark")
    assert found(*OPENING, ANNOUNCED, other) == ([(12, 13, "completed")], 0)


def test_nobody_is_heard_after_the_announcement():
    assert found(*OPENING, ANNOUNCED, sounds=MUSIC) == ([(12, None, "announced")], 0)


def test_a_transfer_that_was_given_up_is_only_announced():
    talk = say("agent", 13, 60, "or I can do it here and that will take a while")
    assert found(*OPENING, ANNOUNCED, talk, say("agent", 80, 84, "this is mark")) == (
        [(12, None, "announced")],
        0,
    )


def test_a_customer_who_talks_at_length_is_not_waiting():
    story = say("customer", 13, 37, "but before you do that")
    assert found(*OPENING, ANNOUNCED, story, say("agent", 38, 40, "I see"))[0] == [(12, None, "announced")]


def test_somebody_who_introduces_himself_after_music_has_taken_over_though_nobody_announced_it():
    mumbled, other = say("agent", 10, 12, "I will produce for hours"), say("agent", 40, 44, "this is mark")
    assert found(*OPENING, mumbled, other, sounds=MUSIC) == ([(12, 40, "completed")], 0)


@pytest.mark.parametrize(
    "turns",
    [
        (*OPENING, say("agent", 10, 12, "may i put you on hold"), say("agent", 40, 44, "this is mark")),
        (*OPENING, say("agent", 10, 12, "so"), say("agent", 40, 44, "thank you for holding this is mark")),
        (say("agent", 10, 12, "one moment"), say("agent", 40, 44, "this is mark")),
    ],
)
def test_an_agent_who_asked_for_a_hold_or_thanks_for_one_or_is_the_first_is_no_other(turns):
    assert found(*turns, sounds=MUSIC) == ([], 1)


def test_a_name_said_after_mere_silence_is_no_transfer():
    assert found(*OPENING, say("agent", 10, 12, "so"), say("agent", 40, 44, "this is mark")) == ([], 0)


def test_one_announced_twice_is_one():
    again = say("agent", 14, 16, "so let me transfer you now")
    other = say("agent", 40, 44, "this is mark")
    assert found(*OPENING, ANNOUNCED, again, other, sounds=MUSIC)[0] == [(16, 40, "completed")]


def test_a_check_back_before_the_other_picks_up_makes_the_wait_before_it_a_hold():
    check = say("agent", 26, 28, "still trying")
    other = say("agent", 40, 44, "this is mark")
    sounds = (sound("music", 13, 25), sound("music", 29, 39))
    assert found(*OPENING, ANNOUNCED, check, other, sounds=sounds) == ([(12, 40, "completed")], 1)


def test_another_voice_on_mono_is_another_agent():
    def on_mono(turn, speaker):
        return replace(turn, channel=0, speaker=speaker)

    first = [on_mono(t, "speaker1" if t.role == "agent" else "speaker2") for t in (*OPENING, ANNOUNCED)]
    other = on_mono(say("agent", 40, 44, "what is the number"), "speaker3")
    same = replace(other, speaker="speaker1")
    assert found(*first, other, sounds=MUSIC) == ([(12, 40, "completed")], 0)
    assert found(*first, same, sounds=MUSIC) == ([(12, 40, "returned")], 1)


@given(st.floats(0.5, 100))
def test_transfers_move_with_time(shift_s):
    other = say("agent", 40, 44, "this is mark")
    turns = [
        replace(t, start_s=t.start_s + shift_s, end_s=t.end_s + shift_s) for t in (*OPENING, ANNOUNCED, other)
    ]
    ((start_s, end_s, kind),) = found(*turns)[0]
    assert (start_s, end_s, kind) == (pytest.approx(12 + shift_s), pytest.approx(40 + shift_s), "completed")


def test_a_call_without_words_has_no_transfers():
    assert detect_transfers(scene()) == ()


# --- holds by other evidence -------------------------------------------------------------------------

HELD = (say("agent", 5, 9, "may i put you on hold"), say("customer", 9.5, 10, "sure"))
BACK = say("agent", 50, 53, "thank you for holding")
PLAIN = (say("agent", 5, 9, "let me see"), say("agent", 50, 53, "here it is"))


def holds(*turns, sounds=(), **changes):
    return detect_holds(scene(*turns, sounds=sounds, **changes), HoldSettings())


def test_the_telephone_systems_holds_are_the_holds():
    given_holds = (Span(11.0, 49.0), Span(60.0, 62.0))
    (hold,) = holds(*PLAIN, given_holds=given_holds, sounds=(sound("music", 12, 48, track_id="t"),))
    assert (hold.start_s, hold.end_s, hold.kind, hold.track_id) == (11.0, 49.0, "music", "t")
    assert holds(*HELD, BACK, given_holds=()) == ()


def test_a_given_pause_of_the_recorder_is_no_hold():
    assert len(holds(*HELD, BACK)) == 1
    assert holds(*HELD, BACK, given_pauses=(Span(11.0, 49.5),)) == ()


def test_music_on_the_customers_side_is_a_hold_only_where_words_frame_it():
    radio = (sound("music", 10.5, 49.5, channel=1),)
    assert holds(*PLAIN, say("customer", 60, 61, "yes"), sounds=radio) == ()
    assert len(holds(*HELD, BACK, sounds=radio)) == 1


def beeps(*at_s, hz=1400.0):
    return tuple(sound("beep", t, t + 0.2, frequency_hz=hz) for t in at_s)


def test_the_recorders_beep_makes_no_hold():
    everywhere = beeps(2, 7, 22, 37, 52, 67, 82)
    turns = (*PLAIN, *(say("agent", t, t + 9, "and then") for t in (54, 64, 74, 84)))
    assert holds(*turns, sounds=everywhere) == ()
    (hold,) = holds(*turns, sounds=beeps(12, 20, 28, 36, 44, hz=440.0))
    assert hold.kind == "tones"


def test_the_longest_track_names_the_hold():
    sounds = (sound("music", 11, 20, track_id="short"), sound("music", 21, 49, track_id="long"))
    assert [h.track_id for h in holds(*HELD, BACK, sounds=sounds)] == ["long"]
    assert [h.track_id for h in holds(*HELD, BACK)] == [None]
