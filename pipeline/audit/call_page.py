"""The report of one call as one HTML file that loads nothing else, and its sound."""

from __future__ import annotations

import base64
import hashlib
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from jinja2 import Environment, PackageLoader, PrefixLoader, StrictUndefined
from markupsafe import Markup

from pipeline import __version__
from pipeline.audio.encode import as_mp3, as_wav
from pipeline.audit.call_report import UNSURE, CallReport, call_report
from pipeline.audit.clip import read_source
from pipeline.audit.evidence import files_of, source_of
from pipeline.audit.lookup import find_recording
from pipeline.audit.reveal import Opening
from pipeline.errors import RecordingError, UsageError
from pipeline.masking.hide import is_sealed, opened
from pipeline.records import CallAnalysis, Metric
from pipeline.report.text import UNKNOWN, as_dicts, clock
from pipeline.store import Connection, ask
from pipeline.store.one_call import hidden_stretches, read_call

SoundChoice = Literal["small", "exact", "beside", "none"]
LONGEST_INSIDE_S = 900.0
"""The sound of a longer call lies beside its page."""
_STYLE, _SCRIPT, _TEMPLATE = "call.css", "call.js", "call/call.html"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """The sound of a page: `data` of the type, in the page unless `beside` names its file."""

    data: bytes
    type: str
    beside: str | None = None


def write_report(
    connection: Connection,
    call: str,
    out: Path | None,
    sound: SoundChoice = "small",
    clear: Opening | None = None,
) -> tuple[Path, tuple[str, ...]]:
    """Write the page of a call and, where it lies beside, its sound; returns the page and notes on it.

    `call` as for `find_recording`; the default of `out` is the call's name in the current folder. Files that
    are there are replaced. Without the audio the page is made without sound. Raises UsageError for an unknown
    call, one in quarantine, and a folder that cannot be written.
    """
    recording_id = find_recording(connection, call)
    analysis = read_call(connection, recording_id)
    if clear is not None:
        if is_sealed(analysis):
            analysis = opened(analysis, clear.keys.find(recording_id))
        clear.trail.note("report", [recording_id], "report of the call", clear.reason)
    report = call_report(connection, analysis, clear=clear is not None)
    stem = re.sub(r"[^\w.-]+", "_", report.name) or recording_id[:12]
    place = out or Path(f"{stem}.html")
    heard, notes = _sound(connection, analysis, sound, place, clear=clear is not None)
    _write(place, call_page(report, heard, notes).encode())
    if heard is not None and heard.beside is not None:
        _write(place.with_name(heard.beside), heard.data)
    return place, notes


def written_files(page: Path) -> tuple[Path, ...]:
    """The page that `write_report` has just written, and its sound where that lies beside it."""
    written = page.stat().st_mtime_ns
    sounds = (page.with_suffix(suffix) for suffix in (".wav", ".mp3"))
    # An older file of that name, such as the recording itself, is somebody else's.
    return (page, *(one for one in sounds if one.exists() and one.stat().st_mtime_ns >= written))


def call_page(report: CallReport, sound: Sound | None, notes: tuple[str, ...] = ()) -> str:
    """The report as HTML; everything in it is escaped."""
    environment = Environment(
        loader=PrefixLoader(
            {"call": PackageLoader("pipeline.audit"), "report": PackageLoader("pipeline.report")}
        ),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"minutes": clock, "words": _plain, "number": _number, "measured": _measured}
    style, script = (_own(environment, name) for name in (_STYLE, _SCRIPT))
    return environment.get_template(_TEMPLATE).render(
        report=report,
        call=report.analysis.call,
        recording=report.analysis.recording,
        run=report.analysis.run,
        notes=notes,
        style=Markup(style),  # noqa: S704 - our own file
        script=Markup(script),  # noqa: S704 - our own file
        style_digest=_digest(style),
        script_digest=_digest(script),
        source=_source(sound),
        sound=sound,
        unsure=UNSURE,
        version=__version__,
    )


def _sound(
    connection: Connection, analysis: CallAnalysis, choice: SoundChoice, page: Path, *, clear: bool
) -> tuple[Sound | None, tuple[str, ...]]:
    """The sound of the call, silent where something is masked; or the reason why there is none."""
    if choice == "none":
        return None, ()
    recording_id = analysis.recording.recording_id
    (row,) = as_dicts(ask(connection, "FROM recording WHERE recording_id = ?", [recording_id]))
    hidden = () if clear else hidden_stretches(connection, recording_id)
    try:
        samples = read_source(source_of(row, files_of(connection, recording_id), hidden))
    except RecordingError as error:
        return None, (f"No sound: {error}",)
    exact = choice == "exact"
    data = as_wav(samples) if exact else as_mp3(samples)
    long = (analysis.recording.duration_s or 0.0) > LONGEST_INSIDE_S
    suffix = ".wav" if exact else ".mp3"
    beside = page.with_suffix(suffix).name if choice == "beside" or long else None
    return Sound(data=data, type="audio/wav" if exact else "audio/mpeg", beside=beside), ()


def _source(sound: Sound | None) -> str | None:
    if sound is None:
        return None
    return sound.beside or f"data:{sound.type};base64,{base64.b64encode(sound.data).decode()}"


def _write(path: Path, data: bytes) -> None:
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(data)
        part.replace(path)
    except OSError as error:
        with suppress(OSError):
            part.unlink()
        raise UsageError("cannot write the report", where=path, value=error.strerror) from error


def _own(environment: Environment, name: str) -> str:
    if environment.loader is None:
        return ""
    return environment.loader.get_source(environment, f"call/{name}")[0]


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _plain(value: object) -> str:
    return UNKNOWN if value is None or value == "" else str(value).replace("_", " ")


def _measured(metric: Metric) -> str:
    """The value of a measure with its unit, a ratio as per cent."""
    if not metric.denominator:
        return "not told"
    value = metric.numerator / metric.denominator
    if metric.unit == "ratio":
        return f"{100 * value:.0f} %"
    unit = {"count": "", "1/min": " per min", "-1 to 1": "", "-2 to 2": "", "correlation": ""}
    return _number(value) + unit.get(metric.unit, f" {metric.unit}")


def _number(value: float | None) -> str:
    """A number with at most three digits behind the point.

    >>> _number(0.66666), _number(12.0)
    ('0.667', '12')
    """
    return UNKNOWN if value is None else f"{value:.3f}".rstrip("0").rstrip(".")
