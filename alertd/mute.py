"""Mute: the synthesizer of an installation without the extra `sound`; far ends speak the words themselves."""

from __future__ import annotations

from typing import NoReturn

from alertd.errors import VoiceUnavailable
from alertd.speech import AudioFormat, Script


class Mute:
    """Refuses every script with the same sentence, which says what to install."""

    def __init__(self, why: str) -> None:
        self._why = why

    def speak(self, script: Script, format: AudioFormat) -> NoReturn:
        """Raises VoiceUnavailable."""
        raise VoiceUnavailable(f"there are no voices; {self._why}")

    def reading(self, script: Script) -> str:
        """Nobody reads anything."""
        return ""

    def close(self) -> None:
        """Nothing to let go of."""
