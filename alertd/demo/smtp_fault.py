"""Faults of the simulated SMTP server: where it misbehaves, how, and towards whom."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Stage(StrEnum):
    """Where in the dialogue a fault strikes."""

    #: instead of the greeting
    CONNECT = "connect"
    #: at EHLO
    EHLO = "ehlo"
    #: at AUTH
    AUTH = "auth"
    #: at MAIL FROM
    MAIL = "mail"
    #: at RCPT TO
    RCPT = "rcpt"
    #: at DATA
    DATA = "data"
    #: when the first bytes of the mail have come
    BODY = "body"
    #: after the final dot; `drop` and `silence` keep the mail, a reply refuses it
    DOT = "dot"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One misbehaviour: a reply of its own, a dropped connection, silence, or mere delay."""

    stage: Stage
    #: the reply instead of the right one, such as `451 4.3.0 Try again`
    reply: str | None = None
    drop: bool = False
    silence: bool = False
    #: seconds before the reply
    delay: float = 0.0
    #: only for this recipient; None = for every mail
    recipient: str | None = None
    #: how often it strikes; None = always
    times: int | None = None


class Faults:
    """The faults of one server, counting how often each has struck."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._faults = tuple(faults)
        self._struck: Counter[Fault] = Counter()

    def at(self, stage: Stage, recipients: Sequence[str] = ()) -> Fault | None:
        """The fault that strikes now, counted as having struck; the first that fits."""
        for fault in self._faults:
            if fault.stage is not stage:
                continue
            if fault.recipient is not None and fault.recipient not in recipients:
                continue
            if fault.times is not None and self._struck[fault] >= fault.times:
                continue
            self._struck[fault] += 1
            return fault
        return None

    def possible(self, stage: Stage) -> bool:
        """Whether any fault stands at this stage."""
        return any(fault.stage is stage for fault in self._faults)


def read_fault(text: str) -> Fault:
    """A fault as on the command line: `STAGE[/RECIPIENT]=REPLY|drop|silence|delay SECONDS`."""
    where, _, what = text.partition("=")
    stage, _, recipient = where.partition("/")
    kind, _, seconds = what.partition(" ")
    return Fault(
        stage=Stage(stage),
        recipient=recipient or None,
        reply=what if what[:3].isdigit() else None,
        drop=kind == "drop",
        silence=kind == "silence",
        delay=float(seconds) if kind == "delay" else 0.0,
    )
