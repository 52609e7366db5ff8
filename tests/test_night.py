import logging
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from builders import a_review
from fakes import FakeEngine, Says, Watcher, own_rules, write_call

from pipeline import ALGORITHM, AUDIO_ALGORITHM, settings
from pipeline import analyse as analyse_module
from pipeline.archive import night, plan, recheck
from pipeline.archive.plan import RunRequest, discover
from pipeline.errors import UsageError
from pipeline.report.night import night_markdown, summary_line
from pipeline.store import query, recheck_rows
from pipeline.store.review_log import Judged, ReviewLog, beside_store


@pytest.fixture
def archive(tmp_path):
    """Three good calls."""
    for seed, name in enumerate(("a.wav", "b.wav", "sub/c.wav")):
        write_call(tmp_path / "archive" / name, seed=seed)
    return tmp_path / "archive"


@pytest.fixture
def order(archive, tmp_path):
    return RunRequest(paths=(archive,), db=tmp_path / "calls.duckdb", settings=settings.load(environ={}))


def manifest(archive, **columns):
    header, row = ",".join(["file", *columns]), ",".join(["a.wav", *columns.values()])
    (archive / "manifest.csv").write_text(f"{header}\n{row}\n")


def go(order, engine=None, progress=None, **kwargs):
    return night.run(order, (engine or FakeEngine())(), progress or Watcher(), **kwargs)


def rows(order, sql):
    return query(order.db, sql).rows


def test_a_night_stores_every_call(order):
    summary = go(order)
    assert (summary.found, summary.totals.analysed, summary.unchanged) == (3, 3, 0)
    assert summary.totals.audio_s == pytest.approx(9.0)
    assert rows(order, "SELECT count(*), count(DISTINCT recording_id) FROM call_summary") == ((3, 3),)
    assert rows(order, "SELECT count(*) FROM word WHERE role = 'agent'") == ((3,),)


def test_the_uri_is_the_absolute_path(order, archive, monkeypatch):
    monkeypatch.chdir(archive)
    found = discover(replace(order, paths=(Path("sub/../a.wav"),))).found
    assert [f.uri for f in found] == [str(archive / "a.wav")]


def test_a_second_night_loads_no_models(order):
    engine = FakeEngine()
    go(order, engine)
    again = go(order, engine)
    assert engine.loads == 1
    assert (again.totals.analysed, again.unchanged, again.new_ids) == (0, 3, ())
    assert len(again.all_ids) == 3


OTHER_CUES = replace(own_rules(), role_cues=replace(own_rules().role_cues, version="other"))
OTHER_HEARING = pytest.mark.parametrize(
    ("settings_change", "engine"),
    [
        (["turns.pause_s=2"], FakeEngine()),
        ([], FakeEngine(asr_model="fake@2")),
        ([], FakeEngine(rules=OTHER_CUES)),
    ],
    ids=["settings", "recogniser", "role cues"],
)


@OTHER_HEARING
def test_what_changes_what_is_heard_makes_calls_outdated_and_analyses_none(settings_change, engine, order):
    go(order)
    order = replace(order, settings=settings.load(overrides=settings_change, environ={}))
    second = go(order, engine)
    assert (second.totals.analysed, second.rechecked, second.unchanged, second.outdated) == (0, 0, 3, 3)
    assert "3 of these outdated" in summary_line(second)
    assert "| Outdated calls left | 3 |" in night_markdown(second)
    assert go(replace(order, force=True), engine).totals.analysed == 3
    assert go(order, engine).outdated == 0


def test_outdated_calls_are_assessed_as_any_other(order):
    go(order)
    order = replace(order, settings=settings.load(overrides=["turns.pause_s=2", "holds.min_s=6"], environ={}))
    second, third = go(order), go(order)
    assert (second.rechecked, second.outdated, third.rechecked, third.unchanged) == (3, 3, 0, 3)
    sql = "SELECT DISTINCT settings->>'$.turns.pause_s', settings->>'$.holds.min_s' FROM analysis"
    assert rows(order, sql) == (("1.5", "6.0"),)


class Clock:
    """Half an hour passes with each look at it."""

    def __init__(self):
        self.now_s = -1800.0

    def __call__(self):
        self.now_s += 1800
        return self.now_s


@OTHER_HEARING
@pytest.mark.parametrize(("hours", "renewed"), [(0.25, 0), (0.75, 1), (1.0, 1), (1.25, 2), (99, 3)], ids=str)
def test_outdated_calls_are_renewed_oldest_first_within_a_budget(
    settings_change, engine, hours, renewed, order, archive
):
    given = settings.load(overrides=[*settings_change, "store.batch_calls=1"], environ={})
    go(replace(order, paths=(archive / "sub",)))
    go(order)
    write_call(archive / "new.wav", seed=9)
    watcher = Watcher()
    order = replace(order, settings=given, refresh_hours=hours)
    summary = go(order, engine, watcher, steps=night.Steps(clock=Clock()))
    seen = [name for name, _ in watcher.seen]
    assert seen == ["new.wav", *["c.wav", "a.wav", "b.wav"][:renewed]]
    assert (summary.renewed, summary.outdated, summary.unchanged) == (renewed, 3 - renewed, 3 - renewed)
    assert (summary.totals.analysed, summary.found, len(summary.all_ids)) == (1 + renewed, 4, 4)
    assert go(replace(order, refresh_hours=None), engine).outdated == 3 - renewed


@pytest.mark.parametrize("hours", [0, -1, float("nan")])
def test_a_budget_is_more_than_nothing(hours, order):
    with pytest.raises(UsageError, match="more than 0 hours"):
        replace(order, refresh_hours=hours)


def test_an_upgrade_assesses_again_once_and_loads_no_models(order, monkeypatch):
    go(order)
    for module in (plan, recheck, recheck_rows):
        monkeypatch.setattr(module, "ALGORITHM", ALGORITHM + 1)
    engine = FakeEngine()
    second, third = go(order, engine), go(order, engine)
    assert (second.rechecked, second.totals.analysed, second.outdated) == (3, 0, 0)
    assert (third.rechecked, third.unchanged, engine.loads) == (0, 3, 0)
    assert rows(order, "SELECT DISTINCT algorithm FROM analysis") == ((ALGORITHM + 1,),)


def test_other_methods_on_the_audio_make_calls_outdated_and_analyse_none(order, monkeypatch):
    go(order)
    for module in (plan, analyse_module):
        monkeypatch.setattr(module, "AUDIO_ALGORITHM", AUDIO_ALGORITHM + 1)
    engine = FakeEngine()
    second = go(order, engine)
    assert (second.rechecked, second.totals.analysed, second.outdated, engine.loads) == (0, 0, 3, 0)
    assert go(replace(order, refresh_hours=1.0), engine).renewed == 3
    assert rows(order, "SELECT DISTINCT audio_algorithm FROM analysis") == ((AUDIO_ALGORITHM + 1,),)
    assert go(order, engine).outdated == 0


def test_given_holds_lead_to_an_analysis(order, archive):
    go(order)
    manifest(archive, holds='"[[0.5, 2.5]]"')
    assert go(order).totals.analysed == 1
    assert go(order).totals.analysed == 0


@pytest.mark.parametrize(
    ("settings_change", "engine"),
    [
        (["holds.min_s=6"], FakeEngine()),
        (["rules.disclosure_deadline_s=30"], FakeEngine()),
        ([], FakeEngine(rules=replace(own_rules(), version="other"))),
    ],
    ids=["holds", "deadline", "rules"],
)
def test_what_changes_only_verdicts_needs_no_audio(settings_change, engine, order, archive):
    go(order)
    order = replace(order, settings=settings.load(overrides=settings_change, environ={}))
    manifest(archive, queue="cards")
    second = go(order, engine)
    assert (second.totals.analysed, second.rechecked, second.unchanged, engine.loads) == (0, 3, 0, 0)
    assert len(second.all_ids) == 3
    sql = "SELECT DISTINCT settings_hash, rules_version FROM analysis"
    assert rows(order, sql) == ((order.settings.fingerprint(), engine().rules.version),)
    assert rows(order, "SELECT queue FROM call WHERE queue IS NOT NULL") == (("cards",),)
    third = go(order, engine)
    assert (third.rechecked, third.unchanged) == (0, 3)
    # All of it again is what is asked for.
    assert go(replace(order, force=True), engine).totals.analysed == 3


def test_settings_that_change_no_result_make_no_call_new(order):
    go(order)
    order = replace(
        order, settings=settings.load(overrides=["asr.threads=1", "store.batch_calls=2"], environ={})
    )
    assert go(order).unchanged == 3


def test_again_analyses_what_is_stored(order):
    go(order)
    assert go(replace(order, force=True)).totals.analysed == 3
    assert rows(order, "SELECT count(*) FROM recording") == ((3,),)


def test_a_new_file_is_the_only_work(order, archive):
    go(order)
    write_call(archive / "new.wav", seed=9)
    watcher = Watcher()
    summary = go(order, progress=watcher)
    assert watcher.seen == [("new.wav", "analysed")]
    assert (summary.found, summary.unchanged) == (4, 3)


def test_the_agents_channel_from_the_manifest_is_used_and_its_change_seen(order, archive):
    manifest(archive, agent_channel="right")
    go(order)
    sql = "SELECT agent_channel FROM analysis JOIN recording USING (recording_id) WHERE uri LIKE '%/a.wav'"
    assert rows(order, sql) == ((1,),)
    manifest(archive, agent_channel="left")
    summary = go(order)
    assert (summary.totals.analysed, summary.unchanged) == (1, 2)
    assert rows(order, sql) == ((0,),)


def test_new_business_facts_need_no_analysis(order, archive):
    manifest(archive, queue="billing")
    engine = FakeEngine()
    go(order, engine)
    manifest(archive, queue="cards")
    assert go(order, engine).totals.analysed == 0
    assert engine.loads == 1
    assert rows(order, "SELECT queue FROM call WHERE queue IS NOT NULL") == (("cards",),)


def test_a_run_without_a_manifest_keeps_the_facts(order, archive):
    manifest(archive, queue="billing")
    go(order)
    (archive / "manifest.csv").unlink()
    go(order)
    assert rows(order, "SELECT queue FROM call WHERE queue IS NOT NULL") == (("billing",),)


def test_a_moved_file_is_the_same_recording(order, archive):
    go(order)
    (archive / "a.wav").rename(archive / "moved.wav")
    assert go(order).unchanged == 3
    assert rows(order, "SELECT count(*) FROM recording WHERE uri LIKE '%/moved.wav'") == ((1,),)


def test_copies_are_analysed_once(order, archive):
    shutil.copy(archive / "a.wav", archive / "z.wav")
    summary = go(order)
    assert (summary.found, summary.totals.analysed) == (4, 3)
    (line,) = summary.duplicates
    assert "z.wav" in line
    assert "a.wav is taken" in line


def test_a_path_given_twice_counts_once(order, archive):
    summary = go(replace(order, paths=(archive, archive / "a.wav")))
    assert (summary.found, summary.duplicates) == (3, ())


def test_bad_files_go_to_quarantine_and_the_night_goes_on(order, archive):
    (archive / "b.wav").write_text("no sound in here")
    (archive / "empty.wav").touch()
    summary = go(order)
    assert summary.totals.analysed == 2
    reasons = {Path(q.uri).name: q.reason for q in summary.totals.quarantined}
    assert sorted(reasons) == ["b.wav", "empty.wav"]
    assert "empty" in reasons["empty.wav"]
    assert "\n" not in reasons["b.wav"]
    assert rows(order, "SELECT count(*) FROM quarantine") == ((2,),)


def test_quarantine_is_tried_again_only_on_demand(order, archive):
    (archive / "b.wav").write_text("no sound in here")
    go(order)
    second = go(order)
    assert (second.unchanged, second.totals.quarantined) == (3, ())
    third = go(replace(order, force=True))
    assert [Path(q.uri).name for q in third.totals.quarantined] == ["b.wav"]


def test_an_unexpected_fault_costs_one_call_and_is_logged_with_its_traceback(order, caplog):
    transcribe = Says(fails=[None, ZeroDivisionError("two\nlines")])
    summary = go(order, FakeEngine(transcribe))
    assert summary.totals.analysed == 2
    (bad,) = summary.totals.quarantined
    assert bad.reason == "ZeroDivisionError: two lines"
    assert bad.uri.endswith("b.wav")
    (record,) = (r for r in caplog.records if r.levelno == logging.ERROR)
    assert record.exc_info[0] is ZeroDivisionError
    # What was known before the fault is kept.
    assert rows(order, "SELECT duration_s, layout FROM recording WHERE status = 'quarantined'") == (
        (3.0, "stereo"),
    )


def test_a_value_the_store_refuses_costs_one_call(order, archive):
    class OnceTooSure(Says):
        def __call__(self, channels, names=()):
            self.probability = 2.0 if self.probability is None else 0.9
            return super().__call__(channels)

    summary = go(order, FakeEngine(OnceTooSure(probability=None)))
    assert summary.totals.analysed == 2
    assert "the store refuses a value" in summary.totals.quarantined[0].reason
    assert rows(order, "SELECT count(*) FROM word JOIN quarantine USING (recording_id)") == ((0,),)


def test_an_interruption_keeps_finished_batches(order):
    order = replace(order, settings=settings.load(overrides=["store.batch_calls=1"], environ={}))
    with pytest.raises(KeyboardInterrupt):
        go(order, FakeEngine(Says(fails=[None, KeyboardInterrupt()])))
    assert rows(order, "SELECT uri LIKE '%/a.wav' FROM recording") == ((True,),)
    kept = ["archive", "calls.duckdb", "calls.duckdb.keys", "calls.duckdb.master"]
    assert sorted(p.name for p in order.db.parent.iterdir() if "lock" not in p.name) == kept
    assert go(order).totals.analysed == 2


def test_each_batch_is_published(order):
    order = replace(order, settings=settings.load(overrides=["store.batch_calls=2"], environ={}))
    watcher = Watcher(order.db)
    go(order, progress=watcher)
    assert watcher.db_there == [False, False, True]


@pytest.mark.parametrize("fault", [UsageError("the model does not load"), KeyboardInterrupt()])
def test_nothing_is_written_when_the_models_do_not_load(order, fault):
    engine = FakeEngine()

    def load():
        raise fault

    with pytest.raises(type(fault)):
        night.run(order, replace(engine(), load=load), Watcher())
    assert not order.db.exists()


def test_usage_errors_end_the_night(order):
    with pytest.raises(UsageError):
        go(order, FakeEngine(Says(fails=[UsageError("no such device")])))
    assert not order.db.exists()


def test_a_file_that_cannot_be_read_is_told(order, archive):
    (archive / "gone.wav").symlink_to("nowhere.wav")
    summary = go(order)
    assert (summary.found, summary.totals.analysed) == (4, 3)
    (line,) = summary.unreadable
    assert line.uri.endswith("gone.wav")


def test_problems_of_the_metadata_are_told(order, archive):
    manifest(archive, started_at="yesterday")
    assert any("column started_at; got 'aaaaaaaaa'" in problem for problem in go(order).problems)


def test_single_files_use_the_manifest_beside_them_and_miss_nothing_else_in_it(order, archive):
    manifest(archive, queue="billing")
    summary = go(replace(order, paths=(archive / "b.wav",)))
    assert summary.problems == ()


def test_pending_does_nothing(order):
    engine = FakeEngine()
    assert len(night.pending(order, engine()).todo) == 3
    assert engine.loads == 0
    assert not order.db.exists()


def test_check_refuses_what_run_would_refuse(order, tmp_path):
    with pytest.raises(UsageError, match="no such file"):
        night.check(replace(order, paths=(tmp_path / "nowhere",)))
    with pytest.raises(UsageError, match="cannot write"):
        night.check(replace(order, db=tmp_path / "nowhere" / "calls.duckdb"))


def test_totals_add_up_and_an_empty_night_has_no_factor(order):
    summary = go(order)
    assert summary.real_time_factor == pytest.approx(summary.totals.analysis_s / 9.0)
    assert go(order).real_time_factor is None
    twice = summary.totals + summary.totals
    assert (twice.analysed, twice.audio_s) == (6, pytest.approx(18.0))


@pytest.mark.parametrize(("n", "size", "sizes"), [(0, 2, []), (3, 2, [2, 1]), (4, 2, [2, 2]), (1, 5, [1])])
def test_batches(n, size, sizes):
    assert [len(b) for b in night.batches(range(n), size)] == sizes


def judge(order, log, **changes):
    ((recording_id, version),) = rows(
        order, "SELECT recording_id, rule_version FROM finding WHERE rule_id = 'greeting' LIMIT 1"
    )
    review = a_review(recording_id=recording_id, rule_version=version, **changes)
    log.add(Judged(review=review))


def test_a_night_merges_what_people_judged(order, tmp_path):
    go(order)
    judge(order, ReviewLog(beside_store(order.db)))
    go(order)
    assert rows(order, "SELECT reviewer FROM review") == (("eve",),)
    elsewhere = ReviewLog(tmp_path / "other" / "mine.sqlite")
    elsewhere.path.parent.mkdir()
    judge(order, elsewhere, reviewer="ann")
    chosen = settings.load(overrides=[f"store.reviews={elsewhere.path}"], environ={})
    go(replace(order, settings=chosen))
    assert rows(order, "SELECT reviewer FROM review ORDER BY ALL") == (("ann",), ("eve",))


def test_a_broken_file_of_judgements_costs_the_night_nothing(order):
    beside_store(order.db).write_text("no database, whatever its name says " * 9)
    summary = go(order)
    assert summary.totals.analysed == 3
    (problem,) = summary.problems
    assert problem.startswith("judgements stay where they are: cannot use the file of reviews")
