"""Calls composed from speech clips and hold music, with exact truth. See `README.md` beside this file."""

from compose.clips import Clip, all_clips, clips
from compose.composer import Composer
from compose.line import CODECS, Line
from compose.parts import ComposedCall
from compose.truth import Truth

__all__ = ["CODECS", "Clip", "ComposedCall", "Composer", "Line", "Truth", "all_clips", "clips"]
