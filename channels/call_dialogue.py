"""The dialogue of a call: each request of the telephone network, its TwiML and its receipt.

A receipt says only what its own request proves; requests come repeated, late and in any
order, and the better word wins in the end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from alertd.channel import InForce, Outcome, Reason, Receipt, Reply
from channels.call_report import is_machine, receipt_of_state
from channels.call_script import KEYS, CallScript, Step, hang_up


def unwanted() -> Reply:
    """For a call that nobody needs any more."""
    return _say(hang_up())


def reported(key: str, form: Mapping[str, str]) -> Reply:
    """What a status callback proves."""
    codes = {form.get("SipResponseCode", ""), form.get("ErrorCode", "")} - {""}
    receipt = receipt_of_state(
        key,
        form.get("CallSid"),
        form.get("CallStatus", ""),
        answered_by=form.get("AnsweredBy", ""),
        codes=frozenset(codes),
    )
    return Reply(receipts=(receipt,) if receipt else ())


def answered(script: CallScript, key: str, step: Step, form: Mapping[str, str]) -> Reply:
    """What to say first: to a person the sound, to a machine the short message."""
    by = form.get("AnsweredBy", "")
    if not is_machine(by):
        return _say(script.answered(spoken=step is Step.SAY))
    receipt = Receipt(
        key=key,
        outcome=Outcome.DEFERRED,
        reason=Reason.MACHINE,
        ref=form.get("CallSid"),
        detail=by,
        line_open=True,
    )
    return _say(hang_up() if by == "fax" else script.left_on_machine(), receipt)


def went_on(
    script: CallScript, key: str, step: Step, query: Mapping[str, str], form: Mapping[str, str]
) -> Reply:
    """What to say after the sound, a key, or the wait for one."""
    sid = form.get("CallSid")
    plays, wrong = int(query.get("plays", 1)), int(query.get("wrong", 0))
    if step is Step.KEY:
        digit = form.get("Digits", "")
        document = script.pressed(digit, plays, wrong=wrong, during_sound=query.get("at") == "sound")
        answer = KEYS[script.menu].get(digit)
        if answer is None:
            return _say(document)
        return _say(
            document,
            Receipt(
                key=key, outcome=Outcome.ACKNOWLEDGED, ref=sid, answer=answer, detail=digit, line_open=True
            ),
        )
    document = script.asked(plays, wrong=wrong) if step is Step.MENU else script.ended()
    heard = Receipt(key=key, outcome=Outcome.DELIVERED, ref=sid, detail="listened to the end", line_open=True)
    return _say(document, heard)


def called_in(
    scripts: Sequence[tuple[InForce, CallScript]],
    heard: Sequence[int],
    form: Mapping[str, str],
    nothing: bytes,
) -> Reply:
    """What a caller hears next: the newest alert that was not heard yet, else the end.

    `heard` are the dispatches heard in this call so far; this request proves that the last
    of them was listened to the end. `nothing` is the document for when nothing is in force.
    """
    sid = form.get("CallSid")
    receipts = [
        Receipt(
            key=one.target.key,
            outcome=Outcome.DELIVERED,
            ref=sid,
            detail="called back and listened to the end",
            line_open=True,
        )
        for one, _ in scripts
        if heard and one.number == heard[-1] and one.target is not None
    ]
    for one, script in scripts:
        if one.number not in heard:
            return _say(script.called_in([*heard, one.number], first=not heard), *receipts)
    last = [script for one, script in scripts if heard and one.number == heard[-1]]
    return _say(last[0].ended() if last else nothing, *receipts)


def _say(document: bytes, *receipts: Receipt) -> Reply:
    return Reply(receipts=receipts, body=document, content_type="application/xml; charset=utf-8")
