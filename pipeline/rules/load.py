"""Rule packs: one TOML file a rule, with its phrases, its check and the examples that are its tests.

::

    id = "hold_thanks"            # the file's name without .toml
    title = "Thanked for holding"
    why = "where the rule comes from"
    weight = 2                    # share in the score, 0 or more
    fatal = false                 # a fail fails the call
    score = "quality"             # the score it counts in: compliance or quality
    active = true                 # optional; false switches the rule off
    kinds = ["conversation"]      # optional; the kinds of calls that it applies to (column call_kind)
    roles = ["agent"]             # whose words are searched
    counts = ["thanks"]           # the groups whose presence is the rule's phrase

    [check]                       # a kind of `pipeline.rules.checks`, with the keys of its class
    kind = "every_hold"
    field = "thanked"
    good = [true]

    [sets]                        # optional word sets of this file's patterns, as those of lexicon.toml
    holding = ["holding", "waiting"]

    [phrases.thanks]              # as many groups as the check needs; grammar: phrases/search.py
    any = ["{thank} for {holding}"]
    but = ["holding an account"]  # decoys: a match that overlaps one is dropped
    unless = "group"              # a match is dropped where this group is found in the same utterance
    roles = ["customer"]          # instead of the rule's roles

    [phrases.asks]                # or a group of phrases/en/shared.toml, which events are found with too
    shared = "ask"

    [examples.agent]              # by the role that speaks: at least 8 each over all roles
    match = ["…"]
    no_match = ["…"]

A site has its own folder (setting `rules.packs`): a whole file there replaces the program's rule of that
id or adds a rule; a file with nothing but `id` and some of the keys from `title` to `roles` changes those.
`lexicon.toml` and `shared.toml` there add to the program's language, `roles.toml` to its cues for roles and
announcements, `wordings.toml` says which sentences are a rule's phrase (see `wordings`), and
`scorecard.toml` sets weights::

    [hold_thanks]                 # the rule; what is not named stays as the pack has it
    weight = 3
    fatal = true
    score = "compliance"
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pipeline.errors import UsageError
from pipeline.phrases.lexicon import DEFAULT_LANGUAGE, RELEASED_DIGEST, Lexicon, readable
from pipeline.phrases.matcher import Compiler, Matcher
from pipeline.phrases.role_cues import RoleCues
from pipeline.phrases.search import Phrases, find
from pipeline.phrases.shared import GroupSpec, Language, load_language
from pipeline.phrases.tokens import Transcript, transcribe_tokens, transcript_of_text
from pipeline.records import Role, SentenceScore, Turn, Word
from pipeline.rules.check import Rule
from pipeline.rules.meanings import Meanings
from pipeline.rules.sentence_model import SentenceModel, load_model
from pipeline.rules.site import (
    CHECK,
    SCORECARD_NAME,
    Pack,
    languages_in,
    read_packs,
    read_packs_in,
    read_scorecard,
    with_site,
)
from pipeline.rules.spec import PackSpec, ScorecardEntry
from pipeline.rules.wordings import (
    NOTHING_DECIDED,
    WORDINGS_NAME,
    Wordings,
    read_wordings,
    with_wordings,
)

PACKS_FOLDER = Path(__file__).parent / "packs"
VERSION_DIGITS = 12
LANGUAGE_MARK = "."
OFF = "off"
"""In place of the sentence model's version: nobody wanted scores of the call."""
_NAMED = re.compile(r'^shared = "(?P<group>\w+)"$', re.MULTILINE)

_VERDICT_KEYS = {"id", "roles", "counts", CHECK, "phrases"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSet:
    """The active rules in order of their ids, and the language they share with events and roles.

    `inactive` are the rules that are switched off. `cues` are the groups of shared.toml by name, `role_cues`
    those for roles and announcements. `version` is a hash over all active rules, followed by the version of
    the language, with which events are found.
    `language` is that of its packs, `others` are the rules in other languages by language, with the same ids.
    `sentence_model` is that of the gate, None in a language without one.
    """

    rules: tuple[Rule, ...]
    inactive: tuple[Rule, ...]
    lexicon: Lexicon
    matcher: Matcher
    cues: Mapping[str, Phrases]
    role_cues: RoleCues
    personal_data: Mapping[str, Phrases]
    version: str
    language: str = DEFAULT_LANGUAGE
    others: Mapping[str, RuleSet] = field(default_factory=dict)
    sentence_model: SentenceModel | None = None

    @property
    def language_version(self) -> str:
        """The version of all phrases and words that events are found with."""
        return language_version_of(self.version)

    def spoken(self, languages: Sequence[str]) -> RuleSet:
        """The rules in the first of `languages` that has any; these where none has."""
        every = {self.language: self, **self.others}
        return next((every[code] for code in languages if code in every), self)

    def in_languages(self, languages: Sequence[str]) -> tuple[RuleSet, ...]:
        """The rules in each of `languages` that has any; these where none has."""
        every = {self.language: self, **self.others}
        return tuple(every[code] for code in languages if code in every) or (self,)

    def rule(self, rule_id: str) -> Rule:
        """The rule of this id, active or not. Raises UsageError for an unknown one."""
        known = {rule.id: rule for rule in (*self.rules, *self.inactive)}
        if rule_id not in known:
            allowed = ", ".join(sorted(known))
            raise UsageError("unknown rule", value=rule_id, allowed=allowed, remedy="check the spelling")
        return known[rule_id]

    def meanings(self, scores: tuple[SentenceScore, ...], gate: str | None) -> Meanings:
        """The scores of a call, made by the model of version `gate`; OFF where none was wanted."""
        version = None if self.sentence_model is None else self.sentence_model.version
        return Meanings(scores=scores, model=self.sentence_model, computed=gate in {version, OFF})

    def transcript(self, turns: Iterable[Turn], words: Iterable[Word]) -> Transcript:
        """A call's transcript, to be made once and handed to all that read the call."""
        return transcribe_tokens(turns, words, self.lexicon)

    def says(self, rule_id: str, role: Role, text: str) -> bool:
        """Whether `text`, said by `role`, contains the rule's phrase; UsageError for an unknown rule."""
        return contains_phrase(self.rule(rule_id), role, text, self.lexicon)


def pack_text(rule: Rule) -> str:
    """The pack's file with the shared groups that it names written out, as the rule uses them."""
    text = rule.files[0].read_text(encoding="utf-8")

    def written_out(named: re.Match[str]) -> str:
        group = rule.shared[named["group"]]
        return "\n".join(f"{key} = {json.dumps(value)}" for key, value in group.items() if value)

    return _NAMED.sub(written_out, text) if rule.shared else text


def language_version_of(rules_version: str) -> str:
    """The language's version in a `RuleSet.version`; empty in those of release 0.1.0, which had none."""
    return rules_version.partition(LANGUAGE_MARK)[2]


def contains_phrase(rule: Rule, role: Role, text: str, lexicon: Lexicon) -> bool:
    """Whether `text`, said by `role`, contains a phrase of a group that counts."""
    transcript = transcript_of_text(text, role, lexicon)
    return any(find(transcript, rule.phrases[name]) for name in rule.counts)


def load_rules(site: Path | None = None, language: str = DEFAULT_LANGUAGE) -> RuleSet:
    """The program's rules in `language` with those of the folder `site`.

    The English rules bring along those of the other languages (`RuleSet.others`). A language has a folder of
    packs, with the phrases and examples of the rules that it has; a site's packs for it are in a folder of
    that name in `site`. What a site changes is tried on its examples; with a lexicon of its own it changes
    every rule. The program's own packs as they are were tried when the program was made.
    Raises UsageError, naming file, key and remedy, for an unknown language, a folder with nothing in it, a
    broken file, an unknown key, a bad phrase, an id used twice or other than its file's name, an example that
    the phrases get wrong, and a scorecard entry for no rule.
    """
    if language != DEFAULT_LANGUAGE:
        own = site / language if site is not None and (site / language).is_dir() else None
        return _rules(read_packs_in(language, PACKS_FOLDER), own, language)
    rules = _rules(read_packs(PACKS_FOLDER), site, language)
    others = {code: load_rules(site, code) for code in languages_in(PACKS_FOLDER)}
    return _together(rules, others) if others else rules


def _together(rules: RuleSet, others: Mapping[str, RuleSet]) -> RuleSet:
    """The rules with those in other languages, whose versions count in theirs."""
    verdicts, language = rules.version.split(LANGUAGE_MARK)
    versions = [verdicts, *(f"{code}:{other.version}" for code, other in others.items())]
    languages = [language, *(f"{code}:{other.language_version}" for code, other in others.items())]
    version = f"{_digest(';'.join(versions))}{LANGUAGE_MARK}{_digest(';'.join(languages))}"
    return replace(rules, others=others, version=version)


def _rules(packs: dict[str, Pack], site: Path | None, code: str) -> RuleSet:
    """The rules of one language, the program's `packs` changed by a site."""
    if site is not None:
        packs = with_site(packs, site)
    language = _with_hold_phrases(load_language(site, code), packs)
    wordings = read_wordings(site, packs)
    if site is not None:
        packs, language = with_wordings(packs, language, wordings, site)
    lexicon = language.lexicon
    compiler = Compiler(lexicon)
    cues = language.compiled(compiler)
    scorecard = read_scorecard(site / SCORECARD_NAME, packs) if site else {}
    model = load_model(code)
    rules = [
        _with_decisions(
            _load(packs[rule_id], scorecard.get(rule_id), language, (compiler, cues), model),
            wordings.get(rule_id, NOTHING_DECIDED),
            compiler,
        )
        for rule_id in sorted(packs)
    ]
    personal_data = _personal_data(compiler)
    for rule in rules:
        if site is not None and (site in _folders(rule, language) or rule.id in wordings):
            _check_examples(rule, lexicon)
    versions = "".join(f"{rule.id}:{rule.version};" for rule in rules if rule.active)
    return RuleSet(
        rules=tuple(rule for rule in rules if rule.active),
        inactive=tuple(rule for rule in rules if not rule.active),
        lexicon=lexicon,
        matcher=compiler.matcher,
        cues=cues,
        role_cues=language.role_cues,
        personal_data=personal_data,
        version=f"{_digest(versions)}{LANGUAGE_MARK}{language.version}",
        language=code,
        sentence_model=model,
    )


def _with_hold_phrases(language: Language, packs: Mapping[str, Pack]) -> Language:
    """The language with the phrases that rules about holds define themselves instead of naming shared ones.

    Such a rule is judged on what was found around holds, so that its own phrases have to find it. Packs
    written for release 0.1.0 do so.
    """
    for pack in packs.values():
        check, phrases = pack.values.get(CHECK), pack.values.get("phrases")
        if not isinstance(check, dict) or check.get("kind") != "every_hold" or not isinstance(phrases, dict):
            continue
        own = {name: group for name, group in phrases.items() if name in language.groups}
        with suppress(ValidationError):  # reported with the rule's file when the pack is loaded
            groups = {name: GroupSpec.model_validate(g) for name, g in own.items() if "shared" not in g}
            language = language.replaced(groups, pack.file)
    return language


def _folders(rule: Rule, language: Language) -> set[Path]:
    """The folders of the files that decide which sentences a rule finds."""
    shared = {language.files[name].parent for name in rule.shared}
    return {language.lexicon.file.parent, rule.files[-1].parent, *shared}


def _with_shared(pack: Pack, language: Language) -> tuple[dict[str, Any], dict[str, str]]:
    """The pack's values with shared groups in place of their names, and which of its groups are shared.

    A shared group's roles that are the rule's own are left out, and the group that its `unless` names joins
    the pack: a group is written, and hashed, as if it stood in the pack.
    """
    phrases, shared = {}, {}
    written = pack.values.get("phrases")
    if not isinstance(written, dict):
        return pack.values, {}
    for name, group in written.items():
        phrases[name] = group
        if not isinstance(group, dict) or "shared" not in group:
            continue
        phrases[name] = _shared_group(pack, name, language)
        shared[name] = group["shared"]
        unless = phrases[name]["unless"]
        if unless and unless not in written:
            phrases[unless] = language.groups[unless].model_dump()
            shared[unless] = unless
    return {**pack.values, "phrases": phrases}, shared


def _shared_group(pack: Pack, name: str, language: Language) -> dict[str, Any]:
    written = pack.values["phrases"][name]
    where = f"{pack.file}: phrases.{name}"
    if stray := [key for key in written if key not in {"shared", "roles"}]:
        remedy = "a shared group is changed in shared.toml"
        raise UsageError("unknown key", where=f"{where}.{stray[0]}", allowed="shared, roles", remedy=remedy)
    if written["shared"] not in language.groups:
        allowed, remedy = ", ".join(sorted(language.groups)), "check the spelling"
        place = f"{where}.shared"
        raise UsageError(
            "unknown group", where=place, value=written["shared"], allowed=allowed, remedy=remedy
        )
    group = language.groups[written["shared"]].model_dump()
    roles = written.get("roles") or group["roles"]
    return {**group, "roles": None if roles and list(roles) == pack.values.get("roles") else roles}


def _load(
    pack: Pack,
    entry: ScorecardEntry | None,
    language: Language,
    compiled: tuple[Compiler, Mapping[str, Phrases]],
    model: SentenceModel | None,
) -> Rule:
    values, shared = _with_shared(pack, language)
    try:
        spec = PackSpec.model_validate(values)
    except ValidationError as error:
        raise readable(error, pack.file, pack.values) from None
    compiler, cues = compiled
    ready = {name: cues[group] for name, group in shared.items()}
    spec.check.verify(f"{pack.file}: {CHECK}")
    scored = spec.model_copy(update=entry.model_dump(exclude_none=True) if entry else {})
    # Kinds that are as usual are left out, so that a rule's version is that of a pack without them.
    keys = _VERDICT_KEYS | ({"kinds"} if spec.kinds != PackSpec.model_fields["kinds"].default else set())
    content = spec.model_dump_json(include=keys, by_alias=True)
    gate = model.version if model is not None and spec.id in model.groups else ""
    words = compiler.lexicon.digest if "words" in spec.check.needed else RELEASED_DIGEST
    return Rule(
        id=spec.id,
        version=_digest(content + words + gate),
        title=spec.title,
        why=spec.why,
        weight=scored.weight,
        fatal=scored.fatal,
        score=scored.score,
        active=spec.active,
        kinds=spec.kinds,
        roles=spec.roles,
        counts=spec.counts,
        check=spec.check,
        phrases=_compiled_groups(spec, compiler, ready, pack.file),
        slots=_compiled_slots(spec, compiler, pack.file),
        examples=tuple(_examples(spec)),
        files=pack.files,
        shared={shared[name]: values["phrases"][name] for name in shared},
    )


def _with_decisions(rule: Rule, decided: Wordings, compiler: Compiler) -> Rule:
    """The rule with the wordings that a site decided not to be its phrase."""
    if decided == NOTHING_DECIDED:
        return rule
    rule = replace(rule, decisions=decided.as_toml("wordings"))
    if not decided.not_said:
        return rule
    not_said = _phrases(decided.not_said, rule.roles, compiler, f"{WORDINGS_NAME}: {rule.id}.not_said")
    version = _digest(rule.version + json.dumps(decided.not_said))
    return replace(rule, not_said=not_said, version=version)


def _compiled_groups(
    spec: PackSpec, compiler: Compiler, ready: Mapping[str, Phrases], path: Path
) -> dict[str, Phrases]:
    """The rule's groups; those of `ready` are shared ones, which are used as they are where roles agree."""
    done: dict[str, Phrases] = {}
    for name, group in sorted(spec.phrases.items(), key=lambda item: item[1].unless is not None):
        if group.unless and spec.phrases[group.unless].unless:
            raise UsageError(
                "a group with 'unless' cannot be another's 'unless'",
                where=f"{path}: phrases.{name}.unless",
                value=group.unless,
                remedy="name a group without one",
            )
        roles = group.roles or spec.roles
        if name in ready:
            same = ready[name].roles == roles
            done[name] = ready[name] if same else replace(ready[name], roles=roles)
            continue
        done[name] = Phrases(
            roles=roles,
            any=compiler.patterns(group.any, f"{path}: phrases.{name}.any"),
            but=compiler.patterns(group.but, f"{path}: phrases.{name}.but"),
            unless=done[group.unless] if group.unless else None,
        )
    return done


def _compiled_slots(spec: PackSpec, compiler: Compiler, path: Path) -> dict[str, Phrases]:
    return {
        name: _phrases(patterns, spec.roles, compiler, f"{path}: {CHECK}.slots.{name}")
        for name, patterns in spec.check.slot_patterns().items()
    }


def _personal_data(compiler: Compiler) -> dict[str, Phrases]:
    lexicon = compiler.lexicon
    return {
        name: _phrases(patterns, ("customer",), compiler, f"{lexicon.file}: personal_data.{name}")
        for name, patterns in lexicon.personal_data.items()
    }


def _phrases(patterns: Sequence[str], roles: tuple[Role, ...], compiler: Compiler, where: str) -> Phrases:
    """A group without decoys."""
    return Phrases(roles=roles, any=compiler.patterns(patterns, where), but=compiler.patterns((), where))


def _examples(spec: PackSpec) -> list[tuple[Role, str, bool]]:
    out: list[tuple[Role, str, bool]] = []
    for role, examples in spec.examples.items():
        out += [(role, text, True) for text in examples.match]
        out += [(role, text, False) for text in examples.no_match]
    return out


def _check_examples(rule: Rule, lexicon: Lexicon) -> None:
    for role, text, expect in rule.examples:
        if contains_phrase(rule, role, text, lexicon) != expect:
            raise UsageError(
                f"an example that should {'' if expect else 'not '}match does {'not' if expect else 'match'}",
                where=f"{rule.files[-1]}: examples.{role}.{'match' if expect else 'no_match'}",
                value=text,
                remedy="correct the phrases or the example",
            )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:VERSION_DIGITS]
