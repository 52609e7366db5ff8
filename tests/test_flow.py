import inspect
import json
import sqlite3
from contextlib import closing
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml
from program import earwitness, guarded

from pipeline.store import query

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def prefect_rows(demo_run):
    """Queries on the database that Prefect kept of the demo."""
    assert demo_run.returncode == 0, demo_run.stderr

    def rows(sql):
        with closing(sqlite3.connect(demo_run.prefect_home / "prefect.db")) as connection:
            return connection.execute(sql).fetchall()

    return rows


@pytest.mark.real
def test_the_flow_completes_with_its_tasks_in_order(prefect_rows):
    sql = "SELECT flow.name, state_type FROM flow_run JOIN flow ON flow.id = flow_id"
    assert prefect_rows(sql) == [("nightly", "COMPLETED")]
    tasks = prefect_rows("SELECT name, state_type, flow_run_id FROM task_run ORDER BY start_time")
    names = [name.rpartition("-")[0] for name, _, _ in tasks]
    batches = names.count("transcribe and measure batch")
    assert names[:3] == ["discover", "plan", "transcribe and measure batch"]
    assert names[-1] == "publish"
    assert set(names) == {"discover", "plan", "transcribe and measure batch", "load", "publish"}
    assert batches > 1
    assert {state for _, state, _ in tasks} == {"COMPLETED"}
    # Also those that run in threads belong to the flow.
    assert len({run for _, _, run in tasks}) == 1


@pytest.mark.real
def test_the_report_is_an_artifact(prefect_rows):
    ((kind, text),) = prefect_rows("SELECT type, data FROM artifact WHERE key = 'night'")
    assert kind == "markdown"
    assert "| Files found | 7 |" in text
    assert "| Quarantined | 0 |" in text
    assert "| Real-time factor |" in text
    assert "| Calls that fail the recording disclosure |" in text


@pytest.mark.real
def test_progress_and_counts_are_artifacts(prefect_rows):
    ((progress,),) = prefect_rows(
        "SELECT data FROM artifact WHERE key = 'calls' ORDER BY updated DESC LIMIT 1"
    )
    assert float(progress) == 100.0
    ((counts,),) = prefect_rows("SELECT data FROM artifact WHERE key = 'night-counts'")
    assert {"figure": "Analysed", "value": 7} in json.loads(json.loads(counts))


@pytest.mark.real
def test_prefect_keeps_no_calls(demo_run, demo_db):
    kept = b"".join(path.read_bytes() for path in demo_run.prefect_home.rglob("*") if path.is_file())
    ((said,),) = query(demo_db, "SELECT text FROM turn ORDER BY length(text) DESC LIMIT 1").rows
    assert b"nightly" in kept
    assert said.encode() not in kept


@pytest.mark.real
def test_prefects_log_is_not_on_the_terminal(demo_run):
    assert [line for line in demo_run.stderr.splitlines() if "Prefect" in line] == [
        "connecting to your Prefect …"
    ]
    assert "task_run" not in demo_run.stderr


def test_an_unreachable_prefect_is_told_in_one_line(samples, tmp_path):
    env = guarded(tmp_path, PREFECT_API_URL="http://127.0.0.1:9/api", PREFECT_HOME=str(tmp_path / "prefect"))
    run = earwitness("nightly", samples, env=env, cwd=tmp_path)
    assert run.returncode == 2
    assert run.stderr.splitlines()[-1].startswith("earwitness: cannot reach Prefect: http://127.0.0.1:9/api")
    assert "Traceback" not in run.stderr
    assert not (tmp_path / "calls.duckdb").exists()


DEPLOYMENTS = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))["deployments"]
AUTOMATIONS = yaml.safe_load((ROOT / "prefect-automations.yaml").read_text(encoding="utf-8"))["automations"]


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda one: one["name"])
def test_a_deployment_runs_its_flow_with_parameters_that_are_explained(deployment, monkeypatch, tmp_path):
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path))  # Prefect makes the folder when it is imported
    path, name = deployment["entrypoint"].split(":")
    assert (ROOT / path).is_file()
    flow = getattr(import_module(path.removesuffix(".py").replace("/", ".")), name)
    assert flow.name == deployment["name"]
    inspect.signature(flow.fn).bind(**deployment["parameters"])
    from prefect.utilities.callables import parameter_schema  # noqa: PLC0415

    parameters = parameter_schema(flow.fn).properties
    assert [name for name, one in parameters.items() if not one.get("description")] == []


def test_the_night_is_scheduled():
    (schedule,) = DEPLOYMENTS[0]["schedules"]
    assert schedule == {"cron": "0 2 * * *", "timezone": "America/New_York"}


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda one: one["name"])
def test_a_second_run_waits(deployment):
    assert deployment["concurrency_limit"] == {"limit": 1, "collision_strategy": "ENQUEUE"}


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda one: one["name"])
def test_the_deployment_reports_nothing_home_and_shows_that_it_lives(deployment):
    env = deployment["work_pool"]["job_variables"]["env"]
    assert env == {
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "40",
    }


def test_prefect_accepts_the_automations(monkeypatch, tmp_path):
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path))
    from prefect.events.schemas.automations import AutomationCore  # noqa: PLC0415

    dead, report = (AutomationCore.model_validate(one) for one in AUTOMATIONS)
    assert "prefect.flow-run.heartbeat" in dead.trigger.after
    assert dead.trigger.within.total_seconds() > 3 * 40
    assert {"earwitness.night_failed", "earwitness.drift"} <= report.trigger.expect


def test_prefect_can_schedule_with_this_sqlalchemy():
    # With 2.1 the server of Prefect 3.8.8 cannot insert scheduled runs: deployed nights never start.
    assert version("sqlalchemy").startswith("2.0."), "pip install -c constraints.txt sqlalchemy"
