"""The report of a call: what it says, what stays hidden, and what it does without sound."""

import base64
import hashlib
import io
import re
from html.parser import HTMLParser

import av
import numpy as np
import pytest
from builders import (
    a_call,
    a_datum,
    a_hold,
    a_recording,
    a_rule,
    a_silence,
    an_analysis,
    an_id,
    an_overlap,
    found,
    say,
    stored,
)
from fakes import FakeEngine, Recites, Watcher, write_call

from pipeline import cli, settings
from pipeline.archive import night
from pipeline.archive.plan import RunRequest
from pipeline.audio.encode import as_mp3
from pipeline.audit.call_page import call_page, write_report
from pipeline.audit.call_report import call_report
from pipeline.audit.reveal import opening, trail_of
from pipeline.errors import UsageError
from pipeline.report.timeline import timeline_of
from pipeline.store import reading
from pipeline.store.one_call import read_call

HOSTILE = "</script><img src=x onerror=alert(1)>"


class Reader(HTMLParser):
    """Tags with their attributes, in order."""

    def __init__(self, text):
        super().__init__()
        self.tags = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))


def a_store(tmp_path, **changes):
    parts = {
        "turns": [
            say("agent", 0, 4, "hello this is Ann how can I help"),
            say("customer", 5, 9, f"my {HOSTILE} is broken"),
            say("agent", 20, 24, "thanks for waiting"),
        ],
        "holds": (a_hold(9.5, 19.5),),
        "overlaps": (an_overlap("agent", 4.5, 5.0),),
        "silences": (a_silence(24, 36),),
        "personal_data": (a_datum(6, 7),),
        "findings": (
            found("greeting", "pass", start_s=0.0, end_s=4.0, quote="hello this is Ann", basis="phrase"),
            found("closing", "fail", start_s=20.0, end_s=40.0, basis="absence"),
            found("hold_thanks", "not_determinable", start_s=20.0, end_s=24.0, quote=HOSTILE),
            found("apology", "not_applicable"),
        ),
    }
    call = an_analysis(
        "one", recording=a_recording("one", duration_s=40.0), call=a_call(call_ref="C-1"), **(parts | changes)
    )
    rules = [a_rule(name) for name in ("greeting", "closing", "hold_thanks", "apology")]
    return stored(tmp_path / "calls.duckdb", call, rules=rules)


def page_of(db, name="one"):
    with reading(db) as connection:
        return call_page(call_report(connection, read_call(connection, an_id(name))), None)


def test_the_worst_comes_first_and_every_verdict_is_there(tmp_path):
    with reading(a_store(tmp_path)) as connection:
        report = call_report(connection, read_call(connection, an_id("one")))
    assert [one.rule_id for one in report.verdicts] == ["closing", "hold_thanks", "greeting", "apology"]
    assert [one.rule_id for one in report.mattering] == ["closing", "hold_thanks"]
    assert report.verdicts[0].says.startswith("searched 0:20 to 0:40, ")


def test_every_event_has_its_mark_at_its_place(tmp_path):
    page = page_of(a_store(tmp_path))
    marks = [tag for name, tag in Reader(page).tags if name == "rect" and "data-t" in tag]
    places = {
        (mark["class"].split()[1], mark["class"].split()[2]): (
            float(mark["x"][:-1]),
            float(mark["width"][:-1]),
        )
        for mark in marks
    }
    assert places["system", "hold"] == (23.75, 25.0)
    assert places["system", "silence"] == (60.0, 30.0)
    assert places["both", "interruption"] == (11.25, 1.25)
    assert places["marks", "datum"] == (15.0, 2.5)
    assert places["searched", "searched"] == (50.0, 50.0)
    listed = re.findall(r'<li><a class="t" href="#t=([\d.]+)">', page)
    assert [float(at) for at in listed] == [4.5, 6.0, 9.5, 24.0]


def test_hostile_words_do_nothing(tmp_path):
    page = page_of(a_store(tmp_path))
    tags = Reader(page).tags
    assert "alert(1)" in page
    assert not [tag for tag, values in tags if tag == "img" or any(name.startswith("on") for name in values)]
    assert sum(tag == "script" for tag, _ in tags) == 1


def test_the_page_loads_nothing_and_its_script_and_style_are_the_ones_that_are_allowed(tmp_path):
    page = page_of(a_store(tmp_path))
    (policy,) = [
        v["content"] for t, v in Reader(page).tags if v.get("http-equiv") == "Content-Security-Policy"
    ]
    for tag in ("style", "script"):
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert not [v for _, v in Reader(page).tags if "style" in v]
    assert not re.search(r"https?://", page)


@pytest.mark.parametrize(("holds", "due_s"), [((), 32.0), (((9.5, 19.5),), None), (((9.5, 12.5),), 35.0)])
def test_the_deadline_is_in_conversation_time(holds, due_s, tmp_path):
    notice = found("recording_disclosure", "fail", basis="absence", detail={"deadline_s": 32.0})
    db = a_store(tmp_path, findings=(notice,), holds=tuple(a_hold(*hold) for hold in holds))
    with reading(db) as connection:
        marks = call_report(connection, read_call(connection, an_id("one"))).timeline.events
    assert [mark.start_s for mark in marks if mark.kind == "deadline"] == ([] if due_s is None else [due_s])


def test_what_cannot_be_told_says_why(tmp_path):
    page = page_of(a_store(tmp_path, overlaps=(), metrics=()))
    assert "overlaps cannot be told in this recording" in page


def test_a_call_without_words_has_a_page(tmp_path):
    page = page_of(a_store(tmp_path, turns=(), words=(), activities=(), findings=()))
    assert "No words were recognised." in page
    assert "No rule failed" in page


def test_ticks_stay_few():
    for length_s in (3.0, 40.0, 600.0, 3600.0, 14_400.0):
        line = timeline_of(an_analysis("x", recording=a_recording("x", duration_s=length_s)))
        assert 1 < len(line.ticks) <= 14
        assert line.ticks[-1] <= length_s


def test_a_mark_stays_inside_and_can_be_seen():
    line = timeline_of(
        an_analysis("x", recording=a_recording("x", duration_s=3600.0), holds=(a_hold(3590.0, 3700.0),))
    )
    (mark,) = next(lane for lane in line.lanes if lane.id == "system").marks
    assert line.x(mark.start_s) + line.width(mark) == pytest.approx(100, abs=0.01)
    overlap = timeline_of(
        an_analysis(
            "x", recording=a_recording("x", duration_s=3600.0), overlaps=(an_overlap("agent", 5, 5.3),)
        )
    )
    (mark,) = next(lane for lane in overlap.lanes if lane.id == "both").marks
    assert overlap.width(mark) == 0.15


# --- sound


def test_mp3_keeps_its_place_and_length():
    samples = np.zeros((1, 64_000), np.float32)
    samples[0, 32_000:32_100] = 0.9
    with av.open(io.BytesIO(as_mp3(samples))) as file:
        back = np.concatenate([frame.to_ndarray() for frame in file.decode(audio=0)], axis=1)[0]
    assert len(back) == 64_000
    assert abs(int(np.argmax(np.abs(back) > 0.3 * np.abs(back).max())) - 32_000) < 160


AGENT, CUSTOMER = "Thanks for calling, how can I help?", "my card number is 4929 1184 7702 3316 thank you"


@pytest.fixture
def order(tmp_path):
    write_call(tmp_path / "archive" / "a.wav", seconds=20.0)
    return RunRequest(
        paths=(tmp_path / "archive",), db=tmp_path / "calls.duckdb", settings=settings.load(environ={})
    )


@pytest.fixture
def db(order):
    night.run(order, FakeEngine(transcribe=Recites(AGENT, CUSTOMER))(), Watcher())
    return order.db


def sound_in(page):
    (data,) = re.findall(r'src="data:audio/(?:mpeg|wav);base64,([^"]+)"', page.read_text())
    with av.open(io.BytesIO(base64.b64decode(data))) as file:
        return np.concatenate([frame.to_ndarray() for frame in file.decode(audio=0)], axis=1)


def test_words_are_masked_and_silent(db, tmp_path):
    with reading(db) as connection:
        page, notes = write_report(connection, "a", tmp_path / "a.html")
        start_s, end_s = connection.execute("SELECT start_s, end_s FROM mask").fetchall()[0]
    assert notes == ()
    assert "4929" not in page.read_text()
    assert "[card]" in page.read_text()
    heard = sound_in(page)
    rate = heard.shape[1] / 20.0
    inside = heard[:, int((start_s + 0.1) * rate) : int((end_s - 0.1) * rate)]
    assert np.abs(inside).max() < 0.01 < np.abs(heard).max()


def test_a_clear_report_needs_a_reason_and_leaves_a_line(db, tmp_path):
    with reading(db) as connection:
        page, _ = write_report(connection, "a", tmp_path / "a.html", clear=opening(db, "case 9"))
    assert "4929" in page.read_text()
    assert "Personal data are in clear" in page.read_text()
    assert [line["reason"] for line in trail_of(db).lines()] == ["case 9"]


def test_sound_beside_and_none(db, tmp_path):
    with reading(db) as connection:
        page, _ = write_report(connection, "a", tmp_path / "a.html", "beside")
        assert 'src="a.mp3"' in page.read_text()
        assert (tmp_path / "a.mp3").stat().st_size > 10_000
        page, _ = write_report(connection, "a", tmp_path / "b.html", "none")
        assert "<audio" not in page.read_text()
        page, _ = write_report(connection, "a", tmp_path / "c.html", "exact")
        assert "audio/wav" in page.read_text()


def test_a_long_call_has_its_sound_beside(db, tmp_path, monkeypatch):
    monkeypatch.setattr("pipeline.audit.call_page.LONGEST_INSIDE_S", 19.0)
    with reading(db) as connection:
        page, _ = write_report(connection, "a", tmp_path / "a.html")
    assert 'src="a.mp3"' in page.read_text()


@pytest.mark.parametrize("fault", ["gone", "changed"])
def test_without_the_audio_the_page_is_made_and_says_so(fault, db, tmp_path, order):
    audio = order.paths[0] / "a.wav"
    if fault == "gone":
        audio.unlink()
    else:
        write_call(audio, seed=9, seconds=20.0)
    with reading(db) as connection:
        page, (note,) = write_report(connection, "a", tmp_path / "a.html")
    assert note.startswith("No sound: ")
    assert "No sound: " in page.read_text()
    assert "<audio" not in page.read_text()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nobody"], "no such call in the store"),
        ([], "a report is of one call or of one period"),
        (["a", "--period", "2026"], "a report is of one call or of one period"),
        (["a", "--clear"], "clear data are shown for a reason only"),
    ],
)
def test_bad_input_is_one_line(arguments, says, db, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    monkeypatch.setattr("sys.argv", ["earwitness", "report", *arguments, "--db", str(db)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    err = capsys.readouterr().err
    assert (ended.value.code, err.count("\n")) == (2, 1)
    assert says in err
    assert sorted(tmp_path.iterdir()) == before


def test_a_folder_that_cannot_be_written_is_told(db, tmp_path):
    (tmp_path / "file").write_text("")
    with reading(db) as connection, pytest.raises(UsageError, match="cannot write the report"):
        write_report(connection, "a", tmp_path / "file" / "a.html")
