"""Permission for each hold: the agent's request, the customer's answer, and the thanks afterwards."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from pipeline.events.scene import Scene
from pipeline.phrases.answers import Answer, AnswerPhrases, find_answers
from pipeline.phrases.confidence import WordConfidence, mean_probability
from pipeline.phrases.search import Match, Phrases, find
from pipeline.phrases.tokens import Transcript
from pipeline.records import Activity, Hold, Permission, Role, Turn, Word
from pipeline.settings import HoldSettings, RuleSettings, Settings
from pipeline.spans import Span, total_s

EDGE_S = 0.5
"""Tolerance between a hold's edge and the words beside it, in seconds."""
CALL_BACK_WORDS = 5
"""A turn this short ("Hello, are you still there?") does not use up the first turn after a hold."""
UNHEARD_S = 0.4
"""Speech this long without words may have been what decides."""

Possible = Callable[[str, Span], Span | None]
"""The sentence in a window that may be the phrase of a rule, by the rule's id, where no phrase finds it."""


def nothing_possible(_rule_id: str, _window: Span) -> None:
    """What phrases find decides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scene:
    """The call around its holds."""

    turns: tuple[Turn, ...]
    words: tuple[Word, ...]
    activities: tuple[Activity, ...]
    hearing: WordConfidence
    transcript: Transcript
    groups: Mapping[str, Phrases]
    holds: HoldSettings
    settings: RuleSettings
    possible: Possible

    def found(self, group: str, roles: tuple[Role, ...] | None = None) -> tuple[Match, ...]:
        """Every match of a group of phrases."""
        return find(self.transcript, self.groups[group], roles)

    def heard(self, match: Match) -> bool:
        """Whether the phrase may decide."""
        return self.hearing.reliable(match.words, self.settings)


def add_permission(
    holds: Sequence[Hold],
    call: Scene,
    transcript: Transcript,
    groups: Mapping[str, Phrases],
    settings: Settings,
    *,
    possible: Possible = nothing_possible,
) -> tuple[Hold, ...]:
    """`holds` in order of time, with permission, thanks, and the turns of the request and the return.

    `transcript` is the call's, `groups` are the shared phrases. Permission is `not_determinable` where
    speakers are unknown or the deciding words were not recognised well enough; `thanked` is None likewise.
    Both are open where a sentence is `possible` that no phrase finds.
    """
    scene = _Scene(
        turns=tuple(sorted(call.turns, key=lambda turn: turn.start_s)),
        words=call.words,
        activities=call.activities,
        hearing=WordConfidence(call.words, call.activities),
        transcript=transcript,
        groups=groups,
        holds=settings.holds,
        settings=settings.rules,
        possible=possible,
    )
    out: list[Hold] = []
    for hold in sorted(holds, key=lambda hold: hold.start_s):
        since_s = max(hold.start_s - settings.holds.request_within_s, out[-1].end_s if out else 0.0)
        permission, request = _permission(scene, Span(since_s, hold.start_s))
        thanked, back = _thanked(scene, hold)
        out.append(
            replace(
                hold,
                permission=permission,
                thanked=thanked,
                request_turn_index=request.turn_index if request else None,
                return_turn_index=back.turn_index if back else None,
            )
        )
    return tuple(out)


def _permission(scene: _Scene, window: Span) -> tuple[Permission, Match | None]:
    """The permission for the hold that begins at the window's end, and the request if there is one."""

    def before_hold(group: str, *roles: Role) -> list[Match]:
        reach = window.padded(EDGE_S)
        return [m for m in scene.found(group, roles) if m.span.start_s in reach and m.span.end_s in reach]

    asked, told, waits = (before_hold(group, "agent", "unknown") for group in ("ask", "told", "wait"))
    offers = before_hold("offer", "customer")
    request = next((found[-1] for found in (asked, told, waits) if found), None)
    if any(turn.role == "unknown" and turn.span & window for turn in scene.turns):
        return "not_determinable", request
    if asked or offers:
        return _answered(scene, window, asked, offers), request
    answers = _answers(scene, window, told) if told else []
    if answers and not answers[-1].agrees:
        return ("refused" if scene.heard(answers[-1].match) else "not_determinable"), request
    understood = _understood(scene, window) and not _may_have_asked(scene, window, told)
    return ("not_asked" if understood else "not_determinable"), request


def _may_have_asked(scene: _Scene, window: Span, told: Sequence[Match]) -> bool:
    """Whether a sentence may be a request, other than one that is known to announce the hold."""
    sentence = scene.possible("hold_permission", window)
    return sentence is not None and not any(match.span & sentence for match in told)


def _answered(scene: _Scene, window: Span, asked: list[Match], offers: list[Match]) -> Permission:
    """The permission that results from request, offer and answers; the customer's last answer counts."""
    answers = _answers(scene, window, asked) if asked else []
    answers += [Answer(agrees=True, match=offer) for offer in offers]
    answers.sort(key=lambda answer: answer.match.span.end_s)
    if answers:
        last = answers[-1]
        sure = scene.heard(last.match) and (last.match in offers or any(map(scene.heard, asked)))
        if not sure:
            return "not_determinable"
        return "granted" if last.agrees else "refused"
    heard = any(map(scene.heard, asked)) and not _unheard(scene, Span(asked[-1].span.end_s, window.end_s))
    return "not_awaited" if heard else "not_determinable"


def _answers(scene: _Scene, window: Span, requests: list[Match]) -> list[Answer]:
    """The customer's answers to `requests` before the window ends."""
    groups = scene.groups
    phrases = AnswerPhrases(
        agrees=(groups["agree"], groups["offer"]),
        refuses=(groups["refuse"],),
        bare_no=groups["bare_no"],
        negative=groups["negative"],
    )
    within_s = scene.holds.answer_within_s
    return list(find_answers(scene.transcript, phrases, requests, within_s, window.end_s))


def _unheard(scene: _Scene, window: Span) -> bool:
    """Whether the customer says something in `window` that was not, or badly, recognised."""
    words = [word for word in scene.words if word.role == "customer" and word.span & window]
    probability = mean_probability(words)
    if probability is not None:
        return probability < scene.settings.min_phrase_probability
    spoken = (a.span & window for a in scene.activities if a.role == "customer")
    return total_s(spoken) >= UNHEARD_S


def _understood(scene: _Scene, window: Span) -> bool:
    """Whether what the agent says in `window` was recognised; a silent agent was."""
    words = [word for word in scene.words if word.role == "agent" and word.span & window]
    if words:
        return scene.hearing.reliable(words, scene.settings)
    spoken = (a.span & window for a in scene.activities if a.role == "agent")
    return total_s(spoken) < UNHEARD_S


def _thanked(scene: _Scene, hold: Hold) -> tuple[bool | None, Turn | None]:
    """Whether the agent thanks after `hold` (None if undetermined), and the turn that ends the hold."""
    turns = [
        turn
        for turn in scene.turns
        if turn.role in {"agent", "unknown"} and turn.start_s >= hold.end_s - EDGE_S
    ]
    if not turns:
        return None, None
    searched = _first_turns(scene, turns)
    window = Span(hold.end_s - EDGE_S, hold.end_s + scene.holds.thanks_within_s)
    thanks = [
        match
        for match in scene.found("thanks", ("agent", "unknown"))
        if match.span.start_s in window and match.turn_index in searched
    ]
    if thanks:
        sure = any(scene.heard(match) and match.role == "agent" for match in thanks)
        return (True if sure else None), turns[0]
    words = [w for w in scene.words if w.turn_index in searched and w.span & window]
    probability = mean_probability(words)
    if probability is None or probability < scene.settings.min_phrase_probability:
        late = turns[0].start_s >= window.end_s
        return (False if late else None), turns[0]
    return (None if scene.possible("hold_thanks", window) else False), turns[0]


def _first_turns(scene: _Scene, turns: Sequence[Turn]) -> set[int]:
    """The first of `turns`, and the next ones as long as those before only call the customer back."""
    out: set[int] = set()
    for turn in turns:
        out.add(turn.turn_index)
        if sum(word.turn_index == turn.turn_index for word in scene.words) > CALL_BACK_WORDS:
            break
    return out
