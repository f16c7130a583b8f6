"""Verdicts: the reply that decided a mail, and how far the mail had come by then."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple


class Stage(IntEnum):
    """How far a mail had come; only beyond DOT it may have been taken (RFC 1047)."""

    MAIL = 1
    RCPT = 2
    DATA = 3
    #: the mail is being written, its final dot has not left
    BODY = 4
    #: the final dot has left
    DOT = 5


class Verdict(NamedTuple):
    """The reply that decided a mail, or one recipient of it, and at which stage it came."""

    stage: Stage
    code: int
    text: str
