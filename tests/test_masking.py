"""What is masked in whole mini-calls: every kind with examples and decoys, as written and in lower case."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.masking.find import find_masks
from pipeline.masking.model import labels_nothing
from pipeline.records import Word
from pipeline.settings import MASK_KINDS
from pipeline.weights.names import NameModel, find_name_weights

CASES = [
    json.loads(line)
    for line in (Path(__file__).parent / "data/masking/calls.jsonl").read_text(encoding="utf-8").splitlines()
]
_GIVEN = re.compile(r"\{([^|}]*)\|(\w+)\}")


@pytest.fixture(scope="module")
def model():
    weights = find_name_weights()
    if weights is None:
        pytest.skip("the name model is not installed")
    return NameModel(weights)


def call(*turns, lower=False):
    """The words of a call and the kind that each must be masked as, from turns with {value|kind}."""
    words, kinds = [], []
    for turn, (role, text) in enumerate(turns):
        at = 0
        pieces: list[tuple[str, str | None]] = []
        for match in _GIVEN.finditer(text):
            pieces += [(word, None) for word in text[at : match.start()].split()]
            pieces += [(word, match.group(2)) for word in match.group(1).split()]
            at = match.end()
        pieces += [(word, None) for word in text[at:].split()]
        for word, kind in pieces:
            if not re.search(r"\w", word):
                continue
            start_s = len(words) * 0.4 + turn
            shown = word.lower().strip(".,?!") if lower else word
            words.append(
                Word(
                    word_index=len(words),
                    turn_index=turn,
                    role=role,
                    channel=0 if role == "agent" else 1,
                    start_s=start_s,
                    end_s=start_s + 0.3,
                    text=shown,
                    probability=0.9,
                )
            )
            kinds.append(kind)
    return words, kinds


def masked(masks, count):
    """The kind that each word is masked as."""
    kinds = [None] * count
    for mask in masks:
        for at in range(mask.first_word, mask.last_word + 1):
            kinds[at] = mask.kind
    return kinds


@pytest.mark.real
@pytest.mark.parametrize("lower", [False, True], ids=["written", "lower"])
@pytest.mark.parametrize("case", CASES, ids=[case["what"] for case in CASES])
def test_mini_calls_are_masked_whole_and_nothing_else(case, lower, model):
    words, expected = call(*case["turns"], lower=lower)
    got = masked(find_masks(words, model), len(words))
    missed = [word.text for word, want, kind in zip(words, expected, got, strict=True) if want and not kind]
    needless = [word.text for word, want, kind in zip(words, expected, got, strict=True) if kind and not want]
    # "and" between the groups of one number may be masked with it.
    assert (missed, [word for word in needless if word != "and"]) == ([], [])


@pytest.mark.real
@pytest.mark.parametrize("case", CASES, ids=[case["what"] for case in CASES])
def test_the_kind_is_right(case, model):
    words, expected = call(*case["turns"])
    got = masked(find_masks(words, model), len(words))
    assert {kind for kind, want in zip(got, expected, strict=True) if want} == {k for k in expected if k}


def test_every_kind_has_an_example():
    shown = {kind for case in CASES for _, text in case["turns"] for _, kind in _GIVEN.findall(text)}
    assert shown == set(MASK_KINDS) - {"number"}


def test_off_masks_nothing_and_kinds_limit_what_is_masked():
    words, _ = call(("customer", "my card number is 4929 1184 7702 3316 and my email is a@example.org"))
    assert find_masks(words, labels_nothing, profile="off") == ()
    assert {mask.kind for mask in find_masks(words, labels_nothing)} == {"card", "email"}
    assert {mask.kind for mask in find_masks(words, labels_nothing, kinds=("email",))} == {"email"}


def test_strict_masks_numbers_that_standard_leaves():
    words, _ = call(("customer", "I ordered twelve of them on page forty one"))
    assert find_masks(words, labels_nothing) == ()
    assert [mask.kind for mask in find_masks(words, labels_nothing, profile="strict")] == ["number", "number"]


def test_a_person_keeps_the_number():
    words, _ = call(
        ("customer", "my name is Priya Raman"),
        ("customer", "and my husband is called Tomasz"),
        ("agent", "thank you Priya and hello Tomasz"),
    )
    masks = find_masks(words, labels_nothing)
    assert [mask.label for mask in masks] == ["[name 1]", "[name 2]", "[name 1]", "[name 2]"]


def test_two_persons_with_one_surname_are_two():
    words, _ = call(("customer", "my name is Rosa Kowalski"), ("customer", "her name is Anna Kowalski"))
    assert {mask.label for mask in find_masks(words, labels_nothing)} == {"[name 1]", "[name 2]"}


def test_a_mask_has_the_times_of_its_words_and_no_text():
    words, _ = call(("customer", "my pin is 4 0 7 1"))
    (mask,) = find_masks(words, labels_nothing)
    assert (mask.first_word, mask.last_word, mask.start_s, mask.end_s) == (
        3,
        6,
        words[3].start_s,
        words[6].end_s,
    )
    assert "4 0 7 1" not in repr(mask)


def test_the_agent_of_the_metadata_stays_readable():
    words, _ = call(("customer", "Thanks Rashid"))
    assert [mask.kind for mask in find_masks(words, labels_nothing)] == ["name"]
    assert find_masks(words, labels_nothing, agent_names=("Rashid Khan",)) == ()


def test_an_empty_call_has_no_masks():
    assert find_masks((), labels_nothing) == ()


SOUNDS = "three third of december march a b i it's at dot com double oh x-ray the second name is 4 07 n1 Smith, @ hundred s.".split()


@given(st.lists(st.lists(st.sampled_from(SOUNDS), min_size=1, max_size=8), max_size=4))
def test_any_words_are_read_and_masks_are_in_order_and_apart(turns):
    words, _ = call(*(("customer", " ".join(said)) for said in turns))
    masks = find_masks(words, labels_nothing, profile="strict")
    assert [mask.mask_index for mask in masks] == list(range(len(masks)))
    assert all(mask.first_word <= mask.last_word for mask in masks)
    ends = [mask.last_word for mask in masks]
    assert all(end < mask.first_word for end, mask in zip(ends, masks[1:], strict=False))
    assert all((mask.person is not None) == (mask.kind == "name") for mask in masks)
