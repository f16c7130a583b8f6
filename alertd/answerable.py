"""Whether a mail that came in may be answered: only a person's own, and only when its sender is genuine."""

from __future__ import annotations

import re
from collections.abc import Sequence
from email.message import Message
from email.utils import parseaddr

#: senders who are machines (RFC 3834 §2)
_MACHINE = re.compile(
    r"(?i)(mailer-daemon|postmaster|root|daemon|abuse|(no|do-?not)[-_.]?reply.*|bounces?([+=-].*)?"
    r"|owner-.*|.*-owner|.*-request|.*-bounces?|listserv|majordomo)"
)
_LIST = ("list-id", "list-unsubscribe", "list-post", "list-help", "mailing-list", "x-mailing-list")
_AUTOMATIC = ("x-autoreply", "x-autorespond", "x-auto-response-suppress", "x-loop", "feedback-id")
_RESULT = re.compile(r"\b(spf|dkim|dmarc)\s*=\s*(\w+)")
_PROPERTY = re.compile(r"(?:smtp\.mailfrom|header\.(?:d|i|from))\s*=\s*\"?(?:[^\s;\"@]*@)?([A-Za-z0-9.-]+)")


def why_not(message: Message, sender: str, authserv: Sequence[str]) -> str | None:
    """Why this mail is not answered; None = it may be. `sender` is the one of the envelope.

    With `authserv`, the names of receiving servers that are believed, the mail must be
    authenticated by SPF, DKIM or DMARC for the domain of its From; the topmost
    `Authentication-Results` of such a server counts (RFC 8601 §5), and no other.
    """
    author = address_of(message)
    if not sender:
        return "it is a bounce"
    if author is None:
        return "it has no author"
    if author.lower() != sender.lower():
        return "its author is not its sender"
    if _MACHINE.fullmatch(author.rpartition("@")[0]):
        return "its author is a machine"
    if str(message.get("Auto-Submitted", "no")).partition(";")[0].strip().lower() != "no":
        return "it was sent by a machine"
    if str(message.get("Precedence", "")).strip().lower() in ("bulk", "junk", "list", "auto_reply"):
        return "it was sent in bulk"
    if any(name in message for name in (*_LIST, *_AUTOMATIC)) or message.get("Return-Path") == "<>":
        return "it came over a list or from a machine"
    if message.get_content_type() == "multipart/report":
        return "it is a report"
    if authserv and not _authenticated(message, author.rpartition("@")[2].lower(), authserv):
        return "its sender is not authenticated"
    return None


def address_of(message: Message) -> str | None:
    """The one address in From; None when there is none, or several."""
    fields = message.get_all("From", [])
    if len(fields) != 1:
        return None
    address = parseaddr(str(fields[0]))[1]
    return address if address.count("@") == 1 or '"' in address else None


def _authenticated(message: Message, domain: str, authserv: Sequence[str]) -> bool:
    believed = {name.lower() for name in authserv}
    for field in message.get_all("Authentication-Results", []):
        text = " ".join(str(field).split())
        server, _, results = text.partition(";")
        if server.split(" ")[0].lower() in believed:
            return _passes(results, domain)
    return False


def _passes(results: str, domain: str) -> bool:
    passed = False
    for clause in results.split(";"):
        found = _RESULT.search(clause)
        if found is None:
            continue
        method, verdict = found[1], found[2].lower()
        if method == "dmarc" and verdict == "fail":
            return False
        named = [name.lower() for name in _PROPERTY.findall(clause)]
        passed = passed or (verdict == "pass" and any(_aligned(name, domain) for name in named))
    return passed


def _aligned(name: str, domain: str) -> bool:
    """Whether an authenticated domain speaks for the author's: it, or one of which either is a part."""
    return name == domain or name.endswith(f".{domain}") or (domain.endswith(f".{name}") and "." in name)
