"""The one-pass search against the plainest search there is."""

from __future__ import annotations

import pickle
from dataclasses import replace

import pytest
from builders import conversation, say, words_of
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.phrases import automaton
from pipeline.phrases.grammar import AnyWord, Edge, Either, Gap, Grammar, InTurn, Part, WordPart
from pipeline.phrases.lexicon import Lexicon, load_lexicon
from pipeline.phrases.matcher import Compiler
from pipeline.phrases.search import Phrases, find
from pipeline.phrases.tokens import Token, Transcript, transcribe_tokens, transcript_of_text
from pipeline.records import Turn

OWN = load_lexicon()
LETTERS = "bcdefghkl"


def fresh() -> Lexicon:
    """A lexicon with few sets."""
    sets = {"many": tuple(LETTERS), "few": ("b", "c d")}
    return replace(OWN, sets=sets)


def ends(part: Part, tokens: tuple[Token, ...], at: int) -> set[int]:
    """Where a reading of `part` that begins before token `at` may end."""
    inside = at == 0 or not tokens[at - 1].ends_sentence
    match part:
        case WordPart():
            return {at + 1} if at < len(tokens) and tokens[at].text == part.text else set()
        case AnyWord():
            return {at + 1} if at < len(tokens) and inside else set()
        case Edge():
            return {at} if at == (0 if part.begins else len(tokens)) else set()
        case Either():
            found = {end for inner in part.parts for end in ends(inner, tokens, at)}
            return found | ({at} if part.optional else set())
        case InTurn():
            reached = {at}
            for inner in part.parts:
                reached = {end for begin in reached for end in ends(inner, tokens, begin)}
            return reached
        case Gap():
            out: set[int] = set()
            for end in range(at, min(at + part.words, len(tokens)) + 1):
                if not part.across and end > 0 and tokens[end - 1].ends_sentence:
                    break
                out.add(end)
            return out


def readings(
    transcript: Transcript, patterns: tuple[str, ...], lexicon: Lexicon
) -> list[tuple[int, int, int]]:
    parts = [Grammar(lexicon, "test").read(pattern) for pattern in patterns]
    return [
        (number, said.first + first, said.first + end)
        for number, said in enumerate(transcript.utterances)
        for first in range(said.end - said.first)
        for part in parts
        for end in ends(part, transcript.tokens[said.first : said.end], first)
    ]


def naive(transcript: Transcript, written: dict, lexicon: Lexicon) -> list[tuple[int, int, int]]:
    """Utterances and tokens of what a group finds, by its definition."""
    decoys = readings(transcript, written["but"], lexicon)
    kept = [
        (n, first, end)
        for n, first, end in readings(transcript, written["any"], lexicon)
        if not any(first < other_end and other_first < end for _, other_first, other_end in decoys)
    ]
    if written["unless"]:
        spoilt = {n for n, _, _ in naive(transcript, written["unless"], lexicon)}
        kept = [reading for reading in kept if reading[0] not in spoilt]
    covered = {at for _, first, end in kept for at in range(first, end)}
    # Two stretches that only touch are two.
    joined = {at for _, first, end in kept for at in range(first + 1, end)}
    starts = sorted(at for at in covered if at not in joined)
    out = []
    for start in starts:
        end = start + 1
        while end in joined:
            end += 1
        out.append((next(n for n, first, _ in kept if first == start), start, end))
    return out


word = st.sampled_from(LETTERS)
item = st.one_of(
    word,
    word,
    st.sampled_from(
        ["{many}", "{few}", "(b | c)", "(b c | d)", "b?", "{few}?", "_", "(b | c d)?", "({many} b | c)"]
    ),
)
gap = st.sampled_from(["..1", "..2", "...1", "...3", ""])
pattern = st.builds(
    lambda edge, first, rest, last, end: " ".join([edge, first, *(" ".join(p) for p in rest), last, end]),
    st.sampled_from(["", "", "^"]),
    word,
    st.lists(st.tuples(gap, item), max_size=3).map(tuple),
    st.one_of(word, st.just("{many}")),
    st.sampled_from(["", "", "$"]),
)
patterns = st.lists(pattern, min_size=1, max_size=3).map(tuple)
plain = st.fixed_dictionaries(
    {"any": patterns, "but": st.lists(pattern, max_size=2).map(tuple), "unless": st.none()}
)
groups = st.lists(
    st.builds(lambda one, unless: one | {"unless": unless}, plain, st.none() | plain), min_size=1, max_size=4
)
text = st.lists(
    st.builds("{}{}".format, word, st.sampled_from(["", "", "", "."])), min_size=1, max_size=9
).map(" ".join)
roles = st.sampled_from(["agent", "customer"])


def compiled(written: dict, compiler: Compiler) -> Phrases:
    return Phrases(
        roles=("agent",),
        any=compiler.patterns(written["any"], "any"),
        but=compiler.patterns(written["but"], "but"),
        unless=compiled(written["unless"], compiler) if written["unless"] else None,
    )


def spoken(said: list[tuple[str, str]]) -> tuple[Turn, ...]:
    return conversation(*(say(role, 5 * at, 5 * at + 4, text) for at, (role, text) in enumerate(said)))


@settings(max_examples=200, deadline=None)
@given(groups, st.lists(st.tuples(roles, text), min_size=1, max_size=4), st.booleans())
def test_one_pass_finds_what_each_group_finds_by_itself(written, said, forgetful):
    lexicon = fresh()
    compiler = Compiler(lexicon)
    phrases = [compiled(one, compiler) for one in written]
    turns = spoken(said)
    transcript = transcribe_tokens(turns, words_of(turns), lexicon)
    with pytest.MonkeyPatch.context() as patch:
        if forgetful:
            patch.setattr(automaton, "MAX_STEPS", 3)
        for one, group in zip(written, phrases, strict=True):
            found = [(m.utterance, m.first, m.end) for m in find(transcript, group, ("agent", "customer"))]
            assert found == naive(transcript, one, lexicon)
            by_agent = find(transcript, group)
            assert [(m.utterance, m.first, m.end) for m in by_agent] == [
                each for each in found if transcript.utterances[each[0]].role == "agent"
            ]


def test_a_matcher_that_has_searched_takes_no_more_groups():
    compiler = Compiler(fresh())
    first = compiled({"any": ("b",), "but": (), "unless": None}, compiler)
    transcript = transcript_of_text("b c", "agent", compiler.lexicon)
    assert [match.quote for match in find(transcript, first)] == ["b"]
    with pytest.raises(RuntimeError, match="no more groups"):
        compiled({"any": ("c",), "but": (), "unless": None}, compiler)


def test_phrases_work_in_another_process():
    lexicon = fresh()
    group = compiled({"any": ("b {many}",), "but": ("b c",), "unless": None}, Compiler(lexicon))
    find(transcript_of_text("b d", "agent", lexicon), group)
    group, lexicon = pickle.loads(pickle.dumps((group, lexicon)))
    assert [match.quote for match in find(transcript_of_text("b c b d", "agent", lexicon), group)] == ["b d"]


def test_what_the_automaton_remembers_is_bounded(monkeypatch):
    monkeypatch.setattr(automaton, "MAX_STEPS", 50)
    lexicon = fresh()
    group = compiled({"any": ("b ...8 c ...8 d",), "but": (), "unless": None}, Compiler(lexicon))
    for at in range(60):
        text = " ".join(LETTERS[(at * step) % len(LETTERS)] for step in range(1, 30))
        find(transcript_of_text(text, "agent", lexicon), group)
    assert len(group.any.matcher.automaton._states) <= 100
