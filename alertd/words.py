"""Words: what one audience reads or hears, in one language, finished."""

from __future__ import annotations

from dataclasses import dataclass

from alertd.speech import Say, Script


@dataclass(frozen=True, slots=True)
class Words:
    """The same for every recipient; `text` of spoken media is everything that is said."""

    headline: str
    text: str
    #: spoken on the telephone: the short version for an answering machine
    short_text: str | None = None
    #: present for spoken media
    script: Script | None = None


def said(script: Script) -> tuple[str, ...]:
    """The spoken parts of a script, in order."""
    return tuple(part.text for part in script.parts if isinstance(part, Say))
