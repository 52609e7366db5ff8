"""Who sounds like the agent: weights, the lead that makes it sure, and how early an introduction must come."""

from __future__ import annotations

import pytest

from pipeline.phrases.role_cues import program_role_cues
from pipeline.speech.roles import agent_score, cues_in, find_agent, is_announcement, is_queue_announcement

CUES = program_role_cues()

GREETS = "Thank you for calling."
OFFERS = "How can I help?"
NOTHING = "The weather is fine."
PROBLEM = "I have a problem."


@pytest.mark.parametrize(
    ("texts", "who", "confidence"),
    [
        ((GREETS, NOTHING), 0, 0.5),
        ((NOTHING, GREETS), 1, 0.5),
        ((f"{GREETS} {OFFERS}", NOTHING), 0, 1.0),
        ((f"{GREETS} {OFFERS} Please hold.", NOTHING), 0, 1.0),
        # A customer's cues count against.
        ((NOTHING, PROBLEM), 0, 0.375),
        ((f"{GREETS} {PROBLEM}", NOTHING), 0, 0.125),
        # The lead is that over the next one.
        ((NOTHING, GREETS, f"{GREETS} {OFFERS}"), 2, 0.5),
        ((NOTHING, NOTHING), 0, 0.0),
        ((GREETS,), 0, 0.0),
    ],
)
def test_who_is_the_agent_and_how_surely(texts, who, confidence):
    assert find_agent(texts, CUES) == (who, confidence)


def test_a_cue_counts_once():
    assert agent_score(f"{GREETS} {GREETS}", CUES) == agent_score(GREETS, CUES) == 2.0


@pytest.mark.parametrize(("words_before", "cues"), [(57, ["introduction"]), (58, [])])
def test_an_introduction_counts_among_the_first_60_words(words_before, cues):
    assert [cue.name for cue in cues_in("so " * words_before + "My name is Nina.", CUES)] == cues


def test_an_offer_of_help_counts_whenever_it_is_made():
    assert [cue.name for cue in cues_in("so " * 100 + OFFERS, CUES)] == ["offer of help"]


@pytest.mark.parametrize(
    ("text", "announcement", "queue"),
    [
        ("Calls are recorded for training.", True, False),
        ("Your call is important to us. Please stay on the line.", True, True),
        ("Your call is important to us, my name is Nina.", False, False),
        ("The weather is fine.", False, False),
        ("My name is Nina.", False, False),
    ],
)
def test_announcements(text, announcement, queue):
    assert (is_announcement(text, CUES), is_queue_announcement(text, CUES)) == (announcement, queue)
