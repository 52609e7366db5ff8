"""Judging stored calls again: what a fresh analysis would find, without audio; and what changed is told."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from builders import (
    a_recording,
    a_run,
    an_analysis,
    an_id,
    quarantined,
    say,
    sound,
    stored,
)
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from readback import copy_store, read_analysis, unordered

from pipeline import cli
from pipeline import settings as settings_module
from pipeline.archive import recheck
from pipeline.archive.recheck import RecheckRequest, rechecked
from pipeline.assess import find_events, find_findings
from pipeline.errors import UsageError
from pipeline.records import CallAnalysis, Turn
from pipeline.rules import RuleSet, load_rules
from pipeline.rules import load as packs
from pipeline.settings import Settings
from pipeline.store import query, reading, stored_settings, writing
from pipeline.store.stored import StoredCall, batches, make, read_batch

RULES = load_rules()
SETTINGS = Settings()

OPENING = say(
    "agent", 0.5, 6, "Thank you for calling Acme, this is Ann, this call may be recorded, how can I help?"
)
PROBLEM = say("customer", 7, 12, "Hi, my bill is too high and I would like to know why.")
ASKS = say("agent", 13, 16, "Can I put you on a brief hold please?")
AGREES = say("customer", 16.5, 17.5, "Yes, sure.")
BACK = say("agent", 40, 44, "Thank you for holding, I have found the reason.")
BACK_BARE = say("agent", 40, 44, "Right, I have found the reason.")
BYE = say("customer", 45, 47, "Great, thanks, bye.")
MUSIC = (sound("music", 18, 39),)

GOOD = (OPENING, PROBLEM, ASKS, AGREES, BACK, BYE)
BARE = (replace(OPENING, text="Hello."), PROBLEM, BACK_BARE, BYE)


class Silent:
    """A progress that remembers."""

    def __init__(self) -> None:
        self.calls = self.done = 0

    def started(self, total: int) -> None:
        self.calls = total

    def advanced(self, done: int) -> None:
        self.done += done


def heard(name: str, turns: tuple[Turn, ...], settings: Settings = SETTINGS, **parts: Any) -> CallAnalysis:
    """A call before its events are found."""
    run = a_run(
        settings=settings.analysis_values(), settings_hash=settings.fingerprint(), rules_version="none"
    )
    return an_analysis(name, turns=turns, sounds=MUSIC, run=run, **parts)


def fresh(
    name: str, turns: tuple[Turn, ...], rules: RuleSet = RULES, settings: Settings = SETTINGS, **parts: Any
) -> CallAnalysis:
    """The call as an analysis leaves it."""
    events = find_events(heard(name, turns, settings, **parts), rules, settings, overlaps_known=True)
    found = find_findings(events, rules, settings)
    return replace(found, run=replace(found.run, rules_version=rules.version))


def carry_out(
    db: Path, rules: RuleSet = RULES, settings: Settings = SETTINGS, **more: Any
) -> recheck.Rechecked:
    return recheck.recheck(RecheckRequest(db=db, rules=rules, settings=settings, **more), Silent())


def with_text(turns: tuple[Turn, ...], role: str) -> tuple[Turn, ...]:
    return tuple(replace(turn, role=role, speaker=role, channel=0) for turn in turns)


def everything(db: Path, *names: str) -> list[CallAnalysis]:
    with reading(db) as connection:
        return [unordered(read_analysis(connection, an_id(name))) for name in names]


def changed_rules(folder: Path) -> RuleSet:
    """Thanks are other words, a rule is switched off, and one is new."""
    folder.mkdir()
    own = RULES.rule("hold_thanks").files[0].read_text(encoding="utf-8")
    head, rest = own.split("[phrases.thanks]", 1)
    changed = f'{head}[phrases.thanks]\nany = ["ever so grateful"]\n' + rest[rest.index("[phrases.") :]
    (folder / "hold_thanks.toml").write_text(changed, encoding="utf-8")
    new = own.replace('id = "hold_thanks"', 'id = "hold_thanks_too"')
    (folder / "hold_thanks_too.toml").write_text(new, encoding="utf-8")
    (folder / "recording_disclosure.toml").write_text('id = "recording_disclosure"\nactive = false\n')
    return load_rules_anyway(folder)


def load_rules_anyway(folder: Path) -> RuleSet:
    """Rules whose own examples no longer hold, as they are meant not to."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packs, "_check_examples", lambda *_: None)
        return load_rules(folder)


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> RuleSet:
    return changed_rules(tmp_path_factory.mktemp("site") / "packs")


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Path:
    calls = (fresh("good", GOOD), fresh("bare", BARE), quarantined("broken"))
    return stored(tmp_path_factory.mktemp("three") / "calls.duckdb", *calls)


@pytest.fixture
def db(three: Path, tmp_path: Path) -> Path:
    """A store with two analysed calls and one in quarantine."""
    return Path(shutil.copy(three, tmp_path / "calls.duckdb"))


def test_the_same_rules_change_nothing(db: Path) -> None:
    carry_out(db)  # puts the rules into the scorecard
    before = db.read_bytes()
    done = carry_out(db)
    assert (done.calls, done.failed, dict(done.changes), done.changed) == (2, (), {}, False)
    assert db.read_bytes() == before


def test_other_rules_give_what_a_fresh_analysis_gives(db: Path, other: RuleSet) -> None:
    done = carry_out(db, other)
    expected = [fresh("good", GOOD, other), fresh("bare", BARE, other)]
    assert everything(db, "good", "bare") == [unordered(call) for call in expected]
    assert done.changes["hold_thanks", "pass", "fail"] == 1
    assert done.changes["hold_thanks_too", None, "fail"] >= 1
    assert done.changes["recording_disclosure", "pass", None] == 1
    assert not carry_out(db, other).changed


def test_verdicts_that_change_are_kept_with_both_quotes(db: Path, other: RuleSet) -> None:
    done = carry_out(db, other)
    sql = "SELECT recording_id, rule_id, old_verdict, new_verdict, cause, changed_at, old_rule_version, new_rule_version, old_quote, old_start_s FROM verdict_change WHERE rule_id = 'hold_thanks'"
    ((id_, rule, old, new, cause, at, old_version, new_version, quote, start_s),) = query(db, sql).rows
    assert (id_, rule, old, new, cause, at) == (
        an_id("good"),
        "hold_thanks",
        "pass",
        "fail",
        "recheck",
        done.changed_at,
    )
    assert (old_version, new_version) == (
        RULES.rule("hold_thanks").version,
        other.rule("hold_thanks").version,
    )
    assert quote.startswith("Thank you for holding")
    assert start_s == pytest.approx(40)
    # Rules that are new or gone are told, not kept call by call.
    assert (
        query(
            db,
            "SELECT DISTINCT rule_id FROM verdict_change WHERE rule_id IN ('hold_thanks_too', 'recording_disclosure')",
        ).rows
        == ()
    )
    carry_out(db, RULES)
    assert query(db, "SELECT count(*) FROM verdict_change WHERE rule_id = 'hold_thanks'").rows == ((2,),)


def test_thresholds_of_holds_and_rules_count_and_the_next_night_has_nothing_to_do(db: Path) -> None:
    given = settings_module.load(overrides=["rules.disclosure_deadline_s=1", "holds.min_s=30"], environ={})
    done = carry_out(db, settings=given)
    assert everything(db, "good")[0] == unordered(fresh("good", GOOD, settings=given))
    assert not everything(db, "good")[0].holds
    assert done.changes["recording_disclosure", "pass", "fail"] == 1
    with writing(db) as writer:
        known = writer.known()[an_id("good")]
    assert (known.settings_hash, known.rules_version) == (given.fingerprint(), RULES.version)


def test_events_are_found_again_only_where_their_phrases_changed(
    db: Path, tmp_path: Path, other: RuleSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site"
    site.mkdir()
    (site / "greeting.toml").write_text('id = "greeting"\nactive = false\n')
    rules = load_rules(site)

    def refused(*_: Any, **__: Any) -> CallAnalysis:
        raise AssertionError("events were found again")

    expected = fresh("good", GOOD, rules)
    monkeypatch.setattr(recheck, "find_events", refused)
    assert carry_out(db, rules).failed == ()
    assert everything(db, "good") == [unordered(expected)]
    assert len(carry_out(db, other).failed) == 2


def test_settings_of_the_audio_stay_as_they_were(db: Path) -> None:
    given = settings_module.load(overrides=["turns.pause_s=9", "asr.beam_size=1"], environ={})
    assert not carry_out(db, settings=given).changes
    assert query(db, "SELECT DISTINCT settings_hash FROM analysis").rows == ((SETTINGS.fingerprint(),),)


def test_settings_of_another_release_do_not_matter() -> None:
    values = SETTINGS.analysis_values() | {"gone": {"x": 1}}
    values["quality"] = values["quality"] | {"gone": 2, "min_snr_db": 3.5, "swap_confidence": 0.9}
    now = stored_settings.assessed_with(values, SETTINGS)
    # A threshold that is applied to stored facts is that of now, one that decided about the audio stays.
    assert (now.settings.quality.min_snr_db, now.settings.quality.swap_confidence) == (12.0, 0.9)
    assert json.loads(now.text) == values | {"quality": values["quality"] | {"min_snr_db": 12.0}}


def test_the_rest_of_the_store_stays(db: Path, other: RuleSet) -> None:
    untouched = ("recording", "call", "word", "turn", "activity", "sound")
    before = [query(db, f"FROM {table} ORDER BY ALL").rows for table in untouched]
    carry_out(db, other)
    assert [query(db, f"FROM {table} ORDER BY ALL").rows for table in untouched] == before
    assert query(db, "SELECT count(*) FROM finding JOIN quarantine USING (recording_id)").rows == ((0,),)


def test_unknown_speakers_are_judged_as_in_a_fresh_analysis(tmp_path: Path, other: RuleSet) -> None:
    parts = {"recording": a_recording("mono", layout="mono", channels=1)}
    turns = tuple(replace(turn, role="unknown", channel=0) for turn in GOOD)
    calls = [heard("mono", turns, **parts)]
    known = find_events(calls[0], RULES, SETTINGS, overlaps_known=False)
    db = stored(tmp_path / "calls.duckdb", find_findings(known, RULES, SETTINGS))
    carry_out(db, other)
    now = find_findings(find_events(calls[0], other, SETTINGS, overlaps_known=False), other, SETTINGS)
    now = replace(now, run=replace(now.run, rules_version=other.version))
    assert everything(db, "mono") == [unordered(now)]
    assert {finding.verdict for finding in now.findings} >= {"not_determinable"}


def again(call: CallAnalysis, old: RuleSet, new: RuleSet) -> CallAnalysis:
    """The call, found by `old` rules, judged by `new` ones."""
    stored_call = StoredCall(
        analysis=replace(call, findings=(), tone_curve=()),
        algorithm=call.run.algorithm,
        settings_hash=SETTINGS.fingerprint(),
        rules_version=old.version,
        gate="off",
        rule_versions={rule.id: rule.version for rule in old.rules},
        rows={},
    )
    now = rechecked(
        stored_call, new, stored_settings.assessed_with(SETTINGS.analysis_values(), SETTINGS), dict
    )
    kept = {finding.rule_id: finding for finding in (*call.findings, *now.findings)}
    return replace(now, tone_curve=call.tone_curve, findings=tuple(kept[rule.id] for rule in new.rules))


LINES = [
    ("agent", "Thank you for calling, this call may be monitored or recorded."),
    ("agent", "Can I place you on hold for a moment?"),
    ("agent", "Please hold."),
    ("agent", "Thanks for waiting."),
    ("agent", "Bear with me."),
    ("customer", "Yes, that's fine."),
    ("customer", "No, I can't hold."),
    ("customer", "My account number is one two three four five six."),
    ("ivr", "Your call is important to us."),
]


@hypothesis_settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(LINES), st.sampled_from([0.3, 1.5, 12.0])), min_size=1, max_size=8),
    st.booleans(),
)
def test_what_was_found_before_plays_no_part(other: RuleSet, said: list[Any], music: bool) -> None:
    turns: list[Turn] = []
    at = 0.5
    for (role, text), pause_s in said:
        turns.append(say(role, at, at + 3, text))
        at += 3 + pause_s
    before = heard("any", tuple(turns), recording=a_recording("any", duration_s=at + 5))
    before = replace(before, sounds=before.sounds if music else ())
    under = [
        find_findings(find_events(before, rules, SETTINGS, overlaps_known=True), rules, SETTINGS)
        for rules in (RULES, other)
    ]
    assert again(under[0], RULES, other) == under[1]
    assert again(under[1], other, RULES) == under[0]
    assert again(under[0], RULES, RULES) == under[0]


def test_processes_give_what_one_gives(
    tmp_path: Path, other: RuleSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"call {n}" for n in range(7)]
    calls = [fresh(name, GOOD if n % 3 else BARE) for n, name in enumerate(names)]
    one = stored(tmp_path / "one.duckdb", *calls)
    two = Path(shutil.copy(one, tmp_path / "two.duckdb"))
    monkeypatch.setattr(recheck, "FEW_CALLS", 0)
    monkeypatch.setattr(recheck, "BATCH_CALLS", 3)
    monkeypatch.setattr(recheck, "WRITE_CALLS", 4)
    alone, shared = carry_out(one, other, processes=1), carry_out(two, other, processes=2)
    assert (alone.calls, alone.changes) == (shared.calls, shared.changes)
    assert alone.calls == 7
    assert everything(one, *names) == everything(two, *names)


class Stopped(Silent):
    def advanced(self, done: int) -> None:
        raise KeyboardInterrupt


def test_what_is_interrupted_leaves_the_store_as_it_was(db: Path, other: RuleSet) -> None:
    before = db.read_bytes()
    with pytest.raises(KeyboardInterrupt):
        recheck.recheck(RecheckRequest(db=db, rules=other, settings=SETTINGS), Stopped())
    assert db.read_bytes() == before
    assert sorted(path.name for path in db.parent.iterdir() if "duckdb" in path.name) == [
        "calls.duckdb",
        "calls.duckdb.lock",
    ]


def test_a_call_that_cannot_be_judged_stays_and_is_told(
    db: Path, other: RuleSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = everything(db, "bare")

    def faulty(call: StoredCall, *args: Any) -> CallAnalysis:
        if call.analysis.recording.uri == "bare.wav":
            raise ZeroDivisionError("oh")
        return rechecked(call, *args)

    monkeypatch.setattr(recheck, "rechecked", faulty)
    done = carry_out(db, other)
    assert (done.calls, done.failed) == (1, (("bare.wav", "ZeroDivisionError: oh"),))
    assert everything(db, "bare") == before
    assert everything(db, "good") == [unordered(fresh("good", GOOD, other))]


def test_only_some_calls(db: Path, other: RuleSet) -> None:
    before = everything(db, "bare")
    done = carry_out(db, other, only=[an_id("good"), an_id("broken")])
    assert done.calls == 1
    assert everything(db, "bare") == before


def test_an_analysis_that_changes_a_verdict_is_kept_too(db: Path, other: RuleSet) -> None:
    stored(db, fresh("good", GOOD, other))
    sql = "SELECT rule_id, old_verdict, new_verdict, cause FROM verdict_change WHERE rule_id = 'hold_thanks'"
    assert query(db, sql).rows == (("hold_thanks", "pass", "fail", "analysis"),)


def test_no_store_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no store"):
        carry_out(tmp_path / "nowhere.duckdb")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("size", [1, 2, 7])
def test_calls_are_read_back_as_they_were_stored(tmp_path: Path, size: int) -> None:
    calls = {name: fresh(name, GOOD if n % 2 else BARE) for n, name in enumerate("abcde")}
    db = stored(tmp_path / "calls.duckdb", *calls.values(), quarantined())
    # One that was analysed again has its rows at the end.
    stored(db, calls["b"], an_analysis("silent"))
    with reading(db) as connection:
        read = [call for batch in batches(connection, size) for call in read_batch(connection, batch)]
    assert sorted(call.analysis.recording.uri for call in read) == [
        f"{name}.wav" for name in (*"abcde", "silent")
    ]
    for call in read:
        name = call.analysis.recording.uri.removesuffix(".wav")
        if name in calls:
            assert call.analysis == replace(
                calls[name], run=None, findings=(), fingerprints=(), tone_rises=()
            )
            assert call.settings_hash == SETTINGS.fingerprint()


@pytest.mark.parametrize(
    "record",
    [hint for name, hint in get_type_hints(CallAnalysis).items() if name == "call"]
    + [
        get_args(hint)[0]
        for hint in get_type_hints(CallAnalysis).values()
        if len(get_args(hint)) == 2 and get_args(hint)[1] is ...
    ],
)
def test_records_filled_by_column_are_records(record: type) -> None:
    columns = {field.name: [f"{field.name} 1", f"{field.name} 2"] for field in fields(record)}
    made = make(record, columns | {"more": [1, 2]})
    assert made == [record(**{name: column[row] for name, column in columns.items()}) for row in (0, 1)]


# --- the program


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    def run(*args: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["earwitness", *map(str, args)])
        try:
            cli.main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        out, err = capsys.readouterr()
        return code, out, err

    return run


def test_the_program_tells_what_changed(db: Path, run) -> None:
    code, out, err = run("recheck", "--db", db, "--set", "rules.disclosure_deadline_s=1")
    assert code == 0
    assert next(line.split() for line in out.splitlines() if line.startswith("recording_disclosure")) == [
        "recording_disclosure",
        "pass",
        "fail",
        "1",
    ]
    assert "C-1" in out
    assert "2/2 calls" in err
    assert "2 calls judged" in err
    assert "1 verdicts changed" in err
    code, out, _ = run("recheck", "--db", db, "--set", "rules.disclosure_deadline_s=1")
    assert (code, out) == (0, "no verdict changed\n")


def test_the_program_tells_it_to_machines(db: Path, run) -> None:
    code, out, _ = run(
        "recheck", "--db", db, "--set", "rules.disclosure_deadline_s=1", "--json", "--limit", "0"
    )
    told = json.loads(out)
    assert (code, told["calls"], told["verdicts"]) == (0, 2, [])
    assert {"rule_id": "recording_disclosure", "until_now": "pass", "now": "fail", "calls": 1} in told[
        "changes"
    ]


def test_wrong_usage_is_one_line(tmp_path: Path, run) -> None:
    code, out, err = run("recheck", "--db", tmp_path / "nowhere.duckdb")
    assert (code, out) == (2, "")
    assert err.startswith("earwitness: there is no store")
    assert err.count("\n") == 1


@pytest.mark.real
def test_the_sample_calls_are_judged_as_they_were(demo_db: Path, tmp_path: Path) -> None:
    db = tmp_path / "demo.duckdb"
    copy_store(demo_db, db)
    done = carry_out(db)
    assert (done.calls > 0, done.failed, dict(done.changes), done.changed) == (True, (), {}, False)
