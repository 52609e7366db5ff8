"""Calls composed from speech clips and hold music, with exact truth. See `README.md` beside this file."""

from compose.clips import Clip, all_clips, clips
from compose.composer import ComposedCall, Composer, Said
from compose.line import CODECS, Line
from compose.truth import TrueTurn, Truth

__all__ = [
    "CODECS",
    "Clip",
    "ComposedCall",
    "Composer",
    "Line",
    "Said",
    "TrueTurn",
    "Truth",
    "all_clips",
    "clips",
]
