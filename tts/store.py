"""Where sounds are kept: files named by their SHA-256, found by the key of what they say.

    sounds/DIGEST.wav|mp3  finished files, never changed
    keys/KEY.json          what was asked for → which file answers it
    sentences/KEY.flac     spoken sentences, to be used again in other files
    locks/KEY              held while one worker makes what ten have asked for

Everything is written beside its place and moved there, so that a reader sees all or nothing.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alertd.speech import AudioFormat, Samples, Sound


def key_of(*facts: object) -> str:
    """A key of everything that makes the sound what it is; order counts."""
    return hashlib.sha256(json.dumps(facts, ensure_ascii=False, default=str).encode()).hexdigest()


class SoundStore:
    """The folder of one installation, shared by all its threads and processes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, key: str, format: AudioFormat) -> Sound | None:
        """The finished sound for a key, or None; a file that was damaged is not found."""
        try:
            facts = json.loads(self._path("keys", f"{key}.json").read_text(encoding="utf-8"))
            path = self._path("sounds", f"{facts['digest']}{format.suffix}")
            if _digest(path) != facts["digest"]:
                return None
        except (OSError, ValueError, KeyError):
            return None
        return Sound(path=path, format=format, **facts)

    def keep(self, key: str, file: Path, format: AudioFormat, **facts: object) -> Sound:
        """Take a verified file in under its digest and let the key point to it.

        `facts` are the other fields of Sound: seconds, voice, reading, unread.
        """
        digest = _digest(file)
        path = self._path("sounds", f"{digest}{format.suffix}")
        os.replace(file, path)
        record = {"digest": digest, **facts}
        part = self.part(".json")
        part.write_text(json.dumps(record, ensure_ascii=False), encoding="utf-8")
        os.replace(part, self._path("keys", f"{key}.json"))
        return Sound(path=path, format=format, **record)  # type: ignore[arg-type]

    def part(self, suffix: str) -> Path:
        """An empty file to write into, on the same disk as its later place."""
        handle, name = tempfile.mkstemp(suffix=f"{suffix}.part", dir=self._path("parts", "").parent)
        os.close(handle)
        return Path(name)

    def sentence(self, key: str) -> Samples | None:
        """A sentence that was spoken before, or None."""
        import soundfile

        path = self._path("sentences", f"{key}.flac")
        try:
            values, rate = soundfile.read(path, dtype="float32")
        except (soundfile.LibsndfileError, OSError):
            return None
        return Samples(values, int(rate)) if len(values) else None

    def keep_sentence(self, key: str, samples: Samples) -> Path:
        """Keep a spoken sentence within ±1.0 in 24 bits; the file that holds it."""
        import soundfile

        part = self.part(".flac")
        soundfile.write(part, samples.values, samples.rate, format="FLAC", subtype="PCM_24")
        path = self._path("sentences", f"{key}.flac")
        os.replace(part, path)
        return path

    @contextmanager
    def lock(self, key: str) -> Iterator[None]:
        """Held by one thread of one process at a time; falls with its process."""
        with open(self._path("locks", key), "ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _path(self, kind: str, name: str) -> Path:
        folder = self._folder / kind
        if not folder.is_dir():
            folder.mkdir(parents=True, exist_ok=True)
        return folder / name


def _digest(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
