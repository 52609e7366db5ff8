"""The masks of a call: personal data of both speakers, found with more regard to recall than to precision.

`pipeline.personal_data` dates a disclosure and stays precise; everything it finds can be masked as well.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from statistics import fmean

from pipeline.masking.contact import find_addresses, find_emails
from pipeline.masking.masks import Found
from pipeline.masking.model import LabelWords
from pipeline.masking.names import find_names, own_names, said_again
from pipeline.masking.secrets import find_all_numbers, find_health, find_secrets
from pipeline.masking.text import Line, lines_of
from pipeline.masking.values import find_values, repeats
from pipeline.records import Mask, Word
from pipeline.settings import MASK_KINDS, MaskKind, MaskProfile

_STRENGTH: dict[MaskKind, int] = {"email": 0, "address": 1, "secret": 2, "date_of_birth": 3, "name": 4}
"""Where two kinds claim a word, these win in this order; then any other kind, then a bare number."""
_WEAKEST = len(MASK_KINDS)


def find_masks(
    words: Iterable[Word],
    label_words: LabelWords,
    *,
    profile: MaskProfile = "standard",
    kinds: Collection[MaskKind] = MASK_KINDS,
    agent_names: Collection[str] = (),
) -> tuple[Mask, ...]:
    """The masks of a call's `words`, in order of time; `profile` off gives none.

    `label_words` is the model of names and places; `agent_names` are those of the metadata, which stay
    readable with the names by which agents introduce themselves. Kinds outside `kinds` are not masked.
    """
    if profile == "off":
        return ()
    lines = lines_of(words)
    owned = _owners(_all_found(lines, label_words, profile, agent_names))
    wanted = (piece for piece in _pieces(lines, owned) if piece.kind in kinds)
    pieces = sorted(wanted, key=lambda piece: _start(lines, piece))
    persons = _persons(lines, pieces)
    return tuple(
        _mask(at, lines[piece.line], piece, person)
        for at, (piece, person) in enumerate(zip(pieces, persons, strict=True))
    )


def _start(lines: Sequence[Line], piece: Found) -> tuple[float, int]:
    word = lines[piece.line].words[piece.first]
    return word.start_s, word.word_index


def _all_found(
    lines: Sequence[Line], label_words: LabelWords, profile: MaskProfile, agent_names: Collection[str]
) -> list[Found]:
    labels = [label_words([word.text for word in line.words]) for line in lines]
    values = list(find_values(lines))
    values += repeats(lines, values)
    names = list(find_names(lines, labels, profile))
    own = own_names(lines, names, agent_names)
    names = [each for each in names if not _is_own(lines, each, own)]
    names += [each for each in said_again(lines, names) if not _is_own(lines, each, own)]
    found = [*values, *names, *find_addresses(lines, labels), *find_emails(lines)]
    found += [*find_secrets(lines), *find_health(lines)]
    return found + list(find_all_numbers(lines)) if profile == "strict" else found


def _is_own(lines: Sequence[Line], found: Found, own: Collection[str]) -> bool:
    return all(text.removesuffix("'s") in own for text in lines[found.line].texts[found.first : found.end])


def _owners(found: Iterable[Found]) -> dict[tuple[int, int], Found]:
    """What each word, by line and place, is masked as."""
    owners: dict[tuple[int, int], Found] = {}
    for each in found:
        for at in range(each.first, each.end):
            before = owners.get((each.line, at))
            if before is None or _rank(each) < _rank(before):
                owners[each.line, at] = each
    return owners


def _rank(found: Found) -> int:
    return _WEAKEST if found.kind == "number" else _STRENGTH.get(found.kind, len(_STRENGTH))


def _pieces(lines: Sequence[Line], owners: dict[tuple[int, int], Found]) -> Iterator[Found]:
    """Neighbouring words of one kind together."""
    for line in lines:
        open_piece: Found | None = None
        for at in range(len(line.words) + 1):
            owner = owners.get((line.index, at))
            if open_piece is not None and (owner is None or owner.kind != open_piece.kind):
                yield open_piece
                open_piece = None
            if owner is not None:
                first = open_piece.first if open_piece else at
                by = open_piece.by if open_piece else owner.by
                open_piece = Found(kind=owner.kind, line=line.index, first=first, end=at + 1, by=by)


def _persons(lines: Sequence[Line], pieces: Sequence[Found]) -> list[int | None]:
    """A number from 1 for each name, the same for the same person; None for other kinds."""
    known: list[set[str]] = []
    out: list[int | None] = []
    for piece in pieces:
        if piece.kind != "name":
            out.append(None)
            continue
        texts = [text.removesuffix("'s") for text in lines[piece.line].texts[piece.first : piece.end]]
        spelled = "".join(text for text in texts if len(text) == 1)
        said = {text for text in texts if len(text) > 1} | ({spelled} if spelled else set())
        person = next((at for at, other in enumerate(known) if _same_person(said, other)), len(known))
        known[person : person + 1] = [said | (known[person] if person < len(known) else set())]
        out.append(person + 1)
    return out


def _same_person(one: set[str], other: set[str]) -> bool:
    """Whether one name goes into the other: Rose into Rose Hartman, but Tom Hartman does not."""
    return one <= other or other <= one


def _mask(index: int, line: Line, piece: Found, person: int | None) -> Mask:
    words = line.words[piece.first : piece.end]
    return Mask(
        mask_index=index,
        kind=piece.kind,
        start_s=min(word.start_s for word in words),
        end_s=max(word.end_s for word in words),
        turn_index=words[0].turn_index,
        channel=words[0].channel,
        role=line.role,
        first_word=words[0].word_index,
        last_word=words[-1].word_index,
        person=person,
        found_by=piece.by,
        confidence=fmean(word.probability for word in words),
    )
