"""The weights of voice activity detection: the Silero model, which comes with faster-whisper."""

from __future__ import annotations

from pipeline.speech.activity import VoiceModel


def load_voice_model() -> VoiceModel:
    """The model, in memory; no download and no settings."""
    from faster_whisper.vad import get_vad_model  # noqa: PLC0415 - loading it takes seconds

    model: VoiceModel = get_vad_model()
    return model
