"""The language shared by all rules, from `lexicon.toml`, and reports of faults in TOML files."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, StringConstraints, TypeAdapter, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from pipeline.errors import UsageError
from pipeline.phrases.spelling import Pieces, pieces_of
from pipeline.phrases.vocabulary import common_writings

DEFAULT_LANGUAGE = "en"
LEXICONS_FOLDER = Path(__file__).parent
LEXICON_FILE = Path(__file__).parent / DEFAULT_LANGUAGE / "lexicon.toml"
NAMES_FILE = Path(__file__).parent / DEFAULT_LANGUAGE / "names.toml"

RELEASED_DIGESTS = {
    # lexicon.toml
    "9466aa551bb7416a8a0a094bb28da58b7619017aed1f542c08e313b38faca824": (
        "69155985763b630824ce9b1b552895d24caafd3b8eebda7d414ce0282634d114"
    ),
    # names.toml
    "2fa9a3e07b19d29e51117dc53a0886e0712708a781c099c72dd9f120a4f2caee": (
        "8d7a80097db45321d1ab8dcfc0691fac38a8d81959d465fc8379eefd93e1bb95"
    ),
}
"""Release 0.1.0 hashed the bytes of its two lexicon files. As long as the content of a file is that of 0.1.0,
it keeps the digest it had there, so that stored verdicts and reviews keep their rule versions."""
RELEASED_DIGEST = hashlib.sha256("".join(RELEASED_DIGESTS.values()).encode()).hexdigest()
"""`Lexicon.digest` of release 0.1.0. Rules whose verdict no word decides keep it, whatever the lexicon is."""

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]

_SETS = "sets"
"""The table of word sets, in the lexicon and in a file of phrases."""
_SET_NAME = re.compile(r"\{(?P<name>[a-z_]+)\}")

_TOML_NAMES = {
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
    "tuple_type": "a list",
}
"""Names of TOML types by pydantic's kind of fault, which names Python's."""


class Spec(BaseModel):
    """A table people write in TOML; unknown keys are refused."""

    model_config = ConfigDict(frozen=True, strict=False)

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, values: object) -> object:
        """Refuse unknown keys first, naming the known ones: a misspelt key would be reported as missing."""
        unknown = [key for key in values if key not in cls.model_fields] if isinstance(values, dict) else []
        if unknown:
            context = {"key": unknown[0], "allowed": ", ".join(cls.model_fields)}
            raise PydanticCustomError("unknown_key", "unknown key", context)
        return values


class LexiconSpec(Spec):
    """The tables of a lexicon file, as written."""

    contractions: dict[Text, Text] = {}
    endings: dict[Text, str] = {}
    rewrite: dict[Text, str] = {}
    sets: dict[Text, tuple[Text, ...]] = {}
    personal_data: dict[Text, tuple[Text, ...]] = {}


@dataclass(frozen=True, kw_only=True)
class Lexicon:
    """How words are normalised, the named word sets, and the phrases that give personal data.

    `digest` is the hash of the parsed content that goes into the version of each rule that words decide.
    `rewrite_lengths` gives by first word the lengths of the entries of `rewrite`, the longest first.
    """

    file: Path
    digest: str
    contractions: Mapping[str, tuple[str, ...]]
    endings: Mapping[str, tuple[str, ...]]
    rewrite: Mapping[tuple[str, ...], tuple[str, ...]]
    rewrite_lengths: Mapping[str, tuple[int, ...]]
    sets: Mapping[str, tuple[str, ...]]
    personal_data: Mapping[str, tuple[str, ...]]
    language: str = DEFAULT_LANGUAGE

    @cached_property
    def spelled(self) -> Mapping[str, Pieces]:
        """The pieces of the language's common words, worked out in advance; nothing is added to it."""
        return {
            word: pieces_of(word, self.contractions, self.endings) for word in common_writings(self.language)
        }

    @cached_property
    def first_names(self) -> frozenset[str]:
        """The known first names, in lower case."""
        return frozenset(self.sets.get("first_name", ()))


def load_lexicon(extra: Path | None = None, language: str = DEFAULT_LANGUAGE) -> Lexicon:
    """The program's own lexicon and names, their entries replaced or joined by those of the file `extra`.

    People's names are the same in every language.
    Raises UsageError for a missing or broken file, an unknown table or unknown personal data.
    """
    own = LEXICON_FILE if language == DEFAULT_LANGUAGE else LEXICONS_FOLDER / language / LEXICON_FILE.name
    spec, digest = _read(own)
    for path in (NAMES_FILE, extra) if extra else (NAMES_FILE,):
        more, other = _read(path)
        for name in more.personal_data.keys() - spec.personal_data.keys():
            allowed, remedy = ", ".join(spec.personal_data), "remove it or check the spelling"
            where = _place(path, "personal_data", name)
            raise UsageError("unknown key", where=where, allowed=allowed, remedy=remedy)
        digest = hashlib.sha256(f"{digest}{other}".encode()).hexdigest()
        spec = _joined(spec, more)
    rewrite = {tuple(key.split()): tuple(value.split()) for key, value in spec.rewrite.items()}
    return Lexicon(
        file=extra or own,
        digest=digest,
        contractions={key: tuple(value.split()) for key, value in spec.contractions.items()},
        endings={key: tuple(value.split()) for key, value in spec.endings.items()},
        rewrite=rewrite,
        rewrite_lengths=_lengths(rewrite),
        sets=spec.sets,
        personal_data=spec.personal_data,
        language=language,
    )


def read_toml(path: Path) -> dict[str, Any]:
    """A TOML file's values. Raises UsageError if the file is missing or broken."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError("cannot read a rule file", where=path, value=error.strerror) from None
    except UnicodeDecodeError:
        raise UsageError("not a text in UTF-8", where=path, remedy="save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise UsageError("not TOML", where=path, value=str(error), remedy="correct the file") from None


def with_own_sets(values: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """The values of a file of phrases with the sets of its own table `[sets]` written out in the others.

    An entry of a set may name other sets; a name that is not the file's own is left to the lexicon.
    Raises UsageError for a table that is not lists of phrases, and for a set that contains itself.
    """
    others = {key: value for key, value in values.items() if key != _SETS}
    if _SETS not in values:
        return others
    try:
        sets = TypeAdapter(dict[Text, tuple[Text, ...]]).validate_python(values[_SETS])
    except ValidationError as error:
        raise readable(error, path, values) from None
    written = partial(_written_out, sets, path, ())
    return {key: _in_strings(value, written) for key, value in others.items()}


def _written_out(sets: Mapping[str, tuple[str, ...]], path: Path, within: tuple[str, ...], text: str) -> str:
    """`text` with each `{set}` of `sets` as the choice of its entries; `within` are the sets around it."""

    def choice(found: re.Match[str]) -> str:
        name = found["name"]
        if name not in sets:
            return found[0]
        if name in within:
            where = f"{_place(path, _SETS)}.{name}"
            raise UsageError("a set that contains itself", where=where, remedy="write words instead")
        entries = (_written_out(sets, path, (*within, name), entry) for entry in sets[name])
        return f"({' | '.join(entries)})"

    return _SET_NAME.sub(choice, text)


def _in_strings(value: Any, change: Callable[[str], str]) -> Any:
    """A TOML value with all its strings changed."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {key: _in_strings(inner, change) for key, inner in value.items()}
    return [_in_strings(inner, change) for inner in value] if isinstance(value, list) else value


def readable(error: ValidationError, path: Path, values: Mapping[str, Any]) -> UsageError:
    """The first fault of a TOML file with `values` as one line: file, key, value, what is allowed, remedy."""
    first = error.errors()[0]
    keys, given, context = _written(first["loc"], values), first["input"], first.get("ctx", {})
    match first["type"]:
        case "unknown_key":
            remedy = "remove it or check the spelling"
            where = _place(path, *keys, context["key"])
            return UsageError("unknown key", where=where, allowed=context["allowed"], remedy=remedy)
        case "missing":
            return UsageError("missing key", where=_place(path, *keys), remedy="add it")
        case "union_tag_not_found":
            return UsageError("missing key", where=_place(path, *keys, "kind"), remedy="add it")
        case "union_tag_invalid":
            keys, given, allowed = [*keys, "kind"], context["tag"], context["expected_tags"]
        case "value_error" if isinstance(given, Mapping):  # its keys do not fit together
            return UsageError(str(context["error"]), where=_place(path, *keys), remedy="correct it")
        case kind:
            allowed = first["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
            allowed = _TOML_NAMES.get(kind, allowed)
    return UsageError(
        "bad value", where=_place(path, *keys), value=given, allowed=allowed, remedy="correct it"
    )


def _place(path: Path, *keys: str) -> str:
    return f"{path}: {'.'.join(keys)}" if keys else str(path)


def _written(location: Sequence[int | str], values: Mapping[str, Any]) -> list[str]:
    """The keys of a fault as the file has them; pydantic puts the kind of a check between them."""
    out: list[str] = []
    here: Any = values
    for number, part in enumerate(location, start=1):
        if isinstance(here, Mapping) and part not in here and number < len(location):
            continue
        out.append(str(part))
        with suppress(LookupError, TypeError):  # the end of what the file has
            here = here[part]
    return out


def _read(path: Path) -> tuple[LexiconSpec, str]:
    """A lexicon file and the digest of its content: comments, layout and the file's place do not count."""
    values = read_toml(path)
    try:
        spec = LexiconSpec.model_validate(values)
    except ValidationError as error:
        raise readable(error, path, values) from None
    digest = hashlib.sha256(spec.model_dump_json().encode()).hexdigest()
    return spec, RELEASED_DIGESTS.get(digest, digest)


def _lengths(entries: Iterable[tuple[str, ...]]) -> dict[str, tuple[int, ...]]:
    out: dict[str, set[int]] = {}
    for entry in entries:
        out.setdefault(entry[0], set()).add(len(entry))
    return {word: tuple(sorted(lengths, reverse=True)) for word, lengths in out.items()}


def _joined(base: LexiconSpec, more: LexiconSpec) -> LexiconSpec:
    return LexiconSpec(
        contractions=base.contractions | more.contractions,
        endings=base.endings | more.endings,
        rewrite=base.rewrite | more.rewrite,
        sets=base.sets | more.sets,
        personal_data=base.personal_data | more.personal_data,
    )
