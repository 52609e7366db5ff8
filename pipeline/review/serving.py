"""Sound and static files. A path comes from the store only, never from a request."""

from __future__ import annotations

import re
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from pipeline.audit.evidence import files_of
from pipeline.errors import RecordingError
from pipeline.report.text import as_dicts
from pipeline.review.site import Site, session_of
from pipeline.review.sounds import speech_in
from pipeline.spans import Span
from pipeline.store import ask
from pipeline.store.one_call import hidden_stretches

STATIC = Path(__file__).parent / "static"
TYPES = {".css": "text/css", ".js": "text/javascript", ".txt": "text/plain"}
_ID = re.compile(r"[0-9a-f]{64}")
_SECONDS = re.compile(r"\d{1,6}(\.\d{1,3})?")
_SPEECH = "SELECT start_s, end_s FROM activity WHERE recording_id = ? ORDER BY start_s"


def static(request: Request) -> Response:
    """A file of the program's own, by its name."""
    name = request.path_params["name"]
    known = {path.name: path for path in STATIC.iterdir()}
    if name not in known:
        raise HTTPException(404)
    headers = {"Cache-Control": "private, max-age=3600"}
    return FileResponse(known[name], media_type=TYPES.get(known[name].suffix), headers=headers)


class Sounds:
    """The sound of recordings."""

    def __init__(self, site: Site) -> None:
        """Those in the store of `site`."""
        self._site = site

    def clip(self, request: Request) -> Response:
        """A part of a recording as a WAV file; ranges of it are answered.

        404 for an unknown recording, 400 for a part that is none, 410 where the audio is missing or changed.
        """
        site, recording_id = self._site, request.path_params["recording_id"]
        if not _ID.fullmatch(recording_id):
            raise HTTPException(404, "There is no such recording.")
        query = request.query_params
        if not all(_SECONDS.fullmatch(query.get(name, "")) for name in ("from", "to")):
            raise HTTPException(400, "A part of a recording is given by its seconds, from and to.")
        window = Span(float(query["from"]), float(query["to"]))
        if not window:
            raise HTTPException(400, "The part ends before it begins.")
        with site.reading() as connection:
            found = as_dicts(ask(connection, "FROM recording WHERE recording_id = ?", [recording_id]))
            files = files_of(connection, recording_id)
            hidden = hidden_stretches(connection, recording_id)
            speech = [Span(*row) for row in ask(connection, _SPEECH, [recording_id]).rows]
        if not found:
            raise HTTPException(404, "There is no such recording.")
        parts = speech_in(window, speech) if query.get("speech") == "1" else (window,)
        try:
            path = site.clips.path(found[0], files, parts, hidden)
        except RecordingError as error:
            raise HTTPException(410, str(error)) from error
        if "range" not in request.headers or request.headers["range"].startswith("bytes=0-"):
            site.log.note_access(session_of(request).reviewer, "clip", recording_id)
        return FileResponse(path, media_type="audio/wav")
