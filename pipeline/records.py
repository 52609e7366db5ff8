"""Every record of the pipeline, in the order in which it comes to be.

Times are seconds from the start of the recording. A record that lands in a table has the table's columns as
fields, by name, without `recording_id`: `CallAnalysis.recording` carries that once for all of them.

Glossary
--------
recording        One audio file, identified by the sha256 of its bytes.
channel          One track of a recording, 0 or 1. On stereo each side of the call has its own channel.
crosstalk        A faint copy of the other side on a channel. It is removed before anything is measured.
activity         A stretch in which a channel carries speech: no crosstalk, music, tones or noise.
sound            A stretch of music or tones, or one in which the recording is cut off.
fingerprint      The spectral landmarks of a stretch of music, by which it is found in other calls.
hold track       A piece of hold music that several calls of the archive share.
speaker          One voice of a call, by a name such as `channel0` or `speaker1`.
role             What a speaker is in the call: agent, customer, ivr (announcements) or unknown.
attribution      Deciding which speaker said what, and which role each speaker has.
diarization      Separating the speakers of a mono recording by their voices.
word             A recognised word with its times and the recogniser's probability for it.
turn             A stretch of speech by one speaker, including short pauses.
utterance        The words of a turn that belong together: a sentence, or what stands between two pauses.
hold             The agent lets the caller wait, from the last word before to the agent's first word after.
permission       Whether the agent asked before a hold and what the customer answered.
transfer         The agent hands the customer over to somebody else.
overlap          A stretch in which two speakers speak at once.
backchannel      A short "mhm" or "okay" of the listener; it is an overlap but not an interruption.
silence          Nobody speaks for longer than a threshold, and it is not a hold.
conversation time  The call from the agent's first word on, without holds and announcements.
prosody          How something is said: pitch, level, tempo and effort, relative to the speaker's own usual.
activation       How aroused a voice sounds, as one number taken from its prosody (table `tone`).
call kind        What a call is: a conversation, or which kind of call without one, such as a voicemail.
audio quality    Facts about a channel's signal: level, noise, clipping, bandwidth, dropouts, crosstalk.
mask             Neighbouring words of one turn that are personal data of one kind and are to be hidden.
personal datum   Personal or account data that the customer gave: its kind and time, never its value.
event            A hold, transfer, overlap or silence.
metric           A measure of a call, kept as numerator and denominator so that calls can be pooled.
rule             A requirement on a call, written in a TOML file; it has a version.
finding          The verdict of one rule on one call: pass, fail, not applicable or not determinable.
basis            What a finding rests on: a phrase, a meaning, an absence, an event or a measure.
evidence         The span, turn and quote that support a finding; for an absence, the span that was searched.
possible wording A sentence that may say what a rule looks for, though no phrase finds it there.
gate             The model of sentences that finds possible wordings.
review           A person's judgement of a finding.
recheck          Computing events, metrics and findings again from stored words and turns, without audio.
outdated         Of a stored call: analysed with another recogniser, audio setting, method or role cue.
quarantine       Where a recording goes that could not be analysed, with the reason.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.settings import MaskKind
from pipeline.spans import Span

Layout = Literal["stereo", "mono", "fake_stereo"]
FilePart = Literal["whole", "leg", "mix", "copy"]
Status = Literal["analysed", "quarantined"]
Choice = Literal["retry", "drop"]
FailureKind = Literal["file", "too_long", "crashed", "hung", "out_of_memory", "program"]
Direction = Literal["inbound", "outbound"]
Role = Literal["agent", "customer", "ivr", "unknown"]
HoldKind = Literal["music", "silence", "tones", "announcement", "mixed"]
Permission = Literal["granted", "refused", "not_awaited", "not_asked", "not_determinable"]
OverlapKind = Literal["interruption", "attempt", "backchannel", "terminal", "simultaneous_start"]
Verdict = Literal["pass", "fail", "not_applicable", "not_determinable"]
SoundKind = Literal["music", "tones", "ringing", "busy", "dtmf", "beep", "cut"]
CallKind = Literal[
    "conversation",
    "voicemail",
    "ivr_only",
    "queue_abandoned",
    "ring_no_answer",
    "silent",
    "one_sided",
    "monologue",
]
LanguageSource = Literal["detected", "setting", "default"]
DatumKind = Literal[
    "date_of_birth",
    "address",
    "account_number",
    "card_number",
    "phone",
    "email",
    "ssn",
    "reason_with_details",
]
FoundBy = Literal["finder", "model", "strict", "person"]
SilenceKind = Literal["silence", "recorder_pause"]
TransferKind = Literal["announced", "completed", "returned"]
Score = Literal["compliance", "quality"]
Judgement = Literal["confirmed", "wrong", "unclear"]
ReviewKind = Literal["first", "second", "settled", "unsampled"]
Basis = Literal["phrase", "meaning", "absence", "event", "measure"]
ChangeCause = Literal["recheck", "analysis"]
Outcome = Literal["completed", "interrupted", "failed"]
OffsetSource = Literal["sound", "assumed", "given"]

Pairs = tuple[tuple[float, float], ...]
"""Starts and ends in seconds."""
Samples = NDArray[np.float32]

WORD_TOLERANCE_S = 0.15
"""Tolerance of a recogniser's word times, in seconds: they come from attention weights."""


class Timed:
    """A record with a start and an end, in seconds from the start of the recording."""

    __slots__ = ()

    start_s: float
    end_s: float

    @property
    def span(self) -> Span:
        """The time from `start_s` to `end_s`."""
        return Span(self.start_s, self.end_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """An audio file, by content. `recording_id` is the sha256 of the bytes in hex.

    `language` (ISO 639-1) is the one with most speech. Its source is `default` where none was detected with
    enough probability. Both kind and language are None in a call that was stored without them. A recording
    in quarantine has a kind of failure, and the release and limits that it was tried with where others may
    help.
    """

    recording_id: str
    uri: str
    bytes: int
    container: str | None = None
    codec: str | None = None
    sample_rate_hz: int | None = None
    channels: int | None = None
    layout: Layout | None = None
    duration_s: float | None = None
    status: Status = "analysed"
    error: str | None = None
    analysed_at: datetime | None = None
    call_kind: CallKind | None = None
    language: str | None = None
    language_probability: float | None = None
    language_source: LanguageSource | None = None
    failure_kind: FailureKind | None = None
    tried_with: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingFile:
    """A file of a recording; `leg_index` is the channel that a leg became."""

    uri: str
    sha256: str
    part: FilePart
    leg_index: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownFile:
    """What is remembered of a file that was read, so that it is not read again while it is unchanged.

    `modified` is the time of its last change in ns, or its ETag. `channels`, `duration_s` and `lossless` are
    those of its header, None where they were not needed; 0 channels stand for a header without sound.
    `unlike` are sha256 of files that were compared with it and hold other calls.
    """

    uri: str
    bytes: int
    modified: str
    sha256: str
    channels: int | None = None
    duration_s: float | None = None
    lossless: bool | None = None
    unlike: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Audio:
    """A decoded recording: `samples` is float32, shape (channels, n), at 16 kHz, full scale 1.0."""

    recording: Recording
    samples: Samples


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """The business facts of a recording, as its metadata gave them; each may be unknown.

    `holds` and `pauses` (of the recorder) come from the telephone system; None where it gave none.
    """

    call_ref: str | None = None
    started_at: datetime | None = None
    direction: Direction | None = None
    queue: str | None = None
    agent_id: str | None = None
    agent_name: str | None = None
    customer_ref: str | None = None
    jurisdictions: tuple[str, ...] = ()
    holds: Pairs | None = None
    pauses: Pairs | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    team: str | None = None
    site: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity(Timed):
    """A stretch in which a channel carries its own speaker's voice (crosstalk and sounds left out)."""

    channel: int
    role: Role
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound(Timed):
    """A stretch of music or tones on a channel, or one in which the recording is cut off.

    `frequency_hz` is that of a single tone, `track_id` the known track a piece of music is from.
    """

    channel: int
    kind: SoundKind
    start_s: float
    end_s: float
    frequency_hz: float | None = None
    track_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """Fingerprint of a stretch of music: pairs of spectral peaks (`landmarks`) and the frame of each pair."""

    channel: int
    start_s: float
    end_s: float
    landmarks: tuple[int, ...]
    frames: tuple[int, ...]
    track_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldTrack:
    """Hold music that occurs in several calls; `frames` count from its first known frame."""

    track_id: str
    learned_at: datetime
    recordings: int
    landmarks: tuple[int, ...]
    frames: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeakerSpan(Timed):
    """A stretch of speech by one speaker, who is known only by a name such as `speaker1`."""

    speaker: str
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardWord(Timed):
    """A word that was recognised on a channel, before it is attributed to a speaker."""

    channel: int
    start_s: float
    end_s: float
    text: str
    probability: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardChannel:
    """What was recognised on a channel: its words in order of time, their language, and the speed of speech.

    `languages` are all that are spoken on it, that of most speech first; `language_probability` (0 to 1) is
    that of the first, None where it was given. `speed` is 2.0 where speech plays at double speed, 1.0 where
    it does not, and None where there is too little speech to say.
    """

    words: tuple[HeardWord, ...] = ()
    languages: tuple[str, ...] = ()
    language_probability: float | None = None
    language_source: LanguageSource | None = None
    speed: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Word(Timed):
    """A recognised word. `text` keeps its punctuation; `probability` is the recogniser's, 0 to 1."""

    word_index: int
    turn_index: int
    role: Role
    channel: int
    start_s: float
    end_s: float
    text: str
    probability: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn(Timed):
    """A stretch of speech by one speaker, including short pauses."""

    turn_index: int
    speaker: str
    role: Role
    channel: int
    start_s: float
    end_s: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold(Timed):
    """A hold: from the last word before it to the agent's first word after it."""

    hold_index: int
    start_s: float
    end_s: float
    kind: HoldKind
    permission: Permission = "not_determinable"
    thanked: bool | None = None
    request_turn_index: int | None = None
    return_turn_index: int | None = None
    track_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """The agent hands the customer over: from the announcement to the next agent's first word.

    `end_s` is None if no other agent speaks; `turn_index` is the turn of the announcement.
    """

    transfer_index: int
    start_s: float
    end_s: float | None
    turn_index: int
    kind: TransferKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """A stretch of simultaneous speech: `by_role` started while `of_role` was speaking."""

    overlap_index: int
    start_s: float
    end_s: float
    by_role: Role
    of_role: Role
    kind: OverlapKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence(Timed):
    """A stretch in which nobody speaks for longer than the threshold, outside holds.

    In a `recorder_pause` the recorder was stopped, as for a card number; what was said meanwhile is unknown.
    """

    silence_index: int
    start_s: float
    end_s: float
    announced: bool
    kind: SilenceKind = "silence"


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioQuality:
    """Facts about a channel's signal that decide which metrics are defined; units as in `audio_quality`."""

    channel: int
    speech_s: float
    level_db: float | None
    noise_db: float
    snr_db: float | None
    clipping_ratio: float
    bandwidth_hz: float | None
    dropouts: int
    dropout_s: float
    crosstalk_db: float | None
    word_probability: float | None
    swap_suspected: bool
    language: str | None = None
    language_probability: float | None = None
    language_source: LanguageSource | None = None
    languages: tuple[str, ...] = ()
    speed: float | None = None
    signal_start_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mask(Timed):
    """Words of one turn that are to be hidden, `first_word` to `last_word` (included) by word index.

    `start_s` and `end_s` are the words' times without a margin. `person` is 1 for the first name of the call,
    2 for that of another person, and None for what is no name. The words themselves are not kept.
    """

    mask_index: int
    kind: MaskKind
    start_s: float
    end_s: float
    turn_index: int
    channel: int
    role: Role
    first_word: int
    last_word: int
    person: int | None
    found_by: FoundBy
    confidence: float

    @property
    def label(self) -> str:
        """What stands in the place of the words, such as "[card]", "[sort code]" or "[name 1]"."""
        name = self.kind.replace("_", " ")
        return f"[{name}]" if self.person is None else f"[{name} {self.person}]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """What was masked in a call, encrypted with the recording's own key; None where nothing was to be."""

    blob: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalDatum(Timed):
    """Personal or account data the customer gave: its kind and time, never its value.

    `role` is `unknown` where the speaker's role is; `luhn_valid` is None for all but whole card numbers.
    """

    datum_index: int
    kind: DatumKind
    start_s: float
    end_s: float
    turn_index: int
    role: Role
    digits: int
    luhn_valid: bool | None
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A measure as counts: its value is numerator / denominator, undefined where that is 0."""

    name: str
    role: Role | None
    numerator: float
    denominator: float
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A rule's verdict with its evidence; for a `fail` by absence the span is the window searched."""

    rule_id: str
    rule_version: str
    verdict: Verdict
    basis: Basis | None = None
    start_s: float | None = None
    end_s: float | None = None
    turn_index: int | None = None
    quote: str | None = None
    confidence: float | None = None
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredRule:
    """A rule as the store keeps it: its scorecard entry, the `text` of its pack, a site's `overlay`."""

    rule_id: str
    rule_version: str
    title: str
    score: Score
    weight: float
    fatal: bool
    active: bool = True
    text: str
    overlay: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """A person's judgement of a finding; `verdict` is the one that was judged.

    `answer` is what was answered to the rule's question, `blind` says whether the verdict was hidden until
    then. `draw_id` is the drawing that the finding is from.
    """

    recording_id: str
    rule_id: str
    rule_version: str
    reviewer: str
    reviewed_at: datetime
    judgement: Judgement
    note: str | None = None
    verdict: Verdict | None = None
    answer: str | None = None
    draw_id: int | None = None
    blind: bool = False
    kind: ReviewKind = "first"

    @property
    def subject(self) -> tuple[str, str, str, str]:
        """The finding that is judged, and the reviewer."""
        return self.recording_id, self.rule_id, self.rule_version, self.reviewer

    @property
    def opinion(self) -> tuple[Judgement, str | None, Verdict | None]:
        """The judgement without its author: judgement, note and the verdict judged."""
        return self.judgement, self.note, self.verdict

    @property
    def key(self) -> tuple[str, str, str, str, datetime]:
        """What no two reviews have in common."""
        return *self.subject, self.reviewed_at


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewInterval:
    """A 95 % interval; units and meanings: table `review_interval`."""

    rule_id: str
    rule_version: str
    verdict: Verdict | Literal["corrected"]
    share: float
    low: float
    high: float
    method: Literal["exact", "wilson", "mover"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TelephonyEvent:
    """An event of a call as the telephone system gave it; units and meanings: table `telephony_event`.

    `told_at` is None where it was given in seconds of the recording.
    """

    recording_id: str
    at_s: float | None
    event: str
    party: str | None = None
    value: str | None = None
    source: str
    told_at: datetime | None = None
    offset_s: float = 0.0
    offset_from: OffsetSource = "given"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tone:
    """How a turn was said, relative to what is usual for its speaker; units and meanings: table `tone`.

    All fields after `usable_share` are None where there is too little voice to measure; `activation` and
    `word_sentiment` are None also for agents, unless the settings ask for them.
    """

    turn_index: int
    speech_s: float
    voiced_s: float
    usable_share: float
    voiced_share: float | None = None
    pitch_semitones: float | None = None
    pitch_range_semitones: float | None = None
    level_db: float | None = None
    level_variation_db: float | None = None
    effort_db: float | None = None
    words_per_min: float | None = None
    syllables_per_min: float | None = None
    pause_share: float | None = None
    activation: float | None = None
    word_sentiment: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TonePoint:
    """A speaker's voice in a window of the call, relative to what is usual for it; table `tone_curve`."""

    speaker: str
    role: Role
    start_s: float
    end_s: float
    voiced_s: float
    pitch_semitones: float
    level_db: float
    effort_db: float
    syllables_per_min: float
    activation: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToneRise:
    """The steepest rise of a speaker's activation, from `low` at its start to `high` at its end."""

    speaker: str
    role: Role
    start_s: float
    end_s: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SentenceScore:
    """A sentence that comes near a group of phrases: `score` is the probability that it says that, 0 to 1."""

    turn_index: int
    role: Role
    start_s: float
    end_s: float
    phrase_group: str
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictChange:
    """A verdict that changed when a stored call was rechecked or analysed again."""

    recording_id: str
    rule_id: str
    changed_at: datetime
    cause: ChangeCause
    old_rule_version: str
    new_rule_version: str
    old_verdict: Verdict
    new_verdict: Verdict
    old_start_s: float | None
    new_start_s: float | None
    old_quote: str | None
    new_quote: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Night:
    """A run over an archive: what became of every file that was found, and what it took; table `night`.

    Raises ValueError unless every file is counted once.
    """

    started_at: datetime
    ended_at: datetime
    outcome: Outcome
    program_version: str
    asr_model: str
    rules_version: str
    settings_hash: str
    found: int
    analysed: int
    unchanged: int
    quarantined: int
    waiting: int
    in_parts: int
    merged: int
    skipped: int
    erased: int
    rechecked: int
    renewed: int
    replaced: int
    failures: dict[str, int]
    audio_s: float
    analysis_s: float
    discover_s: float
    plan_s: float
    recheck_s: float
    load_s: float
    publish_s: float
    wall_s: float
    publications: int
    real_time_factor: float | None
    passed: int = 0
    failed: int = 0
    undetermined: int = 0
    stereo: int = 0
    swapped: int = 0

    def __post_init__(self) -> None:
        """Check that the counts add up."""
        counts = [self.analysed, self.unchanged, self.quarantined, self.waiting]
        counts += [self.in_parts, self.merged, self.skipped, self.erased]
        if sum(counts) != self.found:
            raise ValueError(f"{self.found} files were found and {sum(counts)} are accounted for")


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisRun:
    """A run of the pipeline over a recording: what it ran with and how long each stage took."""

    pipeline_version: str
    algorithm: int
    audio_algorithm: int
    settings_hash: str
    settings: dict[str, Any]
    asr_model: str
    diarization_model: str
    rules_version: str
    attribution_version: str | None
    agent_channel: int | None
    agent_channel_source: str
    role_confidence: float | None
    role_cues: dict[str, list[str]] = field(default_factory=dict)
    started_at: datetime
    wall_s: float
    decode_s: float
    activity_s: float
    transcribe_s: float
    diarize_s: float
    tone_s: float
    events_s: float
    rules_s: float
    call_kind: CallKind | None = None
    language: str | None = None
    language_probability: float | None = None
    gate: str | None = None


class InTable(NamedTuple):
    """The table that the records of a field of CallAnalysis fill, and the stage that makes them.

    `key` is the field that no two of a call's records have in common; the table itself has no key.
    """

    table: str
    stage: Literal["given", "audio", "assess"]
    key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallAnalysis:
    """Everything that is known about one recording. A quarantined one has no run and empty parts.

    Each field names its table and the stage that makes it: `given` with the recording, found in its
    `audio`, or made by `assess` from what was found. Code that reads or writes tables derives its lists
    from here (`pipeline.store.parts`).
    """

    recording: Annotated[Recording, InTable("recording", "given")]
    call: Annotated[Call, InTable("call", "given")]
    files: Annotated[tuple[RecordingFile, ...], InTable("recording_file", "given", "uri")] = ()
    run: Annotated[AnalysisRun | None, InTable("analysis", "audio")] = None
    activities: Annotated[tuple[Activity, ...], InTable("activity", "audio")] = ()
    sounds: Annotated[tuple[Sound, ...], InTable("sound", "audio")] = ()
    fingerprints: Annotated[tuple[Fingerprint, ...], InTable("fingerprint", "audio")] = ()
    words: Annotated[tuple[Word, ...], InTable("word", "audio", "word_index")] = ()
    turns: Annotated[tuple[Turn, ...], InTable("turn", "audio", "turn_index")] = ()
    holds: Annotated[tuple[Hold, ...], InTable("hold", "assess", "hold_index")] = ()
    transfers: Annotated[tuple[Transfer, ...], InTable("transfer", "assess", "transfer_index")] = ()
    overlaps: Annotated[tuple[Overlap, ...], InTable("overlap", "assess", "overlap_index")] = ()
    silences: Annotated[tuple[Silence, ...], InTable("silence", "assess", "silence_index")] = ()
    metrics: Annotated[tuple[Metric, ...], InTable("metric", "assess")] = ()
    quality: Annotated[tuple[AudioQuality, ...], InTable("audio_quality", "audio", "channel")] = ()
    tone: Annotated[tuple[Tone, ...], InTable("tone", "audio", "turn_index")] = ()
    tone_curve: Annotated[tuple[TonePoint, ...], InTable("tone_curve", "audio")] = ()
    tone_rises: Annotated[tuple[ToneRise, ...], InTable("tone_rise", "audio")] = ()
    masks: Annotated[tuple[Mask, ...], InTable("mask", "audio", "mask_index")] = ()
    sealed: Annotated[Sealed | None, InTable("sealed_text", "audio")] = None
    personal_data: Annotated[
        tuple[PersonalDatum, ...], InTable("personal_data", "assess", "datum_index")
    ] = ()
    sentence_scores: Annotated[tuple[SentenceScore, ...], InTable("sentence_score", "assess")] = ()
    findings: Annotated[tuple[Finding, ...], InTable("finding", "assess", "rule_id")] = ()


def in_quarantine(
    recording: Recording,
    reason: str,
    call: Call = Call(),
    kind: FailureKind = "file",
    tried_with: str | None = None,
) -> CallAnalysis:
    """A recording that could not be analysed, with the reason in one line."""
    kept = replace(
        recording,
        status="quarantined",
        error=" ".join(reason.split()),
        analysed_at=datetime.now(UTC),
        failure_kind=kind,
        tried_with=tried_with,
    )
    return CallAnalysis(recording=kept, call=call)
