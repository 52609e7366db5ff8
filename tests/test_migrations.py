"""A store of release 0.1.0 comes along with all its rows, and nothing that goes wrong meanwhile costs one."""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from builders import an_analysis, stored
from fakes import FakeEngine, Watcher, own_rules
from old_store import RECORDINGS, everything_in, its_archive, old_store
from readback import files_beside

import schemas
from pipeline import ALGORITHM, AUDIO_ALGORITHM, cli, settings
from pipeline.archive import night, recheck
from pipeline.archive.plan import RunRequest
from pipeline.archive.recheck import RecheckRequest
from pipeline.audit.review_sheet import import_sheet
from pipeline.errors import UsageError
from pipeline.progress import UNWATCHED
from pipeline.rounding import decimals_of
from pipeline.setting_stages import fingerprint_of
from pipeline.settings import RuleSettings, Settings
from pipeline.store import check_writable, migrate, migrations, query, reading, writing
from pipeline.store.merge import merge_reviews
from pipeline.store.review_log import ReviewLog
from pipeline.weights.sentences import DIMENSIONS

ROOT = Path(__file__).parent.parent
RENAMED = {"fitness": "audio_quality"}
KIND = {"call_kind", "language", "language_probability"}
NEW = {
    "analysis": {"algorithm", "audio_algorithm", "attribution_version", "role_cues", "gate", *KIND},
    "recording": {"language_source", "failure_kind", "tried_with", *KIND},
    "audio_quality": {
        "language",
        "language_probability",
        "language_source",
        "languages",
        "speed",
        "signal_start_s",
    },
    "call": {"team", "site"},
    "finding": {"basis"},
    "rule": {"overlay"},
    "review": {"answer", "draw_id", "blind", "kind"},
}
CHANGED = {"analysis": {"settings", "settings_hash"}, "rule": {"text"}}


def sha(db: Path) -> str:
    return hashlib.sha256(db.read_bytes()).hexdigest()


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return old_store(tmp_path / "calls.duckdb")


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The old store with the layout of now, for tests that only read."""
    db = old_store(tmp_path_factory.mktemp("migrated") / "calls.duckdb")
    assert migrate(db, lambda _: None) is not None
    return db


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    return everything_in(old_store(tmp_path_factory.mktemp("before") / "calls.duckdb"))


def order_of(db: Path, archive: Path) -> RunRequest:
    return RunRequest(paths=(archive,), db=db, settings=settings.load(environ={}))


def as_kept(column: str, value: Any) -> Any:
    """A number in the precision of the store of now, as SQL rounds."""
    unit = 10 ** decimals_of(column)
    return math.floor(value * unit + 0.5) / unit if isinstance(value, float) else value


def stored_model(db: Path) -> str:
    (row,) = {row["asr_model"] for row in everything_in(db)["analysis"]}
    return str(row)


# --- what comes along ----------------------------------------------------------------------------------


def test_every_row_comes_along_in_its_order(migrated: Path, before: dict[str, list[dict[str, Any]]]) -> None:
    after = everything_in(migrated)
    assert set(before) >= {"review", "verdict_history", "rule", "hold_track", "fitness", "fingerprint"}
    assert all(before[name] for name in before)
    for old_name, rows in before.items():
        name = RENAMED.get(old_name, old_name)
        if name in {"meta", "jurisdiction"}:
            continue
        other = CHANGED.get(name, set())
        new = NEW.get(name, set())
        assert [{key: as_kept(key, row[key]) for key in row if key not in other} for row in rows] == [
            {key: row[key] for key in row if key not in other | new} for row in after[name]
        ]
        assert all(set(row) == set(old) | new for row, old in zip(after[name], rows, strict=True))


def test_new_columns_say_what_is_known(migrated: Path) -> None:
    sql = "SELECT DISTINCT algorithm, audio_algorithm, attribution_version, role_cues FROM analysis"
    assert query(migrated, sql).rows == ((1, 1, None, "{}"),)
    sql = "SELECT DISTINCT call_kind, language, language_source FROM recording WHERE status = 'analysed'"
    assert query(migrated, sql).rows == ((None, "en", "setting"),)
    sql = "SELECT DISTINCT languages, speed FROM audio_quality"
    assert query(migrated, sql).rows == ((["en"], None),)
    sql = "SELECT DISTINCT basis FROM finding WHERE rule_id = ? ORDER BY ALL"
    assert query(migrated, sql, ["dead_air"]).rows == (("measure",),)
    sql = "SELECT DISTINCT basis FROM finding WHERE verdict IN ('not_applicable', 'not_determinable')"
    assert query(migrated, sql).rows == ((None,),)


def test_a_sites_changes_of_a_rule_get_a_column_of_their_own(migrated: Path) -> None:
    rows = query(migrated, "SELECT rule_id, active, text, overlay FROM rule").rows
    overlay = 'id = "hold_thanks"\ntitle = "Thanks for holding, as we say it"\nroles = ["agent", "ivr"]\n'
    ((rule_id, active, text, kept),) = [row for row in rows if row[3] is not None]
    assert (rule_id, active, kept) == ("hold_thanks", False, overlay)
    pack = tomllib.loads(text)
    assert (pack["title"], pack["roles"], pack["logic"]["kind"]) == (
        "Thanked after a hold",
        ["agent"],
        "every_hold",
    )


def test_stored_settings_are_those_of_now(migrated: Path) -> None:
    ((hash_, text),) = query(migrated, "SELECT DISTINCT settings_hash, settings FROM analysis").rows
    expected = Settings().analysis_values()
    expected["asr"]["language"] = "en"  # as it was set; the settings by which languages are detected are new
    for new in ("languages", "default_language", "min_language_probability", "names"):
        del expected["asr"][new]
    del expected["masking"]  # nothing was masked
    assert json.loads(text) == expected
    assert hash_ == fingerprint_of(expected)


def test_reviews_still_belong_to_their_rules(migrated: Path, tmp_path: Path) -> None:
    with duckdb.connect(str(old_store(tmp_path / "old.duckdb")), read_only=True) as connection:
        former = connection.execute("FROM rule_quality ORDER BY ALL")
        names = ", ".join(column[0] for column in former.description or ())
        expected = tuple(former.fetchall())
    assert query(migrated, f"SELECT {names} FROM rule_quality ORDER BY ALL").rows == expected
    assert query(migrated, "SELECT DISTINCT kind, blind FROM review").rows == (("first", False),)
    reviewed = query(migrated, "SELECT rule_id, reviewed FROM rule_quality WHERE reviewed > 0").rows
    assert reviewed == (("recording_disclosure", 4),)


def test_the_layout_is_that_of_a_new_store(migrated: Path, tmp_path: Path) -> None:
    """Whoever changes a table in `schemas/tables` adds a migration that changes it likewise."""
    new = stored(tmp_path / "new.duckdb")
    for sql in (
        "SELECT * EXCLUDE (database_oid, database_name, schema_oid, table_oid) FROM duckdb_columns() ORDER BY ALL",
        "SELECT table_name, constraint_text FROM duckdb_constraints() ORDER BY ALL",
        "SELECT table_name, comment FROM duckdb_tables() ORDER BY ALL",
        "SELECT view_name, sql, comment FROM duckdb_views() WHERE NOT internal ORDER BY ALL",
    ):
        assert query(migrated, sql).rows == query(new, sql).rows


@pytest.mark.parametrize("view", [view.name for view in schemas.views()])
def test_every_view_answers(migrated: Path, view: str) -> None:
    query(migrated, f"FROM {view}")
    if view == "call_summary":
        assert query(migrated, "SELECT count(*) FROM call_summary").rows == ((RECORDINGS - 1,),)


def test_the_ledger_says_what_was_done(migrated: Path) -> None:
    rows = query(migrated, "SELECT version, name FROM schema_migration ORDER BY version").rows
    assert rows == tuple((m.version, m.name) for m in schemas.migrations())
    assert query(migrated, "SELECT schema_version FROM meta").rows == ((schemas.VERSION,),)


def test_migrations_are_numbered_without_gaps() -> None:
    assert [m.version for m in schemas.migrations()] == list(range(3, schemas.VERSION + 1))


# --- the first night after an upgrade ------------------------------------------------------------------


@pytest.mark.parametrize("other_model", [False, True])
def test_a_night_over_a_store_of_0_1_0_sends_no_file_to_recognition(
    db: Path, tmp_path: Path, other_model: bool
) -> None:
    """Whatever changes in the program from now on."""
    model = "another@1" if other_model else stored_model(db)
    engine = FakeEngine(asr_model=model)
    order = order_of(db, its_archive(tmp_path / "archive"))
    assert night.pending(order, engine()).todo == ()
    order = replace(order, settings=settings.load(overrides=["turns.pause_s=2"], environ={}))
    summary = night.run(order, engine(), Watcher())
    assert (engine.loads, summary.totals.analysed, summary.found) == (0, 0, RECORDINGS)
    assert summary.outdated == RECORDINGS - 1
    assert night.run(order, engine(), Watcher()).unchanged == RECORDINGS


def test_calls_of_0_1_0_count_as_outdated_and_nothing_more(db: Path, tmp_path: Path) -> None:
    """The methods applied to the audio have changed since, so that an analysis could find other turns or tone."""
    order = order_of(db, its_archive(tmp_path / "archive"))
    plan = night.pending(order, FakeEngine(asr_model=stored_model(db))())
    assert (len(plan.todo), len(plan.recheck), len(plan.outdated)) == (0, RECORDINGS - 1, RECORDINGS - 1)


def test_calls_of_this_release_are_not_outdated(db: Path, tmp_path: Path) -> None:
    migrate(db, lambda _: None)
    with duckdb.connect(str(db)) as connection:
        version = own_rules().role_cues.version
        masked = json.dumps({"masking": Settings().analysis_values()["masking"]})
        sql = (
            "UPDATE analysis SET audio_algorithm = ?, attribution_version = ?, "
            "settings = json_merge_patch(settings, ?)"
        )
        connection.execute(sql, [AUDIO_ALGORITHM, version, masked])
    order = order_of(db, its_archive(tmp_path / "archive"))
    assert night.pending(order, FakeEngine(asr_model=stored_model(db))()).outdated == ()


def test_a_recheck_agrees_with_what_was_stored(db: Path, before: dict[str, list[dict[str, Any]]]) -> None:
    migrate(db, lambda _: None)
    sql = "SELECT recording_id, rule_id, basis FROM finding WHERE basis IS NOT NULL"
    derived = {row[:2]: row[2] for row in query(db, sql).rows}
    settings = Settings(rules=RuleSettings(meaning=False))
    request = RecheckRequest(db=db, rules=own_rules(), settings=settings)
    done = recheck.recheck(request, UNWATCHED)
    changes = {change for change in done.changes if change[1] is not None}  # others are of new rules
    assert (done.calls, done.failed, changes) == (RECORDINGS - 1, (), set())
    assert query(db, "SELECT DISTINCT algorithm FROM analysis").rows == ((ALGORITHM,),)
    known = {row[:2]: row[2] for row in query(db, sql).rows}
    assert [key for key, basis in derived.items() if known.get(key, basis) != basis] == []
    verdicts = {(row["recording_id"], row["rule_id"], row["verdict"]) for row in before["finding"]}
    sql = "SELECT recording_id, rule_id, verdict FROM finding"
    assert verdicts <= set(query(db, sql).rows)


def test_without_the_sentence_model_nothing_that_was_not_found_fails(db: Path) -> None:
    migrate(db, lambda _: None)
    request = RecheckRequest(db=db, rules=own_rules(), settings=Settings())
    changes = recheck.recheck(request, UNWATCHED).changes
    assert changes
    of_old_rules = {(before, now) for _, before, now in changes if before is not None}
    assert of_old_rules == {("fail", "not_determinable")}
    sql = "SELECT DISTINCT detail ->> 'reason_code' FROM finding WHERE detail ->> 'reason_code' LIKE 'gate%'"
    assert query(db, sql).rows == (("gate_not_computed",),)


def test_a_recheck_scores_calls_of_the_former_release(db: Path) -> None:
    migrate(db, lambda _: None)
    rules = own_rules()
    request = RecheckRequest(db=db, rules=rules, settings=Settings(), embed=silent_embed)
    assert recheck.recheck(request, UNWATCHED).failed == ()
    assert rules.sentence_model is not None
    assert query(db, "SELECT DISTINCT gate FROM analysis").rows == ((rules.sentence_model.version,),)
    sql = "FROM finding WHERE detail ->> 'reason_code' = 'gate_not_computed'"
    assert query(db, sql).rows == ()
    again = recheck.recheck(request, UNWATCHED)
    assert not again.changed


def silent_embed(said: Sequence[str]) -> Any:
    """Vectors without meaning: the words alone decide."""
    return np.zeros((len(said), DIMENSIONS), np.float32)


# --- who migrates --------------------------------------------------------------------------------------


def test_readers_say_what_to_run(db: Path) -> None:
    with pytest.raises(UsageError, match=r"earlier release.*layout 2 \(release 0\.1\.0\)") as caught:
        query(db, "FROM recording")
    assert f"run `earwitness migrate --db {db}`" in str(caught.value)


def test_a_store_of_a_later_release_is_refused_by_its_name(tmp_path: Path) -> None:
    db = stored(tmp_path / "calls.duckdb", an_analysis())
    with duckdb.connect(str(db)) as connection:
        connection.execute("UPDATE meta SET schema_version = 99")
        connection.execute("INSERT INTO schema_migration VALUES (99, 'later', now(), '7.3.0')")
    for action in (
        lambda: query(db, "FROM recording"),
        lambda: stored(db, an_analysis("two")),
        lambda: migrate(db, print),
        lambda: check_writable(db),
    ):
        with pytest.raises(UsageError, match=r"later release.*layout 99 \(release 7\.3\.0\)"):
            action()


def test_whoever_writes_migrates_with_one_line(db: Path, capsys: pytest.CaptureFixture[str]) -> None:
    check_writable(db)
    with writing(db):
        pass
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"earwitness: migrating the store {db} from layout 2 (release 0.1.0) to layout 3")
    assert len(everything_in(db)["recording"]) == RECORDINGS
    with writing(db):
        pass
    assert capsys.readouterr().err == ""
    assert files_beside(db) == ["calls.duckdb", "calls.duckdb.lock"]


def test_a_sheet_of_judgements_can_be_imported_at_once(db: Path, tmp_path: Path) -> None:
    finding = next(row for row in everything_in(db)["finding"] if row["rule_id"] == "greeting")
    key = "/".join(str(finding[name]) for name in ("rule_id", "rule_version", "verdict", "recording_id"))
    sheet = tmp_path / "judged.csv"
    sheet.write_text(f"finding,judgement,reviewer\n{key},confirmed,ann\n")
    log = ReviewLog(tmp_path / "reviews.sqlite")
    assert import_sheet(db, sheet, log)[1] == 1
    with writing(db) as writer:
        merge_reviews(writer, log)
        writer.publish()
    assert query(db, "SELECT count(*) FROM review").rows == ((5,),)


def run_cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *args: object) -> Any:
    monkeypatch.setattr(sys, "argv", ["earwitness", *map(str, args)])
    try:
        cli.main()
        code: Any = 0
    except SystemExit as end:
        code = end.code or 0
    return code, *capsys.readouterr()


def test_the_command_says_what_it_did(
    db: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run_cli(monkeypatch, capsys, "migrate", "--db", db)
    assert (code, out.splitlines()) == (
        0,
        [
            f"{db}: {RECORDINGS} recordings migrated from layout 2 (release 0.1.0) to {migrations.CURRENT}",
            f"{db}: {RECORDINGS - 1} calls masked, and the file written anew",
        ],
    )
    steps = [line.split()[0] for line in err.splitlines()]
    assert steps[:4] == ["copying", "migration", "writing", "putting"]
    code, out, err = run_cli(monkeypatch, capsys, "migrate", "--db", db)
    assert (code, out, err) == (0, f"nothing to be done: {db} has {migrations.CURRENT}\n", "")
    code, out, err = run_cli(monkeypatch, capsys, "migrate", "--db", db, "--json")
    assert (code, json.loads(out)) == (0, {"migrated": False, "from": 3, "to": 3, "masked": 0})
    code, out, err = run_cli(monkeypatch, capsys, "migrate", "--db", db.with_name("none.duckdb"))
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert "there is no store" in err


# --- what goes wrong -----------------------------------------------------------------------------------

KILLED = """
import hashlib, json, os, signal, sys
from pathlib import Path
from pipeline.store import files, migrate, migrations

whole, kind = Path(sys.argv[1]), sys.argv[2]
content, seen, last = whole.read_bytes(), 0, None

def step(*_):
    global seen
    if seen == last:
        os.kill(os.getpid(), signal.SIGKILL)
    seen += 1

class Watched:
    def __init__(self, connection):
        self.connection = connection

    def __getattr__(self, name):
        if name in ("execute", "commit", "begin"):
            step()
        return getattr(self.connection, name)

def torn(source, target):
    step()
    target.write_bytes(source.read_bytes()[:100_000])
    step()
    copy(source, target)
    step()

if kind == "statement":
    connect = migrations.connect
    migrations.connect = lambda path: Watched(connect(path))
if kind == "file":
    copy, rename = files._copy, Path.replace
    files._copy = torn
    Path.replace = lambda path, target: (step(), rename(path, target))

def child(db, number):
    # Nothing has opened a database here yet, so that a fork has no threads to lose.
    global last
    if not (pid := os.fork()):
        last = number
        migrate(db, step if kind == "report" else lambda _: None)
        db.with_suffix(".steps").write_text(str(seen))
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

assert child(whole, None) == 0
steps = int(whole.with_suffix(".steps").read_text())
ends = {}
for number in range(0, steps, max(1, steps // 9)):
    db = whole.with_name(f"{kind}_{number}.duckdb")
    db.write_bytes(content)
    code = child(db, number)
    ends[number] = [code, db.read_bytes() == content]
print(json.dumps({"steps": steps, "ends": ends, "last": str(db)}))
"""


@pytest.mark.parametrize(("kind", "least"), [("report", 4), ("statement", 20), ("file", 7)])
def test_a_kill_at_any_step_leaves_the_old_store_and_the_next_try_succeeds(
    kind: str, least: int, tmp_path: Path
) -> None:
    whole = old_store(tmp_path / "whole.duckdb")
    run = subprocess.run(
        [sys.executable, "-c", KILLED, str(whole), kind],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert run.returncode == 0, run.stderr
    done = json.loads(run.stdout)
    assert done["steps"] >= least
    assert set(map(tuple, done["ends"].values())) == {(-signal.SIGKILL, True)}
    db = Path(done["last"])
    assert migrate(db, lambda _: None) is not None
    assert len(query(db, "FROM recording").rows) == RECORDINGS
    assert [name for name in files_beside(db) if name.startswith(db.name)] == [db.name, f"{db.name}.lock"]


def refuses(error: BaseException) -> Any:
    def refuse(*_: object, **__: object) -> None:
        raise error

    return refuse


@pytest.mark.parametrize("place", ["copying", "publishing"])
def test_a_full_disk_is_told_in_one_line(db: Path, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = sha(db)
    full = refuses(OSError(28, "No space left on device"))
    if place == "copying":
        monkeypatch.setattr("pipeline.store.files._copy", full)
    else:
        monkeypatch.setattr(migrations, "put_in_place", full)
    with pytest.raises(UsageError, match="No space left on device") as caught:
        migrate(db, lambda _: None)
    assert "\n" not in str(caught.value)
    assert str(db) in str(caught.value)
    assert sha(db) == expected
    assert files_beside(db) == ["calls.duckdb", "calls.duckdb.lock"]


def test_a_folder_that_cannot_be_written_is_told_in_one_line(
    db: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected, whole = sha(db), Path.open

    def guarded(path: Path, mode: str = "r", *more: Any, **options: Any) -> Any:
        if mode != "r" and path.parent == db.parent:
            raise PermissionError(13, "Permission denied")
        return whole(path, mode, *more, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", guarded)
        with pytest.raises(UsageError, match=r"cannot write the store.*denied") as caught:
            migrate(db, lambda _: None)
    assert "\n" not in str(caught.value)
    assert sha(db) == expected


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("DELETE FROM word WHERE word_index = 3", "would lose rows.*word"),
        ("SELECT nonsense FROM recording", "cannot migrate the store.*nonsense"),
        ("UPDATE recording SET bytes = -1", "cannot migrate the store.*CHECK"),
    ],
)
def test_a_faulty_migration_changes_nothing(
    sql: str, message: str, db: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = sha(db)
    (first,) = schemas.migrations()
    monkeypatch.setattr(schemas, "migrations", lambda: (replace(first, sql=f"{first.sql}\n{sql};"),))
    with pytest.raises(UsageError, match=message):
        migrate(db, lambda _: None)
    assert sha(db) == expected


def test_a_reader_keeps_the_old_store_while_it_is_migrated(db: Path) -> None:
    other = db.with_name("link.duckdb")
    shutil.copy(db, other)
    with duckdb.connect(str(db), read_only=True) as connection:
        migrate(other, lambda _: None)
        other.replace(db)
        assert connection.execute("SELECT count(*) FROM fitness").fetchall() == [(7,)]
    with reading(db) as connection:
        assert connection.execute("SELECT count(*) FROM audio_quality").fetchall() == [(7,)]
