"""Every threshold that a site may want to change, as a named setting.

Values come from, strongest first: `--set section.name=value`, the environment (`EARWITNESS_ASR__MODEL`), the
file `earwitness.toml`, the defaults below. Sources of the defaults are named beside them. Sections, and some
fields, name the stage that reads them; see `pipeline.setting_stages`.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, Field, ValidationError, field_validator

from pipeline.errors import UsageError
from pipeline.setting_stages import ASSESS, AUDIO, RUN, Section, fingerprint_of, rename_former, values_of

DEFAULT_FILE = Path("earwitness.toml")
ENV_PREFIX = "EARWITNESS_"


RAW_CODECS = ("s16le", "s16be", "s24le", "f32le", "u8", "s8", "mulaw", "alaw", "gsm", "g722", "vox")
"""How headerless recordings can be coded, by FFmpeg's names; `vox` is Dialogic's ADPCM of 4 bits."""
_RAW = re.compile(rf"({'|'.join(RAW_CODECS)}) ([1-9]\d{{3,5}}) ([12])")


class AudioSettings(Section):
    """Layout of the recording."""

    stage = "audio"

    agent_channel: Literal["left", "right", "auto"] = "left"
    """Channel of the agent on stereo calls; `auto` determines it from what is said."""
    auto_role_min_confidence: float = Field(0.6, ge=0, le=1)
    """Below this confidence, `auto` leaves both roles `unknown`."""
    fake_stereo_max_residual_db: float = Field(-40.0, le=0)
    """If the two channels differ by less than this, relative to their level, the file is treated as mono."""
    raw: dict[str, str] = Field(default_factory=dict, json_schema_extra=RUN)
    """Headerless files by suffix: coding, samples per second, channels, such as `raw = "s16le 8000 2"`."""
    max_hours: float = Field(6.0, gt=0, json_schema_extra=RUN)
    """Longest recording, in hours; a longer one goes to quarantine."""
    legs: dict[str, str] = Field(default_factory=dict, json_schema_extra=RUN)
    """More endings of the names of files that hold one side each: the agent's, and the customer's to it."""

    @field_validator("raw")
    @classmethod
    def _coded(cls, formats: dict[str, str]) -> dict[str, str]:
        for suffix, coded in formats.items():
            if not _RAW.fullmatch(coded):
                names = ", ".join(RAW_CODECS)
                raise ValueError(
                    f"{suffix}: '<coding> <samples per second> <1 or 2>' with a coding of {names}"
                )
        return {suffix.lower().removeprefix("."): coded for suffix, coded in formats.items()}


class ActivitySettings(Section):
    """Speech activity per channel, at 10 ms."""

    stage = "audio"

    vad_threshold: float = Field(0.5, gt=0, lt=1)
    """Voice-activity probability at which speech starts."""
    vad_floor: float = Field(0.08, ge=0, lt=1)
    """Lowest voice-activity probability at which energy alone can continue speech."""
    vad_backed: float = Field(0.25, gt=0, lt=1)
    """Voice-activity probability at which speech starts if the level is also high (`backed_margin_db`)."""
    vad_in_music: float = Field(0.7, gt=0, lt=1)
    """Voice-activity probability at which speech starts while music plays."""
    backed_margin_db: float = Field(15.0, gt=0)
    """Level above the noise floor, in dB, at which the lower threshold `vad_backed` applies."""
    energy_margin_db: float = Field(9.0, gt=0)
    """Level above the channel's noise floor, in dB, that counts as sound."""
    crosstalk_margin_db: float = Field(8.0, gt=0)
    """Level above the predicted crosstalk, in dB, that counts as the channel's own sound."""
    max_crosstalk_delay_s: float = Field(0.08, ge=0, le=0.5)
    """Longest delay, in seconds, at which crosstalk is searched."""
    bridge_s: float = Field(0.3, ge=0)
    """Pauses up to this length inside speech, in seconds, count as speech."""
    min_speech_s: float = Field(0.1, ge=0)
    """Bursts shorter than this, in seconds, are not speech."""


class SoundSettings(Section):
    """Detection of music and tones."""

    stage = "audio"

    min_music_s: float = Field(2.0, gt=0)
    """Shortest music, in seconds."""
    min_tone_s: float = Field(0.08, gt=0)
    """Shortest tone, in seconds."""
    min_two_tones_s: float = Field(0.3, gt=0)
    """Shortest tone of two frequencies, in seconds, that is not a tone of the telephone network."""
    min_cut_s: float = Field(2.0, gt=0)
    """Shortest digital silence, in seconds, on a line with noise elsewhere, that shows a stopped recorder."""
    known_after: int = Field(2, ge=2, json_schema_extra=RUN)
    """Number of recordings in which music must occur to become a known track."""


class AsrSettings(Section):
    """Speech recognition."""

    stage = "audio"

    model: str = "base"
    """Whisper model: a size or hub name, or a folder with a CTranslate2 model."""
    revision: str | None = None
    """Commit of a model from the hub (40 hex digits); required for names without a pinned one."""
    device: Literal["auto", "cpu", "cuda"] = Field("auto", json_schema_extra=RUN)
    """Processor; `auto` takes CUDA where it is available."""
    compute_type: str = "auto"
    """CTranslate2 compute type; `auto` is int8 on the CPU and float16 on CUDA."""
    language: str = "auto"
    """ISO 639-1 code of the language spoken, or `auto` to detect it on each channel.

    Calls that were recognised with one of `languages` stay as they are under `auto`.
    """
    languages: tuple[str, ...] = Field(("en", "es"), min_length=1)
    """The languages that `auto` chooses among."""
    default_language: str = "en"
    """The language that is taken where none is detected with enough probability."""
    min_language_probability: float = Field(0.8, gt=0, le=1)
    """Least probability of a detected language; below it, the default language is taken."""
    names: bool = True
    """Let the recogniser listen for the names of agent, customer and company that the metadata gives."""
    beam_size: int = Field(5, ge=1, le=20)
    """Beam width of the decoder."""
    batch_size: int = Field(8, ge=1, json_schema_extra=RUN)
    """Number of windows of 30 s that are recognised together."""
    threads: int = Field(0, ge=0, json_schema_extra=RUN)
    """CPU threads; 0 uses all cores."""
    pad_s: float = Field(0.2, ge=0)
    """Audio kept before and after activity for the recogniser, in seconds."""
    join_gap_s: float = Field(1.0, ge=0)
    """Stretches of activity closer than this, in seconds, are recognised together with the pause between."""
    word_support: float = Field(0.3, gt=0, le=1)
    """Smallest share of a word's time that must lie in activity, with 0.15 s of tolerance."""


class DiarizationSettings(Section):
    """Separation of speakers on mono calls."""

    stage = "audio"

    source: Literal["offline", "hub"] = "offline"
    """Weights: from the packages of the `offline` extra, or pyannote's pipeline from the hub."""
    revision: str | None = None
    """Commit of the hub's pipeline (40 hex digits); without it, the pinned one."""
    threads: int = Field(1, ge=0, json_schema_extra=RUN)
    """CPU threads of the diarization networks; 0 keeps PyTorch's default."""
    segmentation_step: float = Field(0.25, gt=0, le=1)
    """Step of the segmentation window of 10 s, as a share of the window."""
    noise_floor: float = Field(0.001, ge=0, lt=0.1)
    """Level of the noise added after levelling; the networks were not trained on silence or empty bands."""
    max_speakers: int = Field(4, ge=2, le=8)
    """Largest number of speakers."""
    sure_gap: float = Field(0.14, ge=0, le=1)
    """Drop in cosine similarity between two clusters that alone proves two speakers."""
    least_gap: float = Field(0.09, ge=0, le=1)
    """Smaller drop that proves two speakers if both speak at length and take turns often (`handovers`)."""
    at_length_s: float = Field(8.0, ge=0)
    """Minimum speech per speaker, in seconds, for the weaker evidence (`least_gap`) to count."""
    handovers: int = Field(4, ge=0)
    """Minimum number of quick speaker changes for the weaker evidence to count."""
    handover_s: float = Field(2.0, gt=0)
    """Longest pause, in seconds, at a quick speaker change."""
    extra_gap: float = Field(0.17, ge=0, le=1)
    """Drop in cosine similarity between any two clusters that proves a third or fourth speaker."""
    min_extra_s: float = Field(1.5, ge=0)
    """Minimum speech per speaker, in seconds, if there are more than two."""
    switch_cost: float = Field(0.15, ge=0)
    """Cost of a speaker change within continuous speech, in seconds of similarity 1."""
    overlap_probability: float = Field(0.4, gt=0, lt=1)
    """Probability of two simultaneous speakers at which an overlap starts."""
    min_overlap_s: float = Field(0.1, ge=0)
    """Overlaps shorter than this, in seconds, are ignored."""
    overlap_shows_s: float = Field(1.0, ge=0)
    """Total overlap, in seconds, that proves a second speaker who never speaks alone."""


class TurnSettings(Section):
    """Division of speech into turns."""

    stage = "audio"

    pause_s: float = Field(1.5, gt=0)
    """Longest pause inside a turn, in seconds, while the other party is silent."""
    pause_across_s: float = Field(0.7, gt=0)
    """Longest pause inside a turn, in seconds, while the other party speaks."""
    min_flip_s: float = Field(0.25, ge=0)
    """On mono, words inside another speaker's are attributed to that speaker if shorter, in seconds."""


class HoldSettings(Section):
    """Detection of holds."""

    stage = "assess"

    min_s: float = Field(5.0, gt=0)
    """Shortest hold, in seconds."""
    max_s: float = Field(120.0, gt=0)
    """A hold longer than this, in seconds, without a check-back fails `hold_length` [Observe.AI]."""
    min_silent_s: float = Field(8.0, gt=0)
    """Shortest silent hold, in seconds; it needs a request before it or a return phrase after it."""
    thanks_within_s: float = Field(10.0, gt=0)
    """Time after the return, in seconds, in which thanks count."""
    answer_within_s: float = Field(8.0, gt=0)
    """Time after the request, in seconds, in which the customer's answer counts."""
    request_within_s: float = Field(20.0, gt=0)
    """Longest time between a request and its hold, in seconds."""


class OverlapSettings(Section):
    """Classification of simultaneous speech."""

    stage = "assess"

    min_s: float = Field(0.2, gt=0)
    """Overlaps shorter than this, in seconds, are ignored."""
    backchannel_max_s: float = Field(1.0, gt=0)
    """Longest backchannel, in seconds."""
    backchannel_max_words: int = Field(3, ge=1)
    """Largest number of words in a backchannel."""
    backchannel_goes_on_s: float = Field(1.0, gt=0)
    """Minimum time, in seconds, for which the other party continues after a backchannel began."""
    terminal_s: float = Field(0.5, gt=0)
    """A start this close, in seconds, to the end of a complete turn is turn-taking, not an interruption."""
    simultaneous_s: float = Field(0.3, gt=0)
    """Two starts within this time, in seconds, are a simultaneous start."""
    yields_within_s: float = Field(1.5, gt=0)
    """An interrupted party stops within this time, in seconds."""
    floor_s: float = Field(1.0, ge=0)
    """Who starts in the other's turn and stops within this time of its pause, in seconds, made an attempt."""


class SilenceSettings(Section):
    """Silences between the parties."""

    stage = "assess"

    min_s: float = Field(3.0, gt=0)
    """Silences longer than this, in seconds, are reported [Amazon Connect]."""
    dead_air_s: float = Field(10.0, gt=0)
    """Unannounced silence longer than this, in seconds, is dead air [Observe.AI]."""


class ToneSettings(Section):
    """Acoustic measurements of the voice."""

    stage = "audio"

    agents: bool = False
    """Also infer activation, rises and word sentiment of agents; read decision record 0022 before you do."""
    min_voiced_s: float = Field(0.6, gt=0)
    """Minimum voiced speech, in seconds, of a turn whose tone is judged."""
    min_turns: int = Field(3, ge=2)
    """Minimum number of such turns from which a speaker's median is computed."""
    raised: float = Field(0.5, gt=0, lt=1, json_schema_extra=ASSESS)
    """Activation from which a turn counts as raised."""
    window_s: float = Field(10.0, gt=0)
    """Window of the curve over the call, in seconds; its step is half of this."""
    min_rise: float = Field(0.4, gt=0, lt=2)
    """Smallest increase of activation that is stored as a rise."""
    rise_within_s: float = Field(60.0, gt=0)
    """Longest time, in seconds, that a rise may take."""


class QualitySettings(Section):
    """Minimum audio quality for metrics to be defined."""

    stage = "assess"
    formerly = "fitness"

    min_snr_db: float = Field(12.0)
    """Lowest level of speech above the noise, in dB, for metrics of timing."""
    max_dropout_share: float = Field(0.1, ge=0, le=1)
    """Largest share of speech lost in dropouts for metrics of timing."""
    max_crosstalk_db: float = Field(-10.0, le=0)
    """Highest level of crosstalk, in dB, at which overlaps can be classified."""
    min_word_probability: float = Field(0.4, ge=0, le=1)
    """Lowest mean word probability for metrics that count words."""
    swap_confidence: float = Field(0.75, gt=0, le=1, json_schema_extra=AUDIO)
    """Confidence, from the words, in the other channel as the agent, at which a swap is suspected."""


MaskKind = Literal[
    "card",
    "card_expiry",
    "security_code",
    "account",
    "sort_code",
    "routing_number",
    "iban",
    "ssn",
    "nino",
    "pin",
    "one_time_code",
    "secret",
    "phone",
    "date_of_birth",
    "age",
    "address",
    "email",
    "reference",
    "document",
    "name",
    "health",
    "number",
]
MASK_KINDS: tuple[MaskKind, ...] = get_args(MaskKind)
"""What can be masked, in the order of the documentation."""
MaskProfile = Literal["standard", "strict", "off"]


class MaskingSettings(Section):
    """Finding of personal data that are to be masked.

    The settings belong to the audio because the model of names runs in the analysis only.
    """

    stage = "audio"

    profile: MaskProfile = "standard"
    """`standard`, `strict` (also every number and spelled word, whatever it counts) or `off`."""
    kinds: tuple[MaskKind, ...] = MASK_KINDS
    """The kinds of data that are masked; the others stay readable."""


class RuleSettings(Section):
    """Judgement by the rules."""

    stage = "assess"
    ended = frozenset({"second_look_similarity"})

    packs: Path | None = Field(None, json_schema_extra=RUN)
    """Folder with a site's rule packs, which are added to the program's, change them or replace them.

    It is not stored with an analysis; the version of the rules covers the content of the packs.
    """
    disclosure_deadline_s: float = Field(60.0, gt=0)
    """The disclosure must end within this conversation time, in seconds (without holds and announcements)."""
    min_phrase_probability: float = Field(0.4, ge=0, le=1)
    """A phrase whose mean word probability is below this decides nothing."""
    sure_word_probability: float = Field(0.6, ge=0, le=1)
    """Where a single word decides, a word below this probability decides nothing."""
    min_phrase_activity: float = Field(0.6, ge=0, le=1)
    """Smallest share of a phrase's time that must lie in speech activity."""
    repeat_back_within_s: float = Field(120.0, gt=0)
    """Conversation time, in seconds, within which the agent must read back what the customer gave."""
    meaning: bool = Field(True, json_schema_extra={"formerly": "rules.second_look"})
    """Let a sentence that may say what no phrase finds stand in the way of a fail (the gate)."""
    mid_call_start_s: float = Field(0.3, ge=0)
    """Speech without a greeting that starts earlier, in seconds, means that the recording starts mid-call."""


class StoreSettings(Section):
    """Database and night."""

    stage = "run"

    batch_calls: int = Field(16, ge=1)
    """Number of calls that are put on disk together when they are analysed."""
    publish_min: float = Field(30.0, gt=0)
    """Longest time between two publications of the store, in minutes."""
    parts: Path | None = None
    """Folder for finished calls that are not in the store yet; beside the store if not given."""
    reviews: Path | None = None
    """File of people's judgements, which the night merges; reviews.sqlite beside the store if not given."""


class WorkersSettings(Section):
    """Processes that analyse calls."""

    stage = "run"

    count: int | None = Field(None, ge=0)
    """Number of processes, from the cores and the memory if not given; 0: in the program itself."""
    scheduler: str | None = None
    """Address of a Dask scheduler, such as `tcp://host:8786`, whose workers are used instead."""
    base_s: float = Field(120.0, gt=0)
    """Time that any call may take, in seconds."""
    per_audio_s: float = Field(8.0, gt=0)
    """Time, in seconds, that a call may take besides for every second of sound."""
    memory_mb: float = Field(4000.0, gt=0)
    """Memory that a process may take, in millions of bytes."""


class AlertSettings(Section):
    """What is done when a night fails, or its shares leave the band of the nights before."""

    stage = "run"

    command: tuple[str, ...] = ()
    """Program with its arguments that gets the alerts as JSON lines on its input."""


METADATA_FACTS = (
    *("file", "call_ref", "started_at", "direction", "queue", "agent_id", "agent_name", "customer_ref"),
    *("jurisdictions", "agent_channel", "holds", "pauses", "team", "site"),
)
"""What a column of a manifest can hold."""
EVENT_FACTS = ("file", "call_ref", "at", "event", "party", "value", "join", "drop", "hold", "unhold")
"""What a column of a telephone system's events can hold."""


class MetadataSettings(Section):
    """Source of a call's business facts."""

    stage = "run"

    filename_pattern: str | None = None
    """Regular expression with named groups such as `(?P<agent_id>…)`, matched against the file's stem."""
    columns: dict[str, str] = Field(default_factory=dict)
    """Columns of a manifest by the fact they hold, such as `agent_id = "call.agent.login"`."""
    event_columns: dict[str, str] = Field(default_factory=dict)
    """Columns of a telephone system's events by the fact they hold, such as `at = "EventTime"`."""
    keep: tuple[str, ...] = ()
    """Further columns that are stored, in `call.extra`; others that name no fact of a call are dropped."""
    timezone: str = "UTC"
    """IANA name of the zone of start times that give none, such as `America/New_York`."""

    @field_validator("columns")
    @classmethod
    def _known_facts(cls, columns: dict[str, str]) -> dict[str, str]:
        if unknown := sorted(set(columns) - set(METADATA_FACTS)):
            raise ValueError(f"no fact of a call: {', '.join(unknown)}; facts: {', '.join(METADATA_FACTS)}")
        return columns

    @field_validator("event_columns")
    @classmethod
    def _known_event_facts(cls, columns: dict[str, str]) -> dict[str, str]:
        if unknown := sorted(set(columns) - set(EVENT_FACTS)):
            raise ValueError(f"no fact of an event: {', '.join(unknown)}; facts: {', '.join(EVENT_FACTS)}")
        return columns

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ValueError, OSError, ZoneInfoNotFoundError):
            raise ValueError("an IANA time zone such as Europe/Berlin") from None
        return name


class ArchiveSettings(Section):
    """The search for recordings."""

    stage = "run"

    settle_s: float = Field(0.0, ge=0)
    """A file that was written to in the last so many seconds is left for the next run."""


class RetentionSettings(Section):
    """How long calls are kept. A night erases those whose time is over, except on legal hold."""

    stage = "run"

    days: int = Field(0, ge=0)
    """Days from a call's start, from its analysis where the start is not known; 0 keeps calls for ever."""
    queues: dict[str, int] = Field(default_factory=dict)
    """Days for the calls of some queues, by queue; 0 keeps them for ever."""

    @field_validator("queues")
    @classmethod
    def _not_negative(cls, queues: dict[str, int]) -> dict[str, int]:
        for queue, days in queues.items():
            if days < 0:
                raise ValueError(f"{queue}: 0 days or more")
        return queues


class Settings(Section):
    """All settings."""

    audio: AudioSettings = AudioSettings()
    activity: ActivitySettings = ActivitySettings()
    sounds: SoundSettings = SoundSettings()
    asr: AsrSettings = AsrSettings()
    diarization: DiarizationSettings = DiarizationSettings()
    turns: TurnSettings = TurnSettings()
    holds: HoldSettings = HoldSettings()
    overlaps: OverlapSettings = OverlapSettings()
    silences: SilenceSettings = SilenceSettings()
    tone: ToneSettings = ToneSettings()
    quality: QualitySettings = QualitySettings()
    masking: MaskingSettings = MaskingSettings()
    rules: RuleSettings = RuleSettings()
    archive: ArchiveSettings = ArchiveSettings()
    store: StoreSettings = StoreSettings()
    workers: WorkersSettings = WorkersSettings()
    alerts: AlertSettings = AlertSettings()
    retention: RetentionSettings = RetentionSettings()
    metadata: MetadataSettings = MetadataSettings()

    def analysis_values(self) -> dict[str, dict[str, Any]]:
        """The settings that change results, by id, as stored with each analysis."""
        return values_of(self, ("audio", "assess"))

    def fingerprint(self) -> str:
        """Sha256 (hex, 16 digits) of the settings that change results."""
        return fingerprint_of(self.analysis_values())


def load(
    path: Path | None = None,
    overrides: Sequence[str] = (),
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """Settings from `path` (default `earwitness.toml` if present), `environ` and `overrides`.

    An override is ``section.name=value``. Raises UsageError for a missing or broken file, an unknown
    setting or a value out of range.
    """
    values = _read_toml(path)
    for name, value in sorted((os.environ if environ is None else environ).items()):
        if name.startswith(ENV_PREFIX) and "__" in name:
            _assign(values, name.removeprefix(ENV_PREFIX).lower().split("__"), value, name)
    for text in overrides:
        name, separator, value = text.partition("=")
        if not separator or "." not in name:
            raise UsageError("not a setting", value=text, allowed="section.name=value")
        _assign(values, name.strip().split("."), value.strip(), f"--set {name.strip()}")
    rename_former(Settings, values)
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise _readable(error, path) from None


def _read_toml(path: Path | None) -> dict[str, Any]:
    if path is None and not DEFAULT_FILE.is_file():
        return {}
    path = path or DEFAULT_FILE
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError("cannot read the settings file", where=path, value=str(error)) from None
    except tomllib.TOMLDecodeError as error:
        raise UsageError("the settings file is not TOML", where=path, value=str(error)) from None


def _assign(values: dict[str, Any], names: Sequence[str], value: str, where: str) -> None:
    """Put `value` (pydantic turns text into numbers) at `names` inside the nested `values`."""
    for name in names[:-1]:
        values = values.setdefault(name, {})
        if not isinstance(values, dict):
            raise UsageError("not a section of the settings", where=where, value=name)
    values[names[-1]] = value


def _readable(error: ValidationError, path: Path | None) -> UsageError:
    """The first fault as one line, with what is allowed there."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    if path is not None:
        where += f" (settings file {path})"
    if first["type"] == "extra_forbidden":
        return UsageError("unknown setting", where=where, allowed=_names_beside(first["loc"]))
    return UsageError("bad value for a setting", where=where, value=first["input"], allowed=first["msg"])


def _names_beside(location: Sequence[int | str]) -> str:
    """The names that may stand where `location` has an unknown one."""
    model: type[BaseModel] = Settings
    for part in location[:-1]:
        annotation = model.model_fields[str(part)].annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            model = annotation
    return ", ".join(model.model_fields)
