"""Every threshold as a named setting: from `earwitness.toml`, the environment or `--set`.

Precedence, strongest first: `--set section.name=value`, the environment (`EARWITNESS_ASR__MODEL`),
the TOML file, the defaults below. Sources of the defaults are named beside them. Each section and some of
the fields name the stage that reads them; see `pipeline.setting_stages`.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, Field, ValidationError

from pipeline.errors import UsageError
from pipeline.setting_stages import (
    ASSESS,
    AUDIO,
    RUN,
    Section,
    Stage,
    fingerprint_of,
    rename_former,
    values_of,
)

DEFAULT_FILE = Path("earwitness.toml")
ENV_PREFIX = "EARWITNESS_"


class AudioSettings(Section):
    """Layout of the recording."""

    stage: ClassVar[Stage] = "audio"

    agent_channel: Literal["left", "right", "auto"] = "left"
    """Which channel of a stereo call is the agent; `auto` finds it from what is said."""
    auto_role_min_confidence: float = Field(0.6, ge=0, le=1)
    """Below this confidence `auto` leaves both roles `unknown`."""
    fake_stereo_max_residual_db: float = Field(-40.0, le=0)
    """Channels that differ by less than this, relative to their level, are one channel twice."""


class ActivitySettings(Section):
    """Who makes sound when, at 10 ms."""

    stage: ClassVar[Stage] = "audio"

    vad_threshold: float = Field(0.5, gt=0, lt=1)
    """Voice-activity probability that opens speech."""
    vad_floor: float = Field(0.08, ge=0, lt=1)
    """Least voice-activity probability at which energy alone may carry on speech."""
    vad_backed: float = Field(0.25, gt=0, lt=1)
    """Voice-activity probability that opens speech when the level is high as well (`backed_margin_db`)."""
    vad_in_music: float = Field(0.7, gt=0, lt=1)
    """Voice-activity probability that counts as speech while music plays."""
    backed_margin_db: float = Field(15.0, gt=0)
    """Level above the noise floor that backs up a weak voice-activity probability."""
    energy_margin_db: float = Field(9.0, gt=0)
    """Level above the channel's noise floor that counts as sound."""
    crosstalk_margin_db: float = Field(8.0, gt=0)
    """Level above the other side's predicted leak that counts as one's own sound."""
    max_crosstalk_delay_s: float = Field(0.08, ge=0, le=0.5)
    """Longest delay at which a copy of the other side is looked for."""
    bridge_s: float = Field(0.3, ge=0)
    """Pauses up to this long inside speech count as speech."""
    min_speech_s: float = Field(0.1, ge=0)
    """Shorter bursts are no speech."""


class SoundSettings(Section):
    """Music and tones."""

    stage: ClassVar[Stage] = "audio"

    min_music_s: float = Field(2.0, gt=0)
    """Shortest stretch of music."""
    min_tone_s: float = Field(0.08, gt=0)
    """Shortest tone."""
    min_two_tones_s: float = Field(0.3, gt=0)
    """Shortest tone of two frequencies that is none of the telephone network's."""
    min_cut_s: float = Field(2.0, gt=0)
    """Shortest stretch without even noise, on a line that has some, that shows a stopped recorder."""
    known_after: int = Field(2, ge=2, json_schema_extra=RUN)
    """Music heard in so many recordings is known from then on."""


class AsrSettings(Section):
    """Recognition."""

    stage: ClassVar[Stage] = "audio"

    model: str = "base"
    """A Whisper size or hub name, or a folder with a CTranslate2 model."""
    revision: str | None = None
    """Revision for a model taken from the hub; required there unless the name has a pinned one."""
    device: Literal["auto", "cpu", "cuda"] = Field("auto", json_schema_extra=RUN)
    compute_type: str = "auto"
    """CTranslate2 type; `auto` is int8 on the CPU and float16 on CUDA."""
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
    beam_size: int = Field(5, ge=1, le=20)
    batch_size: int = Field(8, ge=1, json_schema_extra=RUN)
    """Windows of 30 s recognised together."""
    threads: int = Field(0, ge=0, json_schema_extra=RUN)
    """CPU threads; 0 takes all cores."""
    pad_s: float = Field(0.2, ge=0)
    """Audio kept around activity for the recogniser."""
    join_gap_s: float = Field(1.0, ge=0)
    """Activity closer than this is recognised in one piece, with its pauses."""
    word_support: float = Field(0.3, gt=0, le=1)
    """Least share of a word that must lie in activity (0.15 s tolerance for word times)."""


class DiarizationSettings(Section):
    """Who speaks when on a mono call."""

    stage: ClassVar[Stage] = "audio"

    source: Literal["offline", "hub"] = "offline"
    """Weights from the packages of the `offline` extra, or pyannote's pipeline from the hub."""
    revision: str | None = None
    """Commit of the hub's pipeline (40 hex digits); the pinned one unless set."""
    threads: int = Field(1, ge=0, json_schema_extra=RUN)
    """CPU threads of the diarization networks; 0 leaves PyTorch's own choice."""
    segmentation_step: float = Field(0.25, gt=0, le=1)
    """Step of the 10 s segmentation window, as a share of it."""
    noise_floor: float = Field(0.001, ge=0, lt=0.1)
    """Level of the noise added after levelling: the networks know no digital silence and no empty band."""
    max_speakers: int = Field(4, ge=2, le=8)
    """Most voices told apart."""
    sure_gap: float = Field(0.14, ge=0, le=1)
    """Likeness lost between two voices (cosine) that shows by itself that there are two."""
    least_gap: float = Field(0.09, ge=0, le=1)
    """Likeness lost that shows two voices if both speak at length and hand over as in a dialogue."""
    at_length_s: float = Field(8.0, ge=0)
    """Speech of each voice that is at length."""
    handovers: int = Field(4, ge=0)
    """How many quick handovers make a dialogue."""
    handover_s: float = Field(2.0, gt=0)
    """Longest pause at a quick handover."""
    extra_gap: float = Field(0.17, ge=0, le=1)
    """Likeness lost between any two voices that shows a third or fourth."""
    min_extra_s: float = Field(1.5, ge=0)
    """Least speech of each voice when there are more than two."""
    switch_cost: float = Field(0.15, ge=0)
    """Cost of a change of speaker amid speech, in seconds of likeness 1."""
    overlap_probability: float = Field(0.4, gt=0, lt=1)
    """Probability of two voices at once that counts as overlap."""
    min_overlap_s: float = Field(0.1, ge=0)
    """Shorter overlaps are none."""
    overlap_shows_s: float = Field(1.0, ge=0)
    """So much overlap shows a second voice that is never heard alone."""


class TurnSettings(Section):
    """Turns."""

    stage: ClassVar[Stage] = "audio"

    pause_s: float = Field(1.5, gt=0)
    """Longest pause inside a turn while the other side is silent."""
    pause_across_s: float = Field(0.7, gt=0)
    """Longest pause inside a turn while the other side speaks."""
    min_flip_s: float = Field(0.25, ge=0)
    """On mono, a run of words amid another speaker's that is shorter than this belongs to that speaker."""


class HoldSettings(Section):
    """Holds."""

    stage: ClassVar[Stage] = "assess"

    min_s: float = Field(5.0, gt=0)
    """Shortest hold."""
    max_s: float = Field(120.0, gt=0)
    """A longer hold without a check-back is too long [Observe.AI]."""
    min_silent_s: float = Field(8.0, gt=0)
    """Shortest hold in mere silence, which needs a request or return phrase."""
    thanks_within_s: float = Field(10.0, gt=0)
    """Time after the return in which thanks count."""
    answer_within_s: float = Field(8.0, gt=0)
    """Time after the request in which the customer's answer counts."""
    request_within_s: float = Field(20.0, gt=0)
    """How long before a hold its request may lie."""


class OverlapSettings(Section):
    """Kinds of simultaneous speech."""

    stage: ClassVar[Stage] = "assess"

    min_s: float = Field(0.2, gt=0)
    backchannel_max_s: float = Field(1.0, gt=0)
    backchannel_max_words: int = Field(3, ge=1)
    backchannel_goes_on_s: float = Field(1.0, gt=0)
    """The other goes on at least this long after the backchannel began."""
    terminal_s: float = Field(0.5, gt=0)
    """A start this close to the end of a complete turn is turn-taking, not interruption."""
    simultaneous_s: float = Field(0.3, gt=0)
    yields_within_s: float = Field(1.5, gt=0)
    """The interrupted side stops within this time."""
    floor_s: float = Field(1.0, ge=0)
    """A broken-off start that reaches less far past a pause of the other, who soon goes on, is given up."""


class SilenceSettings(Section):
    """Silences."""

    stage: ClassVar[Stage] = "assess"

    min_s: float = Field(3.0, gt=0)
    """[Amazon Connect]"""
    dead_air_s: float = Field(10.0, gt=0)
    """Unannounced silence longer than this is dead air [Observe.AI]."""


class ToneSettings(Section):
    """How things are said."""

    stage: ClassVar[Stage] = "audio"

    agents: bool = False
    """Also infer activation, rises and word sentiment of agents; read docs/decisions/0022 first."""
    min_voiced_s: float = Field(0.6, gt=0)
    """Least voiced speech a turn is judged by."""
    min_turns: int = Field(3, ge=2)
    """Fewest such turns that show what is usual for a speaker."""
    raised: float = Field(0.5, gt=0, lt=1, json_schema_extra=ASSESS)
    """Activation from which a turn counts as raised."""
    window_s: float = Field(10.0, gt=0)
    """Window of the curve over the call, which moves on by half of it."""
    min_rise: float = Field(0.4, gt=0, lt=2)
    """Least climb of activation that is kept as a rise."""
    rise_within_s: float = Field(60.0, gt=0)
    """Longest time a rise may take."""


class QualitySettings(Section):
    """What audio must give for a measure to be taken from it."""

    stage: ClassVar[Stage] = "assess"
    formerly = "fitness"

    min_snr_db: float = Field(12.0)
    """Least level of speech above the noise for timing."""
    max_dropout_share: float = Field(0.1, ge=0, le=1)
    """Most of the speech that may be lost for timing."""
    max_crosstalk_db: float = Field(-10.0, le=0)
    """Highest level of the other side's leak at which simultaneous speech can be told."""
    min_word_probability: float = Field(0.4, ge=0, le=1)
    """Least mean word probability for measures that count words."""
    swap_confidence: float = Field(0.75, gt=0, le=1, json_schema_extra=AUDIO)
    """Confidence with which words must speak for the other channel to suspect swapped channels."""


class RuleSettings(Section):
    """Rules."""

    stage: ClassVar[Stage] = "assess"

    packs: Path | None = Field(None, json_schema_extra=RUN)
    """A folder of your own rule packs, which change, replace or join the program's.

    Not stored with an analysis: the version of the rules stands for what the packs say.
    """
    disclosure_deadline_s: float = Field(60.0, gt=0)
    """Conversation time (hold and ivr excluded) by which the disclosure must have ended."""
    min_phrase_probability: float = Field(0.4, ge=0, le=1)
    """Mean word probability below which a phrase decides nothing."""
    sure_word_probability: float = Field(0.6, ge=0, le=1)
    """A less probable word may have been another one, where a single word decides."""
    min_phrase_activity: float = Field(0.6, ge=0, le=1)
    """Share of a phrase that must lie in speech activity."""
    repeat_back_within_s: float = Field(120.0, gt=0)
    """Conversation time within which details the customer gave are to be read back."""
    near_miss: bool = Field(True, json_schema_extra={"formerly": "rules.second_look"})
    """Look, with the extra `meaning`, for sentences that mean what a failed rule did not find."""
    near_miss_similarity: float = Field(
        0.6, gt=0, le=1, json_schema_extra={"formerly": "rules.second_look_similarity"}
    )
    """Likeness in meaning (cosine) to an example from which a sentence is marked for review."""
    mid_call_start_s: float = Field(0.3, ge=0)
    """Speech that begins this early without a greeting means the recording starts mid-call."""


class StoreSettings(Section):
    """The database and the night."""

    stage: ClassVar[Stage] = "run"

    batch_calls: int = Field(16, ge=1)
    """Calls analysed between two publications."""


class MetadataSettings(Section):
    """Where a call's business facts come from."""

    stage: ClassVar[Stage] = "run"

    filename_pattern: str | None = None
    """Regular expression with named groups such as `(?P<agent_id>…)`, matched on the file's stem."""


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
    rules: RuleSettings = RuleSettings()
    store: StoreSettings = StoreSettings()
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
