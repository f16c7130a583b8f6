"""The Japanese voice: Open JTalk inside this process (pyopenjtalk-plus, voice Mei).

The wheel brings dictionary and voice along, so nothing is fetched at run time. The engine
is imported when first used: it takes a second and 100 MB.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import os
import queue
import subprocess
import sys
import threading
import types
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from alertd.errors import VoiceUnavailable
from alertd.speech import Reading, Samples
from tts.kana import morae, to_katakana
from tts.mecab import dictionary_line

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

#: morae per second, pauses included, that the voice speaks at speed 1.0 (measured)
NATURAL_RATE = 6.4
#: the engine takes minutes over whole books; scripts come sentence by sentence
LONGEST_TEXT = 400
#: quicker than any mora can be spoken; a shorter sound has lost its end
SHORTEST_MORA = 0.05

_COMPILER = "import sys, pyopenjtalk; pyopenjtalk.mecab_dict_index(*sys.argv[1:])"
_importing = threading.Lock()


def voice() -> OpenJTalk:
    """Entry point of `alertd.voices`."""
    return OpenJTalk()


class OpenJTalk:
    """Open JTalk's frontend and its HMM voice; threads share the words, not the engine."""

    languages = ("ja",)

    def __init__(self) -> None:
        try:
            version = importlib.metadata.version("pyopenjtalk-plus")
        except importlib.metadata.PackageNotFoundError as error:
            raise VoiceUnavailable("install pyopenjtalk-plus for the Japanese voice") from error
        self.name = f"openjtalk {version} mei_normal"
        self._frontend: Any = None
        self._dictionary: Path | None = None
        self._version = version
        self._opening = threading.Lock()
        #: engines that nobody speaks with at the moment; one speaks one sentence at a time
        self._speakers: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def learn(self, readings: Sequence[Reading], folder: Path) -> None:
        """Use this user dictionary from the next sentence on."""
        dictionary = _compiled(readings, folder, self._version)
        with self._opening:
            self._dictionary = dictionary
            self._frontend = None

    def reading(self, text: str) -> str:
        """Katakana of the text; what cannot be read stays as it is."""
        return "".join(self._word(feature) for feature in self._features(text))

    def speak(self, text: str, language: str, rate: float) -> Samples:
        """Speak one sentence at `rate` morae per second. Half of full scale, 48 kHz."""
        if len(text) > LONGEST_TEXT:
            raise VoiceUnavailable(f"a sentence of {len(text)} characters is too long; end it with 。")
        features = self._features(text)
        wave, sample_rate = self._sound(features, speed=rate / NATURAL_RATE)
        shortest = SHORTEST_MORA * morae("".join(self._word(feature) for feature in features))
        if len(wave) < max(shortest, 0.1) * sample_rate or float(abs(wave).max()) < 0.01:
            raise VoiceUnavailable("Open JTalk made no sound of a sentence; is there anything to read in it?")
        return Samples(wave, sample_rate)

    def _features(self, text: str) -> list[dict[str, Any]]:
        engine = _engine()
        try:
            # 何 needs a neural network that is not installed. Sudachi's corrections cost 150 MB
            # and make alerts worse: 要支援者 ヨウ・, 金 キン, 表に出る ヒョウ (measured)
            features: list[dict[str, Any]] = engine.run_frontend(
                text, jtalk=self._opened(), predict_nani=False, use_sudachi_kanji_yomi=False
            )
        except (RuntimeError, ValueError, OSError) as error:
            raise VoiceUnavailable("Open JTalk could not read a sentence") from error
        return features

    def _sound(self, features: list[dict[str, Any]], *, speed: float) -> tuple[npt.NDArray[np.float32], int]:
        if not features:
            raise VoiceUnavailable("there is nothing to speak in a sentence")
        engine = _engine()
        labels = self._opened().make_label(features)
        try:
            speaker = self._speakers.get_nowait()
        except queue.Empty:
            speaker = engine.HTSEngine(engine.DEFAULT_HTS_VOICE)
        try:
            speaker.set_speed(speed)
            wave = speaker.synthesize(labels)
        finally:
            sample_rate = int(speaker.get_sampling_frequency())
            self._speakers.put(speaker)
        # the engine counts in 16-bit steps and may pass full scale; half of it never does
        return (wave / 65536.0).astype("float32"), sample_rate

    def _opened(self) -> Any:
        with self._opening:
            if self._frontend is None:
                self._frontend = _open_frontend(self._dictionary)
            return self._frontend

    @staticmethod
    def _word(feature: dict[str, Any]) -> str:
        word = feature["string"] if feature["pos"] == "記号" else feature["pron"]
        return to_katakana(str(word).replace("’", ""))


def _engine() -> Any:
    """pyopenjtalk, imported when first asked for."""
    loaded = sys.modules.get("pyopenjtalk")
    if loaded is not None and hasattr(loaded, "run_frontend"):
        return loaded
    with _importing:
        # without onnxruntime it prints an advertisement on standard output, where our own
        # output may be read by machines; a session of None means the same to it in silence
        absent = importlib.util.find_spec("onnxruntime") is None
        if absent:
            stub = types.ModuleType("onnxruntime")
            stub.InferenceSession = lambda *_, **__: None  # type: ignore[attr-defined]
            sys.modules["onnxruntime"] = stub
        try:
            import pyopenjtalk
        except (ImportError, OSError) as error:
            raise VoiceUnavailable("pyopenjtalk-plus is installed but cannot be loaded") from error
        finally:
            if absent:
                sys.modules.pop("onnxruntime", None)
    return pyopenjtalk


def _open_frontend(dictionary: Path | None) -> Any:
    engine = _engine()
    if dictionary is None:
        return engine.OpenJTalk(dn_mecab=engine.OPEN_JTALK_DICT_DIR)
    return engine.OpenJTalk(
        dn_mecab=engine.OPEN_JTALK_DICT_DIR,
        userdic=str(dictionary).encode(),
        userdic_reading_protection=[True],
    )


def _compiled(readings: Sequence[Reading], folder: Path, version: str) -> Path | None:
    """The user dictionary as a file in `folder`, made unless it is there.

    MeCab's compiler reports its progress on standard output, so a child process runs it.
    """
    if not readings:
        return None
    lines = "".join(dictionary_line(reading) for reading in readings)
    compiled = folder / f"{hashlib.sha256((version + lines).encode()).hexdigest()[:32]}.dic"
    if not compiled.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix="compiling-", dir=folder) as work:
            source, made = Path(work, "readings.csv"), Path(work, "readings.dic")
            source.write_text(lines, encoding="utf-8")
            command = [sys.executable, "-c", _COMPILER, str(source), str(made)]
            try:
                subprocess.run(command, check=True, timeout=60, capture_output=True)
                os.replace(made, compiled)
            except (OSError, subprocess.SubprocessError) as error:
                raise VoiceUnavailable("the dictionary of readings could not be compiled") from error
    return compiled
