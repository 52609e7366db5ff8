import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.phrases.role_cues import program_role_cues
from pipeline.records import HeardWord
from pipeline.settings import AudioSettings, TurnSettings
from pipeline.spans import Span
from pipeline.speech.activity import ChannelActivity
from pipeline.speech.attribution import (
    attribute_channels,
    give_answers_to_the_other,
    roles_of,
    words_by_speaker,
)

SETTINGS = TurnSettings()
CUES = program_role_cues()
AGENT = "Thank you for calling Acme, this is Jo from support. How can I help you?"
CUSTOMER = "Hi, I have a problem with my bill and I would like to know why it doubled."
NOTICE = "Welcome to Acme. Calls are recorded for training."


def words(text, start_s=0.0, each_s=0.3):
    return tuple(
        HeardWord(
            channel=0, start_s=start_s + i * each_s, end_s=start_s + (i + 1) * each_s, text=w, probability=0.9
        )
        for i, w in enumerate(text.split())
    )


def said(heard, spans):
    found = words_by_speaker(heard, spans, SETTINGS)
    return {speaker: " ".join(w.text for w in own) for speaker, own in found.items()}


def test_words_go_to_whoever_covers_more_of_them():
    spans = {"a": (Span(0.0, 0.95),), "b": (Span(0.85, 2.0),)}
    assert said(words("one two three four five"), spans) == {"a": "one two three", "b": "four five"}


def test_a_change_of_speaker_waits_for_the_end_of_the_sentence():
    spans = {"a": (Span(0.0, 0.7),), "b": (Span(0.7, 3.0),)}
    assert said(words("what is it? my bill is wrong"), spans) == {"a": "what is it?", "b": "my bill is wrong"}
    spans = {"a": (Span(0.0, 1.3),), "b": (Span(1.3, 3.0),)}
    assert said(words("what is it? my bill is wrong"), spans) == {"a": "what is it?", "b": "my bill is wrong"}


def test_a_speaker_never_takes_over_for_less_than_a_moment():
    spans = {"a": (Span(0.0, 0.6), Span(0.72, 2.0)), "b": (Span(0.6, 0.72),)}
    heard = words("one two three four five six seven eight", each_s=0.12)
    assert said(heard, spans)["b"] == ""


ASKED = words("may I put you on hold?") + words("sure, go ahead.", 3.0)


def test_an_asker_does_not_answer_himself():
    spans = {"a": (Span(0.0, 1.8), Span(3.0, 3.9)), "b": (Span(9.0, 10.0),)}
    moved = give_answers_to_the_other(ASKED, spans, SETTINGS)
    assert moved == {"a": (Span(0.0, 1.8),), "b": (Span(3.0, 3.9), Span(9.0, 10.0))}


@pytest.mark.parametrize(
    ("asked", "spans"),
    [
        (ASKED, {"a": (Span(0.0, 1.8), Span(3.0, 3.9))}),  # nobody else is there
        (
            words("I put you on hold.") + words("sure, go ahead.", 3.0),
            {"a": (Span(0.0, 3.9),), "b": (Span(9, 10),)},
        ),
        (
            words("may I put you on hold?") + words("while I look.", 3.0),
            {"a": (Span(0.0, 3.9),), "b": (Span(9, 10),)},
        ),
        (words("may I put you on hold? sure, go ahead."), {"a": (Span(0.0, 2.7),), "b": (Span(9, 10),)}),
    ],
)
def test_other_stretches_stay_where_the_voice_put_them(asked, spans):
    assert give_answers_to_the_other(asked, spans, SETTINGS) == spans


def test_a_word_nobody_covers_goes_to_the_nearest():
    spans = {"a": (Span(0.0, 1.0),), "b": (Span(5.0, 6.0),)}
    assert said(words("hello", 4.5, 0.3), spans) == {"a": "", "b": "hello"}


@given(st.lists(st.tuples(st.floats(0, 2), st.floats(0.1, 3)), min_size=1, max_size=8), st.integers(1, 30))
def test_every_word_has_exactly_one_speaker(parts, n):
    spans, at_s = {"a": [], "b": []}, 0.0
    for i, (gap, length) in enumerate(parts):
        spans["ab"[i % 2]].append(Span(at_s + gap, at_s + gap + length))
        at_s += gap + length
    heard = words(" ".join(f"w{i}" for i in range(n)))
    found = words_by_speaker(heard, {k: tuple(v) for k, v in spans.items()}, SETTINGS)
    assert sorted(w.start_s for own in found.values() for w in own) == sorted(w.start_s for w in heard)


def test_no_speaker_has_no_words():
    assert words_by_speaker(words("hello"), {}, SETTINGS) == {}


def test_roles_follow_from_what_is_said():
    assert roles_of({"a": CUSTOMER, "b": AGENT}, 0.6, CUES) == ({"a": "customer", "b": "agent"}, 1.0)


def test_an_announcer_is_the_ivr():
    roles, _ = roles_of({"a": NOTICE, "b": AGENT, "c": CUSTOMER}, 0.6, CUES)
    assert roles == {"a": "ivr", "b": "agent", "c": "customer"}


def test_a_second_agent_joins_the_first():
    second = "Hello, thank you for holding, is there anything else I can help with?"
    roles, _ = roles_of({"a": AGENT, "b": CUSTOMER, "c": second}, 0.6, CUES)
    assert roles == {"a": "agent", "b": "customer", "c": "agent"}


@pytest.mark.parametrize(
    "texts", [{"a": "hello", "b": "hello there"}, {"a": ""}, {}, {"a": "yes", "b": "no", "c": "maybe"}]
)
def test_words_that_tell_nothing_leave_the_roles_unknown(texts):
    roles, confidence = roles_of(texts, 0.6, CUES)
    assert set(roles.values()) <= {"unknown"}
    assert confidence < 0.6


def test_one_side_alone_is_known_by_its_words():
    assert roles_of({"a": AGENT}, 0.6, CUES)[0] == {"a": "agent"}


def test_the_cues_that_decide_a_role_are_kept():
    channels = [ChannelActivity(samples=np.zeros(1, np.float32), spans=(), sounds=()) for _ in range(2)]
    texts = ["Thank you for calling, how can I help?", "I want to pay my bill."]
    found = attribute_channels(
        channels, [words(text) for text in texts], AudioSettings(agent_channel="auto"), CUES
    )
    assert found.source == "words"
    assert found.role_cues == {
        "channel0": ["company greeting", "offer of help"],
        "channel1": ["states a wish", "own account"],
    }
    given = attribute_channels(channels, [(), ()], AudioSettings(agent_channel="left"), CUES)
    assert given.role_cues == {}
