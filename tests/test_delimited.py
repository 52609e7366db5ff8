"""Tables with any usual separator are read row by row, each with its place."""

from pathlib import Path

import pytest

from pipeline.delimited import find_separator, read_rows
from pipeline.errors import UsageError

FILE = Path("calls.csv")


@pytest.mark.parametrize(
    ("header", "separator"),
    [
        ("file,agent", ","),
        ("file;agent", ";"),
        ('"file"\t"agent"', "\t"),
        ("agent;file,name", None),
        ("", None),
    ],
)
def test_the_header_decides_on_the_separator(header, separator):
    assert find_separator(header, ",;\t", lambda names: {"file", "agent"} <= set(names)) == separator


def test_rows_have_the_line_they_start_on_and_blank_ones_are_left_out():
    text = 'a,b\r\n\r\n"1\n2",3\n , \n4,5,6\n'
    found = list(read_rows(text, ",", FILE, what="not CSV"))
    assert found == [
        ("calls.csv:1", ["a", "b"]),
        ("calls.csv:3", ["1\n2", "3"]),
        ("calls.csv:6", ["4", "5", "6"]),
    ]


def test_unbalanced_quotes_are_refused_with_their_place():
    with pytest.raises(UsageError, match=r"not CSV: calls.csv:2; got .*; allowed: double quotes"):
        list(read_rows('a,b\n"1,2\n3', ",", FILE, what="not CSV", allowed="double quotes"))
