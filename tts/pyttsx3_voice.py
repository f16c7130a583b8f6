"""The voices of other languages: pyttsx3 over espeak-ng, in a child process that is watched.

A child that hangs is ended after `TIMEOUT` seconds and one that has died is replaced; the
sentence is then tried once more before the voice gives up.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import IO

from alertd.errors import VoiceUnavailable
from alertd.speech import Samples
from tts.kana import to_katakana

#: seconds for one sentence, which takes hundredths of one, and for the start of the child;
#: a child that hangs must have been replaced, and the sentence spoken, within ten
TIMEOUT = 6.0
#: BCP 47 language → espeak-ng's voice, and syllables to a "word", which is what the engine
#: counts speed in (measured, pauses included). Tagalog is missing there, so it is missing
#: here: an English voice that reads Tagalog helps nobody.
VOICES = {
    "en": ("en-us", 1.45),
    "zh": ("cmn", 1.1),
    "vi": ("vi", 1.15),
    "pt": ("pt-br", 1.7),
    "ko": ("ko", 1.3),
    "id": ("id", 1.6),
    "ne": ("ne", 1.6),
    "th": ("th", 1.3),
    "my": ("my", 1.3),
    "es": ("es", 1.7),
    "ru": ("ru", 1.6),
    "ja": ("ja", 2.2),
}
#: syllables in the time of a Japanese mora, each at its natural pace (4.4 and 6.4 a second)
SYLLABLES_PER_MORA = 0.69
SLOWEST, FASTEST = 80, 400


def voice() -> Pyttsx3:
    """Entry point of `alertd.voices`."""
    return Pyttsx3()


class Pyttsx3:
    """One child process that speaks sentence after sentence. Threads take turns."""

    languages = tuple(VOICES)

    def __init__(self, timeout: float = TIMEOUT) -> None:
        try:
            version = importlib.metadata.version("pyttsx3")
            library = importlib.metadata.version("espeakng-loader")
        except importlib.metadata.PackageNotFoundError as error:
            raise VoiceUnavailable("install pyttsx3 and espeakng-loader for other languages") from error
        self.name = f"pyttsx3 {version} espeak-ng {library}"
        self._timeout = timeout
        self._turn = threading.Lock()
        self._owner = os.getpid()
        self._child: _Child | None = None

    def speak(self, text: str, language: str, rate: float) -> Samples:
        """Speak one sentence at the pace of `rate` Japanese morae per second, 22,050 Hz.

        Japanese is spoken from kana only: of a kanji the engine says "Chinese letter".
        """
        if language.split("-")[0].lower() not in VOICES:
            raise VoiceUnavailable(f"espeak-ng has no voice for {language!r}")
        name, syllables = VOICES[language.split("-")[0].lower()]
        if name == "ja" and any("一" <= char <= "鿿" or char in "々〆" for char in text):
            raise VoiceUnavailable("espeak-ng cannot read kanji; it needs kana")
        self._forget_the_parents_child()
        with self._turn, tempfile.TemporaryDirectory(prefix="alertd-voice-") as folder:
            path = Path(folder, "sentence.wav")
            beats = rate if name == "ja" else rate * SYLLABLES_PER_MORA
            request = {
                "text": to_katakana(text) if name == "ja" else text,
                "voice": name,
                "words_per_minute": max(SLOWEST, min(FASTEST, round(beats * 60 / syllables))),
                "path": str(path),
            }
            self._ask(request)
            return _samples(path)

    def close(self) -> None:
        """End the child; the next sentence starts another."""
        self._forget_the_parents_child()
        with self._turn:
            self._end_child()

    @property
    def child_pid(self) -> int | None:
        """The process that speaks, once there is one."""
        return self._child.process.pid if self._child else None

    def _ask(self, request: dict[str, object]) -> None:
        for last in (False, True):
            child = self._child or _Child()
            self._child = child
            try:
                reply = child.ask(request, self._timeout)
            except (OSError, TimeoutError, EOFError, ValueError) as error:
                self._end_child()
                if last:
                    raise VoiceUnavailable(f"the espeak-ng process does not answer: {error}") from error
            else:
                if "error" in reply:
                    raise VoiceUnavailable(reply["error"])
                return

    def _end_child(self) -> None:
        if self._child:
            self._child.end()
            self._child = None

    def _forget_the_parents_child(self) -> None:
        """After a fork the pipes and the lock are the parent's."""
        if self._owner != os.getpid():
            self._owner, self._turn, self._child = os.getpid(), threading.Lock(), None


class _Child:
    """A running `tts/espeak.py` and the thread that reads its replies."""

    def __init__(self) -> None:
        program = Path(__file__).with_name("espeak.py")
        self.process = subprocess.Popen(
            [sys.executable, "-P", str(program)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
        )
        assert self.process.stdin and self.process.stdout
        self._requests: IO[str] = self.process.stdin
        self._replies: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, args=(self.process.stdout,), daemon=True)
        self._reader.start()

    def _read(self, replies: IO[str]) -> None:
        for line in replies:
            self._replies.put(line)
        self._replies.put("")

    def ask(self, request: dict[str, object], timeout: float) -> dict[str, str]:
        """The reply to one request. Raises OSError, TimeoutError or EOFError."""
        self._requests.write(json.dumps(request) + "\n")
        self._requests.flush()
        try:
            line = self._replies.get(timeout=timeout)
        except queue.Empty:
            raise TimeoutError(f"no answer in {timeout:g} s") from None
        if not line:
            raise EOFError("it has ended")
        reply: dict[str, str] = json.loads(line)
        return reply

    def end(self) -> None:
        """Kill the process and take its end in."""
        self.process.kill()
        self.process.wait()
        self._reader.join()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                with contextlib.suppress(OSError):  # what is still to be written has no reader
                    pipe.close()


def _samples(path: Path) -> Samples:
    import soundfile

    values, rate = soundfile.read(path, dtype="float32")
    # this engine reaches full scale; half of it leaves room for filters
    return Samples(values * 0.5, int(rate))
