"""The reasons why a verdict is not determinable: a code, and a sentence on why and what would help."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from pipeline.records import Verdict

REASONS: Mapping[str, str] = MappingProxyType(
    {
        # What checks find themselves.
        "speaker_unknown": "Who said the words that decide is not known; set the agent's channel.",
        "words_unsure": "The deciding words were not recognised reliably; listen to the evidence.",
        "misheard": "The words that decide may have been misheard; listen to the evidence.",
        "opening_not_understood": "The opening of the call was not understood; listen to it.",
        "call_not_understood": "What was said in the call was not understood; listen to it.",
        "agent_not_understood": "What the agent said was not understood; listen to the evidence.",
        "customer_not_understood": "What the customer said was not understood; listen to the evidence.",
        "window_not_understood": "What was said there was not understood; listen to the evidence.",
        "starts_mid_call": "The recording starts mid-call; look for its earlier part.",
        "stops_mid_call": "The recording stops mid-call, before the thing was due; look for the rest of it.",
        "nobody_speaks": "Only an announcement speaks; check that both sides of the call were recorded.",
        "consent_unanswered": "Consent was asked for and no answer was recognised; listen to the evidence.",
        "consent_answer_unsure": "The answer about consent was not recognised reliably; listen to it.",
        "other_name": "The customer was addressed by a name that was heard otherwise; listen to it.",
        "not_measured": "The audio does not allow this to be measured; see the facts in audio_quality.",
        "tone_not_measured": "The voices' activation was not measured; for agents, set tone.agents.",
        "hold_unclear": "What was said around the hold was not understood; listen to the evidence.",
        "possible_wording": (
            "The sentence may say it in words that no phrase foresees; listen to it, and decide."
        ),
        "gate_not_computed": (
            "Sentences of other wording were not looked for; install the sentence model and run"
            " `earwitness recheck`."
        ),
        "check_back_unclear": "Doubtful words may have been a check-back in the hold; listen to them.",
        # What the recording does not show.
        "speed": "Speech plays at another speed than it was spoken; correct the sample rate in the header.",
        "channels_swapped": (
            "What is said speaks for the agent on the other channel; set audio.agent_channel, or give the"
            " channel in the metadata."
        ),
        "language_without_pack": "There is no rule pack for the language of the call; add one for it.",
        "language_unsure": (
            "The language of the call is not certain; set asr.language, or add it to asr.languages."
        ),
        "one_sided": "One side of the call was not recorded; look for the other leg.",
        "monologue": "Only one voice is heard, so the other side may be missing; look for the other leg.",
        "late_leg": "One side of the call was recorded later than the other; look for its earlier part.",
        # Where the rule does not speak of the call.
        "call_kind": "The rule does not apply to calls of this kind.",
    }
)


def why(verdict: Verdict, reason: str) -> dict[str, str]:
    """A reason for a finding's detail: a code of REASONS where nothing was determined, else plain words."""
    return {"reason_code" if verdict == "not_determinable" else "reason": reason}
