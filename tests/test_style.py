"""What the linter cannot check: no function is longer than a screen."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MOST_LINES = 40


def bodies(path):
    """Name and number of lines of each function's body, its docstring left out."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) is not None else node.body
            yield node.name, body[-1].end_lineno - body[0].lineno + 1 if body else 0


@pytest.mark.parametrize("package", ["pipeline", "flows", "schemas"])
def test_no_body_is_longer_than_a_screen(package):
    long = [
        f"{path.relative_to(ROOT)}: {name} has {lines} lines"
        for path in sorted((ROOT / package).rglob("*.py"))
        for name, lines in bodies(path)
        if lines > MOST_LINES
    ]
    assert long == []
