"""Voices that are programs of the system: Debian's open_jtalk (ja) and flite (en).

They share no code with the voices inside this process, so what breaks one leaves the other.
Both read a text file and write a WAV file; neither is needed.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from alertd.errors import VoiceUnavailable
from alertd.speech import Samples

#: seconds for one sentence
TIMEOUT = 10.0
#: where Debian's open-jtalk-mecab-naist-jdic puts its dictionary
DICTIONARY = Path("/var/lib/mecab/dic/open-jtalk/naist-jdic")
#: the rate of a script at which the programs speak at their own speed (measured)
JAPANESE_RATE, ENGLISH_RATE = 6.4, 5.0
#: flite's best voices for English, in order; rms was understood best through a telephone
ENGLISH_VOICES = ("rms", "awb", "slt", "kal16")


class Program:
    """Runs a program for each sentence; any number at a time."""

    def __init__(
        self,
        name: str,
        languages: Sequence[str],
        command: Callable[[Path, Path, float], list[str]],
        timeout: float = TIMEOUT,
    ) -> None:
        self.name = name
        self.languages = tuple(languages)
        self._command = command
        self._timeout = timeout

    def speak(self, text: str, language: str, rate: float) -> Samples:
        """Speak one sentence. Half of full scale."""
        import soundfile

        with tempfile.TemporaryDirectory(prefix="alertd-voice-") as folder:
            source, target = Path(folder, "sentence.txt"), Path(folder, "sentence.wav")
            source.write_text(text + "\n", encoding="utf-8")
            try:
                subprocess.run(
                    self._command(source, target, rate),
                    check=True,
                    timeout=self._timeout,
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                )
                values, sample_rate = soundfile.read(target, dtype="float32")
            except (OSError, subprocess.SubprocessError, soundfile.LibsndfileError) as error:
                raise VoiceUnavailable(f"{self.name} did not speak") from error
        if len(values) < 0.1 * sample_rate or float(abs(values).max()) < 0.01:
            raise VoiceUnavailable(f"{self.name} made no sound of a sentence")
        return Samples(values * 0.5, int(sample_rate))


def open_jtalk() -> Program:
    """Entry point of `alertd.voices`: the program with Debian's dictionary and the wheel's voice."""
    program = _installed("open_jtalk")
    voices = _wheel_voice()
    if not DICTIONARY.is_dir() or voices is None:
        raise VoiceUnavailable("open_jtalk needs open-jtalk-mecab-naist-jdic and a voice")

    def command(source: Path, target: Path, rate: float) -> list[str]:
        speed = f"{rate / JAPANESE_RATE:.3f}"
        return [
            program,
            "-x",
            str(DICTIONARY),
            "-m",
            str(voices),
            "-r",
            speed,
            "-ow",
            str(target),
            str(source),
        ]

    return Program("open_jtalk program mei_normal", ("ja",), command)


def flite() -> Program:
    """Entry point of `alertd.voices`: flite with the best of its voices that is built in."""
    program = _installed("flite")
    listed = subprocess.run([program, "-lv"], capture_output=True, text=True, timeout=TIMEOUT, check=False)
    voice = next((voice for voice in ENGLISH_VOICES if voice in listed.stdout.split()), None)
    if voice is None:
        raise VoiceUnavailable("flite has none of the voices that we know")

    def command(source: Path, target: Path, rate: float) -> list[str]:
        stretch = f"duration_stretch={ENGLISH_RATE / rate:.3f}"
        return [program, "-voice", voice, "--setf", stretch, "-f", str(source), "-o", str(target)]

    return Program(f"flite {voice}", ("en",), command)


def _installed(program: str) -> str:
    found = shutil.which(program)
    if found is None:
        raise VoiceUnavailable(f"the program {program} is not installed")
    return found


def _wheel_voice() -> Path | None:
    """The HTS voice inside pyopenjtalk-plus, found without importing it."""
    package = importlib.util.find_spec("pyopenjtalk")
    if package is None or package.origin is None:
        return None
    voice = Path(package.origin).with_name("htsvoice") / "mei_normal.htsvoice"
    return voice if voice.is_file() else None
