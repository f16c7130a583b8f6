"""Redacting: what far ends say is kept without the addresses and numbers that they like to repeat."""

from __future__ import annotations

import re

_ADDRESS = re.compile(r"<?[^\s<>@\"']{1,64}@[^\s<>@\"']{1,255}>?")
_NUMBER = re.compile(r"\+[0-9]{8,15}\b|\b0[0-9]{1,4}-?[0-9]{1,4}-?[0-9]{4}\b")


def redacted(words: str) -> str:
    """The words with `<…>` where an address or a telephone number stood."""
    if "@" in words:
        words = _ADDRESS.sub("<…>", words)
    return _NUMBER.sub("<…>", words)


def kept(words: str | None, longest: int = 500) -> str | None:
    """As much of the words as is stored; None when there are none."""
    return redacted(words)[:longest] if words else None
