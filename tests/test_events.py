from dataclasses import replace

import pytest
from builders import active, activities_of, conversation, say, sound, words_of
from hypothesis import given
from hypothesis import strategies as st

from pipeline.events.hold_phrases import hold_phrases
from pipeline.events.holds import detect_holds, without_honoured_refusals
from pipeline.events.overlaps import _pairs, detect_overlaps, is_complete
from pipeline.events.pauses import recorder_pauses
from pipeline.events.scene import Scene
from pipeline.events.silences import detect_silences
from pipeline.records import Hold
from pipeline.rules import load_rules
from pipeline.settings import HoldSettings, OverlapSettings, SilenceSettings
from pipeline.spans import Span

RULES = load_rules()


def holds_in(*turns, sounds=(), duration_s=200.0):
    numbered = conversation(*turns)
    words = words_of(numbered)
    phrases = hold_phrases(RULES.transcript(numbered, words), RULES.cues)
    scene = Scene(
        duration_s=duration_s,
        activities=activities_of(numbered),
        turns=numbered,
        sounds=sounds,
        phrases=phrases,
        words=words,
    )
    return detect_holds(scene, HoldSettings())


BEFORE = (
    say("customer", 0, 4, "my bill is wrong"),
    say("agent", 5, 9, "may I put you on hold?"),
    say("customer", 9.5, 10, "sure"),
)
BACK = say("agent", 50, 53, "thank you for holding")


def test_music_between_two_agent_turns_is_a_hold_from_the_last_word_to_the_return():
    (hold,) = holds_in(*BEFORE, BACK, sounds=(sound("music", 10.6, 49.5),))
    assert (hold.start_s, hold.end_s, hold.kind) == (10.0, 50.0, "music")


@pytest.mark.parametrize(
    ("role", "text", "start_s"),
    [("agent", "", 10.0), ("agent", "right", 12.3), ("customer", "", 12.3)],
    ids=["first sound of the music", "a word", "another channel"],
)
def test_the_first_sound_of_the_music_is_no_last_word(role, text, start_s):
    sounds = (sound("music", 12.8, 49.5),)
    (hold,) = holds_in(*BEFORE, say(role, 12.0, 12.3, text), BACK, sounds=sounds)
    assert hold.start_s == start_s


def test_silence_is_a_hold_only_when_words_frame_it():
    (hold,) = holds_in(*BEFORE, BACK)
    assert (hold.start_s, hold.end_s, hold.kind) == (10.0, 50.0, "silence")
    assert holds_in(say("agent", 5, 9, "let me see"), say("agent", 50, 53, "here it is")) == ()


def test_thanks_after_a_silence_make_it_a_hold_without_a_request():
    (hold,) = holds_in(say("agent", 5, 9, "let me see"), BACK)
    assert hold.span.duration_s == 41.0


@pytest.mark.parametrize("text", ["bear with me while this loads", "sure, I'll stay on the line with you"])
def test_an_announced_pause_is_no_hold(text):
    assert holds_in(say("agent", 5, 9, text), say("agent", 20, 23, "here we are")) == ()


def test_repeated_tones_are_a_hold_and_one_beep_is_none():
    beeps = tuple(sound("tones", t, t + 0.3) for t in (15, 25, 35, 45))
    (hold,) = holds_in(say("agent", 5, 9, "just a second"), say("agent", 50, 53, "right"), sounds=beeps)
    assert hold.kind == "tones"
    assert holds_in(say("agent", 5, 9, "let me see"), say("agent", 50, 53, "right"), sounds=beeps[:1]) == ()


def test_an_announcement_over_music_stays_music_and_alone_is_an_announcement():
    said = say("ivr", 20, 24, "your call is important to us")
    (tune,) = holds_in(*BEFORE, said, BACK, sounds=(sound("music", 10.6, 49.5),))
    (spoken,) = holds_in(*BEFORE, say("ivr", 12, 46, "please stay on the line"), BACK)
    assert (tune.kind, spoken.kind) == ("music", "announcement")


def test_music_and_silence_in_turn_are_mixed_with_tones():
    sounds = (sound("music", 11, 20), *(sound("tones", t, t + 0.3) for t in (30, 40, 48)))
    (hold,) = holds_in(*BEFORE, BACK, sounds=sounds)
    assert hold.kind == "mixed"


def test_without_a_return_there_is_no_hold():
    assert holds_in(*BEFORE, sounds=(sound("music", 10.6, 49.5),)) == ()


def test_a_caller_who_talks_at_length_is_not_on_hold():
    story = say("customer", 10, 48, "and then it broke again and again")
    assert holds_in(say("agent", 5, 9, "please hold on a second"), story, say("agent", 50, 52, "I see")) == ()


def test_music_before_the_agent_answers_is_a_queue():
    assert (
        holds_in(
            say("customer", 0, 1, "hello"), say("agent", 40, 43, "support"), sounds=(sound("music", 2, 39),)
        )
        == ()
    )


@given(st.floats(0.5, 300))
def test_holds_move_with_time(shift_s):
    turns = [say(t.role, t.start_s + shift_s, t.end_s + shift_s, t.text) for t in (*BEFORE, BACK)]
    (hold,) = holds_in(*turns, sounds=(sound("music", 10.6 + shift_s, 49.5 + shift_s),))
    assert hold.start_s == pytest.approx(10.0 + shift_s)
    assert hold.end_s == pytest.approx(50.0 + shift_s)


ASKED = say("agent", 2, 5, "may I put you on hold")
NO = say("customer", 6, 8, "no please don't")
HEEDED = say("agent", 8.5, 10, "certainly I will stay with you")
FINE = say("customer", 10.2, 10.6, "thanks")


def declined(start_s, **changes):
    hold = Hold(
        hold_index=0,
        start_s=start_s,
        end_s=start_s + 20,
        kind="silence",
        permission="refused",
        thanked=False,
        request_turn_index=0,
    )
    return replace(hold, **changes)


@pytest.mark.parametrize(
    ("turns", "hold", "kept"),
    [
        ((ASKED, NO, HEEDED), declined(10), False),
        ((ASKED, NO, HEEDED, FINE), declined(10.6), False),
        # Nobody answers the "no": held all the same.
        ((ASKED, NO), declined(8), True),
        # An agent who was talking still when the customer declined has not answered.
        ((replace(ASKED, end_s=6.5), NO), declined(8), True),
        ((ASKED, NO, HEEDED), declined(10, thanked=True), True),
        ((ASKED, NO, HEEDED), declined(10, kind="music"), True),
        ((ASKED, NO, HEEDED), declined(10, permission="granted"), True),
    ],
)
def test_a_silence_after_a_declined_request_is_no_hold_if_the_agent_heeded_it(turns, hold, kept):
    found = without_honoured_refusals((hold, declined(60, kind="music")), conversation(*turns))
    assert [h.start_s for h in found] == ([hold.start_s] if kept else []) + [60]
    assert [h.hold_index for h in found] == list(range(len(found)))


def kinds(*turns):
    numbered = conversation(*turns)
    return [
        (o.kind, o.by_role) for o in detect_overlaps(numbered, activities_of(numbered), OverlapSettings())
    ]


LONG = say("customer", 0, 10, "I called yesterday about the router and then I")


@pytest.mark.parametrize(
    ("turns", "expected"),
    [
        ((LONG, say("agent", 9.2, 12, "what is your postcode?")), [("interruption", "agent")]),
        ((LONG, say("agent", 9.6, 12, "what is your postcode?")), [("interruption", "agent")]),
        (
            (say("customer", 0, 10, "that is all."), say("agent", 9.6, 12, "thank you")),
            [("terminal", "agent")],
        ),
        ((LONG, say("agent", 5, 5.5, "uh huh")), [("backchannel", "agent")]),
        ((LONG, say("agent", 5, 5.4, "")), [("backchannel", "agent")]),
        ((LONG, say("agent", 5, 7, "could you just tell me")), [("attempt", "agent")]),
        ((LONG, say("agent", 0.2, 3, "good morning you are speaking to")), [("simultaneous_start", "agent")]),
        ((LONG, say("agent", 9.85, 12, "what is your postcode?")), []),
        (
            (say("customer", 0, 10, "I have no idea what it is for."), say("agent", 9.6, 12, "thank you")),
            [("terminal", "agent")],
        ),
        ((LONG, say("agent", 10.5, 12, "what is your postcode?")), []),
    ],
)
def test_kinds_of_overlap(turns, expected):
    assert kinds(*turns) == expected


@pytest.mark.parametrize(
    "hum", ["mmhm", "Mm-hmm.", "M.M.H.M.", "M-M-H-M", "mmm", "hmmm", "uh-huh", "Ohh", "ahhh"]
)
def test_a_hum_is_a_sign_of_listening_however_it_is_spelt(hum):
    assert kinds(LONG, say("agent", 5, 6.1, hum)) == [("backchannel", "agent")]


@pytest.mark.parametrize("word", ["him", "home", "hum along", "who"])
def test_a_word_is_no_hum(word):
    assert kinds(LONG, say("agent", 5, 6.1, word)) == [("attempt", "agent")]


PAUSES = say("agent", 0, 10, "Switch it off and wait ten seconds.")
GOES_ON = say("agent", 10.8, 14, "Then switch it on again.")


@pytest.mark.parametrize(
    ("cut_in", "kind"),
    [
        (say("customer", 9, 10.3, "well the last time I"), "attempt"),
        (say("customer", 9, 10.3, "I did that already."), "interruption"),  # it made its point
        (say("customer", 9, 13, "well the last time I"), "interruption"),  # it has the floor
    ],
)
def test_somebody_who_pauses_and_goes_on_was_not_interrupted_by_who_gave_up(cut_in, kind):
    assert kinds(PAUSES, cut_in, GOES_ON)[0] == (kind, "customer")
    assert kinds(PAUSES, cut_in)[0] == ("interruption", "customer")


@given(st.lists(st.tuples(st.sampled_from(["agent", "customer"]), st.floats(0, 30), st.floats(0.1, 9))))
def test_every_start_inside_a_turn_of_the_other_is_looked_at(said):
    turns = conversation(*(say(role, start, start + length, "so") for role, start, length in said))
    by_hand = {
        (by.turn_index, of.turn_index)
        for of in turns
        for by in turns
        if by.role != of.role
        and (of.start_s, of.turn_index) < (by.start_s, by.turn_index)
        and by.start_s < of.end_s
    }
    assert {(by.turn_index, of.turn_index) for by, of in _pairs(turns)} == by_hand


@given(st.floats(0.0, 20), st.floats(0.3, 15), st.floats(0.0, 20), st.floats(0.3, 15))
def test_swapping_the_sides_swaps_the_roles(a, a_long, b, b_long):
    first = kinds(
        say("agent", a, a + a_long, "one two three and"), say("customer", b, b + b_long, "four five six and")
    )
    second = kinds(
        say("customer", a, a + a_long, "one two three and"), say("agent", b, b + b_long, "four five six and")
    )
    swap = {"agent": "customer", "customer": "agent"}
    if a != b:  # who starts first is then a matter of order
        assert [(k, swap[r]) for k, r in first] == second


@pytest.mark.parametrize(
    "text",
    ["because of the", "because of the.", "and then I went to", "the light stays red and", "I wanted...", ""],
)
def test_unfinished_turns(text):
    assert not is_complete(text)


def silences(*turns, holds=(), pauses=()):
    numbered = conversation(*turns)
    announcing = frozenset(t.turn_index for t in numbered if "bear with me" in t.text)
    return detect_silences(activities_of(numbered), holds, numbered, announcing, SilenceSettings(), pauses)


def test_silence_is_longer_than_the_threshold_and_no_hold():
    turns = (say("agent", 2, 5, "bear with me"), say("agent", 15, 16, "so"), say("customer", 18.9, 20, "yes"))
    (found,) = silences(*turns)
    assert (found.start_s, found.end_s, found.announced) == (5, 15, True)
    hold = Hold(hold_index=0, start_s=5, end_s=15, kind="silence")
    assert silences(*turns, holds=(hold,)) == ()


def test_a_silence_nobody_announced():
    (found,) = silences(say("agent", 2, 5, "let me see"), say("customer", 19, 20, "are you there"))
    assert not found.announced


def test_a_call_without_speech_has_no_silences():
    assert silences() == ()


def test_activity_alone_makes_silence():
    found = detect_silences(
        (active("agent", 0, 1), active("customer", 9, 10)), (), (), frozenset(), SilenceSettings()
    )
    assert [(s.start_s, s.end_s) for s in found] == [(1, 9)]


def test_a_recorder_pause_is_no_silence():
    turns = (say("agent", 2, 5, "please give me the number"), say("agent", 30, 31, "thank you"))
    found = silences(*turns, pauses=(Span(8.0, 26.0),))
    assert [(s.start_s, s.end_s, s.kind) for s in found] == [
        (8, 26, "recorder_pause"),
        (26, 30, "silence"),
    ]
    (short,) = silences(say("agent", 2, 5, "so"), say("agent", 7, 9, "right"), pauses=(Span(5.5, 6.5),))
    assert (short.start_s, short.end_s, short.kind) == (5.5, 6.5, "recorder_pause")


def test_a_recorder_pause_needs_all_channels_or_the_metadata():
    left, right = (sound("cut", 10, 30, channel=0), sound("cut", 12, 31, channel=1))
    assert recorder_pauses((left, right), 2, None) == (Span(12, 30),)
    assert recorder_pauses((left,), 2, None) == ()
    assert recorder_pauses((left,), 1, None) == (Span(10, 30),)
    assert recorder_pauses((left, right), 2, (Span(50, 60),)) == (Span(50, 60),)
    assert recorder_pauses((left, right), 2, ()) == ()
