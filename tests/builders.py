"""Small records for tests: what a test does not say is filled in with something harmless."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline import ALGORITHM, AUDIO_ALGORITHM, __version__
from pipeline.records import (
    Activity,
    AnalysisRun,
    AudioQuality,
    Call,
    CallAnalysis,
    Finding,
    Fingerprint,
    Hold,
    HoldKind,
    Judgement,
    Mask,
    Metric,
    Overlap,
    OverlapKind,
    PersonalDatum,
    Recording,
    Review,
    Role,
    ScoredRule,
    Silence,
    Sound,
    SoundKind,
    Tone,
    TonePoint,
    ToneRise,
    Transfer,
    Turn,
    Verdict,
    Word,
)
from pipeline.store import writing

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)

CHANNELS = {"agent": 0, "customer": 1, "ivr": 0, "unknown": 0}


def an_id(name: str) -> str:
    """A recording_id that depends on `name` alone."""
    return hashlib.sha256(name.encode()).hexdigest()


def say(role: Role, start_s: float, end_s: float, text: str, **changes: Any) -> Turn:
    """A turn on the role's usual channel; `conversation` numbers it."""
    turn = Turn(
        turn_index=0,
        speaker=role,
        role=role,
        channel=CHANNELS[role],
        start_s=start_s,
        end_s=end_s,
        text=text,
    )
    return replace(turn, **changes)


def conversation(*turns: Turn) -> tuple[Turn, ...]:
    """The turns in the order of their starts, numbered from 0."""
    in_order = sorted(turns, key=lambda turn: (turn.start_s, turn.end_s))
    return tuple(replace(turn, turn_index=index) for index, turn in enumerate(in_order))


def words_of(turns: Iterable[Turn], probability: float = 0.9) -> tuple[Word, ...]:
    """The words of numbered turns, spread evenly over each turn without gaps."""
    words: list[Word] = []
    for turn in turns:
        texts = turn.text.split()
        step_s = (turn.end_s - turn.start_s) / max(1, len(texts))
        for place, text in enumerate(texts):
            words.append(
                Word(
                    word_index=len(words),
                    turn_index=turn.turn_index,
                    role=turn.role,
                    channel=turn.channel,
                    start_s=turn.start_s + place * step_s,
                    end_s=turn.start_s + (place + 1) * step_s,
                    text=text,
                    probability=probability,
                )
            )
    return tuple(words)


def activities_of(turns: Iterable[Turn]) -> tuple[Activity, ...]:
    """Activity over the whole of each turn."""
    return tuple(active(turn.role, turn.start_s, turn.end_s, channel=turn.channel) for turn in turns)


def active(role: Role, start_s: float, end_s: float, *, channel: int | None = None) -> Activity:
    """Speech of a role, on its usual channel unless told."""
    place = CHANNELS[role] if channel is None else channel
    return Activity(channel=place, role=role, start_s=start_s, end_s=end_s)


def sound(kind: SoundKind, start_s: float, end_s: float, *, channel: int = 0, **changes: Any) -> Sound:
    """Music or tones, on the agent's channel unless told."""
    return Sound(channel=channel, kind=kind, start_s=start_s, end_s=end_s, **changes)


def a_hold(start_s: float, end_s: float, kind: HoldKind = "music", **changes: Any) -> Hold:
    """The recording's first hold."""
    return replace(Hold(hold_index=0, start_s=start_s, end_s=end_s, kind=kind), **changes)


def a_fingerprint(start_s: float, end_s: float, **changes: Any) -> Fingerprint:
    """Two landmarks of music on the agent's channel."""
    return replace(
        Fingerprint(channel=0, start_s=start_s, end_s=end_s, landmarks=(7, 2**30), frames=(0, 31)), **changes
    )


def a_transfer(start_s: float, end_s: float | None, **changes: Any) -> Transfer:
    """The recording's first transfer, announced in its first turn."""
    transfer = Transfer(transfer_index=0, start_s=start_s, end_s=end_s, turn_index=0, kind="completed")
    return replace(transfer, **changes)


def an_overlap(
    by_role: Role, start_s: float, end_s: float, kind: OverlapKind = "interruption", **changes: Any
) -> Overlap:
    """`by_role`, agent or customer, starts while the other speaks; the recording's first overlap."""
    of_role: Role = "customer" if by_role == "agent" else "agent"
    overlap = Overlap(
        overlap_index=0, start_s=start_s, end_s=end_s, by_role=by_role, of_role=of_role, kind=kind
    )
    return replace(overlap, **changes)


def a_silence(start_s: float, end_s: float, **changes: Any) -> Silence:
    """An unannounced silence, the recording's first."""
    return replace(Silence(silence_index=0, start_s=start_s, end_s=end_s, announced=False), **changes)


def a_datum(start_s: float, end_s: float, **changes: Any) -> PersonalDatum:
    """A spoken account number of the customer's, the recording's first datum."""
    datum = PersonalDatum(
        datum_index=0,
        kind="account_number",
        start_s=start_s,
        end_s=end_s,
        turn_index=0,
        role="customer",
        digits=8,
        luhn_valid=None,
        confidence=0.9,
    )
    return replace(datum, **changes)


def a_mask(start_s: float, end_s: float, **changes: Any) -> Mask:
    """A card number of the customer's, three words of turn 0, the recording's first mask."""
    mask = Mask(
        mask_index=0,
        kind="card",
        start_s=start_s,
        end_s=end_s,
        turn_index=0,
        channel=1,
        role="customer",
        first_word=0,
        last_word=2,
        person=None,
        found_by="finder",
        confidence=0.9,
    )
    return replace(mask, **changes)


def measured(
    name: str, numerator: float, denominator: float = 1.0, *, role: Role | None = None, unit: str = "s"
) -> Metric:
    """A measure."""
    return Metric(name=name, role=role, numerator=numerator, denominator=denominator, unit=unit)


def tone_of(turn_index: int = 0, **changes: Any) -> Tone:
    """The tone of a turn in which all is as usual."""
    tone = Tone(
        turn_index=turn_index,
        speech_s=2.0,
        voiced_s=1.0,
        usable_share=0.75,
        voiced_share=0.5,
        pitch_semitones=0.0,
        pitch_range_semitones=4.0,
        level_db=0.0,
        level_variation_db=3.0,
        effort_db=0.0,
        words_per_min=180.0,
        syllables_per_min=240.0,
        pause_share=0.1,
        activation=0.0,
        word_sentiment=0.0,
    )
    return replace(tone, **changes)


def a_tone_point(start_s: float, activation: float | None = 0.0, **changes: Any) -> TonePoint:
    """A window of 10 s of the customer's voice in which all but its activation is as usual."""
    point = TonePoint(
        speaker="customer",
        role="customer",
        start_s=start_s,
        end_s=start_s + 10,
        voiced_s=2.0,
        pitch_semitones=0.0,
        level_db=0.0,
        effort_db=0.0,
        syllables_per_min=240.0,
        activation=activation,
    )
    return replace(point, **changes)


def a_tone_rise(start_s: float, end_s: float, **changes: Any) -> ToneRise:
    """The customer's activation climbs from 0 to 0.5."""
    rise = ToneRise(speaker="customer", role="customer", start_s=start_s, end_s=end_s, low=0.0, high=0.5)
    return replace(rise, **changes)


def quality_of(channel: int = 0, **changes: Any) -> AudioQuality:
    """The facts of a channel with good audio."""
    quality = AudioQuality(
        channel=channel,
        speech_s=10.0,
        level_db=-25.0,
        noise_db=-60.0,
        snr_db=35.0,
        clipping_ratio=0.0,
        bandwidth_hz=3400.0,
        dropouts=0,
        dropout_s=0.0,
        crosstalk_db=None,
        word_probability=0.9,
        swap_suspected=False,
    )
    return replace(quality, **changes)


def found(rule_id: str, verdict: Verdict, **changes: Any) -> Finding:
    """A verdict without evidence."""
    return replace(Finding(rule_id=rule_id, rule_version="1", verdict=verdict), **changes)


def a_recording(name: str = "one", **changes: Any) -> Recording:
    """A recording of 60 s in stereo; its id depends on `name` alone."""
    recording = Recording(
        recording_id=an_id(name),
        uri=f"{name}.wav",
        bytes=960_044,
        container="wav",
        codec="pcm_mulaw",
        sample_rate_hz=8000,
        channels=2,
        layout="stereo",
        duration_s=60.0,
        analysed_at=NOON,
    )
    return replace(recording, **changes)


def a_call(**changes: Any) -> Call:
    """A call taken by agent Ann in California."""
    call = Call(
        call_ref="C-1",
        started_at=NOON,
        direction="inbound",
        queue="billing",
        agent_id="a-1",
        agent_name="Ann",
        customer_ref="c-1",
        jurisdictions=("CA",),
    )
    return replace(call, **changes)


def a_run(**changes: Any) -> AnalysisRun:
    """A run of this release with a tiny model."""
    run = AnalysisRun(
        pipeline_version=__version__,
        algorithm=ALGORITHM,
        audio_algorithm=AUDIO_ALGORITHM,
        settings_hash="0123456789abcdef",
        settings={"holds": {"min_s": 5.0}},
        asr_model="tiny",
        diarization_model="channels",
        rules_version="r1",
        gate="off",
        attribution_version="a1",
        agent_channel=0,
        agent_channel_source="settings",
        role_confidence=None,
        started_at=NOON,
        wall_s=1.0,
        decode_s=0.1,
        activity_s=0.2,
        transcribe_s=0.5,
        diarize_s=0.1,
        tone_s=0.1,
        events_s=0.1,
        rules_s=0.1,
    )
    return replace(run, **changes)


def an_analysis(name: str = "one", *, turns: Iterable[Turn] = (), **parts: Any) -> CallAnalysis:
    """An analysed recording; words and activities are those of `turns` unless they are given."""
    numbered = conversation(*turns)
    filled: dict[str, Any] = {
        "recording": a_recording(name),
        "call": a_call(),
        "run": a_run(),
        "turns": numbered,
        "words": words_of(numbered),
        "activities": activities_of(numbered),
    }
    return CallAnalysis(**filled | parts)


def quarantined(name: str = "broken", error: str = "no audio in the file", **changes: Any) -> CallAnalysis:
    """A recording that could not be analysed; `changes` go to its recording."""
    recording = Recording(
        recording_id=an_id(name),
        uri=f"{name}.wav",
        bytes=12,
        status="quarantined",
        error=error,
        analysed_at=NOON,
    )
    return CallAnalysis(recording=replace(recording, **changes), call=a_call())


def a_rule(rule_id: str, weight: float = 1.0, **changes: Any) -> ScoredRule:
    """A compliance rule of version 1 in the scorecard."""
    rule = ScoredRule(
        rule_id=rule_id,
        rule_version="1",
        title=rule_id.replace("_", " "),
        score="compliance",
        weight=weight,
        fatal=False,
        text=f'id = "{rule_id}"\n',
    )
    return replace(rule, **changes)


def a_review(judgement: Judgement = "confirmed", name: str = "one", **changes: Any) -> Review:
    """Eve's judgement of the greeting that passed in the recording `name`."""
    review = Review(
        recording_id=an_id(name),
        rule_id="greeting",
        rule_version="1",
        reviewer="eve",
        reviewed_at=NOON,
        judgement=judgement,
        verdict="pass",
    )
    return replace(review, **changes)


def stored(
    db: Path, *analyses: CallAnalysis, rules: Sequence[ScoredRule] = (), reviews: Sequence[Review] = ()
) -> Path:
    """Add all to the store `db` and publish it; `rules` become its scorecard if there are any."""
    with writing(db) as writer:
        if rules:
            writer.put_rules(rules)
        writer.add_reviews(reviews)
        for analysis in analyses:
            writer.add(analysis)
        writer.publish()
    return db
