"""Which voice speaks: the chain of voices for each language, best first.

Voices of other packages come first (who installs one wants to hear it), then ours in the
order below. A voice that fails three times in a row is left alone for a minute.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from importlib.metadata import EntryPoint, entry_points

from alertd.clock import stopwatch
from alertd.errors import VoiceUnavailable
from alertd.speech import Voice

GROUP = "alertd.voices"
#: ours, in order of preference; also found when the package is run without being installed
OURS = {
    "openjtalk": "tts.openjtalk:voice",
    "open_jtalk": "tts.program:open_jtalk",
    "flite": "tts.program:flite",
    "pyttsx3": "tts.pyttsx3_voice:voice",
}
FAILURES_IN_A_ROW, REST_SECONDS = 3, 60.0

log = logging.getLogger(__name__)


def installed_voices() -> list[Voice]:
    """Every voice that can run here, best first. Loads no engine."""
    found = {point.name: point for point in entry_points(group=GROUP)}
    ours = {name: EntryPoint(name, value, GROUP) for name, value in OURS.items()}
    others = sorted((point for name, point in found.items() if name not in ours), key=lambda p: p.name)
    voices: list[Voice] = []
    for point in [*others, *(found.get(name, ours[name]) for name in ours)]:
        try:
            voices.append(point.load()())
        except (VoiceUnavailable, ImportError) as error:
            log.info("the voice %s is not used: %s", point.name, error)
    return voices


class Chain:
    """The voices in order, and which of them rest. Safe from several threads."""

    def __init__(self, voices: Sequence[Voice]) -> None:
        self._voices = tuple(voices)
        self._failures: dict[str, int] = {}
        self._rests_until: dict[str, float] = {}
        self._reasons: dict[str, str] = {}
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator[Voice]:
        return iter(self._voices)

    def for_language(self, language: str) -> list[Voice]:
        """Those that speak it, best first; those that rest come last, as a last resort."""
        return sorted(self._able(language), key=lambda voice: self._rests(voice.name))

    def ailing(self, voice: Voice, language: str) -> str:
        """Which voices up to this one have failed since they last spoke, and why; empty = none."""
        able = self._able(language)
        with self._lock:
            reasons = {each.name: self._reasons.get(each.name) for each in able[: able.index(voice) + 1]}
        return "; ".join(f"{name}: {reason}" for name, reason in reasons.items() if reason)

    def failed(self, voice: Voice, reason: str) -> None:
        """It did not speak: after a few times in a row it rests."""
        with self._lock:
            self._reasons[voice.name] = reason
            self._failures[voice.name] = self._failures.get(voice.name, 0) + 1
            if self._failures[voice.name] >= FAILURES_IN_A_ROW:
                self._rests_until[voice.name] = stopwatch() + REST_SECONDS

    def spoke(self, voice: Voice) -> None:
        """It spoke: all is forgotten."""
        with self._lock:
            self._failures.pop(voice.name, None)
            self._rests_until.pop(voice.name, None)
            self._reasons.pop(voice.name, None)

    def _able(self, language: str) -> list[Voice]:
        primary = language.split("-")[0].lower()
        return [
            voice
            for voice in self._voices
            if any(tag.lower() in (language.lower(), primary) for tag in voice.languages)
        ]

    def _rests(self, name: str) -> bool:
        with self._lock:
            return self._rests_until.get(name, 0.0) > stopwatch()
