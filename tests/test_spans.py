import doctest
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import spans
from pipeline.audio import frames
from pipeline.events import overlaps
from pipeline.report import tables, text
from pipeline.spans import Span, complement, covered_s, difference, intersection, total_s, union
from pipeline.speech import roles

times = st.floats(0, 100, allow_nan=False).map(lambda x: round(x, 3))
a_span = st.tuples(times, times).map(lambda pair: Span(min(pair), max(pair)))
some_spans = st.lists(a_span, max_size=8)


@pytest.mark.parametrize("module", [spans, frames, roles, overlaps, tables, text])
def test_examples_in_docstrings(module):
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0


@given(some_spans)
def test_union_is_sorted_disjoint_and_covers_the_same(found):
    joined = union(found)
    assert all(a.end_s < b.start_s for a, b in pairwise(joined))
    for span in found:
        assert covered_s(span, joined) == pytest.approx(span.duration_s)


@given(some_spans, some_spans)
def test_difference_and_intersection_split_the_time(left, right):
    whole = total_s(left)
    assert total_s(difference(left, right)) + total_s(intersection(left, right)) == pytest.approx(whole)
    assert intersection(difference(left, right), right) == ()


@given(some_spans)
def test_a_complement_fills_the_rest(found):
    call = Span(0.0, 100.0)
    assert total_s(found) + total_s(complement(found, call)) == pytest.approx(100.0)


def test_bridging_closes_gaps_up_to_the_limit():
    assert union([Span(0, 1), Span(1.25, 2)], bridge_s=0.25) == (Span(0, 2),)
    assert union([Span(0, 1), Span(1.5, 2)], bridge_s=0.25) == (Span(0, 1), Span(1.5, 2))
