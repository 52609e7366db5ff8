"""Switch off the telemetry of libraries before they are imported, so that nothing leaves the machine."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

QUIET = {
    "DO_NOT_TRACK": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "PREFECT_CLOUD_ENABLE_ORCHESTRATION_TELEMETRY": "false",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    "PREFECT_TELEMETRY_ENABLE_RESOURCE_METRICS": "false",
    "PYANNOTE_METRICS_ENABLED": "0",
}
"""Environment variables that switch off all known usage reports."""

OWN_PREFECT = ("PREFECT_API_URL", "PREFECT_HOME", "PREFECT_PROFILE")
"""If one of these is set, the user has a Prefect server of their own, and runs are reported to it."""

_START_TIMEOUT_S = "180"  # Prefect's own 20 s are too few for two busy cores


def silence() -> None:
    """Switch telemetry off for this process and its child processes."""
    os.environ.update(QUIET)


def prefer_private_prefect() -> bool:
    """Give Prefect a temporary folder unless the user has configured one; return whether it is temporary.

    A temporary Prefect does not use the database in the home folder, and it is removed when the process
    ends. Call this before Prefect is imported.
    """
    os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", _START_TIMEOUT_S)
    has_own = any(name in os.environ for name in OWN_PREFECT) or _has_profiles()
    if not has_own:
        home = tempfile.mkdtemp(prefix="earwitness-prefect-")
        # Registered before Prefect registers the end of its server, so it runs after that.
        atexit.register(shutil.rmtree, home, ignore_errors=True)
        os.environ["PREFECT_HOME"] = home
        os.environ["PREFECT_SERVER_EPHEMERAL_ENABLED"] = "true"
    return not has_own


def _has_profiles() -> bool:
    return (Path.home() / ".prefect" / "profiles.toml").is_file()
