"""A store with real audio, and a browser's side of the review application for tests."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from builders import NOON, a_call, a_rule, an_analysis, found, say, stored
from fakes import write_call
from httpx import Response
from starlette.testclient import TestClient

from pipeline.audio.decode import read_audio
from pipeline.records import CallAnalysis, Verdict
from pipeline.review.app import create_app
from pipeline.review.security import LOOPBACK, Door
from pipeline.settings import AudioSettings
from pipeline.store.review_log import ReviewLog, beside_store

QUESTION = """
[review]
question = "Was the caller greeted?"
answers = [
  { text = "greeted", means = "pass" },
  { text = "not greeted", means = "fail" },
  { text = "cannot tell", means = "unclear" },
]
"""
PORT = 8765
SECRET_QUOTE = "good morning"


def a_heard_call(folder: Path, number: int, verdict: Verdict, **changes: Any) -> CallAnalysis:
    """A call of 3 s whose audio is in `folder`; the agent says good morning at 1 s."""
    path = folder / f"call{number:02}.wav"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_call(path, seed=number)
    turns = [
        say("agent", 0.5, 1.5, f"{SECRET_QUOTE} all of you"),
        say("customer", 1.7, 2.6, "hello I have a question"),
    ]
    passed = {"start_s": 0.5, "end_s": 0.9, "quote": SECRET_QUOTE, "turn_index": 0, "basis": "phrase"}
    failed = {"start_s": 0.0, "end_s": 3.0, "basis": "absence"}
    evidence = {"pass": passed, "fail": failed}.get(verdict, {})
    finding = found("greeting", verdict, confidence=0.93, **evidence)
    call = a_call(call_ref=f"C-{number}", started_at=NOON, agent_name="Agatha Secret")
    parts: dict[str, Any] = {
        "recording": replace(read_audio(path, AudioSettings()).recording, analysed_at=NOON),
        "call": call,
        "turns": turns,
        "findings": (finding,),
    }
    return an_analysis(**parts | changes)


def a_review_store(folder: Path, verdicts: Sequence[Verdict]) -> Path:
    """A store with a call of each of `verdicts` about the greeting."""
    calls = [a_heard_call(folder / "audio", number, verdict) for number, verdict in enumerate(verdicts)]
    rule = a_rule("greeting", title="Greeted", text=f'id = "greeting"\nroles = ["agent"]\n{QUESTION}')
    return stored(folder / "calls.duckdb", *calls, rules=[rule])


@dataclass(slots=True)
class Browser:
    """A client of the application that came in by a link."""

    client: TestClient
    door: Door
    log: ReviewLog
    token: str = ""

    @classmethod
    def of(cls, db: Path, reviewer: str = "eve", other: Browser | None = None) -> Browser:
        """A browser with its reviewer's name set; beside an `other` one of the same application."""
        log = ReviewLog(beside_store(db))
        door = other.door if other else Door(port=PORT, hosts=LOOPBACK)
        app = other.client.app if other else create_app(db, log, door)
        client = TestClient(app, base_url=f"http://127.0.0.1:{PORT}")
        browser = cls(client, door, log)
        browser.get(f"/?token={door.new_link()}")
        if reviewer:
            browser.post("/reviewer", reviewer=reviewer)
        return browser

    def get(self, path: str, **headers: str) -> Response:
        """A page; the token of its forms is remembered."""
        return self._keep(self.client.get(path, headers=headers))

    def post(self, path: str, **fields: object) -> Response:
        """A form sent by a page of the application."""
        origin = {"Origin": f"http://127.0.0.1:{PORT}"}
        data = {"form_token": self.token} | {name: str(value) for name, value in fields.items()}
        return self._keep(self.client.post(path, data=data, headers=origin))

    def draw(self, **fields: object) -> Response:
        """Draw a sample of greetings; shows its first card."""
        wanted: Mapping[str, object] = {
            "rule": "greeting",
            "aim": "verdicts",
            "sample": 6,
            "seed": 7,
            "blind": 1,
        }
        return self.post("/draws", **{name: v for name, v in {**wanted, **fields}.items() if v is not None})

    def _keep(self, response: Response) -> Response:
        if found_token := re.search(r'name="form_token" value="([^"]+)"', response.text):
            self.token = found_token[1]
        return response


def position_on(response: Response) -> int:
    """The position of the card that is shown."""
    (position,) = re.findall(r'data-position="(\d+)"', response.text)
    return int(position)


def sound_on(response: Response) -> str:
    """The address of the clip of the card that is shown."""
    (sound,) = re.findall(r'data-sound="([^"]+)"', response.text)
    return str(sound).replace("&amp;", "&")
