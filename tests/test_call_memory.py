"""No data of a call outlives the call, and calls may be assessed in several threads."""

from __future__ import annotations

import gc
import pickle
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from builders import a_recording, activities_of, conversation, say, words_of

from pipeline.assess import Said, find_events, find_findings
from pipeline.records import Call, CallAnalysis, Turn
from pipeline.rules import RuleSet, load_rules
from pipeline.settings import Settings

SETTINGS = Settings()
PLANTED = ("4111111111111111", "4111", "brzeczyszczykiewicz", "zolotoy-7733@example.com")


def a_call(*turns: Turn) -> CallAnalysis:
    numbered = conversation(*turns)
    recording = replace(a_recording(), layout="stereo", duration_s=200.0)
    return CallAnalysis(
        recording=recording,
        call=Call(),
        turns=numbered,
        words=words_of(numbered),
        activities=activities_of(numbered),
    )


def with_card() -> CallAnalysis:
    card = PLANTED[0][:4], "1111", "1111", "1111"
    return a_call(
        say("agent", 0, 4, "Good morning, Oak Mutual, this is Nina. What is your card number please?"),
        say("customer", 5, 12, f"My name is Zoltan {PLANTED[2].capitalize()}, it is {' '.join(card)}."),
        say("agent", 13, 18, "That is four one one one one one one one one one one one one one one one?"),
        say("customer", 19, 30, "Yes. Four one one one one one one one one one one one one one one one."),
        say("customer", 31, 36, f"My email is {PLANTED[3]} and I lost my card, please send another one."),
        say("agent", 37, 40, "May I put you on hold?"),
        say("customer", 41, 42, "Sure."),
        say("agent", 80, 84, f"Thank you for holding, {PLANTED[2].capitalize()}."),
    )


def assessed(call: CallAnalysis, rules: RuleSet) -> CallAnalysis:
    said = Said(transcript=rules.transcript(call.turns, call.words))
    events = find_events(call, rules, SETTINGS, overlaps_known=True, said=said)
    return find_findings(events, rules, SETTINGS, said)


def planted_in_memory() -> set[str]:
    """Every string that an object refers to with a planted value in it, but for the ones written here."""
    gc.collect()
    own = {*PLANTED, *(value for value in with_card.__code__.co_consts if isinstance(value, str))}
    texts = {text for value in gc.get_objects() for text in gc.get_referents(value) if type(text) is str}
    return {text for text in texts - own if any(planted in text.lower() for planted in PLANTED[:3])}


def test_nothing_of_a_call_is_left_when_it_is_gone():
    rules, before = load_rules(), planted_in_memory()
    found = assessed(with_card(), rules)
    assert {datum.kind for datum in found.personal_data} >= {"card_number", "email"}
    assert any(PLANTED[2] in (finding.quote or "").lower() for finding in found.findings)
    assert planted_in_memory() - before
    del found
    assert planted_in_memory() - before == set()
    pickled = pickle.dumps(rules).lower()
    assert not any(planted.encode() in pickled for planted in PLANTED)


def test_threads_find_what_one_finds_alone():
    calls = [
        with_card(),
        a_call(
            say("agent", 0, 5, "Hello, this call is recorded, how can I help?"),
            say("customer", 6, 12, "I want to speak to your manager, my bill is wrong again."),
            say("agent", 13, 18, "I am sorry about that, let me transfer you to billing."),
        ),
    ]
    alone = [assessed(call, load_rules()) for call in calls]
    for _ in range(3):
        rules = load_rules()  # with nothing remembered yet
        with ThreadPoolExecutor(8) as pool:
            together = list(pool.map(lambda n, rules=rules: assessed(calls[n % 2], rules), range(24)))
        assert all(found == alone[n % 2] for n, found in enumerate(together))
