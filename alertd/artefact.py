"""The Artefact: the finished words and sound of a dispatch for one channel and language.

Made once, before approval, shown to the approver, hashed; workers send nothing else.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import secrets
import shutil
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from alertd import marks
from alertd.alert import Alert
from alertd.channel import Medium, Traits
from alertd.city import City
from alertd.errors import SpeechError
from alertd.render import Words, languages, render
from alertd.speech import AudioFormat, Script, Signal, Signals, Sound, Synthesizer

log = logging.getLogger(__name__)

#: how many sounds are made at once: voices in child processes and the arithmetic overlap
_AT_ONCE = 2
#: media that speak to everybody at once, in the alert's first language
_TO_EVERYBODY = (Medium.BROADCAST, Medium.OUTDOOR)

#: what words depend on: the same ones are made once
_Rendered = tuple[Medium, str, Signals]


@dataclass(frozen=True, slots=True, kw_only=True)
class Artefact:
    """What one channel will send in one language; `sound` None = words only."""

    channel: str
    language: str
    words: Words
    sound: Sound | None
    #: why no voice made a sound that the channel wants; empty = one did, or none is wanted yet
    silence: str = ""


def prepare(
    alert: Alert,
    channels: Mapping[str, Traits],
    wanted: Mapping[str, frozenset[str]],
    city: City,
    synthesizer: Synthesizer | None,
    archive: Path,
) -> tuple[Artefact, ...]:
    """Makes every artefact of an alert; the same words and sounds are made once.

    `wanted` are the languages of the recipients by channel; the alert's first language
    is always made. A sound that no voice can make is left out, and the far end speaks
    the words itself; without a synthesizer there are words only. Raises WrongAlert when
    drill marks are missing or misplaced.
    """
    spoken = languages(alert)
    places = [
        (name, traits, language)
        for name, traits in channels.items()
        for language in spoken
        if language == spoken[0]
        or (traits.medium not in _TO_EVERYBODY and language in wanted.get(name, frozenset()))
    ]
    made: dict[_Rendered, Words] = {}
    for _, traits, language in places:
        if (traits.medium, language, traits.signals) not in made:
            words = render(alert, language, traits.medium, city, signals=traits.signals)
            marks.gate(words, alert.status, language)
            made[traits.medium, language, traits.signals] = words
    sounds = _sounds(places, made, synthesizer, archive) if synthesizer is not None else {}
    if synthesizer is not None:
        for traits in channels.values():
            _keep_end_signal(archive, traits, synthesizer)
    artefacts = []
    for name, traits, language in places:
        rendered = (traits.medium, language, traits.signals)
        sound, silence = sounds.get((rendered, traits.audio), (None, ""))
        words = made[rendered]
        artefacts.append(Artefact(channel=name, language=language, words=words, sound=sound, silence=silence))
    return tuple(artefacts)


def _sounds(
    places: Iterable[tuple[str, Traits, str]],
    made: Mapping[_Rendered, Words],
    synthesizer: Synthesizer,
    archive: Path,
) -> Mapping[tuple[_Rendered, AudioFormat | None], tuple[Sound | None, str]]:
    """Each sound that is needed, once, two at a time; or the reason why there is none."""
    needed = {
        (rendered, traits.audio)
        for _, traits, language in places
        if traits.audio is not None
        and made[rendered := (traits.medium, language, traits.signals)].script is not None
    }
    keys = sorted(needed, key=str)

    def one(key: tuple[_Rendered, AudioFormat | None]) -> tuple[Sound | None, str]:
        assert key[1] is not None
        return _sound(made[key[0]], key[1], synthesizer, archive)

    with ThreadPoolExecutor(_AT_ONCE, "voices") as pool:
        return dict(zip(keys, pool.map(one, keys), strict=True))


def _sound(
    words: Words, format: AudioFormat, synthesizer: Synthesizer, archive: Path
) -> tuple[Sound | None, str]:
    """The sound kept as evidence, or the reason why there is none."""
    assert words.script is not None
    try:
        sound = synthesizer.speak(words.script, format)
    except SpeechError as error:
        log.error("no voice could make a sound; the far end's own speech is used: %s", error)
        return None, str(error)
    keep(sound.path, archive_path(archive, sound))
    return sound, ""


def kept_end_signal(archive: Path, traits: Traits) -> Sound | None:
    """What switches receivers off again, alone; None = the channel has no such signal, or it was not made yet."""
    signal, format = traits.signals.end, traits.audio
    if signal is None or format is None:
        return None
    for path in archive.glob(f"{_signal_name(signal, format)}-*{format.suffix}"):
        milliseconds = int(path.stem.rpartition("-")[2])
        return Sound(
            digest=path.stem, path=path, seconds=milliseconds / 1000, format=format, voice="", reading=""
        )
    return None


def _keep_end_signal(archive: Path, traits: Traits, synthesizer: Synthesizer) -> None:
    signal, format = traits.signals.end, traits.audio
    if signal is None or format is None or kept_end_signal(archive, traits) is not None:
        return
    try:
        sound = synthesizer.speak(Script(language="ja", parts=(signal,)), format)
    except SpeechError as error:
        log.error("the end signal could not be made alone: %s", error)
        return
    name = f"{_signal_name(signal, format)}-{round(sound.seconds * 1000)}{format.suffix}"
    keep(sound.path, archive / name)


def _signal_name(signal: Signal, format: AudioFormat) -> str:
    return "signal-" + hashlib.sha256(f"{signal!r} {format!r}".encode()).hexdigest()[:32]


def archive_path(archive: Path, sound: Sound) -> Path:
    """Where a sound is kept as evidence."""
    return archive / f"{sound.digest}{sound.format.suffix}"


def archived(archive: Path, digest: str) -> Path | None:
    """The kept sound of that digest, in whatever format it is."""
    found = (archive / f"{digest}{suffix}" for suffix in (".wav", ".mp3"))
    return next((path for path in found if path.is_file()), None)


def keep(source: Path, place: Path) -> None:
    """Puts a file into the archive; it is there whole or not at all."""
    if place.exists():
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    draft = place.with_name(f".{place.name}.{secrets.token_hex(4)}")
    shutil.copyfile(source, draft)
    os.replace(draft, place)


def content_hash(document: bytes, artefacts: Iterable[Mapping[str, object]]) -> str:
    """What approval binds: the document and, of each artefact, every word and the sound's digest.

    Each artefact is a mapping with channel, language, headline, text, short_text and
    audio_digest.
    """
    fields = ("channel", "language", "headline", "text", "short_text", "audio_digest")
    rows = sorted(([artefact[field] for field in fields] for artefact in artefacts), key=lambda row: row[:2])
    canonical = json.dumps(rows, ensure_ascii=False, separators=(",", ":")).encode()
    return hashlib.sha256(hashlib.sha256(document).digest() + canonical).hexdigest()
