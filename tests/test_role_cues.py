"""A site's `roles.toml`: what it changes, which versions it changes, and how its faults are reported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import UsageError
from pipeline.phrases import role_cues, word_lists
from pipeline.phrases.role_cues import RoleCues, load_role_cues, program_role_cues
from pipeline.phrases.word_lists import load_words
from pipeline.records import Direction, HeardWord
from pipeline.rules import load_rules
from pipeline.settings import AudioSettings
from pipeline.speech.activity import ChannelActivity
from pipeline.speech.attribution import attribute_channels, roles_of
from pipeline.speech.roles import agent_score, is_announcement, is_queue_announcement

OWN = program_role_cues()
AHOY = """
greeting = ['\\bahoy\\b']
announcement = ['\\byou have reached the harbour\\b']

[[cues]]
name = "ahoy"
speaks_for = "agent"
weight = 4
patterns = ['\\bahoy\\b']
"""


def site_cues(folder: Path, text: str) -> RoleCues:
    (folder / "roles.toml").write_text(text, encoding="utf-8")
    return load_role_cues(folder)


def test_a_site_adds_a_cue_and_to_the_lists(tmp_path: Path) -> None:
    cues = site_cues(tmp_path, AHOY)
    assert (agent_score("Ahoy!", OWN), agent_score("Ahoy!", cues)) == (0, 4)
    assert agent_score("Thank you for calling.", cues) == agent_score("Thank you for calling.", OWN) > 0
    reached = "You have reached the harbour."
    assert (is_announcement(reached, OWN), is_announcement(reached, cues)) == (False, True)
    assert is_announcement("Welcome to Acme.", cues)
    assert cues.greeting.search("Ahoy")
    assert cues.greeting.search("Good morning")


def test_the_agent_of_a_call_is_found_by_a_sites_cue(tmp_path: Path) -> None:
    channel = ChannelActivity(spans=(), sounds=(), samples=[], leak=None)
    word = HeardWord(channel=1, start_s=0.0, end_s=0.5, text="Ahoy!", probability=0.9)
    heard, settings = [(), (word,)], AudioSettings(agent_channel="auto")
    assert attribute_channels((channel, channel), heard, settings, OWN).source == "none"
    (tmp_path / "roles.toml").write_text(AHOY, encoding="utf-8")
    found = attribute_channels((channel, channel), heard, settings, load_rules(tmp_path).role_cues)
    assert (found.agent_channel, found.source) == (1, "words")
    assert found.role_cues == {"channel0": [], "channel1": ["ahoy"]}


def test_a_site_replaces_a_list(tmp_path: Path) -> None:
    cues = site_cues(tmp_path, "replace = ['queue']\nqueue = ['\\bnumber three on deck\\b']\n")
    assert is_queue_announcement("You are number three on deck.", cues)
    assert not is_queue_announcement("Your call is important to us.", cues)


def test_a_site_changes_a_cue_of_the_program(tmp_path: Path) -> None:
    text = "[[cues]]\nname = 'company greeting'\npatterns = ['\\bahoy\\b']\n"
    more = site_cues(tmp_path, text)
    assert agent_score("Ahoy!", more) == agent_score("Thank you for calling.", more) == 2
    other = site_cues(tmp_path, text + "weight = 3\nreplace = true\n")
    assert (agent_score("Ahoy!", other), agent_score("Thank you for calling.", other)) == (3, 0)
    off = site_cues(tmp_path, "[[cues]]\nname = 'company greeting'\nweight = 0\n")
    assert agent_score("Thank you for calling.", off) == 0
    assert "company greeting" not in {cue.name for cue in off.cues}


@pytest.mark.parametrize(
    ("text", "roles_change", "events_change"),
    [
        ("# a comment\n", False, False),
        ("announcement = ['ahoy']\n", True, False),
        ("queue = ['ahoy']\n", True, False),
        ("live = ['ahoy']\n", True, False),
        ("[[cues]]\nname = 'hold'\npatterns = ['ahoy']\n", True, False),
        ("greeting = ['ahoy']\n", False, True),
        ("hello = ['ahoy']\n", False, True),
    ],
)
def test_versions_change_with_what_they_cover(
    tmp_path: Path, text: str, roles_change: bool, events_change: bool
) -> None:
    (tmp_path / "roles.toml").write_text(text, encoding="utf-8")
    own, site = load_rules(), load_rules(tmp_path)
    assert (site.role_cues.version != own.role_cues.version) == roles_change
    assert (site.language_version != own.language_version) == events_change


@pytest.mark.parametrize(
    ("name", "key", "changes"),
    [
        ("numbers", "inside", True),
        ("contact", "streets", True),
        ("grammar", "common", True),
        ("talk", "backchannels", True),
        ("talk", "answers", False),
    ],
)
def test_word_lists_that_find_events_change_the_version_of_the_language(
    name: str, key: str, changes: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = load_rules()
    original = load_words

    def with_ahoy(asked: str, language: str = "en") -> dict[str, Any]:
        values = original(asked, language)
        changed = asked == name and language == "en"
        return {**values, key: [*values[key], "ahoy"]} if changed else values

    for module in (word_lists, role_cues):
        monkeypatch.setattr(module, "load_words", with_ahoy)
    after = load_rules()
    assert (after.language_version != before.language_version) == changes
    assert (after.role_cues.version != before.role_cues.version) == (not changes)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("ahoy = []\n", r"unknown key: .*roles\.toml: ahoy; allowed: replace, announcement"),
        ("live = 'ahoy'\n", r"bad value: .*roles\.toml: live.*a list"),
        ("live = ['(ahoy']\n", r"bad value: .*roles\.toml: live\.0; got '\(ahoy'.*a regular expression \("),
        ("live = ['(ahoy)']\n", r"roles\.toml: live\.0.*without groups"),
        ("live = ['(?i)ahoy']\n", r"roles\.toml: live\.0.*a regular expression"),
        ("live = ['x*']\n", r"roles\.toml: live\.0.*empty text"),
        ("replace = ['live']\n", r"missing key: .*roles\.toml: live; add it"),
        ("replace = ['cues']\n", r"bad value: .*roles\.toml: replace\.0"),
        (
            "[[cues]]\nname = 'ahoy'\nweight = 1\npatterns = ['a']\n",
            r"missing key: .*cues\.speaks_for; got 'ahoy'",
        ),
        ("[[cues]]\nname = 'ahoy'\nspeaks_for = 'agent'\nweight = 1\n", r"missing key: .*cues\.patterns"),
        ("[[cues]]\nname = 'hold'\nreplace = true\n", r"missing key: .*cues\.patterns; got 'hold'"),
        ("[[cues]]\nname = 'hold'\nweight = -1\n", r"bad value: .*cues\.0\.weight"),
        ("[[cues]]\nname = 'hold'\nspeaks_for = 'ivr'\n", r"bad value: .*cues\.0\.speaks_for"),
        ("live = [\n", r"not TOML: .*roles\.toml"),
    ],
)
def test_faults_are_reported_with_file_and_key(tmp_path: Path, text: str, fault: str) -> None:
    with pytest.raises(UsageError, match=fault):
        site_cues(tmp_path, text)


# --- short calls -------------------------------------------------------------------------------------------

OUTBOUND = [
    (
        "Hello, is that Mrs Okafor? It's Dean from the eye clinic, I'm ringing to move your appointment.",
        "Hello? Yes, it is. Oh right. Tuesday is fine.",
    ),
    (
        "Good morning, could I speak to Mr Lind, please? I'm calling about the quote for your roof.",
        "Speaking. Go on then, how much is it?",
    ),
    (
        "Hi, this is Chloe calling from Harbour Insurance. Can you confirm your date of birth for me?",
        "Who's this? Okay, it's the fourth of May.",
    ),
]
INBOUND = [
    (
        "Stock desk, Ahmed speaking. What's your order number? I've raised that for you.",
        "Hi, I'm ringing about my order, it still hasn't arrived. It's five five one.",
    ),
    (
        "I'm sorry to hear that. Would you like me to send an engineer?",
        "I have been waiting in all day. Yes please, my boiler is off.",
    ),
]


@pytest.mark.parametrize(
    ("direction", "agent", "customer"),
    [("outbound", *texts) for texts in OUTBOUND] + [("inbound", *texts) for texts in INBOUND],
)
@pytest.mark.parametrize("agent_first", [True, False])
def test_roles_are_found_in_calls_of_half_a_minute(
    direction: Direction, agent: str, customer: str, agent_first: bool
) -> None:
    texts = {"s0": agent, "s1": customer} if agent_first else {"s0": customer, "s1": agent}
    roles, _ = roles_of(texts, AudioSettings().auto_role_min_confidence, program_role_cues().on(direction))
    agent_is, customer_is = ("s0", "s1") if agent_first else ("s1", "s0")
    assert roles == {agent_is: "agent", customer_is: "customer"}


def test_who_calls_whom_is_evidence() -> None:
    says_why = "I'm calling about the leak in the kitchen."
    assert agent_score(says_why, program_role_cues().on("inbound")) < 0
    assert agent_score(says_why, program_role_cues().on(None)) < 0
    assert agent_score(says_why, program_role_cues().on("outbound")) > 0


def test_a_call_that_shows_nothing_stays_unknown() -> None:
    roles, _ = roles_of({"s0": "Right, okay then.", "s1": "Yes. Fine."}, 0.6, program_role_cues())
    assert set(roles.values()) == {"unknown"}
