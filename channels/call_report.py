"""What a call's state says of a delivery: from a status callback or from the Call resource."""

from __future__ import annotations

from alertd.channel import Outcome, Reason, Receipt

#: Call states before the end.
UNDER_WAY = frozenset({"queued", "initiated", "ringing", "in-progress"})
#: SIP replies (RFC 3261 §21) and Twilio errors that mean: no such number.
_NO_SUCH_NUMBER = frozenset({"404", "410", "484", "604", "13224", "21211", "21217"})
#: … that mean: this telephone does not take the call.
_DECLINED = frozenset({"403", "433", "603", "607", "608"})


def is_machine(answered_by: str) -> bool:
    """Whether Twilio's AnsweredBy names a machine; `unknown` is taken for a person."""
    return answered_by.startswith("machine") or answered_by == "fax"


def receipt_of_state(
    key: str,
    sid: str | None,
    state: str,
    *,
    answered_by: str = "",
    codes: frozenset[str] = frozenset(),
    heard: bool = False,
) -> Receipt | None:
    """The receipt for one state of a call; None for a state that says nothing.

    `codes` are SIP and error codes of a failed call. `completed` alone only means that
    the line was up: without `heard` (the sound was played to its end) somebody hung up
    before. Better news of the same call, a key or the menu step, wins over it.
    """
    if state in UNDER_WAY:
        return Receipt(key=key, outcome=Outcome.ACCEPTED, ref=sid, detail=state)
    reason: Reason | None
    match state:
        case "completed" if is_machine(answered_by):
            outcome, reason = Outcome.DEFERRED, Reason.MACHINE
        case "completed" if heard:
            outcome, reason = Outcome.DELIVERED, None
        case "completed":
            outcome, reason = Outcome.DEFERRED, Reason.HUNG_UP
        case "busy":
            outcome, reason = Outcome.DEFERRED, Reason.BUSY
        case "no-answer":
            outcome, reason = Outcome.DEFERRED, Reason.NO_ANSWER
        case "canceled":
            outcome, reason = Outcome.DEFERRED, Reason.OTHER
        case "failed" if codes & _NO_SUCH_NUMBER:
            outcome, reason = Outcome.FAILED, Reason.BAD_ADDRESS
        case "failed" if codes & _DECLINED:
            outcome, reason = Outcome.DEFERRED, Reason.REFUSED
        case "failed":
            outcome, reason = Outcome.DEFERRED, Reason.UNREACHABLE
        case _:
            return None
    detail = " ".join((state, *sorted(codes))) if state == "failed" else state
    return Receipt(key=key, outcome=outcome, ref=sid, reason=reason, detail=detail)
