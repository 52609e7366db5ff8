"""Which files belong together: legs of a call, their mix, the same call in two formats, and equal files."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pipeline.archive.items import SeenFile, WorkItem, id_at
from pipeline.archive.memory import FileMemory
from pipeline.archive.names import LegName, leg_name, mix_base
from pipeline.audio.legs import joined_id
from pipeline.audio.likeness import Outline, as_long
from pipeline.records import Call
from pipeline.store import StoredState

_LEAST_SHARE = 0.5
"""A leg that is shorter than this share of the other is not taken for the same call's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouped:
    """Recordings, and in one line each which files were found to belong to others now."""

    items: tuple[WorkItem, ...]
    notes: tuple[str, ...] = ()

    @property
    def merged(self) -> int:
        """Number of files that are no recording of their own."""
        return sum(len(item.files) - 1 for item in self.items)


@dataclass(slots=True, kw_only=True)
class _Recording:
    """A recording while its files are collected; the first of its sources names it."""

    sources: tuple[SeenFile, ...]
    mixes: list[SeenFile] = field(default_factory=list)
    copies: list[SeenFile] = field(default_factory=list)
    twins: list[SeenFile] = field(default_factory=list)

    @property
    def recording_id(self) -> str:
        sums = [file.sha256 for file in self.sources]
        return sums[0] if len(sums) == 1 else joined_id(sums)

    def members(self) -> Iterator[SeenFile]:
        yield from (*self.sources, *self.mixes, *self.copies)


def group_files(
    seen: Sequence[SeenFile], known: Mapping[str, StoredState], memory: FileMemory, force: bool = False
) -> Grouped:
    """The recordings that the files make up; what is `known` by recording_id is not examined again.

    `memory` answers what is asked about files. Files with equal bytes are one recording, unless that is in
    quarantine: then each is listed.
    """
    firsts: dict[str, SeenFile] = {}
    twins: dict[str, list[SeenFile]] = {}
    for file in seen:
        first = firsts.setdefault(file.sha256, file)
        if first is not file:
            twins.setdefault(file.sha256, []).append(file)
    grouping = _Grouping(known, memory)
    recordings = grouping.without_copies(grouping.with_legs(firsts.values()))
    items: list[WorkItem] = []
    notes: list[str] = []
    for recording in recordings:
        state = known.get(recording.recording_id)
        alike = [twin for file in recording.members() for twin in twins.get(file.sha256, ())]
        if state is not None and state.status == "quarantined" and not force:
            items += [_apart(twin) for twin in alike]
        else:
            recording.twins = alike
        item = _item(recording)
        items.append(item)
        stored = {file.uri for file in state.files} if state is not None else set()
        notes += _notes(item, stored)
    return Grouped(items=tuple(items), notes=tuple(notes))


class _Grouping:
    """Puts files together by what is `known` by recording_id, and else by what `memory` says about them."""

    def __init__(self, known: Mapping[str, StoredState], memory: FileMemory) -> None:
        self._known, self._memory = known, memory

    # --- legs and their mix

    def with_legs(self, files: Collection[SeenFile]) -> list[_Recording]:
        """The files as recordings, those of two sides joined, with their mix."""
        names = {file.uri: leg_name(file.path, file.found.settings.audio.legs) for file in files}
        by_key: dict[tuple[Path, str, str], SeenFile] = {}
        for file in files:
            if name := names[file.uri]:
                by_key[_key(file, name.base, name.ending)] = file
        joined: dict[str, _Recording] = {}
        for file in files:
            name = names[file.uri]
            other = by_key.get(_key(file, name.base, name.other)) if name and name.side == "agent" else None
            if name and other is not None and (pair := self._joined(file, other, name)):
                joined[file.uri] = joined[other.uri] = pair
        bases = {
            (file.path.parent, _base(names[file.uri])): joined[file.uri]
            for file in files
            if file.uri in joined
        }
        out: dict[int, _Recording] = {}
        for file in files:
            recording = joined.get(file.uri)
            if recording is None:
                pair = bases.get((file.path.parent, mix_base(file.path))) if bases else None
                if pair is not None and self._is_mix(file, pair):
                    pair.mixes.append(file)
                    continue
                recording = _Recording(sources=(file,))
            out[id(recording)] = recording
        return list(out.values())

    def _joined(self, agent: SeenFile, customer: SeenFile, name: LegName) -> _Recording | None:
        """The two files as one recording, the agent's on the channel of the settings; None if unlike."""
        if name.ending in {"callee", "called"} and "outbound" in {
            agent.found.call.direction,
            customer.found.call.direction,
        }:
            agent, customer = customer, agent
        right = agent.found.settings.audio.agent_channel == "right"
        pair = _Recording(sources=(customer, agent) if right else (agent, customer))
        if pair.recording_id in self._known:
            return pair
        outlines = [self._memory.outline(file) for file in pair.sources]
        if any(one is None or one.channels != 1 for one in outlines):
            return None
        lengths = [one.duration_s for one in outlines if one is not None]
        return pair if min(lengths) >= _LEAST_SHARE * max(lengths) else None

    def _is_mix(self, file: SeenFile, pair: _Recording) -> bool:
        """Whether a file beside the legs, with their name, is as long as the longer one."""
        if _is_stored(file, "mix", self._known.get(pair.recording_id)):
            return True
        mine = self._memory.outline(file)
        theirs = [self._memory.outline(leg) for leg in pair.sources]
        longest = max(
            (one for one in theirs if one is not None), key=lambda one: one.duration_s, default=None
        )
        return mine is not None and longest is not None and as_long(mine, longest)

    # --- the same call in two formats

    def without_copies(self, recordings: Sequence[_Recording]) -> list[_Recording]:
        """The recordings, those in another format with the one that is taken."""
        by_stem: dict[str, list[_Recording]] = {}
        for recording in recordings:
            by_stem.setdefault(_stem(recording.sources[0].path), []).append(recording)
        copies: set[int] = set()
        for group in by_stem.values():
            suffixes = {recording.sources[0].path.suffix.casefold() for recording in group}
            single = [recording for recording in group if len(recording.sources) == 1]
            if len(suffixes) > 1 and len(single) > 1:
                copies |= {id(one) for one in self._take_copies(single)}
        return [recording for recording in recordings if id(recording) not in copies]

    def _take_copies(self, group: Sequence[_Recording]) -> Iterator[_Recording]:
        """Give each recording its copies in other formats, the better one first; yields the copies."""
        facts = {id(one): self._memory.outline(one.sources[0]) for one in group}
        left = sorted(group, key=lambda one: self._rank(one, facts[id(one)]), reverse=True)
        while left:
            best, *rest = left
            left = []
            for other in rest:
                if self._are_copies(best, other, facts):
                    best.copies += [*other.sources, *other.copies]
                    yield other
                else:
                    left.append(other)

    def _rank(self, one: _Recording, facts: Outline | None) -> tuple[bool, bool, int, int]:
        state = self._known.get(one.recording_id)
        stored = state is not None and state.status == "analysed"
        size = one.sources[0].bytes
        return (
            (stored, facts.lossless, facts.channels, size) if facts is not None else (stored, False, 0, size)
        )

    def _are_copies(self, best: _Recording, other: _Recording, facts: Mapping[int, Outline | None]) -> bool:
        first, second = best.sources[0], other.sources[0]
        if first.path.suffix.casefold() == second.path.suffix.casefold():
            return False
        if _is_stored(second, "copy", self._known.get(best.recording_id)):
            return True
        mine, theirs = facts[id(best)], facts[id(other)]
        if mine is None or theirs is None or not as_long(mine, theirs):
            return False
        return self._memory.same_sound(first, second)


def _key(file: SeenFile, base: str, ending: str) -> tuple[Path, str, str]:
    return file.path.parent, f"{base}\n{ending}", file.path.suffix.casefold()


def _base(name: LegName | None) -> str:
    return name.base if name is not None else ""


def _stem(path: Path) -> str:
    return unicodedata.normalize("NFC", path.stem).casefold()


# --- recordings as work


def _is_stored(file: SeenFile, part: str, state: StoredState | None) -> bool:
    """Whether the file is stored as this part of a recording."""
    return state is not None and any(
        (one.uri, one.sha256, one.part) == (file.uri, file.sha256, part) for one in state.files
    )


def _item(recording: _Recording) -> WorkItem:
    sources = recording.sources
    legs = len(sources) > 1
    files = [file.as_part("leg", at) if legs else file.as_part("whole") for at, file in enumerate(sources)]
    files += [file.as_part("mix") for file in recording.mixes]
    files += [file.as_part("copy") for file in (*recording.copies, *recording.twins)]
    members = [*recording.members(), *recording.twins]
    first = next((one.found for one in members if one.found.channel_given), sources[0].found)
    return WorkItem(
        path=sources[0].path,
        uri=sources[0].uri,
        recording_id=recording.recording_id,
        bytes=sum(file.bytes for file in sources),
        call=next((one.found.call for one in members if one.found.call != Call()), Call()),
        settings=first.settings,
        channel_given=first.channel_given,
        legs=tuple(file.path for file in sources) if legs else (),
        files=tuple(files),
        sources=sources,
        twins=() if legs else tuple(recording.twins),
    )


def _apart(twin: SeenFile) -> WorkItem:
    """A file whose bytes are those of one in quarantine, as a recording of its own."""
    item = _item(_Recording(sources=(twin,)))
    return replace(item, recording_id=id_at(twin.sha256, twin.uri))


def _notes(item: WorkItem, stored: set[str]) -> Iterator[str]:
    """A line for each file that was found now to be no recording of its own."""
    twins = {twin.uri for twin in item.twins}
    for file in item.files:
        if file.uri in stored:
            continue
        if file.uri in twins:
            yield f"the same recording twice: {file.uri}; {item.uri} is taken"
        elif file.part == "copy":
            yield f"the same recording in another format: {file.uri}; {item.uri} is taken"
        elif file.part == "mix":
            yield f"the mix of a call whose sides are there too: {file.uri}; its sides are taken"
        elif file.part == "leg" and file.leg_index:
            yield f"the sides of a call in two files, joined: {file.uri}; with {item.uri}"
