"""The last stages of an analysis: events, metrics and findings from words and turns, without audio.

`pipeline.analyse` runs them at its end, `pipeline.archive.recheck` runs them alone on stored calls. Both
therefore give the same results.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from pipeline.events.call_kind import find_call_kind
from pipeline.events.hold_phrases import hold_phrases
from pipeline.events.holds import detect_holds, without_honoured_refusals
from pipeline.events.overlaps import detect_overlaps
from pipeline.events.pauses import recorder_pauses
from pipeline.events.permission import add_permission
from pipeline.events.scene import Scene
from pipeline.events.silences import detect_silences
from pipeline.events.transfers import detect_transfers
from pipeline.metrics import measure
from pipeline.metrics.fit import find_fit
from pipeline.metrics.sensitivity import STRETCHES_S, hold_count_at
from pipeline.metrics.timeline import Timeline
from pipeline.personal_data.find import personal_data_records
from pipeline.phrases.tokens import Transcript
from pipeline.records import CallAnalysis, Hold, PersonalDatum, Transfer
from pipeline.rounding import all_rounded
from pipeline.rules import CallContext, RuleSet, judge
from pipeline.rules.context import languages_in
from pipeline.rules.gate import likeliest, score_sentences
from pipeline.rules.load import OFF
from pipeline.rules.meanings import PATTERNS_ALONE, Meanings
from pipeline.rules.sentence_model import Embed
from pipeline.settings import HoldSettings, Settings
from pipeline.spans import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What was said in a call, in the language of the rules: its words, and the scores of its sentences.

    `gate` is the version of the model that made the scores, OFF where nobody wanted any.
    """

    transcript: Transcript
    meanings: Meanings = PATTERNS_ALONE
    gate: str | None = OFF


def read(
    analysis: CallAnalysis, rules: RuleSet, settings: Settings, embed: Embed | None
) -> tuple[CallAnalysis, Said]:
    """The call with the scores of its sentences, and what was said in it.

    Without an `embed`, by the setting, or in a language without a model there are no scores.
    """
    transcript, model = rules.transcript(analysis.turns, analysis.words), rules.sentence_model
    other = rules.spoken(languages_in(analysis.quality)) is not rules
    if not settings.rules.meaning or embed is None or model is None or other:
        return replace(analysis, sentence_scores=()), Said(transcript=transcript)
    scores = all_rounded(score_sentences(transcript, model, embed))
    meanings = Meanings(scores=scores, model=model)
    said = Said(transcript=transcript, meanings=meanings, gate=model.version)
    return replace(analysis, sentence_scores=scores), said


def find_events(
    analysis: CallAnalysis,
    rules: RuleSet,
    settings: Settings,
    overlaps_known: bool,
    *,
    measured: bool = False,
    said: Said | None = None,
) -> CallAnalysis:
    """The call with its events (holds, transfers, overlaps, silences), metrics and personal data.

    `analysis` has what was found in the audio. `overlaps_known` is false where simultaneous speech cannot be
    attributed (some mono calls). `measured` says that the metrics in `analysis` were computed with these
    settings and methods, so that they are kept if the events are unchanged. `said` is what was said in the
    call; without it, its words are read here, and what phrases find decides.
    """
    spoken = rules.spoken(languages_in(analysis.quality))
    if said is None or spoken is not rules:  # scores are of the language of `rules`
        said = Said(transcript=spoken.transcript(analysis.turns, analysis.words))
    rules, transcript = spoken, said.transcript
    scene = _scene(analysis, transcript, rules)
    transfers = detect_transfers(scene)
    candidates = detect_holds(scene, settings.holds, transfers)
    judged = partial(_holds, scene, rules, settings, said)
    holds = judged(candidates)
    short = judged(_short_holds(scene, transfers, settings.holds))
    timeline = _timeline(analysis, scene, (holds, short), settings)
    if not overlaps_known:
        timeline = replace(timeline, overlaps=(), overlaps_known=False)
    kind = find_call_kind(analysis, rules.role_cues)
    kept = measured and _same_timing(timeline, analysis)
    metrics = analysis.metrics if kept else measure(timeline, find_fit(analysis.quality, settings.quality))
    return replace(
        analysis,
        recording=replace(analysis.recording, call_kind=kind.kind),
        holds=timeline.holds,
        transfers=all_rounded(transfers),
        overlaps=timeline.overlaps,
        silences=timeline.silences,
        metrics=metrics if kept else all_rounded(metrics),
        personal_data=all_rounded(
            _of_people(
                personal_data_records(transcript, rules.personal_data, analysis.turns), kind.machine_turns
            )
        ),
    )


def _holds(
    scene: Scene, rules: RuleSet, settings: Settings, said: Said, candidates: tuple[Hold, ...]
) -> tuple[Hold, ...]:
    """The holds among the candidates, with permission and thanks: one that was refused did not happen."""
    if not candidates:
        return ()
    with_permission = add_permission(
        candidates, scene, said.transcript, rules.cues, settings, possible=partial(_possible, rules, said)
    )
    return without_honoured_refusals(with_permission, scene.turns)


def _possible(rules: RuleSet, said: Said, rule_id: str, window: Span) -> Span | None:
    """The sentence in `window` that may say, in other words, what the rule looks for."""
    if said.meanings.model is None:
        return None
    score = likeliest(rules.rule(rule_id), said.meanings, said.transcript, window)
    return None if score is None else Span(score.start_s, score.end_s)


def _of_people(data: tuple[PersonalDatum, ...], machine_turns: frozenset[int]) -> tuple[PersonalDatum, ...]:
    """The personal data that a person gave: what a machine says is nobody's."""
    kept = [datum for datum in data if datum.turn_index not in machine_turns]
    return tuple(replace(datum, datum_index=index) for index, datum in enumerate(kept))


def _scene(analysis: CallAnalysis, transcript: Transcript, rules: RuleSet) -> Scene:
    return Scene(
        duration_s=analysis.recording.duration_s or 0.0,
        activities=analysis.activities,
        turns=analysis.turns,
        sounds=analysis.sounds,
        phrases=hold_phrases(transcript, rules.cues),
        words=analysis.words,
        given_holds=_spans(analysis.call.holds),
        given_pauses=_spans(analysis.call.pauses),
        role_cues=rules.role_cues,
    )


def _timeline(
    analysis: CallAnalysis,
    scene: Scene,
    both: tuple[tuple[Hold, ...], tuple[Hold, ...]],
    settings: Settings,
) -> Timeline:
    """The call with its holds (those that are long enough, and the others), overlaps and silences."""
    holds, short_holds = both
    turns, words, activities = analysis.turns, analysis.words, analysis.activities
    announcing = frozenset(p.turn_index for p in scene.phrases if p.kind not in {"thanks", "introduction"})
    channels = 2 if analysis.recording.layout == "stereo" else 1
    pauses = recorder_pauses(analysis.sounds, channels, scene.given_pauses)
    silences = detect_silences(activities, holds, turns, announcing, settings.silences, pauses)
    return Timeline(
        duration_s=scene.duration_s,
        activities=activities,
        words=words,
        turns=turns,
        holds=all_rounded(holds),
        short_holds=all_rounded(short_holds),
        overlaps=all_rounded(detect_overlaps(turns, activities, settings.overlaps)),
        silences=all_rounded(silences),
        settings=settings,
        tone=analysis.tone,
        tone_curve=analysis.tone_curve,
    )


def _short_holds(scene: Scene, transfers: tuple[Transfer, ...], settings: HoldSettings) -> tuple[Hold, ...]:
    """Stretches that meet all conditions of a hold except `holds.min_s`."""
    lower = settings.model_copy(update={"min_s": min(settings.min_s, *STRETCHES_S)})
    found = detect_holds(scene, lower, transfers)
    return tuple(hold for hold in found if hold.span.duration_s < settings.min_s)


def _same_timing(timeline: Timeline, analysis: CallAnalysis) -> bool:
    """Whether the events that metrics depend on are unchanged; of short holds only counts are compared."""
    return (
        [hold.span for hold in timeline.holds] == [hold.span for hold in analysis.holds]
        and timeline.silences == analysis.silences
        and timeline.overlaps == analysis.overlaps
        and all(metric in analysis.metrics for metric in hold_count_at(timeline))
    )


def _spans(pairs: tuple[tuple[float, float], ...] | None) -> tuple[Span, ...] | None:
    return None if pairs is None else tuple(Span(*pair) for pair in pairs)


def find_findings(
    analysis: CallAnalysis, rules: RuleSet, settings: Settings, said: Said | None = None
) -> CallAnalysis:
    """The call, which has its events and metrics, with the findings of the rules; see `find_events`."""
    said = said or Said(transcript=rules.transcript(analysis.turns, analysis.words))
    context = CallContext(
        duration_s=analysis.recording.duration_s or 0.0,
        layout=analysis.recording.layout or "mono",
        words=analysis.words,
        turns=analysis.turns,
        activities=analysis.activities,
        holds=analysis.holds,
        transfers=analysis.transfers,
        sounds=analysis.sounds,
        overlaps=analysis.overlaps,
        silences=analysis.silences,
        metrics=analysis.metrics,
        tone=analysis.tone,
        facts=analysis.call,
        quality=analysis.quality,
        kind=analysis.recording.call_kind,
        masks=analysis.masks,
    )
    findings = judge(context, rules, settings.rules, settings.holds, said.transcript, said.meanings)
    return replace(analysis, findings=all_rounded(findings))
