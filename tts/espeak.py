"""A pyttsx3 driver that speaks with espeak-ng synchronously, and the child process around it.

pyttsx3's own espeak driver runs the library asynchronously and cancels what is still being
spoken when its loop ends: files are missing, empty or cut short while success is reported.
This driver takes the whole sound in one call under a lock, writes it beside its place and
moves it there when it is complete, and raises when there is none.

The library keeps global state and may end its process, so it lives in a child: one JSON
object a line on standard input (`text`, `voice`, `words_per_minute`, `path`), one a line
on standard output (`{}` or `{"error": …}`). The file needs nothing of this package, so
that it can be run by its path.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
import threading
import types
import wave
from collections.abc import Iterator
from typing import Any

_SYNCHRONOUS, _DONT_EXIT = 2, 0x8000
_RATE_PARAMETER, _CHARACTERS_UTF8, _END_PAUSE = 1, 1, 0x1000
_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)


class Espeak:
    """The library, opened once; every call holds its lock."""

    def __init__(self) -> None:
        import espeakng_loader

        self._lock = threading.Lock()
        self._pcm = bytearray()
        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        data = espeakng_loader.get_data_path().encode()
        self.sample_rate: int = self._library.espeak_Initialize(_SYNCHRONOUS, 500, data, _DONT_EXIT)
        if self.sample_rate <= 0:
            raise OSError("espeak-ng could not be initialised")
        self._callback = _Callback(self._collect)  # kept: the library holds only a pointer
        self._library.espeak_SetSynthCallback(self._callback)

    def _collect(self, samples: int | None, count: int, _events: int | None) -> int:
        if samples and count > 0:
            self._pcm += ctypes.string_at(samples, count * 2)
        return 0

    def speak(self, text: str, voice: str, words_per_minute: int) -> bytes:
        """16-bit mono samples of the whole text. Raises ValueError for an unknown voice."""
        data = text.replace("\0", " ").encode() + b"\0"
        with self._lock:
            if self._library.espeak_SetVoiceByName(voice.encode()):
                raise ValueError(f"espeak-ng has no voice {voice!r}")
            self._library.espeak_SetParameter(_RATE_PARAMETER, words_per_minute, 0)
            self._pcm.clear()
            flags = _CHARACTERS_UTF8 | _END_PAUSE
            if self._library.espeak_Synth(data, len(data), 0, 1, 0, flags, None, None):
                raise OSError("espeak-ng refused the text")
            if not any(self._pcm):
                raise OSError("espeak-ng made no sound of the text")
            return bytes(self._pcm)


class Driver:
    """What pyttsx3 asks of a driver; only `save_to_file` makes sound."""

    def __init__(self, proxy: Any, library: Espeak) -> None:
        self._proxy = proxy
        self._library = library
        self._properties: dict[str, Any] = {"voice": "en-us", "rate": 140, "volume": 1.0}

    def getProperty(self, name: str) -> Any:
        return self._properties[name]

    def setProperty(self, name: str, value: Any) -> None:
        self._properties[name] = value

    def save_to_file(self, text: str, path: str) -> None:
        self._proxy.setBusy(True)
        self._proxy.notify("started-utterance")
        try:
            pcm = self._library.speak(text, self._properties["voice"], int(self._properties["rate"]))
            part = f"{path}.part"
            with wave.open(part, "wb") as file:
                file.setnchannels(1)
                file.setsampwidth(2)
                file.setframerate(self._library.sample_rate)
                file.writeframes(pcm)
            os.replace(part, path)
            self._proxy.notify("finished-utterance", completed=True)
        finally:
            self._proxy.setBusy(False)

    def say(self, text: str) -> None:
        raise NotImplementedError("this driver has no loudspeaker; use save_to_file")

    def startLoop(self) -> None:
        self._proxy.setBusy(False)

    def iterate(self) -> Iterator[None]:
        yield

    def endLoop(self) -> None:
        """Nothing is left to end: every call is complete when it returns."""

    def stop(self) -> None:
        """Nothing runs that could be stopped."""

    def destroy(self) -> None:
        """The library lives as long as its process."""


def open_engine() -> Any:
    """A pyttsx3 engine that speaks through this driver."""
    from pyttsx3.engine import Engine

    library = Espeak()
    module = types.ModuleType("pyttsx3.drivers.alertd")
    module.buildDriver = lambda proxy: Driver(proxy, library)  # type: ignore[attr-defined]
    sys.modules["pyttsx3.drivers.alertd"] = module
    return Engine("alertd")


def save(engine: Any, *, text: str, voice: str, words_per_minute: int, path: str) -> None:
    """Speak into a file. Raises what the driver raised: pyttsx3 itself only notifies it."""
    errors: list[Exception] = []
    token = engine.connect("error", lambda exception, name=None: errors.append(exception))
    try:
        engine.setProperty("voice", voice)
        engine.setProperty("rate", words_per_minute)
        engine.save_to_file(text, path)
        engine.runAndWait()
    finally:
        engine.disconnect(token)
    if errors:
        raise errors[0]


def main() -> None:
    """Answer requests until standard input ends."""
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what the library prints must not be taken for a reply
    engine = open_engine()
    for line in sys.stdin:
        try:
            save(engine, **json.loads(line))
            reply: dict[str, str] = {}
        except (OSError, ValueError, KeyError, TypeError) as error:
            reply = {"error": str(error)}
        print(json.dumps(reply), file=replies, flush=True)


if __name__ == "__main__":
    main()
