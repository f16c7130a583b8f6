"""The receipts of an airing, in the words that every station's driver uses."""

from __future__ import annotations

from alertd.channel import Outcome, Phase, Reason, Receipt, Target


def passing(target: Target, phase: Phase, rid: str | None, detail: str) -> Receipt:
    """It is under way, and so far."""
    return receipt(target, Outcome.ACCEPTED, rid, detail)._replace(phase=phase)


def receipt(
    target: Target, outcome: Outcome, rid: str | None, detail: str, reason: Reason | None = None
) -> Receipt:
    """What became of it; `rid` is the station's own name for it."""
    return Receipt(key=target.key, outcome=outcome, ref=rid, reason=reason, detail=detail)


def failed(target: Target, reason: Reason, detail: str, rid: str | None = None) -> Receipt:
    """It was not aired, and never will be this way."""
    return receipt(target, Outcome.FAILED, rid, detail, reason)


def deferred(target: Target, reason: Reason, detail: str, rid: str | None = None) -> Receipt:
    """It was not aired, and may be tried again."""
    return receipt(target, Outcome.DEFERRED, rid, detail, reason)


def unknown(target: Target, detail: str, rid: str | None, phase: Phase | None) -> Receipt:
    """Not all of it was aired, or nobody can tell; without a phase it may still hold the transmitter."""
    return receipt(target, Outcome.UNKNOWN, rid, detail, Reason.OTHER)._replace(phase=phase)


def doubt(target: Target, rid: str | None, detail: str) -> Receipt:
    """The station fell silent: it is to be asked."""
    return receipt(target, Outcome.UNKNOWN, rid, detail, Reason.IN_DOUBT)
