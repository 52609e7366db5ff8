"""The kind of a call, and the turns that a machine speaks."""

from __future__ import annotations

import pytest
from builders import an_analysis, say, sound

from pipeline.events.call_kind import find_call_kind
from pipeline.phrases.role_cues import program_role_cues

GREETING = "Hi, you have reached Kevin Marsh. I can't come to the phone right now. Please leave a message."
QUEUE = "Your call is important to us, please stay on the line."
CARRIER = "The number you have dialed is not in service. Please check the number and dial again."

FORWARDED = "The person you are trying to reach is not available."
"""A carrier's words, which mean a mailbox where it asks for a message."""
MAILBOX = f"{FORWARDED} At the tone, please record your message. When you have finished recording, hang up."


@pytest.mark.parametrize(
    ("turns", "sounds", "kind"),
    [
        (
            [say("agent", 1, 3, "How can I help?"), say("customer", 4, 6, "My bill is wrong.")],
            (),
            "conversation",
        ),
        (
            [say("customer", 1, 8, GREETING), say("agent", 10, 18, "This is Julia, call us back.")],
            (),
            "voicemail",
        ),
        ([say("customer", 1, 8, GREETING)], (), "voicemail"),
        (
            [say("customer", 1, 4, "Marsh residence."), say("agent", 6, 12, "This is Julia, call us back.")],
            (sound("beep", 4.5, 5, channel=1),),
            "voicemail",
        ),
        (
            [
                say("customer", 1, 8, GREETING),
                say("agent", 9, 11, "This is Julia."),
                say("customer", 12, 14, "Oh, hello, I was just coming in."),
            ],
            (),
            "conversation",
        ),
        ([say("customer", 1, 8, CARRIER)], (), "ivr_only"),
        ([say("customer", 1, 8, MAILBOX)], (), "voicemail"),
        ([say("customer", 1, 4, FORWARDED), say("customer", 5, 8, "Leave a message.")], (), "voicemail"),
        ([say("customer", 1, 8, MAILBOX), say("agent", 9, 14, "This is Julia, call us.")], (), "voicemail"),
        ([say("ivr", 6, 12, QUEUE)], (sound("music", 0, 5.7), sound("music", 13, 20)), "queue_abandoned"),
        ([say("customer", 6, 12, QUEUE)], (), "queue_abandoned"),
        ([say("ivr", 1, 6, "Welcome to Oak Mutual. Press one for claims.")], (), "ivr_only"),
        ([], (sound("ringing", 0.5, 2.5),), "ring_no_answer"),
        ([], (sound("busy", 0.5, 2.5),), "ring_no_answer"),
        ([], (), "silent"),
        ([say("customer", 1, 2, "Hello?"), say("customer", 4, 6, "Is anybody there?")], (), "monologue"),
        (
            [
                say("agent", 3.0 * i, 3.0 * i + 1.5, text)
                for i, text in enumerate(("Hello.", "Yes.", "I see.", "Bye."))
            ],
            (),
            "one_sided",
        ),
    ],
)
def test_the_kind_of_a_call(turns, sounds, kind):
    assert find_call_kind(an_analysis(turns=turns, sounds=sounds), program_role_cues()).kind == kind


def test_a_machine_is_nobody_whose_data_count():
    found = find_call_kind(
        an_analysis(turns=[say("customer", 1, 8, GREETING), say("agent", 10, 18, "Call us back.")]),
        program_role_cues(),
    )
    assert found.machine_turns == {0}


def test_a_customer_who_names_security_is_no_machine():
    call = an_analysis(
        turns=[
            say("agent", 1, 3, "Your date of birth?"),
            say("customer", 4, 8, "Of course. For security it is the third of May 1980."),
        ]
    )
    assert find_call_kind(call, program_role_cues()).machine_turns == frozenset()


def test_a_queue_and_a_live_agent_are_a_conversation_with_the_customer():
    turns = [
        say("ivr", 1, 6, QUEUE),
        say("agent", 8, 10, "How can I help?"),
        say("customer", 11, 13, "Hello."),
    ]
    assert (
        find_call_kind(an_analysis(turns=turns, sounds=(sound("music", 0, 7),)), program_role_cues()).kind
        == "conversation"
    )
