"""The analysis of one recorded call, stage by stage, and the store it lands in."""

from importlib.metadata import version

__version__ = version("earwitness")

ALGORITHM = 1
"""Counts up in every release that would find other results with the same audio, settings and rules.

Calls that an earlier version analysed are assessed again from the store. What was recognised stays as it is.
"""
