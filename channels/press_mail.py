"""The mail to the press: the mail of the e-mail channel as the first part, then a PDF and the CAP document."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Self

from alertd.channel import Message, Target
from alertd.sheet import Facts, Sheet, Text, pdf
from channels.email_message import MailTemplate
from channels.email_settings import EmailSettings

JST = timezone(timedelta(hours=9), "JST")
#: a file name, its type, its content
Attached = tuple[str, str, bytes]
#: the headers of a part, which stand at the end of the head of a mail that has no parts
_OF_A_PART = (b"MIME-Version:", b"Content-Type:", b"Content-Transfer-Encoding:")


@dataclass(frozen=True, slots=True)
class PressMail:
    """A mail without its recipient, and what is attached to it."""

    plain: MailTemplate
    attached: tuple[Attached, ...]
    #: the attachments as parts of a mail, from the boundary after the text to the last one
    parts: bytes
    boundary: bytes

    @classmethod
    def of(cls, message: Message, settings: EmailSettings) -> Self:
        """Encodes what is the same for every recipient. Raises WrongInput as `MailTemplate.of` does."""
        attached = _attachments(message, settings)
        digest = hashlib.sha256(b"".join(body for _, _, body in attached)).hexdigest()
        boundary = f"=_alertd_{digest[:32]}".encode()
        parts = b"".join(b"--%b\r\n%b" % (boundary, _part(*one)) for one in attached)
        return cls(MailTemplate.of(message, settings), attached, parts, boundary)

    @property
    def common(self) -> bytes:
        """As it is in the mail without attachments."""
        return self.plain.common

    def for_target(self, target: Target, recipient: str) -> bytes:
        """The whole mail for one recipient. Raises WrongInput as `MailTemplate.for_target` does."""
        return self._with_parts(self.plain.for_target(target, recipient))

    def for_many(self) -> bytes:
        """The whole mail for recipients who do not see each other."""
        return self._with_parts(self.plain.for_many())

    def _with_parts(self, plain: bytes) -> bytes:
        head, _, text = plain.partition(b"\r\n\r\n")
        fields = head.split(b"\r\n")
        own = [field for field in fields if not field.startswith(_OF_A_PART)]
        of_text = [field for field in fields if field.startswith(_OF_A_PART[1:])]
        whole = b'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="%b"' % self.boundary
        return b"\r\n".join(
            [*own, whole, b"", b"--" + self.boundary, *of_text, b"", text + self.parts + b"--%b--\r\n" % self.boundary]
        )  # fmt: skip


def _attachments(message: Message, settings: EmailSettings) -> tuple[Attached, ...]:
    paper: Attached = ("alert.pdf", "application/pdf", pdf(_sheet(message, settings)))
    if not message.document:
        return (paper,)
    return (paper, ("alert.xml", "application/cap+xml", message.document))


def _sheet(message: Message, settings: EmailSettings) -> Sheet:
    japanese = message.language.startswith("ja")
    sent, until = ("発信", "有効期限") if japanese else ("Sent", "Holds until")
    number = "番号" if japanese else "Number"
    return Sheet(
        title=message.headline,
        blocks=[
            Facts(
                [
                    (sent, _clock(message.sent)),
                    (until, _clock(message.expires)),
                    (number, message.identifier),
                ]
            ),
            Text(message.text),
        ],
        status=message.status,
        foot=settings.sender_name or settings.sender,
        language="ja" if japanese else "en",
    )


def _clock(moment: datetime) -> str:
    return f"{moment.astimezone(JST):%Y-%m-%d %H:%M}"


def _part(name: str, kind: str, body: bytes) -> bytes:
    head = (
        f"Content-Type: {kind}\r\n"
        f'Content-Disposition: attachment; filename="{name}"\r\n'
        "Content-Transfer-Encoding: base64\r\n\r\n"
    )
    return head.encode("ascii") + base64.encodebytes(body).replace(b"\n", b"\r\n")
