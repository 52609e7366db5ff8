"""RapidFuzz decides on names and numbers exactly as jellyfish did."""

import random
import string

import jellyfish
from rapidfuzz.distance import JaroWinkler, Levenshtein
from rule_cases import RULES

from pipeline.rules.checks.repeat_back import MOST_WRONG
from pipeline.rules.customer_names import SAME_SPELLING

SAMPLE = 400


def _misheard(name: str, chance: random.Random) -> str:
    """The name with one letter dropped, doubled, changed or swapped."""
    at = chance.randrange(len(name))
    letter = chance.choice(string.ascii_lowercase)
    swapped = name[:at] + name[at : at + 2][::-1] + name[at + 2 :]
    return chance.choice(
        (
            name[:at] + name[at + 1 :],
            name[:at] + name[at] + name[at:],
            name[:at] + letter + name[at + 1 :],
            swapped,
        )
    )


def test_names_are_alike_exactly_when_they_were():
    chance = random.Random(0)
    names = sorted(RULES.lexicon.first_names)
    others = chance.sample(names, min(SAMPLE, len(names)))
    others += [_misheard(name, chance) for name in others]
    for name in names:
        for other in others:
            old, new = jellyfish.jaro_winkler_similarity(name, other), JaroWinkler.similarity(name, other)
            assert abs(old - new) < 1e-9, (name, other)
            assert (old >= SAME_SPELLING) == (new >= SAME_SPELLING), (name, other)


def test_numbers_are_alike_exactly_when_they_were():
    chance = random.Random(0)
    for _ in range(20_000):
        code = "".join(chance.choices(string.digits + "abc", k=chance.randint(1, 16)))
        other = code
        for _ in range(chance.randint(0, 4)):
            other = _misheard(other, chance) or "0"
        old, new = jellyfish.levenshtein_distance(code, other), Levenshtein.distance(code, other)
        assert old == new, (code, other)
        shorter = min(len(code), len(other))
        assert (old <= MOST_WRONG * shorter) == (new <= MOST_WRONG * shorter)
