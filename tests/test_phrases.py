"""The phrase language, the packs' own examples and the labelled sentences."""

from __future__ import annotations

from pathlib import Path

import pytest
from builders import conversation, say, words_of
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import UsageError
from pipeline.phrases import automaton
from pipeline.phrases.grammar import Grammar
from pipeline.phrases.lexicon import LEXICON_FILE, load_lexicon
from pipeline.phrases.matcher import Compiler
from pipeline.phrases.search import Phrases, find
from pipeline.phrases.tokens import transcribe_tokens, transcript_of_text
from pipeline.rules import load_rules
from pipeline.rules.labelled import Sentence, read_sentences, try_rules
from pipeline.rules.spec import MIN_EXAMPLES

LEXICON = load_lexicon()
RULES = load_rules()
SENTENCES = Path(__file__).parent / "data" / "phrases"


def tokens_of(text: str) -> list[str]:
    return [token.text for token in transcript_of_text(text, "agent", LEXICON).tokens]


def group(*patterns: str, but: tuple[str, ...] = (), unless: Phrases | None = None) -> Phrases:
    compiler = Compiler(LEXICON)
    return Phrases(
        roles=("agent",),
        any=compiler.patterns(patterns, "test"),
        but=compiler.patterns(but, "test"),
        unless=unless,
    )


def quotes(phrases: Phrases, text: str) -> list[str]:
    return [match.quote for match in find(transcript_of_text(text, "agent", LEXICON), phrases)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("We're on hold, don't go!", "we are on hold do not go"),
        ("I can\u2019t; you won't", "i can not you will not"),
        ("um, this is, uh, fine you know", "this is fine"),
        ("Ren\u00e9e from Caf\u00e9 Ni\u00f1o", "renee from cafe nino"),
        ("Just so you know: do you know?", "just so you know do you know"),
        ("this this call", "this call"),
        ("All right, OK, mm-hmm, uh huh", "alright okay mhm uhhuh"),
        ("Give me 2 mins", "give me two minute"),
        ("the customer's call's recorded", "the customer call is recorded"),
        ("gonna", "going to"),
        ("…", ""),
    ],
)
def test_words_become_normal_tokens(text, expected):
    assert tokens_of(text) == expected.split()


def test_tokens_keep_the_way_back_to_the_words():
    transcript = transcript_of_text("Um, I'm gonna put put you on hold.", "agent", LEXICON)
    back = [(token.text, token.first, token.last) for token in transcript.tokens]
    assert back[:5] == [("i", 1, 1), ("am", 1, 1), ("going", 2, 2), ("to", 2, 2), ("put", 3, 4)]


@given(st.text(max_size=80))
def test_every_token_stands_for_words_that_are_there(text):
    transcript = transcript_of_text(text, "agent", LEXICON)
    for token in transcript.tokens:
        assert 0 <= token.first <= token.last < len(transcript.words)
        assert token.text
        assert " " not in token.text


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("put you", "I will put, um, you there", ["put, um, you"]),
        ("put you", "put him", []),
        ("please? hold", "hold. Please hold", ["hold.", "Please hold"]),
        ("(can | may) i", "May I? Can you?", ["May I?"]),
        ("(hold on | hold)", "hold on", ["hold on"]),
        ("hold ..2 line", "hold the open line", ["hold the open line"]),
        ("hold ..2 line", "hold the very open line", []),
        ("hold ..2 line", "Please hold. The line", []),
        ("hold ...2 line", "Please hold. The line", ["hold. The line"]),
        ("welcome to _", "Welcome to Harbor. Hello", ["Welcome to Harbor."]),
        ("welcome to _", "Welcome to. Hello", []),
        ("this is _ _", "This is Mrs. Okafor.", ["This is Mrs. Okafor."]),
        ("^ _ speaking", "Harbor. Tom speaking", []),
        ("is _? _ from", "This is Tom Jones from", ["is Tom Jones from"]),
        ("this is {any_name}", "This is Grace, this is fine", ["This is Grace,"]),
        ("^ no", "no I said no", ["no"]),
        ("no $", "no I said no", ["no"]),
        ("^ hold $", "hold on", []),
        ("for {brief}? (a | b)", "for quick a", ["for quick a"]),
        ("(a b)? c", "a b c", ["a b c"]),
        ("((a | b) c | d)", "b c then d", ["b c", "d"]),
    ],
)
def test_the_phrase_language(pattern, text, expected):
    assert quotes(group(pattern), text) == expected


def test_a_decoy_drops_only_what_it_overlaps():
    phrases = group("calls ..2 recorded", but=("not recorded",))
    assert quotes(phrases, "calls are not recorded. Our calls are recorded") == ["calls are recorded"]


def test_unless_drops_the_whole_utterance():
    phrases = group("^ yes", unless=group("actually no"))
    assert quotes(phrases, "Yes. Well, actually no.") == []
    assert quotes(phrases, "Yes. Well, actually yes.") == ["Yes."]


def test_overlapping_readings_are_one_match_with_its_words():
    turns = conversation(say("agent", 2.0, 4.0, "all calls are recorded"))
    transcript = transcribe_tokens(turns, words_of(turns, probability=0.75), LEXICON)
    (match,) = find(transcript, group("calls are", "are recorded"))
    assert (match.quote, match.turn_index, match.probability) == ("calls are recorded", 0, 0.75)
    assert match.span.start_s == pytest.approx(2.5)
    assert match.span.end_s == pytest.approx(4.0)


@pytest.mark.parametrize(
    ("turns", "found"),
    [
        ((say("agent", 0, 2, "this call is"), say("agent", 3, 4, "recorded")), True),
        ((say("agent", 0, 2, "this call is"), say("agent", 4.5, 5, "recorded")), False),
        (
            (
                say("agent", 0, 2, "this call is"),
                say("customer", 2.2, 2.6, "what"),
                say("agent", 3, 4, "recorded"),
            ),
            False,
        ),
        (
            # A backchannel inside the first turn does not stand between the two.
            (
                say("agent", 0, 2, "this call is"),
                say("customer", 1.0, 1.4, "yes"),
                say("agent", 3, 4, "recorded"),
            ),
            True,
        ),
        ((say("agent", 0, 2, "this call is"), say("customer", 2, 4, "recorded")), False),
    ],
)
def test_a_match_stays_in_one_speakers_utterance(turns, found):
    numbered = conversation(*turns)
    transcript = transcribe_tokens(numbered, words_of(numbered), LEXICON)
    assert bool(find(transcript, group("this call is recorded"), ("agent", "customer"))) == found


def test_only_the_given_roles_are_searched():
    transcript = transcript_of_text("this call is recorded", "customer", LEXICON)
    assert not find(transcript, group("recorded"))
    assert find(transcript, group("recorded"), ("customer",))


def test_each_start_is_read_once_however_the_pattern_can_be_read(monkeypatch):
    """Optional words that fit each other's place take a backtracking search 2^20 steps for each start."""
    steps = 0

    def counting(state, symbol):
        nonlocal steps
        steps += 1
        return dict.get(state, symbol) or state.__missing__(symbol)

    monkeypatch.setattr(automaton._State, "__getitem__", counting, raising=False)
    optional, words = 20, 200
    pattern = " ".join(["(a | b)?"] * optional + ["(a | b)"] * optional + ["c"])
    assert quotes(group(pattern), "a b " * (words // 2)) == []
    assert steps <= words * (2 * optional + 1)


@pytest.mark.parametrize(
    ("pattern", "fault"),
    [
        ("Hold on", "grammar"),
        ("don't hold", "grammar"),
        ("hold, please", "grammar"),
        ("(hold", "brackets"),
        ("hold)", "brackets"),
        ("(hold | )", "empty alternative"),
        ("..3 hold", "gap"),
        ("hold ..9 on", "gap of 9"),
        ("hold ..0 on", "gap of 0"),
        ("? hold", "nothing"),
        ("hold? on?", "no words at all"),
        ("^ $", "no words at all"),
        ("_ speaking", "any word"),
        ("(hold | a? _ b) on", "any word"),
        ("{unheard_of} hold", "unheard_of"),
        ("um hold", "filler"),
        ("dont hold", "do not"),
    ],
)
def test_a_bad_pattern_is_told_in_one_line(pattern, fault):
    with pytest.raises(UsageError) as caught:
        Compiler(LEXICON).patterns(["hold", pattern], "file.toml: phrases.x.any")
    message = str(caught.value)
    assert fault in message
    assert "file.toml: phrases.x.any" in message
    assert repr(pattern) in message
    assert "\n" not in message


def test_a_set_that_contains_itself_is_refused(tmp_path):
    extra = tmp_path / "lexicon.toml"
    extra.write_text('[sets]\nloop = ["a {hole}"]\nhole = ["{loop} b"]\n', encoding="utf-8")
    with pytest.raises(UsageError, match="contains itself"):
        Grammar(load_lexicon(extra), "test").read("{loop}")


@pytest.mark.parametrize("name", sorted(LEXICON.sets))
def test_every_set_can_be_read(name):
    assert Compiler(LEXICON).patterns([f"{{{name}}} x"], str(LEXICON_FILE))


@pytest.mark.parametrize(
    ("rule_id", "role", "text", "expect"),
    [(rule.id, *example) for rule in RULES.rules for example in rule.examples],
)
def test_the_packs_own_examples(rule_id, role, text, expect):
    assert RULES.says(rule_id, role, text) == expect


@pytest.mark.parametrize("rule", RULES.rules, ids=lambda rule: rule.id)
def test_every_pack_has_examples_enough(rule):
    assert sum(expect for _, _, expect in rule.examples) >= MIN_EXAMPLES
    assert sum(not expect for _, _, expect in rule.examples) >= MIN_EXAMPLES


# Sentences written apart from the rules (see test_sentences.py) need not all be told right.
WITH_THE_RULES = sorted(p.stem for p in SENTENCES.glob("*.jsonl") if not p.stem.endswith("_calls"))


@pytest.mark.parametrize("name", WITH_THE_RULES)
def test_labelled_sentences(name):
    sentences = read_sentences(SENTENCES / f"{name}.jsonl")
    decoys = sum(not sentence.expect for sentence in sentences)
    assert len(sentences) >= 40
    assert 0.4 <= decoys / len(sentences) <= 0.6
    assert try_rules(RULES, sentences).wrong == ()


def test_an_unknown_rule_is_told():
    with pytest.raises(UsageError, match=r"unknown rule.*hold_thanks"):
        try_rules(RULES, [Sentence(rule="manners", role="agent", text="Hi", expect=False)])


def test_an_unknown_rule_is_told_with_its_line(tmp_path):
    cases = tmp_path / "cases.jsonl"
    known = '{"rule": "greeting", "role": "agent", "text": "Good morning", "expect": true}'
    cases.write_text(f"{known}\n\n{known.replace('greeting', 'manners')}\n")
    with pytest.raises(UsageError, match=r"unknown rule: .*cases\.jsonl:3; got 'manners'; .*greeting"):
        try_rules(RULES, read_sentences(cases))


def test_a_hold_that_the_recogniser_writes_as_one_word_is_found() -> None:
    assert RULES.says("hold_permission", "agent", "Would it be okay if I place you on a briefhold?")
