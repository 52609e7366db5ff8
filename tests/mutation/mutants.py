"""Mutants of a module: its source with one small fault each, made from the syntax tree.

The rest of the source stays as it is, so that a mutant's line is the original's.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

COMPARISONS: dict[type[ast.cmpop], tuple[str, ...]] = {
    ast.Lt: ("<=", ">="),
    ast.LtE: ("<", ">"),
    ast.Gt: (">=", "<="),
    ast.GtE: (">", "<"),
    ast.Eq: ("!=",),
    ast.NotEq: ("==",),
    ast.In: ("not in",),
    ast.NotIn: ("in",),
    ast.Is: ("is not",),
    ast.IsNot: ("is",),
}
"""Off by the boundary, and the opposite."""
ARITHMETIC: dict[type[ast.operator], str] = {
    ast.Add: "-",
    ast.Sub: "+",
    ast.Mult: "/",
    ast.Div: "*",
    ast.FloorDiv: "/",
    ast.BitAnd: "|",
    ast.BitOr: "&",
}
CALLS = {"min": "max", "max": "min", "any": "all", "all": "any"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One fault: the text from `start` to `end` (offsets in the source) is replaced by `text`."""

    module: str
    line: int
    start: int
    end: int
    old: str
    text: str

    def applied(self, source: str) -> str:
        """The source with the fault."""
        return source[: self.start] + self.text + source[self.end :]

    def key(self, source: str) -> str:
        """Names the mutant across runs as long as its module does not change."""
        return hashlib.sha256(f"{self.module}\0{self.applied(source)}".encode()).hexdigest()[:16]

    def __str__(self) -> str:
        return f"{self.module}:{self.line}: `{self.old}` -> `{self.text}`"


def mutants_of(module: str, root: Path) -> list[Mutant]:
    """All mutants of the module at the path `module` below `root`, in the order of the source."""
    source = (root / module).read_text(encoding="utf-8")
    finder = _Finder(module, source)
    finder.visit(ast.parse(source))
    unique = {(m.start, m.end, m.text): m for m in finder.found}
    return [unique[place] for place in sorted(unique)]


class _Finder(ast.NodeVisitor):
    def __init__(self, module: str, source: str) -> None:
        self.module, self.source = module, source
        self.found: list[Mutant] = []
        lines = source.splitlines(keepends=True)
        self.lines = [line.encode() for line in lines]
        self.starts = [sum(map(len, lines[:i])) for i in range(len(lines))]

    # --- what is never changed: types, decorators, imports, texts ------------------------------------

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        for default in (*node.args.defaults, *(d for d in node.args.kw_defaults if d)):
            self.visit(default)
        for statement in node.body:
            self.visit(statement)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for statement in node.body:
            self.visit(statement)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Texts for people."""

    def visit_If(self, node: ast.If) -> None:
        if not (isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"):
            self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> None:
        """Messages of errors are tested for what users see, not word by word."""

    # --- faults --------------------------------------------------------------------------------------

    def visit_Compare(self, node: ast.Compare) -> None:
        parts = [node.left, *node.comparators]
        for i, op in enumerate(node.ops):
            for text in COMPARISONS[type(op)]:
                self._between(parts[i], parts[i + 1], text)
            self._change_text(parts[i + 1])
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        texts = any(
            isinstance(side, ast.Constant) and isinstance(side.value, str) for side in (node.left, node.right)
        )
        if not texts and (text := ARITHMETIC.get(type(node.op))):
            self._between(node.left, node.right, text)
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        for left, right in zip(node.values[:-1], node.values[1:], strict=True):
            self._between(left, right, "or" if isinstance(node.op, ast.And) else "and")
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.Not | ast.USub):
            start, _ = self._place(node)
            inner, _ = self._place(node.operand)
            self._add(node, start, inner, "")
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        value = node.value
        if isinstance(value, bool):
            self._replace(node, str(not value))
        elif isinstance(value, int):
            self._replace(node, str(value + 1))
            if value > 1:
                self._replace(node, str(value - 1))
        elif isinstance(value, float):
            self._replace(node, repr(value * 2) if value else "1.0")
            if value:
                self._replace(node, repr(value / 2))

    def visit_Set(self, node: ast.Set) -> None:
        for element in node.elts:
            self._change_text(element)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        if isinstance(node.func, ast.Name) and node.func.id in CALLS:
            self._replace(node.func, CALLS[node.func.id])
        self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        for condition in node.ifs:
            self._replace(condition, "True")
        self.generic_visit(node)

    def visit_Continue(self, node: ast.Continue) -> None:
        self._replace(node, "break")

    def visit_Break(self, node: ast.Break) -> None:
        self._replace(node, "continue")

    # --- places --------------------------------------------------------------------------------------

    def _place(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        """Start and end of a node as offsets in the source; the tree counts columns in bytes."""
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return (
            self._offset(node.lineno, node.col_offset),
            self._offset(node.end_lineno, node.end_col_offset),
        )

    def _offset(self, line: int, column: int) -> int:
        return self.starts[line - 1] + len(self.lines[line - 1][:column].decode())

    def _change_text(self, node: ast.expr) -> None:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            self._replace(node, repr(f"not {node.value}"))

    def _replace(self, node: ast.expr | ast.stmt, text: str) -> None:
        self._add(node, *self._place(node), text)

    def _between(self, left: ast.expr, right: ast.expr, text: str) -> None:
        """Replace the operator, which stands alone between two operands but for brackets and comments."""
        start, end = self._place(left)[1], self._place(right)[0]
        gap = self.source[start:end]
        before = len(gap) - len(gap.lstrip(" )\n"))
        after = len(gap) - len(gap.rstrip(" (\n"))
        if "#" not in gap:
            self._add(left, start + before, end - after, text)

    def _add(self, node: ast.expr | ast.stmt, start: int, end: int, text: str) -> None:
        line = self.source.count("\n", 0, start) + 1
        old = self.source[start:end].strip() or "-"
        self.found.append(
            Mutant(module=self.module, line=line, start=start, end=end, old=" ".join(old.split()), text=text)
        )


def compiles(mutant: Mutant, source: str) -> bool:
    """Whether the mutant is a program; a few are not."""
    try:
        ast.parse(mutant.applied(source))
    except SyntaxError:
        return False
    return True


def all_mutants(modules: Iterator[str], root: Path) -> list[Mutant]:
    """The mutants of all modules."""
    found = []
    for module in modules:
        source = (root / module).read_text(encoding="utf-8")
        found += [mutant for mutant in mutants_of(module, root) if compiles(mutant, source)]
    return found
