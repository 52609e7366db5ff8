"""The nightly run as a Prefect flow. Telemetry is off before Prefect is imported."""

from pipeline.telemetry import silence

silence()
