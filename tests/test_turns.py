import pytest

from pipeline.phrases.role_cues import program_role_cues
from pipeline.records import HeardWord, Sound
from pipeline.settings import TurnSettings
from pipeline.spans import Span
from pipeline.speech.roles import agent_score, find_agent, is_announcement
from pipeline.speech.turns import Voice, activities_of, build_turns

SETTINGS = TurnSettings()
CUES = program_role_cues()


def heard(channel, start_s, text, each_s=0.3):
    return tuple(
        HeardWord(
            channel=channel,
            start_s=start_s + i * each_s,
            end_s=start_s + (i + 1) * each_s,
            text=word,
            probability=0.9,
        )
        for i, word in enumerate(text.split())
    )


def voice(channel, role, *said, sounds=()):
    """A channel on which each (start, text) is spoken at 0.3 s a word."""
    words = tuple(w for start_s, text in said for w in heard(channel, start_s, text))
    spans = tuple(Span(start_s, start_s + 0.3 * len(text.split())) for start_s, text in said)
    return Voice(
        channel=channel, speaker=f"channel{channel}", role=role, spans=spans, words=words, sounds=sounds
    )


def turns_of(*voices):
    return build_turns(voices, SETTINGS, CUES)[0]


def test_a_turn_keeps_its_own_short_pauses():
    (turn,) = turns_of(voice(0, "agent", (0.0, "one moment please"), (1.9, "here it is")))
    assert turn.text == "one moment please here it is"
    assert (turn.start_s, turn.end_s) == (0.0, pytest.approx(2.8))


def test_a_turn_ends_where_the_other_speaks_in_its_pause():
    turns = turns_of(
        voice(0, "agent", (0.0, "is that right"), (2.2, "good")), voice(1, "customer", (1.2, "yes"))
    )
    assert [(t.role, t.text) for t in turns] == [
        ("agent", "is that right"),
        ("customer", "yes"),
        ("agent", "good"),
    ]


def test_a_word_between_two_turns_goes_to_the_nearer():
    spoken = voice(0, "agent", (0.0, "one two"), (5.0, "three"))
    stray = HeardWord(channel=0, start_s=4.7, end_s=4.9, text="and", probability=0.5)
    turns = turns_of(
        Voice(channel=0, speaker="channel0", role="agent", spans=spoken.spans, words=(*spoken.words, stray))
    )
    assert [t.text for t in turns] == ["one two", "three and"]


def test_words_point_to_their_turn_and_are_numbered_in_time():
    turns, words = build_turns(
        [voice(0, "agent", (0.0, "how can I help")), voice(1, "customer", (0.6, "hello there"))],
        SETTINGS,
        CUES,
    )
    assert [w.word_index for w in words] == list(range(6))
    assert [w.start_s for w in words] == sorted(w.start_s for w in words)
    assert all(turns[w.turn_index].channel == w.channel and turns[w.turn_index].role == w.role for w in words)


def test_an_announcement_before_the_agent_is_ivr():
    turns = turns_of(
        voice(
            0,
            "agent",
            (0.0, "welcome to Oak Mutual."),
            (2.1, "calls are recorded for training."),
            (6.0, "hello this is Nina"),
        ),
        voice(1, "customer", (8.0, "hi Nina")),
    )
    assert [t.role for t in turns] == ["ivr", "agent", "customer"]
    assert turns[0].speaker == "ivr"
    assert turns[0].text == "welcome to Oak Mutual. calls are recorded for training."


def test_an_agent_who_speaks_the_notice_himself_is_no_ivr():
    turns = turns_of(
        voice(
            0,
            "agent",
            (0.0, "welcome to Oak Mutual."),
            (1.9, "calls are recorded."),
            (3.6, "my name is Nina"),
        ),
        voice(1, "customer", (8.0, "hi Nina")),
    )
    assert {t.role for t in turns} == {"agent", "customer"}


def test_speech_inside_hold_music_is_an_announcement():
    tune = Sound(channel=0, kind="music", start_s=10.0, end_s=40.0)
    turns = turns_of(
        voice(
            0,
            "agent",
            (8.0, "please hold"),
            (20.0, "you are next in line"),
            (40.5, "thanks for waiting"),
            sounds=(tune,),
        ),
        voice(1, "customer", (2.0, "hello")),
    )
    assert [t.role for t in turns] == ["customer", "agent", "ivr", "agent"]


HELD = ((8.0, "please hold"), (20.0, "thanks for waiting"))


def test_an_announcement_alone_in_a_silent_hold_is_ivr():
    customer = voice(1, "customer", (2.0, "hello"))
    said = (14.0, "your call is important to us")
    turns = turns_of(voice(0, "agent", HELD[0], said, HELD[1]), customer)
    assert [t.role for t in turns] == ["customer", "agent", "ivr", "agent"]


@pytest.mark.parametrize(
    "said",
    [
        (14.0, "please stay on the line"),  # an agent may say so
        (9.5, "your call is important to us"),  # right after the agent's own words
        (24.0, "your call is important to us"),  # the last words of the call
    ],
)
def test_an_agent_who_speaks_in_the_talk_is_no_announcement(said):
    parts = sorted((*HELD, said))
    turns = turns_of(voice(0, "agent", *parts), voice(1, "customer", (2.0, "hello")))
    assert {t.role for t in turns} == {"customer", "agent"}


def test_an_announcement_beside_a_caller_who_talks_is_none():
    caller = voice(1, "customer", (2.0, "hello"), (16.5, "yes"))
    said = (14.0, "your call is important to us")
    assert {t.role for t in turns_of(voice(0, "agent", HELD[0], said, HELD[1]), caller)} == {
        "customer",
        "agent",
    }


def test_activity_takes_the_role_of_its_turn():
    voices = (voice(0, "agent", (0.0, "hello"), (3.0, "bye")), voice(1, "customer", (1.0, "hello")))
    turns, _ = build_turns(voices, SETTINGS, CUES)
    found = activities_of(turns, voices)
    assert [(a.channel, a.role) for a in found] == [(0, "agent"), (1, "customer"), (0, "agent")]


def test_silent_channels_give_no_turns():
    assert build_turns([voice(0, "agent"), voice(1, "customer")], SETTINGS, CUES) == ((), ())


@pytest.mark.parametrize(
    "text",
    [
        "Your call is important to us. Please stay on the line.",
        "Welcome to Blue Harbor Travel. Calls are recorded for training and monitoring purposes.",
        "For billing press one, for support press two.",
        "All of our agents are busy. Your call will be answered by the next available agent.",
    ],
)
def test_announcements_are_known(text):
    assert is_announcement(text, CUES)


@pytest.mark.parametrize(
    "text",
    [
        "Thank you for calling Northwind Energy, my name is Sarah. This call may be recorded.",
        "Good morning, this call is recorded, how can I help?",
        "Please hold, I will be right back.",
        "Support.",
        "",
    ],
)
def test_live_agents_are_no_announcements(text):
    assert not is_announcement(text, CUES)


AGENT = "Thank you for calling Acme, this is Jo from support. How can I help you? Can you confirm your account number?"
CUSTOMER = "Hi, I have a problem with my bill, I would like to know why it doubled."


def test_the_agent_is_found_from_what_is_said():
    assert find_agent([AGENT, CUSTOMER], CUES) == (0, 1.0)
    assert find_agent([CUSTOMER, AGENT], CUES) == (1, 1.0)
    assert agent_score(AGENT, CUES) > 0 > agent_score(CUSTOMER, CUES)


def test_nothing_said_gives_no_confidence():
    assert find_agent(["", ""], CUES)[1] == 0.0
