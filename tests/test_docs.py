"""The documents agree with the program: generated pages, links, commands, settings and sizes."""

import re
import runpy
import shlex
from pathlib import Path

import pytest
import typer
from program import earwitness, guarded

from pipeline.cli import app
from pipeline.settings import Settings

ROOT = Path(__file__).parent.parent
PAGES = sorted(
    [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")], key=lambda p: p.as_posix()
)
GENERATED = runpy.run_path(str(ROOT / "docs" / "generate.py"))["pages"]()

page = pytest.mark.parametrize("path", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())


@pytest.mark.parametrize("path", GENERATED, ids=lambda p: p.name)
def test_a_generated_page_is_current(path):
    assert path.read_text(encoding="utf-8") == GENERATED[path], "run: python docs/generate.py"


@page
def test_links_lead_to_files(path):
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8"))
    missing = [link for link in links if "://" not in link and not (path.parent / link).exists()]
    assert missing == []


@page
def test_files_that_are_named_exist(path):
    named = re.findall(
        r"`((?:pipeline|flows|schemas|docs|tests|benchmarks|notebooks)/[\w./-]+)`",
        path.read_text(encoding="utf-8"),
    )
    assert [name for name in named if not (ROOT / name).exists()] == []


@page
def test_settings_that_are_named_exist(path):
    text = path.read_text(encoding="utf-8")
    sections = "|".join(Settings.model_fields)
    named = re.findall(rf"(?:`|--set )({sections})\.([a-z_]+)\b(?!\.)", text)
    values = Settings().model_dump()
    assert [".".join(name) for name in named if name[1] not in values[name[0]]] == []


def _commands(path):
    """The `earwitness` commands in the code blocks of a page, as lists of words."""
    blocks = re.findall(r"```(?:\w*)\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL)
    lines = [line.removeprefix("$ ") for block in blocks for line in block.splitlines()]
    return [shlex.split(line, comments=True) for line in lines if line.startswith("earwitness ")]


@page
def test_commands_and_options_exist(path):
    for words in _commands(path):
        command = typer.main.get_command(app)
        rest = words[1:]
        while hasattr(command, "commands"):
            assert rest[0] in command.commands, words
            command = command.commands[rest.pop(0)]
        known = {
            option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)
        }
        assert [word for word in rest if word.startswith("--") and word not in known] == [], words


@pytest.mark.real
def test_the_questions_of_the_readme_have_its_answers(demo_db, tmp_path):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    asked = re.findall(r"^\$ (earwitness sql .*)\n((?:.+\n)+?)```", text, re.MULTILINE)
    assert len(asked) == 3
    for question, answer in asked:
        words = [str(demo_db) if word == "demo.duckdb" else word for word in shlex.split(question)[1:]]
        run = earwitness(*words, env=guarded(tmp_path), cwd=tmp_path)
        assert run.returncode == 0, run.stderr
        assert [line.rstrip() for line in run.stdout.splitlines()] == answer.splitlines()


@pytest.mark.parametrize("path", sorted((ROOT / "docs" / "decisions").glob("0*.md")), ids=lambda p: p.stem)
def test_a_decision_says_context_decision_and_consequences(path):
    text = path.read_text(encoding="utf-8")
    positions = [text.find(f"\n## {part}\n") for part in ("Context", "Decision", "Consequences")]
    assert -1 not in positions
    assert positions == sorted(positions)
