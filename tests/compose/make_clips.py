"""Makes the clips and the music excerpts beside this file. Tests never run it: its output is kept.

    python make_clips.py FLITE_PROGRAM FOLDER_WITH_MUSIC

Needs, beside the project's own packages: `pip install hibari-tts==0.2.1`, Debian's `flite` 2.2 and the WAV
files of Debian's `asterisk-moh-opsound-wav`. Each line is spoken in each voice of its role, brought to one
level and kept as Opus (16 kHz, 24 kbit/s); what is around the speech is cut when a clip is loaded.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

HERE = Path(__file__).parent
RATE = 16_000
LEVEL_DB = -20.0  # of the loud parts
MARGIN = 800  # samples of silence kept at both ends: 50 ms
SPEECH_BITS = 24_000
MUSIC_BITS = 32_000
MUSIC = {
    "macroform-cold_day": 20.0,
    "macroform-robot_dity": 10.0,
    "macroform-the_simplicity": 20.0,
    "manolo_camp-morning_coffee": 15.0,
    "reno_project-system": 30.0,
}
"""Tracks and where the excerpt starts, in seconds."""
MUSIC_S = 30.0

VOICES = {
    "agent": ("heart", "slt", "rms"),
    "customer": ("awb", "rms", "slt"),
    "ivr": ("heart",),
}

LINES = {
    "agent": {
        "greeting": (
            "Thank you for calling Harbour Bank, this is Anna. How can I help you today?",
            "Good morning, you are speaking to Sam. What can I do for you?",
        ),
        "disclosure": ("This call is recorded for training and quality purposes.",),
        "question": (
            "Can I take your full name and your postcode, please?",
            "When did you first notice the problem?",
            "And is the green light on the front of the box still on?",
        ),
        "explanation": (
            (
                "I can see the order here. It left our warehouse on Tuesday morning, and the courier tried to "
                "deliver it yesterday afternoon, but nobody was at home."
            ),
            (
                "The charge on your account is for the second card. We can take it off today, and you will see "
                "the money within five working days."
            ),
            (
                "First switch the router off at the wall and wait ten seconds. Then switch it on again, and wait "
                "until the light turns green."
            ),
        ),
        "hold_question": (
            "Would you mind holding for a moment while I check that?",
            "Can I put you on hold while I speak to my colleague?",
        ),
        "hold_told": ("Please hold the line.",),
        "hold_thanks": (
            "Thank you for holding. I have found the payment.",
            "Thanks for waiting. My colleague says it will arrive tomorrow.",
        ),
        "return": ("Right, so the parcel is at the depot in Leeds.",),
        "transfer_told": ("I will put you through to our technical team now.",),
        "transfer_greeting": ("Hello, you are through to the technical team. My name is Chris.",),
        "closing": ("Is there anything else I can help you with today?",),
        "goodbye": ("Thank you for calling. Goodbye.",),
        "backchannel": ("Okay.", "I see.", "Right.", "Mm hmm."),
        "attempt": ("But what I could do", "Sorry, can I just"),
        "interruption": ("Sorry, let me stop you there. I need your account number first.",),
        "broken_off": ("What I can do for you is to send out a new one and the",),
    },
    "customer": {
        "problem": (
            "I ordered a pair of boots from you two weeks ago, and they still have not arrived.",
            "There is a charge of forty pounds on my statement, and I have no idea what it is for.",
            "My internet has been down since Sunday. I restarted the box twice, but nothing changed.",
        ),
        "question": ("How long is that going to take?", "Can you tell me what it would cost?"),
        "answer": (
            "It started on Monday evening.",
            "My name is Daniel Reed, and the postcode is L S six two A Q.",
            "Yes, it is still on, but it is red now.",
        ),
        "yes": ("Yes, of course.", "Sure, that is fine."),
        "no": ("No, I would rather not.",),
        "thanks": ("All right, thank you very much.",),
        "goodbye": ("Thanks, bye.",),
        "backchannel": ("Yeah.", "Okay.", "Right.", "Uh huh."),
        "attempt": ("But they told me", "Well, the last time I"),
        "interruption": ("No, that is not what I asked for. I want my money back.",),
        "broken_off": ("I already spoke to somebody on Friday and they told me that the",),
    },
    "ivr": {
        "announcement": (
            "Your call is important to us. Please stay on the line.",
            "All our agents are busy. Please wait for the next free agent.",
        ),
        "disclosure": ("Calls may be recorded for quality and training purposes.",),
    },
}


def main(flite: str, music: Path) -> None:
    """Write all clips, their index and the music."""
    index: list[dict[str, Any]] = []
    speak = Speaker(flite)
    for role, kind, number, text, voice in lines():
        name = f"{role}-{kind}-{number}-{voice}"
        write_opus(HERE / "clips" / f"{name}.opus", levelled(speak(text, voice)), SPEECH_BITS)
        index.append({"name": name, "role": role, "kind": kind, "voice": voice, "text": text})
    (HERE / "clips" / "index.json").write_text(json.dumps(index, indent=1) + "\n", encoding="utf-8")
    for name, start_s in MUSIC.items():
        first = round(start_s * RATE)
        track = read(music / f"{name}.wav")[first : first + round(MUSIC_S * RATE)]
        write_opus(HERE / "music" / f"{name}.opus", track, MUSIC_BITS)


def lines() -> Iterator[tuple[str, str, int, str, str]]:
    """Role, kind, number, text and voice of each clip."""
    for role, kinds in LINES.items():
        for kind, texts in kinds.items():
            for number, text in enumerate(texts, start=1):
                for voice in VOICES[role]:
                    yield role, kind, number, text, voice


class Speaker:
    """Speaks with hibari's voice or flite's."""

    def __init__(self, flite: str) -> None:
        from hibari import Hibari  # noqa: PLC0415  (only this script needs it)

        self._heart = Hibari()
        self._flite = flite

    def __call__(self, text: str, voice: str) -> NDArray[np.float32]:
        """Samples at 16 kHz; the same text gives the same samples."""
        if voice == "heart":
            return np.asarray(resample_poly(self._heart(text, seed=0), 2, 3), np.float32)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "line.wav"
            subprocess.run([self._flite, "-voice", voice, "-t", text, "-o", str(path)], check=True)
            return read(path)


def read(path: Path) -> NDArray[np.float32]:
    """The first channel of a file at 16 kHz."""
    with av.open(str(path)) as container:
        resampler = av.AudioResampler("fltp", "mono", RATE)
        parts = [out.to_ndarray() for frame in container.decode(audio=0) for out in resampler.resample(frame)]
        parts += [out.to_ndarray() for out in resampler.resample(None)]
    return np.asarray(np.concatenate(parts, axis=1)[0], np.float32)


def levelled(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Speech at the common level, with a margin of silence."""
    power = np.convolve(samples.astype(np.float64) ** 2, np.ones(400) / 400, mode="same")
    loud_db = 10 * np.log10(float(np.percentile(power, 90)))
    even = samples * 10 ** ((LEVEL_DB - loud_db) / 20)
    peak = float(np.abs(even).max())
    return np.pad(even * min(1.0, 0.95 / peak), MARGIN).astype(np.float32)


def write_opus(path: Path, samples: NDArray[np.float32], bits: int) -> None:
    """One channel at 16 kHz as Opus."""
    with av.open(str(path), "w", format="ogg") as container:
        stream = container.add_stream("libopus", rate=RATE, layout="mono")
        stream.bit_rate = bits
        frame = av.AudioFrame.from_ndarray(
            (np.clip(samples, -1, 1) * 32767).astype(np.int16)[None], format="s16", layout="mono"
        )
        frame.sample_rate = RATE
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
