"""Recital: the words of a script in spoken form, how they are read, and each sentence as sound.

It holds what is known between scripts: which dictionary the voices were taught, and the
shelf of sentences that were spoken before.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from alertd.errors import VoiceUnavailable
from alertd.language import is_japanese, language_of
from alertd.speech import Reads, Samples, Say, Script, Voice
from tts import wording
from tts.assembly import RATE, resampled, trimmed
from tts.dictionary import Dictionary
from tts.fragments import Fragments
from tts.store import SoundStore, key_of
from tts.verification import check_sentence
from tts.voices import Chain

#: part of the key of every sentence; raise it when trimming changes what is heard
VERSION = "1"
#: sentences that are spoken at the same time
_SPEAKERS = 2

log = logging.getLogger(__name__)


class Recital:
    """Speaks and reads sentences with the voices of one chain. Safe from several threads."""

    def __init__(
        self, store: SoundStore, fragments: Fragments, chain: Chain, dictionary: Dictionary, compiled: Path
    ) -> None:
        self._store = store
        self._fragments = fragments
        self._chain = chain
        self._dictionary = dictionary
        self._compiled = compiled
        self._seen = ""
        #: digest of the dictionary that the voices use; "" = none
        self.taught = ""

    def teach(self) -> None:
        """Hand the dictionary to the voices when it has changed since the last time."""
        digest = self._dictionary.digest()
        if digest == self._seen:
            return
        taught, readings = digest, self._dictionary.readings()
        for voice in self._chain:
            if isinstance(voice, Reads):
                try:
                    voice.learn(readings, self._compiled)
                except VoiceUnavailable as error:
                    taught = ""
                    log.error("the voice %s did not learn the readings: %s", voice.name, error)
        self._seen, self.taught = digest, taught

    def forget(self) -> None:
        """The voices were taught something else meanwhile: teach them anew next time."""
        self._seen = ""

    def sentences(self, say: Say, script: Script) -> list[str]:
        """The words of one part in spoken form."""
        return wording.sentences(
            say.text,
            script.language,
            script.readings,
            read=lambda sentence: self.read(sentence, script.language),
        )

    def read(self, sentence: str, language: str) -> str:
        """Kana by the first voice that can read Japanese; else the sentence as it is."""
        if is_japanese(language_of(language)):
            for voice in self._chain:
                if isinstance(voice, Reads):
                    try:
                        return voice.reading(sentence)
                    except VoiceUnavailable as error:
                        log.warning("the voice %s cannot read: %s", voice.name, error)
        return sentence

    def reader(self) -> Reads:
        """The voice that is taught readings. Raises VoiceUnavailable when there is none."""
        for voice in self._chain:
            if isinstance(voice, Reads):
                return voice
        raise VoiceUnavailable("no voice that can be taught readings is installed")

    def spoken(
        self, voice: Voice, language: str, said: Mapping[Say, Sequence[str]]
    ) -> dict[tuple[str, float], Samples]:
        """Every different sentence at its rate, once. Two at a time: voices in processes of their
        own speak beside each other (Open JTalk in this one keeps Python to itself)."""
        wanted = dict.fromkeys((sentence, say.rate) for say in said for sentence in said[say])
        with ThreadPoolExecutor(_SPEAKERS, thread_name_prefix="speech") as threads:
            spoken = threads.map(lambda one: self._sentence(voice, one[0], language, one[1]), wanted)
            return dict(zip(wanted, spoken, strict=True))

    def _sentence(self, voice: Voice, sentence: str, language: str, rate: float) -> Samples:
        """One sentence at `RATE`, from the shelf or from the voice; judged before it is kept."""
        short = language_of(language)
        if isinstance(voice, Fragments):
            return trimmed(resampled(voice.speak(sentence, short, rate), RATE))
        kana = self.read(sentence, short)
        text = kana if is_japanese(short) and not isinstance(voice, Reads) else sentence
        key = key_of(VERSION, self.taught, voice.name, short, rate, text)
        kept = self._store.sentence(key)
        if kept:
            return kept
        raw = voice.speak(text, short, rate)
        check_sentence(raw, kana, short, rate)
        samples = trimmed(resampled(raw, RATE))
        self._fragments.keep(sentence, short, self._store.keep_sentence(key, samples))
        # as it was kept, so that the same script is the same file again to the last bit
        return self._store.sentence(key) or samples
