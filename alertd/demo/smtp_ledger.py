"""The ledger of the simulated SMTP server: every mail that it accepted, in order."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default as default_policy
from pathlib import Path
from typing import TextIO

from alertd.clock import Clock, SystemClock


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One accepted mail and one of its recipients."""

    queue_id: str
    at: datetime
    sender: str
    recipient: str
    #: the connection it came over, counted from 1
    session: int
    data: bytes

    def parsed(self) -> EmailMessage:
        """The mail as a recipient's program would read it."""
        return BytesParser(policy=default_policy).parsebytes(self.data)

    def entry(self) -> dict[str, object]:
        """The ledger's line: envelope, and the headers that tell mails apart."""
        head = self.data.partition(b"\r\n\r\n")[0].decode("ascii", "replace")
        headers = {name.lower(): value for name, value in _HEADER.findall(head)}
        return {
            "at": self.at.isoformat(),
            "queue_id": self.queue_id,
            "sender": self.sender,
            "recipient": self.recipient,
            "session": self.session,
            "bytes": len(self.data),
            "key": headers.get("message-id", "").strip("<>").partition("@")[0],
            "status": headers.get("x-alertd-status"),
            "identifier": headers.get("x-alertd-identifier"),
            "kind": headers.get("x-alertd-kind"),
        }


_HEADER = re.compile(r"(?m)^(Message-ID|X-Alertd-[A-Za-z]+): (\S+)", re.IGNORECASE)


class MailLedger:
    """Mails in memory (`keep`) and as lines of a JSON file (`path`), or either."""

    def __init__(self, path: Path | None = None, *, keep: bool = True, clock: Clock | None = None) -> None:
        self._file = None if path is None else _appending(path)
        self._keep = keep
        self._clock = clock or SystemClock()
        self._mails: list[Mail] = []
        #: mails accepted since the beginning
        self.accepted = 0

    @property
    def mails(self) -> Sequence[Mail]:
        """What was accepted and kept, oldest first; a copy."""
        return tuple(self._mails)

    def write(self, session: int, sender: str, recipients: Sequence[str], data: bytes) -> str:
        """Enters one mail, a line for each recipient, and returns its queue id."""
        self.accepted += 1
        queue_id, at = f"SIM{self.accepted:08X}", self._clock.now()
        for recipient in recipients:
            mail = Mail(
                queue_id=queue_id, at=at, sender=sender, recipient=recipient, session=session, data=data
            )
            if self._keep:
                self._mails.append(mail)
            if self._file is not None:
                self._file.write(json.dumps(mail.entry(), ensure_ascii=False) + "\n")
        return queue_id

    def close(self) -> None:
        """Closes the file; may be called twice."""
        if self._file is not None:
            self._file.close()


def _appending(path: Path) -> TextIO:
    """The ledger's file, each line written out at once: it outlives a killed process."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("a", encoding="utf-8", buffering=1)
