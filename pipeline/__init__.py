"""The analysis of one recorded call, stage by stage, and the store it lands in."""

from importlib.metadata import version

__version__ = version("earwitness")

ALGORITHM = 2
"""Counts up in every release that would find other results with the same audio, settings and rules.

The next night assesses calls of an earlier number again from the store. What was recognised stays as it is.
2 (release 0.2.0): findings say what they rest on.
"""
