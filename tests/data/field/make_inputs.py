"""Makes the recordings beside this file. Tests never run it: its output is kept.

    python make_inputs.py FLITE_PROGRAM ESPEAK_PROGRAM [KIND]

Needs Debian's `flite` 2.2 and `espeak-ng` 1.51. What is said is written for these files; hold music and some
lines are those of `tests/compose`.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import wave
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1]))
from compose import Clip, Composer, Line  # noqa: E402
from compose.line import noise, tone  # noqa: E402
from compose.make_clips import levelled, read, write_opus  # noqa: E402

RATE = 8000
Samples = NDArray[np.float32]
ENCODERS = {".mp3": ("libmp3lame", 24_000), ".ogg": ("libopus", 24_000)}


class Speaker:
    """Speaks lines: English in flite's voices slt, rms and awb, Spanish in espeak's `es` and `es-419`."""

    def __init__(self, flite: str, espeak: str, folder: Path) -> None:
        self._flite, self._espeak, self._folder = flite, espeak, folder
        self._said = 0

    def __call__(self, role: str, voice: str, text: str) -> Clip:
        """The line as a clip."""
        self._said += 1
        raw, path = (self._folder / f"{self._said}{end}" for end in (".wav", ".opus"))
        if voice.startswith("es"):
            command = [self._espeak, "-v", voice, "-s", "140", "-w", str(raw), text]
        else:
            command = [self._flite, "-voice", voice, "-t", text, "-o", str(raw)]
        subprocess.run(command, check=True)
        write_opus(path, levelled(read(raw)), 64_000)
        return Clip(name=str(self._said), role=role, kind="own", voice=voice, text=text, file=path)


class Scripts:
    """The calls, a method for each kind; `talk` takes lines as (role, text)."""

    def __init__(self, say: Speaker) -> None:
        self._say = say

    def talk(self, agent: str, customer: str, *lines: tuple[str, str], seed: int = 0) -> Composer:
        """A conversation in two voices."""
        call = Composer(seed, agent=agent, customer=customer)
        return self.more(call, agent, customer, *lines)

    def more(self, call: Composer, agent: str, customer: str, *lines: tuple[str, str]) -> Composer:
        """The conversation goes on."""
        voices = {"agent": agent, "customer": customer}
        for role, text in lines:
            call.say(role, self._say(role, voices[role], text), after_s=0.7)
        return call

    def abandoned(self) -> None:
        """Nobody takes the call: busy, British ringing, a queue, noise, a caller who hears nothing."""
        busy = repeated(tone(0.5, RATE, 480.0, 620.0), 0.5, 8)
        pair = np.concatenate(
            [tone(0.4, RATE, 400.0, 450.0), silence(0.2), tone(0.4, RATE, 400.0, 450.0), silence(2.0)]
        )
        write("abandoned/busy_tone.ogg", sides(silence(1.0), busy))
        write("abandoned/british_ring.mp3", sides(silence(0.5), np.tile(pair, 4))[:1])
        write("abandoned/hum_noise.wav", hum(9.0))
        queue = Composer(3).hold(20, "announced_music", request=None, answer=None, back="hold_thanks")
        samples = queue.render().samples
        write("abandoned/queue_music.ogg", samples[:, : round(20.2 * RATE)])
        hello = [("customer", "Hello? Can you hear me?"), ("customer", "Hello? Anyone on this line?")]
        write("abandoned/hello_nobody.mp3", self.talk("slt", "awb", *hello).pause(2).render().samples)

    def apology_hold(self) -> None:
        """A joint-stereo codec leaves something of the customer's answer on the agent's side."""
        self._hold("apology_hold/opus_stereo.ogg", "rms", "slt", APOLOGY)

    def apology_hold_comma(self) -> None:
        """The apology and the request are one sentence."""
        self._hold("apology_hold_comma/apologies.mp3", "rms", "slt", APOLOGY)

    def _hold(self, name: str, agent: str, customer: str, request: str) -> None:
        call = self.talk(
            agent,
            customer,
            ("agent", "Good morning, this call is recorded. My name is Sam. How can I help you?"),
            ("customer", "My new phone has not arrived."),
            ("agent", request),
            ("customer", "Okay, yes, that is fine."),
        )
        call.hold(12, "music", request=None, answer=None, back="hold_thanks")
        self.more(
            call, agent, customer, ("customer", "Great, thank you."), ("agent", "Have a nice day. Goodbye.")
        )
        write(name, call.render().samples)

    def hdr_wrong_fmt(self) -> None:
        """Headers with wrong fields: two that only look wrong, two with the wrong sample rate."""
        call = (
            self.talk("rms", "slt", *NOTICED[:2])
            .render(Line(noise_db=-60))
            .samples.mean(axis=0, keepdims=True)
        )
        block = wav(call, RATE)
        write_bytes("hdr_wrong_fmt/block_align_1.wav", block[:32] + b"\x01\x00" + block[34:])
        rate = RATE.to_bytes(4, "little")
        write_bytes("hdr_wrong_fmt/byte_rate_half.wav", block[:28] + rate + block[32:])
        other = self.talk("slt", "awb", *NOTICED[:2]).render().samples.mean(axis=0, keepdims=True)
        write_bytes("hdr_wrong_fmt/rate_doubled.wav", wav(other, 2 * RATE))
        write_bytes("hdr_wrong_fmt/rate_halved.wav", wav(call[:, : 8 * RATE], RATE // 2))

    def noticed_by_other_channel(self) -> None:
        """The caller is on the left."""
        for name, agent, customer in (("male_agent.ogg", "rms", "slt"), ("female_agent.mp3", "slt", "awb")):
            call = self.talk(agent, customer, *NOTICED).render(Line(noise_db=-55)).samples
            write(f"noticed_by_other_channel/{name}", call[::-1])

    def silent_hold(self) -> None:
        """The agent goes quiet without the hold button, comes back without thanks and closes nothing."""
        for name, agent, customer, wait in (
            ("let_me_look.ogg", "rms", "slt", "Let me have a look."),
            ("just_a_second.mp3", "slt", "rms", "Just a second."),
        ):
            call = self.talk(
                agent,
                customer,
                ("agent", "Hello, this call is recorded. You are speaking to Sam. How can I help you?"),
                ("customer", "I want to know when the engineer comes."),
                ("agent", wait),
            ).pause(16)
            self.more(call, agent, customer, ("customer", "Hello? Are you there?"))
            lines = [("agent", "He comes on Friday at two."), ("customer", "Okay, thanks. Bye.")]
            self.more(call.pause(3), agent, customer, *lines)
            write(f"silent_hold/{name}", call.render().samples)

    def spanish(self) -> None:
        """A call in Spanish without a notice."""
        second = [
            ("agent", "Buenas tardes, gracias por llamar al hotel. ¿En qué le puedo ayudar?"),
            ("customer", "Buenas tardes. Quiero reservar una habitación para dos personas."),
            ("agent", "Claro que sí, señor. ¿Para qué día quiere la habitación?"),
            ("customer", "Para el viernes, dos noches, por favor."),
            ("agent", "Perfecto, ya está reservada. Muchas gracias por su llamada, hasta luego."),
        ]
        write("spanish/no_notice.mp3", self.talk("es-419", "es", *second).render().samples)

    def stops_mid_call(self) -> None:
        """The recorder stops within a sentence."""
        lines = [("agent", "Good morning, River Insurance, my name is Sam. How can I help you?")]
        short = self.talk("rms", "slt", *lines).render().samples
        write("stops_mid_call/after_3_s.ogg", short[:, : 3 * RATE])

    def voicemail(self) -> None:
        """A machine answers; a carrier says that there is nobody."""
        beep = tone(0.6, RATE, 1000.0)
        greetings = {
            "nobody_home.mp3": (
                "slt",
                "awb",
                "Hi, this is David. Sorry I missed your call. Please leave me a message after the beep.",
            ),
        }
        for name, (agent, machine, greeting) in greetings.items():
            call = self.talk(agent, machine, ("customer", greeting)).pause(1.5)
            at = round((call.now_s - 1.2) * RATE)
            message = "Hello, this is Sam from the garage. Your car is ready. Please call us back. Goodbye."
            samples = self.more(call, agent, machine, ("agent", message)).pause(1).render().samples
            samples[1, at : at + len(beep)] += beep
            write(f"voicemail/{name}", samples)
        text = "We are sorry. The number you have dialed is not in service. Please check the number."
        write("voicemail/carrier.ogg", self.talk("rms", "slt", ("customer", text)).pause(2).render().samples)


APOLOGY = "My apologies, could I ask you to hold for three minutes?"
NOTICED = (
    (
        "agent",
        "Thank you for calling Harbour Bank. This call is recorded. My name is Sam. How can I help you?",
    ),
    ("customer", "Hello, I ordered a new card two weeks ago and I still do not have it."),
    ("agent", "I am sorry about the delay. I can see that it was sent to you on Monday."),
    ("customer", "All right, thank you. Bye."),
    ("agent", "Thank you for calling. Goodbye."),
)


def silence(seconds: float) -> Samples:
    """Digital silence."""
    return np.zeros(round(seconds * RATE), np.float32)


def repeated(part: Samples, pause_s: float, times: int) -> Samples:
    """A sound with pauses."""
    return np.tile(np.concatenate([part, silence(pause_s)]), times)


def sides(before: Samples, sound: Samples) -> Samples:
    """A stereo call with a sound on the left."""
    left = np.concatenate([before, sound])
    return np.stack([left, np.zeros_like(left)])


def hum(seconds: float) -> Samples:
    """Mains hum on one side, noise on the other."""
    n = round(seconds * RATE)
    random = np.random.default_rng(5)
    return np.stack([tone(seconds, RATE, 50.0, 150.0, level_db=-45.0), noise(n, -55.0, random)])


def whole(samples: Samples) -> NDArray[np.int16]:
    """Samples of 16 bit, shape (channels, n)."""
    return np.ascontiguousarray((np.clip(samples, -1, 1) * 32767).astype(np.int16))


def write(name: str, samples: Samples) -> None:
    """A recording in the format of its suffix; WAV is mu-law."""
    path = HERE / name
    path.parent.mkdir(exist_ok=True)
    codec, bits = ENCODERS.get(path.suffix, ("pcm_mulaw", None))
    layout = "stereo" if len(samples) == 2 else "mono"
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=RATE, layout=layout)
        if bits:
            stream.bit_rate = bits
        frame = av.AudioFrame.from_ndarray(whole(samples).T.reshape(1, -1), format="s16", layout=layout)
        frame.sample_rate = RATE
        resampler = av.AudioResampler(stream.format.name, layout, RATE, frame_size=stream.frame_size or 0)
        for out in (*resampler.resample(frame), *resampler.resample(None)):
            container.mux(stream.encode(out))
        container.mux(stream.encode(None))


def wav(samples: Samples, rate: int) -> bytes:
    """A WAV file of 16 bit whose header says `rate`."""
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        with wave.open(file.name, "wb") as out:
            out.setnchannels(len(samples))
            out.setsampwidth(2)
            out.setframerate(rate)
            out.writeframes(whole(samples).T.tobytes())
        return Path(file.name).read_bytes()


def write_bytes(name: str, content: bytes) -> None:
    """A file as it is."""
    (HERE / name).parent.mkdir(exist_ok=True)
    (HERE / name).write_bytes(content)


def main(flite: str, espeak: str, only: str = "") -> None:
    """Make the inputs of all kinds, or of one."""
    kinds: list[str] = [name for name in vars(Scripts) if name[0] != "_" and name not in ("talk", "more")]
    with tempfile.TemporaryDirectory() as folder:
        scripts = Scripts(Speaker(flite, espeak, Path(folder)))
        for name in kinds:
            if only in ("", name):
                make: Callable[[], None] = getattr(scripts, name)
                make()


if __name__ == "__main__":
    main(*sys.argv[1:])
