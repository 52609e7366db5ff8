"""The numbers by which events are found, each with an example on both sides of it and, where floats allow it, on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from builders import (
    a_hold,
    a_transfer,
    active,
    activities_of,
    conversation,
    say,
    sound,
    words_of,
)

from pipeline.events.holds import detect_holds, without_honoured_refusals
from pipeline.events.overlaps import classify, detect_overlaps, is_backchannel, is_complete
from pipeline.events.scene import Scene
from pipeline.events.silences import detect_silences
from pipeline.events.transfers import detect_transfers
from pipeline.records import Hold, Sound, Turn
from pipeline.settings import HoldSettings, OverlapSettings, SilenceSettings
from pipeline.spans import Span


@dataclass(frozen=True)
class Said:
    """A phrase, wherever a test wants it."""

    kind: str
    span: Span
    turn_index: int = 0


def scene(*turns: Turn, **parts: Any) -> Scene:
    numbered = conversation(*turns)
    filled: dict[str, Any] = {
        "duration_s": 200.0,
        "activities": activities_of(numbered),
        "turns": numbered,
        "sounds": (),
        "phrases": (),
        "words": words_of(numbered),
    }
    return Scene(**filled | parts)


LEAVES, RETURNS = say("agent", 5, 10, "let me see"), say("agent", 50, 53, "here it is")
ASKS = Said("request_told", Span(8.0, 10.0))
"""The request that frames what happens in the 40 s between them."""


def holds(*sounds: Sound, turns: tuple[Turn, ...] = (), framed: bool = False, **parts: Any) -> list[tuple]:
    """Start, end and kind of the holds while the agent is away from 10 to 50 s."""
    transfers = parts.pop("transfers", ())
    if framed:
        parts["phrases"] = (ASKS,)
    call = scene(LEAVES, *turns, RETURNS, sounds=sounds, **parts)
    found = detect_holds(call, HoldSettings(), transfers)
    assert [hold.hold_index for hold in found] == list(range(len(found)))
    return [(hold.start_s, hold.end_s, hold.kind) for hold in found]


# --- holds: what sounds


@pytest.mark.parametrize(
    ("kind", "length_s", "count"),
    [("music", 14.0, 1), ("music", 13.9, 0), ("tones", 14.0, 1), ("tones", 13.9, 0)],
)
def test_music_or_one_tone_fills_35_percent_of_the_gap(kind, length_s, count):
    assert len(holds(sound(kind, 15.0, 15.0 + length_s))) == count


def test_two_short_tones_are_enough():
    assert len(holds(sound("tones", 20.0, 20.25), sound("tones", 30.0, 30.25))) == 1


@pytest.mark.parametrize(
    ("start_s", "end_s", "count"), [(9.0, 23.5, 1), (9.0, 23.4, 0), (36.5, 51.0, 1), (36.6, 51.0, 0)]
)
def test_sounds_count_from_half_a_second_before_the_gap_to_half_a_second_after_it(start_s, end_s, count):
    assert len(holds(sound("music", start_s, end_s))) == count


@pytest.mark.parametrize(("until_s", "count"), [(40.0, 1), (40.1, 0)])
def test_a_customer_who_talks_for_more_than_half_of_the_music_is_not_on_hold(until_s, count):
    assert len(holds(sound("music", 10.0, 50.0), turns=(say("customer", 20.0, until_s, "and"),))) == count


@pytest.mark.parametrize(
    ("first_s", "second_s", "talk", "count"),
    [
        # Tones within 1 s of each other are taken for 1 s of hold.
        ((30.0, 30.2), (30.4, 30.6), (30.1, 30.5), 1),
        ((30.0, 30.3), (30.7, 31.0), (30.1, 30.7), 0),
    ],
)
def test_under_tones_close_together_half_a_second_of_talk_is_allowed(first_s, second_s, talk, count):
    tones = sound("tones", *first_s), sound("tones", *second_s)
    assert len(holds(*tones, turns=(say("customer", talk[0], talk[1], "and"),))) == count


@pytest.mark.parametrize(("music_s", "kind"), [(24.0, "music"), (23.9, "mixed")])
def test_what_is_music_for_60_percent_is_music(music_s, kind):
    found = holds(
        sound("music", 10.0, 10.0 + music_s), sound("tones", 40.0, 40.3), sound("tones", 49.7, 50.0)
    )
    assert [k for *_, k in found] == [kind]


@pytest.mark.parametrize(
    ("sounds", "said", "kind"),
    [
        ((sound("music", 10.0, 20.0), sound("music", 40.0, 50.0)), (), "music"),
        ((sound("tones", 12.0, 13.0), sound("tones", 40.0, 41.0)), (), "tones"),
        ((), (say("ivr", 20.0, 24.0, "please wait"),), "announcement"),
        ((sound("tones", 12.0, 13.0), sound("tones", 40.0, 41.0)), (say("ivr", 20.0, 24.0, "so"),), "mixed"),
        ((sound("music", 10.0, 24.5),), (say("ivr", 48.0, 49.0, "so"),), "mixed"),
    ],
)
def test_kinds_of_holds(sounds, said, kind):
    assert [k for *_, k in holds(*sounds, turns=said)] == [kind]


@pytest.mark.parametrize("kind", ["ringing", "busy"])
def test_the_networks_tones_need_words_around_them(kind):
    tones = sound(kind, 12.0, 14.0), sound(kind, 40.0, 42.0)
    assert holds(*tones) == []
    assert holds(*tones, framed=True) == [(10.0, 50.0, "tones")]


# --- holds: beeps


def beeps(*, held: int, talking: int, hz: float | None = 1400.0, talking_hz: float | None = 1400.0) -> int:
    """The holds with beeps while the agent is away for 40 s, and in the 60 s in which people talk."""
    turns = conversation(say("agent", 0, 10, "let me see"), say("agent", 50, 100, "here it is"))
    away = [sound("beep", 10.5 + 1.9 * i, 10.6 + 1.9 * i, frequency_hz=hz) for i in range(held)]
    heard = [sound("beep", 52.0 + 5.0 * i, 52.1 + 5.0 * i, frequency_hz=talking_hz) for i in range(talking)]
    call = scene(*turns, duration_s=100.0, sounds=(*away, *heard))
    return len(detect_holds(call, HoldSettings()))


@pytest.mark.parametrize(
    ("held", "talking", "count"),
    [
        # A recorder beeps at least 0.3 times as often while people talk ...
        (20, 9, 0),
        (20, 8, 1),
        (6, 3, 0),
        (6, 2, 1),
        # ... and at least twice.
        (2, 2, 0),
        (2, 1, 1),
    ],
)
def test_beeps_of_the_recorder_are_heard_as_often_while_people_talk(held, talking, count):
    assert beeps(held=held, talking=talking) == count


@pytest.mark.parametrize(
    ("hz", "talking_hz", "count"),
    [
        (1400.0, 1442.0, 0),
        (1400.0, 1443.0, 1),
        (1400.0, 1358.0, 0),
        (1400.0, 1357.0, 1),
        (None, 1400.0, 1),
        (1400.0, None, 1),
        (None, None, 1),
    ],
)
def test_beeps_are_alike_within_3_percent_of_their_pitch(hz, talking_hz, count):
    assert beeps(held=6, talking=6, hz=hz, talking_hz=talking_hz) == count


@pytest.mark.parametrize(("gap_s", "starts_s"), [(14.9, [60.0]), (15.0, [10.0, 60.0])])
def test_in_a_gap_of_less_than_15_s_people_are_talking(gap_s, starts_s):
    turns = say("agent", 0, 10, "so"), say("agent", 50, 60, "so"), say("agent", 60 + gap_s, 100, "so")
    sounds = tuple(sound("beep", at_s, at_s + 0.1, frequency_hz=1400.0) for at_s in (20, 30, 65, 70))
    found = detect_holds(scene(*turns, duration_s=100.0, sounds=sounds), HoldSettings())
    assert [hold.start_s for hold in found] == starts_s


# --- holds: silence and words


@pytest.mark.parametrize(("returns_s", "count"), [(18.0, 1), (17.9, 0)])
def test_a_silent_hold_lasts_at_least_8_s(returns_s, count):
    call = scene(LEAVES, say("agent", returns_s, 60, "so"), phrases=(ASKS,))
    assert len(detect_holds(call, HoldSettings())) == count


@pytest.mark.parametrize(("returns_s", "count"), [(15.0, 1), (14.9, 0)])
def test_a_hold_with_music_lasts_at_least_5_s(returns_s, count):
    call = scene(LEAVES, say("agent", returns_s, 60, "so"), sounds=(sound("music", 10.0, returns_s),))
    assert len(detect_holds(call, HoldSettings())) == count


def test_a_hold_that_is_short_because_somebody_spoke_first_is_none():
    turns = LEAVES, say("customer", 10.5, 12.0, "right"), say("agent", 16.0, 60.0, "so")
    assert detect_holds(scene(*turns, sounds=(sound("music", 12.0, 16.0),)), HoldSettings()) == ()


def test_a_short_gap_does_not_hide_a_later_hold():
    short = say("agent", 2.0, 3.0, "well")
    assert holds(sound("music", 10.0, 50.0), turns=(short,)) == [(10.0, 50.0, "music")]


@pytest.mark.parametrize(
    ("kind", "start_s", "end_s", "count"),
    [
        ("request_question", 9.0, 10.4, 1),
        ("request_question", 9.0, 10.6, 0),
        ("request_told", -11.0, -10.0, 1),
        ("request_told", -11.0, -10.1, 0),
        ("wait", 8.0, 10.0, 0),
        ("thanks", 49.6, 52.0, 1),
        ("thanks", 49.4, 52.0, 0),
        ("thanks", 59.9, 62.0, 1),
        ("thanks", 60.1, 62.0, 0),
        ("return", 50.0, 52.0, 0),
    ],
)
def test_words_that_frame_a_silence(kind, start_s, end_s, count):
    """A request that ends within 20 s before it, thanks within 10 s after it, both up to 0.5 s inside."""
    assert len(holds(phrases=(Said(kind, Span(start_s, end_s)),))) == count


@pytest.mark.parametrize(
    ("talks", "starts_s"),
    [
        # Stretches of 5 s belong to it, shorter ones lie before it; one of 8 s is enough.
        (((15.0, 19.0),), [10.0]),
        (((14.9, 19.0),), [19.0]),
        (((16.0, 20.0),), [10.0]),
        # Half of it, at most, is the customer's.
        (((20.0, 40.0),), [10.0]),
        (((20.0, 40.1),), []),
    ],
)
def test_the_customer_may_speak_during_a_silence(talks, starts_s):
    turns = tuple(say("customer", talk[0], talk[1], "and") for talk in talks)
    assert [start_s for start_s, *_ in holds(turns=turns, framed=True)] == starts_s


@pytest.mark.parametrize(
    ("kind", "end_s", "count"),
    [
        ("completed", 50.4, 0),
        ("completed", 49.6, 0),
        ("completed", 50.5, 1),
        ("completed", 49.4, 1),
        ("returned", 50.0, 1),
    ],
)
def test_what_ends_with_another_agent_is_no_hold(kind, end_s, count):
    handed_on = a_transfer(10.0, end_s, kind=kind)
    assert len(holds(sound("music", 10.0, 50.0), transfers=(handed_on,))) == count


def test_a_transfer_to_another_agent_does_not_hide_a_later_hold():
    turns = LEAVES, RETURNS, say("agent", 90.0, 95.0, "so")
    sounds = sound("music", 10.0, 50.0), sound("music", 53.0, 90.0)
    found = detect_holds(scene(*turns, sounds=sounds), HoldSettings(), (a_transfer(10.0, 50.0),))
    assert [(hold.hold_index, hold.start_s) for hold in found] == [(0, 53.0)]


@pytest.mark.parametrize(("kind", "count"), [("returned", 1), ("announced", 0)])
def test_an_announced_transfer_from_which_the_agent_returns_asks_for_the_silence(kind, count):
    handed_on = a_transfer(10.0, 50.0 if kind == "returned" else None, kind=kind)
    assert len(holds(transfers=(handed_on,))) == count


@pytest.mark.parametrize(("end_s", "starts_s"), [(12.4, 12.4), (12.5, 12.5), (12.6, 10.0)])
def test_a_last_word_may_reach_half_a_second_into_the_music(end_s, starts_s):
    found = holds(sound("music", 12.0, 50.0), turns=(say("customer", 11.0, end_s, "right"),))
    assert [start_s for start_s, *_ in found] == [starts_s]


def test_an_announcement_is_no_last_word():
    assert holds(sound("music", 11.0, 50.0), turns=(say("ivr", 10.1, 10.4, "so"),)) == [(10.0, 50.0, "music")]


def test_what_was_said_before_the_agent_left_is_no_last_word():
    assert holds(sound("music", 11.0, 50.0), turns=(say("customer", 2.0, 4.0, "so"),))[0][0] == 10.0


def test_a_turn_within_a_longer_one_does_not_end_it():
    long, short = say("agent", 5, 30, "let me see"), say("agent", 10, 12, "so")
    call = scene(long, short, RETURNS, sounds=(sound("music", 12.0, 50.0),))
    assert [(hold.start_s, hold.end_s) for hold in detect_holds(call, HoldSettings())] == [(30.0, 50.0)]


# --- holds: given ones, and their music


def given(*sounds: Sound) -> Hold:
    (hold,) = detect_holds(
        scene(LEAVES, RETURNS, sounds=sounds, given_holds=(Span(10.0, 50.0),)), HoldSettings()
    )
    return hold


@pytest.mark.parametrize(
    ("sounds", "kind"),
    [
        ((), "silence"),
        # On whichever side: the hold is known.
        ((sound("music", 10.0, 50.0, channel=1),), "music"),
        ((sound("ringing", 12.0, 14.0), sound("ringing", 22.0, 24.0)), "tones"),
    ],
)
def test_the_kind_of_a_given_hold(sounds, kind):
    assert given(*sounds).kind == kind


@pytest.mark.parametrize(
    ("plays", "track_id"),
    [
        ((("a", 11, 15), ("a", 16, 20), ("b", 21, 41)), "b"),
        ((("b", 11, 17), ("b", 18, 24), ("a", 30, 40)), "b"),
        # Only what plays in the hold, and as far as it does.
        ((("a", 60, 90),), None),
        ((("a", 0, 12), ("b", 20, 24)), "b"),
        (((None, 10, 50), ("b", 20, 24)), "b"),
    ],
)
def test_the_track_that_plays_longest_in_the_hold(plays, track_id):
    sounds = (sound("music", start_s, end_s, track_id=name) for name, start_s, end_s in plays)
    assert given(*sounds).track_id == track_id


# --- a declined request


def test_an_answer_to_a_no_lies_between_it_and_the_hold():
    hold = a_hold(20.0, 40.0, "silence", permission="refused", thanked=False, request_turn_index=1)

    def kept(*turns: Turn) -> int:
        return len(without_honoured_refusals((hold,), conversation(say("agent", 0, 2, "hello"), *turns)))

    asked, no = say("agent", 5, 7, "may I?"), say("customer", 8, 9, "no")
    assert kept(asked, no) == 1
    assert kept(asked, no, say("agent", 10, 12, "fine")) == 0
    assert kept(asked, no, say("unknown", 10, 12, "fine")) == 0
    assert kept(asked, no, say("ivr", 10, 12, "fine")) == 1
    assert kept(asked, no, say("agent", 41, 43, "fine")) == 1
    # The first reply counts, and what the agent says before it is no answer.
    assert kept(asked, say("agent", 7.5, 7.8, "well"), no) == 1
    assert kept(asked, no, say("agent", 10, 12, "fine"), say("customer", 13, 14, "thanks")) == 0


# --- the first sound of the music


@pytest.mark.parametrize(
    ("length_s", "music_s", "channel", "onset"),
    [
        (0.5, 14.0, 0, True),
        (0.6, 14.0, 0, False),
        (0.3, 14.4, 0, True),
        (0.3, 14.6, 0, False),
        (0.3, 12.0, 0, True),
        (0.3, 11.9, 0, False),
        (0.3, 14.0, 1, False),
    ],
)
def test_a_short_sound_within_2_5_s_before_the_music_is_its_first(length_s, music_s, channel, onset):
    call = scene(sounds=(sound("music", music_s, 50.0, channel=channel),))
    assert call.is_onset(0, Span(12.0, 12.0 + length_s)) is onset


def test_one_of_several_sounds_may_follow_at_once():
    call = scene(sounds=(sound("music", 14.0, 50.0), sound("tones", 60.0, 61.0)))
    assert call.is_onset(0, Span(12.0, 12.3))


@pytest.mark.parametrize(
    ("middle_s", "channel", "onset"),
    [(11.6, 0, False), (11.4, 0, True), (12.9, 0, False), (13.1, 0, True), (12.2, 1, True)],
)
def test_a_word_within_half_a_second_makes_the_sound_speech(middle_s, channel, onset):
    role = "agent" if channel == 0 else "customer"
    words = words_of(conversation(say(role, middle_s - 0.1, middle_s + 0.1, "so")))
    call = scene(sounds=(sound("music", 13.0, 50.0),), words=words)
    assert call.is_onset(0, Span(12.0, 12.5)) is onset


# --- silences


@pytest.mark.parametrize(("until_s", "count"), [(12.1, 1), (12.0, 0)])
def test_what_a_pause_of_the_recorder_leaves_of_a_silence_is_longer_than_3_s(until_s, count):
    activities = active("agent", 0, 5), active("customer", until_s, 20)
    found = detect_silences(activities, (), (), frozenset(), SilenceSettings(), (Span(5.0, 9.0),))
    assert [s.kind for s in found] == ["recorder_pause", *["silence"] * count]


@pytest.mark.parametrize(
    ("role", "end_s", "announced"),
    [
        ("agent", 5.05, True),
        ("agent", 5.1, True),
        ("agent", 5.15, False),
        ("unknown", 5.0, True),
        ("customer", 5.0, False),
        ("ivr", 5.0, False),
    ],
)
def test_the_turn_before_a_silence_may_end_a_tenth_of_a_second_in_it(role, end_s, announced):
    turns = conversation(say(role, 2.0, end_s, "bear with me"))
    activities = active("agent", 0.0, 5.0), active("customer", 15.0, 20.0)
    (found,) = detect_silences(activities, (), turns, frozenset({0}), SilenceSettings())
    assert found.announced is announced


def test_only_the_last_turn_before_a_silence_announces_it():
    turns = conversation(say("agent", 0.0, 2.0, "bear with me"), say("agent", 3.0, 5.0, "here it is"))
    activities = active("agent", 0.0, 5.0), active("customer", 15.0, 20.0)
    (found,) = detect_silences(activities, (), turns, frozenset({0}), SilenceSettings())
    assert not found.announced


# --- overlaps

TALKS = say("customer", 0.0, 10.0, "I called yesterday about the router and then I")
ENDS = say("customer", 0.0, 10.0, "That is all.")


def kind_of(
    start_s: float, end_s: float, text: str = "well the last time I", of: Turn = TALKS, **parts: Any
) -> str:
    return classify(say("agent", start_s, end_s, text), of, OverlapSettings(), **parts)


@pytest.mark.parametrize(("end_s", "count"), [(0.2, 1), (0.19, 0)])
def test_an_overlap_lasts_at_least_200_ms(end_s, count):
    turns = conversation(say("agent", 0.0, 5.0, "so"), say("customer", 0.0, end_s, "well"))
    assert len(detect_overlaps(turns, activities_of(turns), OverlapSettings())) == count


@pytest.mark.parametrize(("start_s", "kind"), [(0.3, "simultaneous_start"), (0.4, "attempt")])
def test_a_start_within_300_ms_is_simultaneous(start_s, kind):
    assert kind_of(start_s, 5.0) == kind


@pytest.mark.parametrize(("start_s", "kind"), [(9.0, "backchannel"), (9.1, "interruption")])
def test_after_a_backchannel_the_other_goes_on_for_a_second(start_s, kind):
    assert kind_of(start_s, 10.5, "uh huh", goes_on_s=20.0) == kind


@pytest.mark.parametrize(
    ("goes_on_s", "of", "kind"),
    [
        (11.0, TALKS, "backchannel"),  # a pause of a second, and the customer goes on
        (11.1, TALKS, "attempt"),  # it ended with the turn; what came of it shows no listening
        (11.0, ENDS, "terminal"),
    ],
)
def test_who_goes_on_after_a_pause_was_only_listened_to(goes_on_s, of, kind):
    start_s = 9.6 if of is ENDS else 9.4
    assert kind_of(start_s, 10.0 if of is TALKS else 10.1, "sure", of=of, goes_on_s=goes_on_s) == kind


@pytest.mark.parametrize(("start_s", "kind"), [(9.5, "terminal"), (9.4, "interruption")])
def test_a_start_within_half_a_second_of_the_end_of_a_sentence_takes_turns(start_s, kind):
    assert kind_of(start_s, 12.0, "what is your postcode?", ENDS) == kind


@pytest.mark.parametrize(
    ("start_s", "end_s", "kind"),
    [
        (8.5, 12.0, "interruption"),
        (8.4, 12.0, "attempt"),
        (9.0, 10.1, "interruption"),
        (9.0, 10.0, "attempt"),
    ],
)
def test_who_is_interrupted_yields_within_a_second_and_a_half(start_s, end_s, kind):
    assert kind_of(start_s, end_s) == kind


@pytest.mark.parametrize(
    ("end_s", "goes_on_s", "kind"),
    [
        (10.5, 11.5, "attempt"),
        (10.5, 11.6, "interruption"),
        (10.9, 11.5, "attempt"),
        (11.0, 11.5, "interruption"),
    ],
)
def test_who_gave_up_within_a_second_of_a_pause_did_not_interrupt(end_s, goes_on_s, kind):
    assert kind_of(9.0, end_s, goes_on_s=goes_on_s) == kind


@pytest.mark.parametrize(
    ("length_s", "text", "listening"),
    [
        (1.0, "yeah yeah yeah yeah", True),
        (1.1, "yeah yeah yeah yeah", False),
        (2.0, "yeah yeah yeah", True),
        (1.0, "", True),
        (1.1, "", False),
        (1.0, "yeah well the bill", False),
    ],
)
def test_a_sign_of_listening_lasts_a_second_or_has_three_words(length_s, text, listening):
    assert is_backchannel(say("agent", 0.0, length_s, text), OverlapSettings()) is listening


# --- transfers

OPENING = (say("agent", 0, 4, "good morning"), say("customer", 5, 9, "my bill is wrong"))
ANNOUNCED = say("agent", 10, 12, "let me transfer you")
TRANSFER = Said("transfer", Span(10.0, 12.0), 2)
PLAYS = (sound("music", 14.0, 38.0),)


def transfers(*turns: Turn, phrases: tuple[Said, ...] = (TRANSFER,), **parts: Any) -> list[tuple]:
    call = scene(*OPENING, *turns, phrases=phrases, **parts)
    found = detect_transfers(call)
    assert [transfer.transfer_index for transfer in found] == list(range(len(found)))
    return [(transfer.start_s, transfer.end_s, transfer.kind) for transfer in found]


BACK = say("agent", 40, 42, "okay so nobody is there")
GREETS = "good afternoon, how can I help you"


@pytest.mark.parametrize(("back_s", "kind"), [(16.0, "returned"), (15.9, "announced")])
def test_an_agent_is_away_for_at_least_4_s(back_s, kind):
    assert [k for *_, k in transfers(ANNOUNCED, say("agent", back_s, 30, "so"))] == [kind]


@pytest.mark.parametrize(("end_s", "kind"), [(12.4, "returned"), (12.5, "returned"), (12.6, "announced")])
def test_an_announcement_may_end_half_a_second_after_the_agent_has_left(end_s, kind):
    assert [k for *_, k in transfers(ANNOUNCED, BACK, phrases=(Said("transfer", Span(10.0, end_s), 2),))] == [
        kind
    ]


@pytest.mark.parametrize(("until_s", "kind"), [(34.0, "returned"), (34.1, "announced")])
def test_a_customer_who_talks_for_more_than_half_of_the_time_is_not_waiting(until_s, kind):
    assert [k for *_, k in transfers(ANNOUNCED, say("customer", 20.0, until_s, "but"), BACK)] == [kind]


def test_a_gap_in_which_the_customer_talks_does_not_hide_a_later_one():
    story = say("customer", 13.0, 19.0, "but before you do that")
    assert transfers(ANNOUNCED, story, say("agent", 20.0, 21.0, "yes"), BACK) == [(12, 40, "returned")]


@pytest.mark.parametrize(("until_s", "kind"), [(42.0, "returned"), (42.1, "announced")])
def test_after_more_than_30_s_of_the_agents_talk_the_transfer_was_given_up(until_s, kind):
    talk = say("agent", 12.0, until_s, "or I can do it here")
    assert [k for *_, k in transfers(ANNOUNCED, talk, say("agent", 60, 62, "so"))] == [kind]


@pytest.mark.parametrize(
    ("until_s", "expected"), [(42.0, (12, 42.0, "completed")), (42.1, (12, None, "announced"))]
)
def test_an_introduction_after_30_s_of_talk_is_somebody_elses(until_s, expected):
    talk, other = say("agent", 12.0, until_s, "he is nice"), say("agent", until_s, 60, "this is mark")
    named = Said("introduction", Span(until_s, until_s + 1), 4)
    assert transfers(ANNOUNCED, talk, other, phrases=(TRANSFER, named)) == [expected]


def test_another_agent_in_the_turn_of_the_announcement_begins_with_the_name():
    turn = say("agent", 10, 20, "let me transfer you hello this is mark")
    named = Said("introduction", Span(15.0, 16.0), 2)
    assert transfers(turn, phrases=(TRANSFER, named)) == [(12, 15.0, "completed")]


def test_a_name_given_before_the_announcement_is_nobody_elses():
    assert transfers(ANNOUNCED, BACK, phrases=(Said("introduction", Span(0, 2)), TRANSFER)) == [
        (12, 40, "returned")
    ]


@pytest.mark.parametrize(("greets_s", "kind"), [(54.9, "completed"), (55.0, "returned")])
def test_who_takes_over_greets_within_15_s(greets_s, kind):
    talk = say("agent", 42.0, greets_s, "well let me see")
    found = transfers(ANNOUNCED, BACK, talk, say("agent", greets_s, 60, GREETS))
    assert found == [(12, 40, kind)]


def test_what_is_said_after_leaving_again_is_judged_from_there():
    assert transfers(ANNOUNCED, BACK, say("agent", 47, 60, GREETS)) == [(12, 47, "completed")]


@pytest.mark.parametrize(
    ("starts_s", "kind"), [(39.6, "returned"), (39.4, "completed"), (54.9, "returned"), (55.1, "completed")]
)
def test_thanks_may_begin_half_a_second_before_the_turn_and_follow_within_15_s(starts_s, kind):
    thanks = Said("thanks", Span(starts_s, starts_s + 1.0), 3)
    assert transfers(ANNOUNCED, say("agent", 40, 60, GREETS), phrases=(TRANSFER, thanks)) == [(12, 40, kind)]


def test_thanks_for_waiting_are_no_sign_of_another_agent_and_a_name_is():
    thanks, named = Said("thanks", Span(40, 41), 3), Said("introduction", Span(41, 42), 3)
    back = say("agent", 40, 42, "thank you for waiting, how can I help you")
    assert transfers(ANNOUNCED, back, phrases=(TRANSFER, thanks)) == [(12, 40, "returned")]
    assert transfers(ANNOUNCED, back, phrases=(TRANSFER, thanks, named)) == [(12, 40, "completed")]


def test_another_speaker_on_another_channel_need_not_be_another_agent():
    other = say("agent", 40, 42, "so", channel=1, speaker="other")
    assert transfers(ANNOUNCED, other) == [(12, 40, "returned")]


def test_who_greets_before_leaving_again_took_over_when_coming_then():
    turns = say("agent", 47, 49, GREETS), say("agent", 54, 56, "so")
    assert transfers(ANNOUNCED, BACK, *turns) == [(12, 47, "completed")]


def test_a_name_within_15_s_of_the_return_counts_after_however_much_talk():
    turns = say("agent", 12, 41, "or I can do it here"), say("agent", 60, 70, "well this is mark")
    named = Said("introduction", Span(65.0, 66.0), 4)
    assert transfers(ANNOUNCED, *turns, phrases=(TRANSFER, named)) == [(12, 60, "completed")]


def test_the_other_agent_may_begin_by_announcing_the_next_transfer():
    again = Said("transfer", Span(40.0, 42.0), 3)
    found = transfers(ANNOUNCED, say("agent", 40, 44, GREETS), phrases=(TRANSFER, again))
    assert found == [(12, 40, "completed"), (42.0, None, "announced")]


def test_two_transfers_one_after_the_other():
    turns = (
        ANNOUNCED,
        say("agent", 40, 44, GREETS),
        say("agent", 60, 62, "transfer"),
        say("agent", 80, 84, GREETS),
    )
    again = Said("transfer", Span(60.0, 62.0), 4)
    assert transfers(*turns, phrases=(TRANSFER, again)) == [(12, 40, "completed"), (62, 80, "completed")]


# --- transfers that nobody announced

MUMBLES, OTHER = say("agent", 10, 12, "so"), say("agent", 40, 44, "this is mark")


def unannounced(
    *others: Said, named_s: float = 40.0, plays: tuple[Sound, ...] = PLAYS, turns: tuple[Turn, ...] = ()
) -> int:
    named = Said("introduction", Span(named_s, named_s + 1.0), 3)
    return len(transfers(MUMBLES, *turns, OTHER, phrases=(*others, named), sounds=plays))


@pytest.mark.parametrize(("named_s", "count"), [(39.6, 1), (39.4, 0), (54.9, 1), (55.1, 0)])
def test_the_other_agent_gives_a_name_within_15_s(named_s, count):
    assert unannounced(named_s=named_s) == count


@pytest.mark.parametrize(
    ("kind", "start_s", "count"),
    [
        ("request_told", -2.9, 0),
        ("request_told", -3.1, 1),
        ("request_question", 11.0, 0),
        ("request_told", 39.0, 0),
        ("wait", 11.0, 1),
        ("thanks", 39.6, 0),
        ("thanks", 39.4, 1),
        ("thanks", 54.9, 0),
        ("thanks", 55.1, 1),
    ],
)
def test_who_asks_for_a_hold_within_15_s_or_thanks_for_it_is_no_other_agent(kind, start_s, count):
    assert unannounced(Said(kind, Span(start_s, start_s + 1.0))) == count


@pytest.mark.parametrize(
    ("plays", "count"),
    [
        ((sound("music", 14, 38),), 1),
        ((sound("tones", 14, 15),), 1),
        ((sound("ringing", 14, 16),), 1),
        ((sound("busy", 14, 16),), 0),
        ((sound("music", 50, 60),), 0),
    ],
)
def test_something_plays_while_a_caller_is_handed_on(plays, count):
    assert unannounced(plays=plays) == count


@pytest.mark.parametrize(("talk", "count"), [((15.0, 29.0), 1), ((15.0, 29.1), 0)])
def test_a_caller_who_talks_for_more_than_half_of_the_time_is_not_handed_on(talk, count):
    assert unannounced(turns=(say("customer", talk[0], talk[1], "and"),), named_s=40.0) == count


@pytest.mark.parametrize(("back_s", "count"), [(16.0, 1), (15.9, 0)])
def test_a_caller_is_handed_on_for_at_least_4_s(back_s, count):
    named = Said("introduction", Span(back_s, back_s + 1.0), 3)
    turns = MUMBLES, say("agent", back_s, 44, "this is mark")
    assert len(transfers(*turns, phrases=(named,), sounds=(sound("music", 12.5, 15.5),))) == count


@pytest.mark.parametrize(
    ("first", "phrases", "count"),
    [
        (say("agent", 0, 4, "good morning"), (), 1),
        (say("unknown", 0, 4, "good morning"), (), 1),
        (say("agent", 0, 4, "yes"), (), 0),
        (say("customer", 0, 4, "good morning"), (), 0),
        (say("agent", 0, 4, "yes"), (Said("introduction", Span(0.0, 1.0)),), 1),
    ],
)
def test_another_agent_follows_one_who_has_greeted_the_caller(first, phrases, count):
    named = Said("introduction", Span(40.0, 41.0), 2)
    call = scene(first, MUMBLES, say("agent", 40, 44, GREETS), phrases=(*phrases, named), sounds=PLAYS)
    assert len(detect_transfers(call)) == count


@pytest.mark.parametrize(
    ("text", "complete"),
    [
        ("I asked you two weeks", True),
        # A recogniser that ends sentences, but not this one, heard no end.
        ("Good. I asked you two weeks", False),
        ("Good? I asked you two weeks", False),
        ("Good. I asked you two weeks.", True),
        # A full stop within a number ends no sentence.
        ("It is 2.5", True),
        ("what it is for", False),
        ("what it is for.", True),
        ("what it is for?", True),
        ("what it is for!", True),
        ("I went and.", False),
        ("I went,", False),
        ("?", False),
    ],
)
def test_a_text_that_reads_as_finished(text, complete):
    assert is_complete(text) is complete
