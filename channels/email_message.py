"""The bytes of a mail: what is the same for everybody made once, the rest put before it."""

from __future__ import annotations

import binascii
import hashlib
import re
from dataclasses import dataclass
from datetime import timedelta, timezone
from email.utils import format_datetime
from typing import Self
from urllib.parse import quote

from alertd.alert import Status
from alertd.channel import Message, Target
from alertd.errors import Problem, WrongInput
from channels.email_footer import footer, labels
from channels.email_header import address_header, header, names, text_header
from channels.email_settings import EmailSettings

JST = timezone(timedelta(hours=9), "JST")

#: Every field that a mail of ours may have; one more is a break-out and stops the mail.
ALLOWED = frozenset(
    [
        "message-id",
        "to",
        "list-unsubscribe",
        "list-unsubscribe-post",
        "date",
        "from",
        "reply-to",
        "subject",
        "references",
        "in-reply-to",
        "auto-submitted",
        "list-id",
        "importance",
        "content-language",
        "mime-version",
        "content-type",
        "content-transfer-encoding",
        "x-alertd-status",
        "x-alertd-kind",
        "x-alertd-identifier",
        "x-alertd-references",
    ]
)

_KEY = re.compile(r"[A-Za-z0-9_-]{1,64}")
_URL = re.compile(r"https?://[!-;=?-~]+")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}")
_LEAVE = "List-Unsubscribe: <%s>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
_LINE = re.compile(rb".{1,76}")
#: what one line of base64 holds, RFC 2045 §6.8
_BYTES_A_LINE = 57


@dataclass(frozen=True, slots=True)
class MailTemplate:
    """A mail without its recipient; `domain` is the right side of its Message-ID."""

    domain: str
    language: str
    #: from the first common header to the end of the text, CRLF, no line begins with a dot;
    #: ends with a full line of base64, so that a footer can follow
    common: bytes
    #: before the links for changing and for leaving
    labels: tuple[str, str]

    @classmethod
    def of(cls, message: Message, settings: EmailSettings) -> Self:
        """Encodes what is the same for every recipient.

        Raises WrongInput naming the field when the headline has line breaks, control
        characters or `=?`, or the text has characters that UTF-8 cannot write.
        """
        head = b"".join(_common_headers(message, settings))
        unexpected = names(head) - ALLOWED
        if unexpected:
            raise WrongInput(f"the mail would have unexpected headers: {', '.join(sorted(unexpected))}")
        common = head + b"\r\n" + _body(message.text)
        return cls(settings.domain, message.language, common, labels(message.language))

    def for_target(self, target: Target, recipient: str) -> bytes:
        """The whole mail for one recipient, as it goes between DATA and the final dot.

        The Message-ID comes of the key alone, so that a second attempt is the same mail.
        """
        if not _KEY.fullmatch(target.key):
            raise WrongInput(Problem("key", "must be 1 to 64 of A-Z a-z 0-9 _ -"))
        stop, change = target.stop_url, target.change_url
        if stop is not None and not _URL.fullmatch(stop):
            raise WrongInput(Problem("stop_url", "must be a URL of plain ASCII"))
        if change is not None and not _URL.fullmatch(change):
            raise WrongInput(Problem("change_url", "must be a URL of plain ASCII"))
        leave = _LEAVE % stop if stop is not None else ""
        own = f"Message-ID: <{target.key}@{self.domain}>\r\nTo: <{recipient}>\r\n{leave}"
        below = _base64(footer(target, *self.labels).encode())
        return b"".join((own.encode("ascii"), self.common, below))

    def for_many(self) -> bytes:
        """The mail for recipients who do not see each other; the same for all, and so is its Message-ID."""
        name = hashlib.sha256(self.common).hexdigest()[:32]
        own = f"Message-ID: <{name}.{self.language}@{self.domain}>\r\nTo: undisclosed-recipients:;\r\n"
        return own.encode("ascii") + self.common


def _common_headers(message: Message, settings: EmailSettings) -> list[bytes]:
    """All fields but those of the recipient, in the order in which they are written."""
    earlier = [_thread(reference.identifier, settings.domain) for reference in message.references]
    thread = earlier or [_thread(message.identifier, settings.domain)]
    fields = [
        header("Date", format_datetime(message.sent.astimezone(JST))),
        address_header("From", settings.sender_name, settings.sender),
    ]
    if settings.reply_to is not None:
        fields.append(header("Reply-To", settings.reply_to))
    fields.append(_subject(message.headline))
    fields.append(header("References", " ".join(thread)))
    if earlier:
        fields.append(header("In-Reply-To", earlier[-1]))
    fields.append(header("Auto-Submitted", "auto-generated"))
    if settings.list_id is not None:
        fields.append(header("List-Id", f"<{settings.list_id}>"))
    if message.status is Status.ACTUAL:
        fields.append(header("Importance", "high"))
    language = _LANGUAGE.match(message.language)
    if language is not None:
        fields.append(header("Content-Language", language[0]))
    fields += [
        header("X-Alertd-Status", message.status),
        header("X-Alertd-Kind", message.kind),
        header("X-Alertd-Identifier", quote(message.identifier)),
    ]
    if message.references:
        identifiers = " ".join(quote(reference.identifier) for reference in message.references)
        fields.append(header("X-Alertd-References", identifiers))
    fields += [
        header("MIME-Version", "1.0"),
        header("Content-Type", "text/plain; charset=utf-8"),
        header("Content-Transfer-Encoding", "base64"),
    ]
    return fields


def _subject(headline: str) -> bytes:
    try:
        return text_header("Subject", headline)
    except WrongInput as error:
        raise WrongInput([Problem("headline", problem.message) for problem in error.problems]) from None


def _thread(identifier: str, domain: str) -> str:
    """The Message-ID under which a mail program gathers all mails about one alert.

    No mail has it: each recipient's mail has an id of its own, so the alert's stands in
    References only, and its updates refer to the same.
    """
    return f"<{hashlib.sha256(identifier.encode()).hexdigest()[:32]}.alert@{domain}>"


def _body(text: str) -> bytes:
    """The text in base64 with the line ends of RFC 2046 §4.1.1: safe on every way.

    Spaces at its end fill the last line of base64, which thus needs no padding.
    """
    try:
        plain = re.sub(r"\r\n|\n", "\r\n", text).encode("utf-8")
    except UnicodeEncodeError:
        raise WrongInput(Problem("text", "has half a character (a lone surrogate); type it anew")) from None
    spaces = -(len(plain) + 2) % _BYTES_A_LINE
    return _base64(plain + b" " * spaces + b"\r\n")


def _base64(plain: bytes) -> bytes:
    """In lines of 76, RFC 2045 §6.8."""
    lines = _LINE.findall(binascii.b2a_base64(plain, newline=False))
    return b"\r\n".join([*lines, b""])
