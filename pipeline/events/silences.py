"""Silences: nobody speaks for longer than the threshold, and it is no hold."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.records import Activity, Hold, Silence, Turn
from pipeline.settings import SilenceSettings
from pipeline.spans import Span, complement, difference, intersection


def detect_silences(
    activities: Sequence[Activity],
    holds: Sequence[Hold],
    turns: Sequence[Turn],
    announcing: frozenset[int],
    settings: SilenceSettings,
    pauses: Sequence[Span] = (),
) -> tuple[Silence, ...]:
    """Silences between the first and the last speech of the call.

    `announcing` holds the indexes of the turns that announce a pause ("bear with me"); a silence is
    announced when the last turn of the call before it is one of them. Silence before the first word and
    after the last belongs to the line, not to the talk. What lies in `pauses` of the recorder is of that
    kind, however short.
    """
    if not activities:
        return ()
    whole = Span(min(a.start_s for a in activities), max(a.end_s for a in activities))
    taken = [a.span for a in activities] + [h.span for h in holds]
    quiet = complement(taken, whole)
    may_be_long = [s for s in quiet if s.duration_s > settings.min_s]
    long = [(s, False) for s in difference(may_be_long, pauses) if s.duration_s > settings.min_s]
    long += [(s, True) for s in intersection(quiet, pauses)]
    return tuple(
        Silence(
            silence_index=i,
            start_s=span.start_s,
            end_s=span.end_s,
            announced=_is_announced(span, turns, announcing),
            kind="recorder_pause" if paused else "silence",
        )
        for i, (span, paused) in enumerate(sorted(long))
    )


def _is_announced(span: Span, turns: Sequence[Turn], announcing: frozenset[int]) -> bool:
    before = [t for t in turns if t.end_s <= span.start_s + 0.1 and t.role != "ivr"]
    speakers = {t.speaker: t for t in before if t.role in ("agent", "unknown")}
    return any(t.turn_index in announcing for t in speakers.values())
