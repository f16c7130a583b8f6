"""The press channel keeps the contract, and what is attached can be opened."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from alertd.alert import MsgType, Status
from alertd.channel import Message
from alertd.demo.smtp_ledger import Mail
from alertd.testing import Heard
from channels.press import PressChannel
from tests.contract import test_email_contract as email

CAP = '<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><note>訓練</note></alert>'.encode()


class PressFarEnd(email.SmtpFarEnd):
    """The same server; the text is the first part."""

    def section(self) -> dict[str, object]:
        return {**super().section(), "kind": "press"}

    def message(self, **changes: Any) -> Message:
        return super().message(**{"document": CAP, **changes})

    def heard(self) -> Sequence[Heard]:
        return [_heard(mail) for mail in self.server.mails]


def _heard(mail: Mail) -> Heard:
    parsed = mail.parsed()
    text = bytes(next(iter(parsed.iter_parts())).get_payload(decode=True)).decode()
    return Heard(
        address=mail.recipient.replace('"', ""),
        key=parsed["Message-ID"].strip("<>").partition("@")[0],
        text=text.partition(email.FOOTER)[0].rstrip(" ").removesuffix("\r\n").rstrip(" "),
        status=Status(parsed["X-Alertd-Status"]),
        kind=MsgType(parsed["X-Alertd-Kind"]),
        references=tuple(unquote(word) for word in parsed.get("X-Alertd-References", "").split()),
    )


class TestPress(email.TestEmail):
    channel_class = PressChannel

    @pytest.fixture
    def far_end(self, tmp_path: Path) -> Iterator[PressFarEnd]:
        far_end = PressFarEnd(tmp_path)
        yield far_end
        far_end.server.close()

    def test_a_pdf_and_the_cap_document_are_attached(self, channel: PressChannel, far_end: PressFarEnd):
        list(channel.send(far_end.message(), far_end.targets(2)))
        for mail in far_end.server.mails:
            parsed = mail.parsed()
            text, paper, document = parsed.iter_parts()
            assert text.get_content_type() == "text/plain"
            assert "訓練" in text.get_content()
            assert (paper.get_content_type(), paper.get_filename()) == ("application/pdf", "alert.pdf")
            assert paper.get_content().startswith(b"%PDF-")
            assert document.get_content_type() == "application/cap+xml"
            assert document.get_payload(decode=True) == CAP
            assert parsed["List-Unsubscribe"] and not parsed.defects
            assert max(map(len, mail.data.split(b"\r\n"))) <= 998

    def test_without_a_document_there_is_the_pdf(self, channel: PressChannel, far_end: PressFarEnd):
        list(channel.send(replace(far_end.message(), document=b""), far_end.targets(1)))
        assert len(list(far_end.server.mails[0].parsed().iter_parts())) == 2
