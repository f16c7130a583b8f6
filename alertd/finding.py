"""A Finding of the linter, in the operators' two languages."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Gravity(StrEnum):
    """What a finding does."""

    #: the alert cannot be submitted
    BLOCK = "block"
    #: the operator should look again
    WARN = "warn"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found: where, and what to do about it, in Japanese and English."""

    severity: Gravity
    field: str
    message: str
    message_en: str


def block(field: str, message: str, message_en: str) -> Finding:
    """A finding that stops the alert."""
    return Finding(Gravity.BLOCK, field, message, message_en)


def warn(field: str, message: str, message_en: str) -> Finding:
    """A finding for the operator to judge."""
    return Finding(Gravity.WARN, field, message, message_en)
