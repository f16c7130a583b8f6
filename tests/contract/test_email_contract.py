"""The e-mail channel keeps the contract against a simulated SMTP server."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import unquote

import pytest

from alertd.alert import MsgType, Status
from alertd.demo.smtp_fault import Fault, Stage
from alertd.demo.smtp_ledger import Mail
from alertd.demo.smtp_server import SimulatedSmtpServer
from alertd.testing import ChannelContract, FarEnd, Heard
from channels.email import EmailChannel

#: what a mail program sets the footer apart by
FOOTER = "\r\n--\r\n"


class SmtpFarEnd(FarEnd):
    """The simulated server, read as a recipient's mail program reads."""

    addresses = ("aoi@example.jp", "haru@example.jp", "old.phone.@example.ne.jp")
    refused = "gone@example.jp"
    secrets = ("correct-horse-battery", "wrong-horse-battery")

    def __init__(self, folder: Path) -> None:
        super().__init__()
        for name, secret in zip(("right", "wrong"), self.secrets, strict=True):
            (folder / name).write_text(secret)
        self._folder = folder
        refusal = Fault(stage=Stage.RCPT, recipient=self.refused, reply="550 5.1.1 No such user here")
        self.server = SimulatedSmtpServer(users={"alertd": self.secrets[0]}, faults=[refusal]).start()

    def section(self) -> dict[str, object]:
        return {
            "kind": "email",
            "carries": ["Actual", "Exercise", "Test"],
            "host": "127.0.0.1",
            "port": self.server.port,
            "username": "alertd",
            "password_file": str(self._folder / "right"),
            "sender": "alert@city.example.jp",
            "sender_name": "三条市防災",
            "connect_timeout": 5,
        }

    def wrong_section(self) -> dict[str, object]:
        return {**self.section(), "password_file": str(self._folder / "wrong")}

    def heard(self) -> Sequence[Heard]:
        return [read(mail) for mail in self.server.mails]

    def go_down(self) -> None:
        self.server.stop()

    def come_up(self) -> None:
        self.server.start()


def read(mail: Mail) -> Heard:
    parsed = mail.parsed()
    text = bytes(parsed.get_payload(decode=True)).decode("utf-8")
    return Heard(
        address=mail.recipient.replace('"', ""),
        key=parsed["Message-ID"].strip("<>").partition("@")[0],
        text=text.partition(FOOTER)[0].rstrip(" ").removesuffix("\r\n").rstrip(" "),
        status=Status(parsed["X-Alertd-Status"]),
        kind=MsgType(parsed["X-Alertd-Kind"]),
        references=tuple(unquote(word) for word in parsed.get("X-Alertd-References", "").split()),
    )


class TestEmail(ChannelContract):
    channel_class = EmailChannel
    does_not_apply = {
        "test_a_genuine_callback_is_believed": "a mail relay does not call back",
        "test_a_forged_callback_is_refused": "a mail relay does not call back",
    }

    @pytest.fixture
    def far_end(self, tmp_path: Path) -> Iterator[SmtpFarEnd]:
        far_end = SmtpFarEnd(tmp_path)
        yield far_end
        far_end.server.close()
