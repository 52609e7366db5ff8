"""From words, turns and sounds to events, measures and findings: what needs neither audio nor models.

A fresh analysis ends here; a recheck of stored calls is this and nothing else, which is why both agree.
"""

from __future__ import annotations

from dataclasses import replace

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
from pipeline.rules import CallContext, RuleSet, judge
from pipeline.settings import HoldSettings, Settings
from pipeline.spans import Span


def find_events(
    heard: CallAnalysis,
    rules: RuleSet,
    settings: Settings,
    overlaps_known: bool,
    *,
    measured: bool = False,
    transcript: Transcript | None = None,
) -> CallAnalysis:
    """`heard` with its holds, overlaps, silences, measures and what the customer gave away.

    `overlaps_known` is false where simultaneous speech cannot be attributed (some mono calls). `measured`
    says that the measures in `heard` were taken with these settings, so that they hold for the same events.
    `transcript` is the call's, made once with `rules.transcript`; without one it is made here.
    """
    spoken = rules.spoken(languages_of(heard))
    if transcript is None or spoken is not rules:
        transcript = spoken.transcript(heard.turns, heard.words)
    rules = spoken
    scene = _scene(heard, transcript, rules)
    transfers = detect_transfers(scene)
    candidates = detect_holds(scene, settings.holds, transfers)
    judged = add_permission(candidates, scene, transcript, rules.cues, settings)
    holds = without_honoured_refusals(judged, heard.turns)
    timeline = _timeline(heard, scene, transfers, holds, settings)
    if not overlaps_known:
        timeline = replace(timeline, overlaps=(), overlaps_known=False)
    kind = find_call_kind(heard)
    kept = measured and _same_timing(timeline, heard)
    return replace(
        heard,
        recording=replace(heard.recording, call_kind=kind.kind),
        holds=timeline.holds,
        transfers=transfers,
        overlaps=timeline.overlaps,
        silences=timeline.silences,
        metrics=heard.metrics if kept else measure(timeline, find_fit(heard.quality, settings.quality)),
        personal_data=_of_people(
            personal_data_records(transcript, rules.personal_data, heard.turns), kind.machine_turns
        ),
    )


def languages_of(heard: CallAnalysis) -> tuple[str, ...]:
    """The languages spoken in a call, that with most speech first."""
    spoken = sorted(heard.quality, key=lambda channel: -channel.speech_s)
    return tuple(dict.fromkeys(code for channel in spoken for code in channel.languages))


def _of_people(data: tuple[PersonalDatum, ...], machine_turns: frozenset[int]) -> tuple[PersonalDatum, ...]:
    """The personal data that a person gave: what a machine says is nobody's."""
    kept = [datum for datum in data if datum.turn_index not in machine_turns]
    return tuple(replace(datum, datum_index=index) for index, datum in enumerate(kept))


def _scene(heard: CallAnalysis, transcript: Transcript, rules: RuleSet) -> Scene:
    return Scene(
        duration_s=heard.recording.duration_s or 0.0,
        activities=heard.activities,
        turns=heard.turns,
        sounds=heard.sounds,
        phrases=hold_phrases(transcript, rules.cues),
        words=heard.words,
        given_holds=_spans(heard.call.holds),
        given_pauses=_spans(heard.call.pauses),
    )


def _timeline(
    heard: CallAnalysis,
    scene: Scene,
    transfers: tuple[Transfer, ...],
    holds: tuple[Hold, ...],
    settings: Settings,
) -> Timeline:
    """The call with its holds, overlaps and silences."""
    turns, words, activities = heard.turns, heard.words, heard.activities
    announcing = frozenset(p.turn_index for p in scene.phrases if p.kind not in {"thanks", "introduction"})
    channels = 2 if heard.recording.layout == "stereo" else 1
    pauses = recorder_pauses(heard.sounds, channels, scene.given_pauses)
    return Timeline(
        duration_s=scene.duration_s,
        activities=activities,
        words=words,
        turns=turns,
        holds=holds,
        short_holds=_short_holds(scene, transfers, settings.holds),
        overlaps=detect_overlaps(turns, activities, settings.overlaps),
        silences=detect_silences(activities, holds, turns, announcing, settings.silences, pauses),
        settings=settings,
        tone=heard.tone,
        tone_curve=heard.tone_curve,
    )


def _short_holds(scene: Scene, transfers: tuple[Transfer, ...], settings: HoldSettings) -> tuple[Hold, ...]:
    """What would be holds at the lowest threshold that is tried."""
    lower = settings.model_copy(update={"min_s": min(settings.min_s, *STRETCHES_S)})
    found = detect_holds(scene, lower, transfers)
    return tuple(hold for hold in found if hold.span.duration_s < settings.min_s)


def _same_timing(timeline: Timeline, heard: CallAnalysis) -> bool:
    """Whether all that measures are taken from is as it was; of short holds only their counts are kept."""
    return (
        [hold.span for hold in timeline.holds] == [hold.span for hold in heard.holds]
        and timeline.silences == heard.silences
        and timeline.overlaps == heard.overlaps
        and all(metric in heard.metrics for metric in hold_count_at(timeline))
    )


def _spans(pairs: tuple[tuple[float, float], ...] | None) -> tuple[Span, ...] | None:
    return None if pairs is None else tuple(Span(*pair) for pair in pairs)


def find_findings(
    known: CallAnalysis, rules: RuleSet, settings: Settings, transcript: Transcript | None = None
) -> CallAnalysis:
    """`known`, with its events, judged by the rules; `transcript` as for `find_events`."""
    case = CallContext(
        duration_s=known.recording.duration_s or 0.0,
        layout=known.recording.layout or "mono",
        words=known.words,
        turns=known.turns,
        activities=known.activities,
        holds=known.holds,
        transfers=known.transfers,
        sounds=known.sounds,
        overlaps=known.overlaps,
        silences=known.silences,
        metrics=known.metrics,
        tone=known.tone,
        facts=known.call,
        quality=known.quality,
        kind=known.recording.call_kind,
    )
    return replace(known, findings=judge(case, rules, settings.rules, settings.holds, transcript))
