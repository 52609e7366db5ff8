"""Each setting names the stage that reads it, and what depends on the stage follows from there."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Literal, get_args, get_origin

import pytest
from pydantic import BaseModel, Field

from pipeline import setting_stages, settings
from pipeline.errors import UsageError
from pipeline.setting_stages import Declared, Section, declared, fingerprint_of, values_by_id
from pipeline.settings import Settings
from pipeline.store.stored_settings import assess_fingerprint, assessed_with, audio_fingerprint

ALL = declared(Settings)
ROOT = Path(settings.__file__).parent
DEFAULTS = Settings().analysis_values()
EACH = pytest.mark.parametrize("one", ALL, ids=lambda one: one.key)

# The rooms of the pipeline whose code works on audio, and those that work on stored facts.
AUDIO_ROOMS = ("analyse.py", "audio", "speech", "prosody", "weights", "masking")
ASSESS_ROOMS = ("assess.py", "events", "metrics", "rules", "phrases", "personal_data")


def other_value(one: Declared) -> Any:
    """A value that the setting may have, other than its default."""
    field = type(getattr(Settings(), one.section)).model_fields[one.name]
    value = field.get_default()
    if isinstance(value, bool):
        return not value
    if get_origin(field.annotation) is Literal:
        return next(choice for choice in get_args(field.annotation) if choice != value)
    if isinstance(value, int):
        return value + 1
    if isinstance(value, float):
        return value * 0.9
    return "other"


def changed(one: Declared) -> Settings:
    section = getattr(Settings(), one.section)
    return Settings().model_copy(
        update={one.section: section.model_copy(update={one.name: other_value(one)})}
    )


NAMES = "asr.names"  # changes no more than how a name is written
OF_DETECTION = {"asr.languages", "asr.default_language", "asr.min_language_probability"}


@EACH
def test_a_setting_changes_the_fingerprint_of_its_stage_and_no_other(one: Declared) -> None:
    values = changed(one).analysis_values()
    before = DEFAULTS
    if one.id in OF_DETECTION:  # they take part only where the language is detected
        values, before = ({**each, "asr": {**each["asr"], "language": "auto"}} for each in (values, before))
    assert (audio_fingerprint(values) != audio_fingerprint(before)) == (
        one.stage == "audio" and one.id != NAMES
    )
    assert (assess_fingerprint(values) != assess_fingerprint(DEFAULTS)) == (one.stage == "assess")
    assert (changed(one).fingerprint() != Settings().fingerprint()) == (one.stage != "run")


@EACH
def test_a_recheck_takes_assess_settings_from_now_and_audio_settings_from_the_store(one: Declared) -> None:
    now = assessed_with(DEFAULTS, changed(one))
    value = getattr(getattr(now.settings, one.section), one.name)
    assert value == (
        getattr(getattr(Settings(), one.section), one.name) if one.stage == "audio" else other_value(one)
    )
    assert (now.fingerprint != Settings().fingerprint()) == (one.stage == "assess")


def test_the_thresholds_of_audio_quality_need_no_audio() -> None:
    stages = {one.key: one.stage for one in ALL}
    assert stages["quality.min_snr_db"] == stages["tone.raised"] == "assess"
    assert stages["quality.swap_confidence"] == stages["tone.min_rise"] == "audio"


# --- the declared stage is the one whose code reads the setting ----------------------------------------


class Reads(ast.NodeVisitor):
    """Settings that a module reads: of parameters and attributes annotated with a section, and by section."""

    def __init__(self) -> None:
        self.classes = {type(getattr(Settings(), name)).__name__: name for name in Settings.model_fields}
        self.sections: dict[str, str] = {}
        self.found: set[tuple[str, str]] = set()

    def visit_arg(self, node: ast.arg) -> None:
        self._annotated(node.arg, node.annotation)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if isinstance(node.target, ast.Name):
            self._annotated(node.target.id, node.annotation)
        self.generic_visit(node)

    def _annotated(self, name: str, annotation: ast.expr | None) -> None:
        if isinstance(annotation, ast.Name) and annotation.id in self.classes:
            self.sections[name] = self.sections[f"_{name}"] = self.classes[annotation.id]

    def visit_Attribute(self, node: ast.Attribute) -> None:
        inner = node.value
        name = (
            inner.attr
            if isinstance(inner, ast.Attribute)
            else inner.id
            if isinstance(inner, ast.Name)
            else ""
        )
        section = self.sections.get(name, name)
        if name == "settings" and isinstance(inner, ast.Attribute) and node.attr in RULES:
            section = "rules"  # a RuleContext's settings are those of rules
        if section in Settings.model_fields:
            self.found.add((section, node.attr))
        self.generic_visit(node)


def reads(rooms: tuple[str, ...]) -> dict[tuple[str, str], set[str]]:
    """Each setting that code in `rooms` reads, with the modules."""
    out: dict[tuple[str, str], set[str]] = defaultdict(set)
    for path in modules(rooms):
        seen = Reads()
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for _ in range(2):  # annotations may stand below the first use
            seen.visit(tree)
        for key in seen.found:
            out[key].add(path.name)
    return out


def modules(rooms: tuple[str, ...]) -> Iterator[Path]:
    for room in rooms:
        path = ROOT / room
        yield from [path] if path.suffix else sorted(path.rglob("*.py"))


RULES = type(Settings().rules).model_fields
IN_AUDIO, IN_ASSESS = reads(AUDIO_ROOMS), reads(ASSESS_ROOMS)


@EACH
def test_only_code_of_its_stage_reads_a_setting(one: Declared) -> None:
    key = (one.section, one.name)
    assert (key in IN_AUDIO, key in IN_ASSESS) in {
        "audio": {(True, False)},
        "assess": {(False, True)},
        # A hub's revision or the number of threads concerns the models, and a folder of packs the loader.
        "run": {(False, False), (True, False)},
    }[one.stage]


# --- declarations --------------------------------------------------------------------------------------


class Renamed(Section):
    stage: ClassVar[setting_stages.Stage] = "audio"

    level: float = Field(1.0, json_schema_extra={"id": "old.loudness"})


class Few(BaseModel):
    new: Renamed = Renamed()


def test_a_renamed_setting_keeps_its_id_and_its_stored_values() -> None:
    assert setting_stages.values_of(Few(), ("audio",)) == {"old": {"loudness": 1.0}}
    assert values_by_id(Few, {"old": {"loudness": 3.0, "gone": 1}, "more": {}}, "audio") == {
        "old.loudness": 3.0
    }


def test_values_of_another_release_are_in_no_fingerprint() -> None:
    assert audio_fingerprint(DEFAULTS | {"gone": {"x": 1}}) == audio_fingerprint(DEFAULTS)
    assert audio_fingerprint({}) == fingerprint_of({})


def test_ids_are_those_of_release_0_2_0() -> None:
    """They are in every stored analysis. A renamed setting keeps its id; a new one is added here."""
    text = "\n".join(f"{one.id} {one.stage}" for one in ALL)
    known = Path(__file__).parent / "data/setting_ids.txt"
    assert text == known.read_text(encoding="utf-8").strip()


# --- former names --------------------------------------------------------------------------------------


@pytest.fixture
def fresh_notices() -> None:
    setting_stages._notice.cache_clear()


@pytest.mark.usefixtures("fresh_notices")
def test_a_setting_that_ended_is_left_out_with_a_notice(capsys: pytest.CaptureFixture[str]) -> None:
    loaded = settings.load(overrides=["rules.second_look_similarity=0.7"], environ={})
    assert loaded == settings.load(environ={})
    notice = "earwitness: setting rules.second_look_similarity has no meaning any more, and is left out\n"
    assert capsys.readouterr().err == notice


@pytest.mark.usefixtures("fresh_notices")
@pytest.mark.parametrize("way", ["file", "environment", "override"])
@pytest.mark.parametrize(
    ("former", "key", "value"),
    [
        ("fitness.min_snr_db", "quality.min_snr_db", 3.5),
        ("rules.second_look", "rules.meaning", False),
    ],
)
def test_former_names_are_read_with_a_notice(
    former: str, key: str, value: Any, way: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    section, name = former.split(".")
    text = str(value).lower()
    file = tmp_path / "x.toml"
    file.write_text(f"[{section}]\n{name} = {text}\n" if way == "file" else "")
    environ = {f"EARWITNESS_{section}__{name}".upper(): text} if way == "environment" else {}
    overrides = [f"{former}={text}"] if way == "override" else []
    loaded = settings.load(file, overrides, environ)
    now_section, now_name = key.split(".")
    assert getattr(getattr(loaded, now_section), now_name) == value
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        f"earwitness: setting {former} is called {key} now; the former name ends with the next release"
    ]
    assert settings.load(file, overrides, environ) == loaded
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("former", ["fitness.min_snr_db", "rules.second_look"])
def test_both_names_of_a_setting_are_refused(former: str, tmp_path: Path) -> None:
    key = {one.formerly: one.key for one in ALL}[former]
    section, name = former.split(".")
    (tmp_path / "x.toml").write_text(f"[{section}]\n{name} = 0.5\n")
    with pytest.raises(UsageError, match=f"two names of one setting: {former}; got '{key}'"):
        settings.load(tmp_path / "x.toml", [f"{key}=0.5"], environ={})


@pytest.mark.parametrize("key", ["fitness.nonsense", "quality.nonsense", "rules.first_look"])
def test_a_former_section_takes_no_unknown_names(key: str) -> None:
    with pytest.raises(UsageError, match="unknown setting"):
        settings.load(overrides=[f"{key}=1"], environ={})
