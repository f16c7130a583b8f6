"""A Bounce: what a mail server says, after it had taken a mail over, of why it did not arrive."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.message import Message

from flufl.bounce import all_failures

from alertd.channel import Reason
from alertd.redact import redacted

#: an enhanced status code (RFC 3463)
_STATUS = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
#: how servers say that nobody is there, when their code does not
_NOBODY = re.compile(
    r"(?i)(user|mailbox|recipient|account|address)[^.\n]{0,30}(unknown|not found|does ?n.t exist|disabled|invalid)"
    r"|(unknown|no such|invalid)[^.\n]{0,20}(user|mailbox|recipient|account|address)"
)
#: of a server's words, as they are kept
LONGEST_DETAIL = 300


@dataclass(frozen=True, slots=True)
class Bounce:
    """Why a mail did not arrive; `reason` None = it is only late, and is still being tried."""

    reason: Reason | None
    #: the server's words, without the address
    detail: str

    @property
    def hard(self) -> bool:
        """Whether there is nobody at the address, today and tomorrow."""
        return self.reason is Reason.BAD_ADDRESS


def read(message: Message) -> Bounce | None:
    """What a delivery status notification (RFC 3464) or an older bounce says; None when it is none.

    A notification with several recipients is read for the first that failed: our mails
    have one each.
    """
    found = [_read(block) for block in _recipient_blocks(message)]
    told = [bounce for bounce in found if bounce is not None]
    if told:
        return next((bounce for bounce in told if bounce.reason is not None), told[0])
    if found:  # delivered, relayed: nothing of ours
        return None
    try:
        temporary, permanent = all_failures(message)
    except (LookupError, ValueError, TypeError, AttributeError):
        return None  # flufl.bounce 6.0: some of its detectors break on a mail without From, or in odd letters
    if permanent:
        return Bounce(Reason.BAD_ADDRESS, "said in an old form")
    if temporary:
        return Bounce(None, "said in an old form")
    return None


def _recipient_blocks(message: Message) -> list[Message]:
    """The parts of a `message/delivery-status` that are about a recipient: all but its first."""
    blocks: list[Message] = []
    for part in message.walk():
        if part.get_content_type() == "message/delivery-status":
            payload = part.get_payload()
            if isinstance(payload, list):
                blocks += [block for block in payload if isinstance(block, Message) and "Action" in block]
    return blocks


def _read(block: Message) -> Bounce | None:
    action = str(block.get("Action", "")).strip().lower()
    diagnostic = " ".join(str(block.get("Diagnostic-Code", "")).split())
    status = _STATUS.search(str(block.get("Status", "")))
    detail = redacted(f"{block.get('Status', '')} {diagnostic}".strip())[:LONGEST_DETAIL]
    if action == "delayed":
        return Bounce(None, detail)
    if action != "failed":
        return None
    kind, subject, part = status.groups() if status else ("5", "0", "0")
    if kind == "4":
        return Bounce(Reason.UNREACHABLE, detail)
    nobody = subject == "1" and part in ("0", "1", "2", "3", "6", "10")
    mailbox_gone = (subject, part) == ("2", "1")
    vague = (subject, part) == ("0", "0") and _NOBODY.search(diagnostic) is not None
    return Bounce(Reason.BAD_ADDRESS if nobody or mailbox_gone or vague else Reason.REFUSED, detail)
