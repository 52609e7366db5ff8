"""Nothing leaves the machine: libraries that would report home are told not to, before their import."""

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
"""Environment variables that end every known report about use."""

OWN_PREFECT = ("PREFECT_API_URL", "PREFECT_HOME", "PREFECT_PROFILE")
"""Who has set one of these uses Prefect already, and a run belongs there."""

_START_TIMEOUT_S = "180"  # Prefect's own 20 s are too few for two busy cores


def silence() -> None:
    """Turn telemetry off for this process and those it starts."""
    os.environ.update(QUIET)


def prefer_private_prefect() -> bool:
    """Let Prefect live in a temporary folder unless the user has one of their own; says whether it does.

    A temporary Prefect neither touches nor trips over a database in the home folder, and is gone at the
    end of the process. To be called before Prefect is imported.
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
