"""The analysis of one recorded call, stage by stage, and the store it lands in."""

from importlib.metadata import version

__version__ = version("earwitness")
