"""The checks of `earwitness doctor` that depend on the system."""

import os

from pipeline import doctor


def test_the_cores_are_those_this_process_may_use(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0, 3}, raising=False)
    assert doctor._cores() == 2


def test_where_the_system_reports_no_affinity_all_cores_count(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    assert doctor._cores() == 8
