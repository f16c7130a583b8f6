"""The synthesizer: a script in, a finished, verified and kept sound file out."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import asdict, replace
from importlib.util import find_spec
from pathlib import Path

from alertd.clock import stopwatch
from alertd.errors import UnknownLanguage, VoiceUnavailable
from alertd.language import language_of
from alertd.speech import (
    AudioFormat,
    CheckedName,
    Chime,
    Dtmf,
    ImportedNames,
    KnownReading,
    Pause,
    Recording,
    Samples,
    Say,
    Script,
    Siren,
    Sound,
    Voice,
)
from tts import wording
from tts.assembly import RATE, Piece, tracks
from tts.dictionary import Dictionary
from tts.fragments import Fragments
from tts.mastering import mastered, written
from tts.names import checked, import_names, names_of
from tts.recital import Recital
from tts.store import SoundStore, key_of
from tts.tones import chime, dtmf, recording, siren
from tts.unread import unread
from tts.verification import BadSound, verify
from tts.voices import Chain, installed_voices

#: part of every key; raise it when assembly or mastering changes what is heard
VERSION = "2"

log = logging.getLogger(__name__)


def open_synthesizer(storage: Path) -> ScriptSynthesizer:
    """Entry point of `alertd.synthesizers`: all installed voices, sounds kept in `storage`.

    Raises ModuleNotFoundError without the packages of the extra `sound`.
    """
    for name in ("numpy", "soundfile", "soxr", "pydub"):  # imported later, where sound is made
        if find_spec(name) is None:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    return ScriptSynthesizer(storage, installed_voices())


class ScriptSynthesizer:
    """Speaks scripts with the best voice that works. Safe from threads and processes."""

    def __init__(self, storage: Path, voices: Sequence[Voice]) -> None:
        self._store = SoundStore(storage)
        fragments = Fragments(storage)
        self._chain = Chain([*voices, fragments])
        self._dictionary = Dictionary(storage / "readings")
        self._compiled = storage / "dictionaries"
        self._recital = Recital(self._store, fragments, self._chain, self._dictionary, self._compiled)

    def speak(self, script: Script, format: AudioFormat) -> Sound:
        """The finished file of the first voice in the chain that manages.

        1. put the words into spoken form  2. look whether it is kept already  3. speak each
        sentence, assemble, master, write  4. verify  5. keep. A voice that fails anywhere
        gives way to the next one for the whole script, so that no file has two voices.
        """
        words = (part.text for part in script.parts if isinstance(part, Say))
        if not any(wording.sentences(text, script.language) for text in words):
            return self._made(script, format, _Silent())
        failed: dict[str, tuple[Voice, str]] = {}
        for voice in self._voices(script.language):
            started = stopwatch()
            try:
                sound = self._made(script, format, voice)
            except (VoiceUnavailable, BadSound) as error:
                failed[voice.name] = voice, str(error)
                log.error("the voice %s failed after %.1f s: %s", voice.name, stopwatch() - started, error)
            except OSError as error:
                raise VoiceUnavailable(f"the sound cannot be stored: {error.strerror}") from error
            else:
                # a text that nobody can speak is no fault of the voices
                for each, why in failed.values():
                    self._chain.failed(each, why)
                ailing = self._chain.ailing(voice, language_of(script.language))
                return replace(sound, ailing=ailing)
        raise VoiceUnavailable(f"no voice could speak this text in {script.language!r}")

    def reading(self, script: Script) -> str:
        """Katakana (ja) or the spoken words, a sentence a line."""
        self._recital.teach()
        said = (self._recital.sentences(part, script) for part in script.parts if isinstance(part, Say))
        return "\n".join(self._recital.read(sentence, script.language) for each in said for sentence in each)

    def import_readings(self, data: bytes, name: str, *, dry_run: bool = False) -> ImportedNames:
        """Learn those names of a CSV file that are read wrong so far."""
        voice = self._recital.reader()
        file = self._dictionary.folder / f"{Path(name).stem}.csv"
        imported = import_names(
            names_of(data),
            self._dictionary.readings(without=file),
            file,
            source=Path(name).name,
            teach=lambda readings: voice.learn(readings, self._compiled),
            read=voice.reading,
            dry_run=dry_run,
        )
        self._recital.forget()
        return imported

    def check_readings(self, data: bytes) -> list[CheckedName]:
        """How the names of a CSV file are read now."""
        self._recital.teach()
        return checked(names_of(data), self._recital.reader().reading)

    def readings(self) -> list[KnownReading]:
        """The shipped entries and those of this installation."""
        return self._dictionary.entries()

    def keep_reading(self, entry: KnownReading) -> CheckedName:
        """Learn one entry that a person gave; it wins over files and imports."""
        self._dictionary.keep(entry)
        self._recital.teach()
        return checked([entry.reading], self._recital.reader().reading)[0]

    def prepare(self, say: Say, language: str) -> None:
        """Speak sentences in advance, so that they are there when no engine is."""
        script = Script(language=language, parts=(say,))
        voice = self._voices(language)[0]
        self._recital.teach()
        self._recital.spoken(voice, language, {say: self._recital.sentences(say, script)})

    def close(self) -> None:
        """End the child processes of the voices that have one."""
        for voice in self._chain:
            close = getattr(voice, "close", None)
            if close:
                close()

    def _voices(self, language: str) -> list[Voice]:
        voices = self._chain.for_language(language_of(language))
        if not voices:
            raise UnknownLanguage(f"no voice speaks {language!r}; install one or use recordings")
        return voices

    def _made(self, script: Script, format: AudioFormat, voice: Voice) -> Sound:
        self._recital.teach()
        facts = (VERSION, wording.VERSION, self._recital.taught, voice.name, asdict(format))
        parts = [(type(part).__name__, part) for part in script.parts]
        key = key_of(*facts, script.language, parts, sorted(script.readings.items()))
        found = self._store.find(key, format)
        if found:
            return found
        with self._store.lock(key):
            return self._store.find(key, format) or self._rendered(key, script, format, voice)

    def _rendered(self, key: str, script: Script, format: AudioFormat, voice: Voice) -> Sound:
        said = {part: self._recital.sentences(part, script) for part in script.parts if isinstance(part, Say)}
        heard = self._recital.spoken(voice, script.language, said)
        pieces: list[Piece] = []
        for part in script.parts:
            match part:
                case Pause():
                    pieces.append(Piece(seconds=part.seconds))
                case Chime():
                    pieces.append(Piece(chime(part, RATE), tone=True))
                case Dtmf():
                    pieces.append(Piece(dtmf(part.digits, RATE), tone=True))
                case Siren():
                    pieces.append(Piece(siren(part.pattern, RATE), tone=True))
                case Recording():
                    pieces.append(Piece(recording(part.path, part.digest), tone=True))
                case Say():
                    for sentence in said[part]:
                        pieces += [Piece(heard[sentence, part.rate]), Piece(seconds=part.gap)]
        if not any(piece.samples for piece in pieces):
            raise VoiceUnavailable("there is nothing to be heard in the script")
        speech, tones = tracks(pieces)
        part_file = self._store.part(format.suffix)
        try:
            sound = mastered(speech, tones, format)
            written(part_file, sound, format)
            seconds = verify(part_file, format, speech, tones)
            self._chain.spoke(voice)
            reading = self.reading(script)
            return self._store.keep(
                key,
                part_file,
                format,
                seconds=seconds,
                voice=voice.name,
                reading=reading,
                unread=unread(reading, script.language),
            )
        finally:
            part_file.unlink(missing_ok=True)


class _Silent:
    """Stands where a voice would, for scripts without words."""

    name = "tones"
    languages = ()

    def speak(self, text: str, language: str, rate: float) -> Samples:
        raise VoiceUnavailable("these are tones; no voice was chosen")
