"""Long work as Prefect flows. Telemetry is off, and our log goes to Prefect's, before Prefect is imported."""

import os

from pipeline.telemetry import silence

silence()
os.environ.setdefault("PREFECT_LOGGING_EXTRA_LOGGERS", "pipeline")
os.environ.setdefault("PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW", "ignore")
