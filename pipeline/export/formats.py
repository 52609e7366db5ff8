"""The formats by name, and the writing of one call in one of them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from pipeline.audit.lookup import find_recording
from pipeline.errors import UsageError
from pipeline.export.amazon import amazon, left_out
from pipeline.export.document import document
from pipeline.export.nist import ctm, rttm
from pipeline.export.redact import redacted
from pipeline.export.subtitles import srt, webvtt
from pipeline.export.vcon import vcon
from pipeline.records import CallAnalysis
from pipeline.store import Connection
from pipeline.store.one_call import read_call
from pipeline.store.telephony import told_before

FORMATS: Mapping[str, Callable[[CallAnalysis], str]] = MappingProxyType(
    {"json": document, "vcon": vcon, "rttm": rttm, "webvtt": webvtt, "srt": srt, "ctm": ctm, "amazon": amazon}
)
TABLES = "parquet"
"""The format of whole stores."""


def export_call(
    connection: Connection, call: str, format_: str, *, clear: bool = False
) -> tuple[str, tuple[str, ...]]:
    """A call in a format, and what its reader has to know.

    `call` as for `find_recording`. Personal data are left out unless `clear`. Raises UsageError for an
    unknown format or call, one in quarantine, and a call that lacks what the format must have.
    """
    if format_ not in FORMATS:
        raise UsageError("unknown format of a call", value=format_, allowed=", ".join(FORMATS))
    recording_id = find_recording(connection, call)
    analysis = read_call(connection, recording_id)
    shown = analysis if clear else redacted(analysis)
    if format_ == "vcon":
        return vcon(shown, told_before(connection, [recording_id])), ()
    note = left_out(analysis) if format_ == "amazon" else None
    return FORMATS[format_](shown), (note,) if note else ()


def write_whole(path: Path, text: str) -> None:
    """Write `text` to `path`, which has all of it or stays as it was; only its owner may read it.

    Raises UsageError if it cannot be written.
    """
    try:
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=path.absolute().parent, delete=False
        ) as file:
            try:
                file.write(text)
                file.flush()
                Path(file.name).replace(path)
            except BaseException:
                Path(file.name).unlink(missing_ok=True)
                raise
    except OSError as error:
        raise UsageError("cannot write the file", where=path, value=error.strerror) from error
