"""The last voice: sentences that were recorded or spoken before, put together again.

Two shelves in the folder of an installation, looked at in this order:

    recordings/LANGUAGE/sentences.csv   columns text and file: people's recordings (WAV, FLAC)
    fragments/LANGUAGE/KEY.flac         what a voice has spoken, kept for the day it cannot

A script is spoken only if every sentence of it is there, at the rate at which it was spoken
then. It works with every engine dead.
"""

from __future__ import annotations

import csv
import os
import tempfile
from pathlib import Path

from alertd.errors import VoiceUnavailable
from alertd.speech import Samples
from tts import wording
from tts.store import key_of


class Fragments:
    """What is on the shelves of one installation, in whatever languages there are."""

    name = "fragments"

    def __init__(self, folder: Path) -> None:
        self._fragments = folder / "fragments"
        self._recordings = folder / "recordings"

    @property
    def languages(self) -> tuple[str, ...]:
        """Those for which anything is there."""
        shelves = (self._fragments, self._recordings)
        return tuple(
            sorted({folder.name for shelf in shelves if shelf.is_dir() for folder in shelf.iterdir()})
        )

    def speak(self, text: str, language: str, rate: float) -> Samples:
        """The sentence as it was recorded or spoken; `rate` is what it was then."""
        import soundfile

        for path in (self._recorded(text, language), self._fragment(text, language)):
            if path and path.is_file():
                try:
                    values, sample_rate = soundfile.read(path, dtype="float32", always_2d=True)
                except soundfile.LibsndfileError:
                    continue
                return Samples(values.mean(axis=1), int(sample_rate))
        raise VoiceUnavailable("a sentence was never recorded and never spoken before")

    def keep(self, text: str, language: str, sentence: Path) -> None:
        """Put a spoken sentence on the shelf in place of an older one; a link costs no space."""
        path = self._fragment(text, language)
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".link-", dir=path.parent) as folder:
            link = Path(folder, path.name)
            os.link(sentence, link)
            os.replace(link, path)

    def _fragment(self, text: str, language: str) -> Path:
        return self._fragments / language / f"{key_of(text)}.flac"

    def _recorded(self, text: str, language: str) -> Path | None:
        folder = self._recordings / language
        listing = folder / "sentences.csv"
        if not listing.is_file():
            return None
        with listing.open(encoding="utf-8-sig", newline="") as file:
            for row in csv.DictReader(file):
                written, name = row.get("text") or "", row.get("file")
                if name and wording.sentences(written, language) == [text]:
                    return folder / name
        return None
