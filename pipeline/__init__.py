"""The analysis of one recorded call, stage by stage, and the store it lands in."""

from importlib.metadata import version

__version__ = version("earwitness")

ALGORITHM = 2
"""Version of the methods of assessment; raised in a release that would find other events, metrics or findings
with the same words, settings and rules.

The next night assesses calls of a lower version again from the store. 2 (release 0.2.0): findings store
their basis.
"""

AUDIO_ALGORITHM = 2
"""Version of the methods applied to the audio; raised in a release that would find other words, turns, sounds
or tone in the same audio with the same settings and recogniser.

Stored calls of another version count as outdated. They are analysed again only with
`nightly --refresh-outdated`. 2 (release 0.2.0): pitch is found in more of the voice, and hold music that is
drums only is found.
"""
