"""What an SMTP reply means for a recipient (RFC 5321 §4.2, RFC 3463)."""

from __future__ import annotations

import re

from alertd.channel import Outcome, Reason, Receipt
from alertd.errors import ChannelMisconfigured
from channels.smtp_verdict import Stage, Verdict

_ENHANCED = re.compile(r"([245])\.(\d{1,3})\.(\d{1,3})\b")
# Postfix, Exim, sendmail and the services that imitate them
_QUEUE_ID = re.compile(
    r"(?i)(?:queued as|queued mail for delivery|id=)\s*([!-~]+)|\A2\.0\.0 ([!-~]+) Message accepted"
)
_RELAY_DENIED = re.compile(r"(?i)\brelay")

# nearly every mail asks for these two, and a member of an enumeration is looked up slowly
_DOT, _ACCEPTED = Stage.DOT, Outcome.ACCEPTED

LONGEST_DETAIL = 300
LONGEST_REF = 100


def receipt_of(verdict: Verdict, key: str) -> Receipt:
    """The receipt for one reply.

    Raises ChannelMisconfigured when the relay refuses our sender for good: that is no
    fault of any recipient, and every other mail would fare the same.
    """
    stage, code, text = verdict
    detail = f"{code} {_printable(text)}"[:LONGEST_DETAIL]
    if stage is _DOT and code // 100 == 2:
        return Receipt(key=key, outcome=_ACCEPTED, ref=queue_id(text), detail=detail)
    enhanced = _ENHANCED.match(verdict.text)
    subject = enhanced[2] if enhanced else ""
    if verdict.code // 100 != 5:
        limited = verdict.code == 421 or subject == "7"
        reason = Reason.RATE_LIMITED if limited else Reason.OTHER
        return Receipt(key=key, outcome=Outcome.DEFERRED, reason=reason, detail=detail)
    if verdict.code in (530, 535) or (verdict.stage is Stage.MAIL and verdict.code != 552):
        raise ChannelMisconfigured(f"the mail relay does not take mail from this sender ({verdict.code})")
    if verdict.stage is Stage.RCPT and _RELAY_DENIED.search(verdict.text):
        # the relay does not know us: a person can mend that, so nobody is given up
        return Receipt(key=key, outcome=Outcome.DEFERRED, reason=Reason.REFUSED, detail=detail)
    gone = subject == "1" or (verdict.stage is Stage.RCPT and not subject and verdict.code in (550, 551, 553))
    return Receipt(
        key=key,
        outcome=Outcome.FAILED,
        reason=Reason.BAD_ADDRESS if gone else Reason.REFUSED,
        detail=detail,
    )


def taken(said: str, key: str) -> Receipt:
    """The receipt for the reply `250 said` to a final dot."""
    detail = f"250 {said}"
    if len(detail) > LONGEST_DETAIL or not said.isprintable():
        detail = f"250 {_printable(said)}"[:LONGEST_DETAIL]
    return Receipt(key=key, outcome=_ACCEPTED, ref=queue_id(said), detail=detail)


def queue_id(text: str) -> str | None:
    """The relay's name for an accepted mail, when its reply has one."""
    _, usual, name = text.rpartition(": queued as ")
    if name.isalnum() and usual and name.isascii():
        return name[:LONGEST_REF]
    found = _QUEUE_ID.search(text)
    return _printable(found[1] or found[2])[:LONGEST_REF] if found else None


def _printable(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else " " for character in text)
