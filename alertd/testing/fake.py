"""A channel that writes into a folder instead of reaching people, and that folder's far end.

It keeps the whole contract, works over process borders, and costs next to nothing: for
tests of everything that stands before a channel. What becomes of a target is in its
address: `refused@…`, `busy@…` (deferred every time), `once-busy@…` (deferred at the
first attempt), `doubt@…` (unknown), `heard@…` (delivered); any other is accepted.
"""

from __future__ import annotations

import hmac
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

from pydantic import Field, SecretStr

from alertd.alert import MsgType, Status
from alertd.channel import (
    Answer,
    Callback,
    ChannelSettings,
    InDoubt,
    Inquiry,
    Medium,
    Message,
    Outcome,
    Pace,
    Part,
    Reason,
    Receipt,
    Reply,
    Target,
    Traits,
)
from alertd.errors import ChannelMisconfigured, ChannelUnavailable, ForgedCallback
from alertd.testing.far_end import FarEnd, Heard

_LEDGER, _DOWN, _TOKEN = "heard.jsonl", "down", "token"
_SIGNATURE = "X-Fake-Signature"


class FakeSettings(ChannelSettings):
    """The folder and its token; the rest are the traits that a test wants."""

    folder: Path
    token: SecretStr
    medium: Medium = Medium.TEXT
    batch_size: int = Field(25, ge=1, le=25)
    exclusive: bool = False
    #: seconds until an `accepted` should have become more; None = it is the last word
    report_within: float | None = None
    in_doubt: InDoubt = InDoubt.RESEND
    #: hand-overs begun in a second; None = no limit
    per_second: float | None = None


class FakeChannel:
    """Hands over by appending one line to the ledger of its folder."""

    Settings: ClassVar[type[ChannelSettings]] = FakeSettings

    def __init__(self, name: str, settings: FakeSettings, /) -> None:
        self.name = name
        self._settings = settings

    @property
    def traits(self) -> Traits:
        settings = self._settings
        within = settings.report_within
        return Traits(
            medium=settings.medium,
            batch_size=settings.batch_size,
            exclusive=settings.exclusive,
            report_within=None if within is None else timedelta(seconds=within),
            pace=None if settings.per_second is None else Pace(settings.per_second),
            in_doubt=settings.in_doubt,
        )

    def send(self, message: Message, targets: Sequence[Target], /) -> Iterator[Receipt]:
        """One line in the ledger for each target, in their order."""
        self._settings.must_carry(message.status)
        if not targets:
            return
        self._connect()
        for target in targets:
            yield self._hand_over(message, target)

    def receive(self, callback: Callback, /) -> Reply:
        """Believes what is signed with the token: `{"outcome": …, "answer": …}`."""
        said = next((v for k, v in callback.headers.items() if k.lower() == _SIGNATURE.lower()), "")
        if not hmac.compare_digest(said.encode(), _signature(self._token, callback).encode()):
            raise ForgedCallback("the signature does not fit the callback")
        if callback.target is None:
            return Reply(status=404)
        report = json.loads(callback.body)
        answer = Answer(report["answer"]) if report.get("answer") else None
        return Reply(
            receipts=(Receipt(key=callback.target.key, outcome=Outcome(report["outcome"]), answer=answer),)
        )

    def ask(self, inquiry: Inquiry, /) -> Receipt | None:
        """Delivered when the ledger has the key; None when it surely was never handed over."""
        self._connect()
        key = inquiry.target.key
        heard = any(line["key"] == key for line in ledger(self._settings.folder))
        return Receipt(key=key, outcome=Outcome.DELIVERED, ref=key) if heard else None

    def probe(self) -> str:
        """Says that the folder is there."""
        self._connect()
        return f"The folder {self._settings.folder.name} takes messages (simulated)."

    def preview(self, message: Message, /) -> Sequence[Part]:
        """The words as they would be written."""
        return (Part(message.headline, "text/plain", message.text),)

    def close(self) -> None:
        """Nothing to let go of: every line is written and closed at once."""

    @property
    def _token(self) -> str:
        return self._settings.token.get_secret_value()

    def _connect(self) -> None:
        folder = self._settings.folder
        if not folder.is_dir() or (folder / _DOWN).exists():
            raise ChannelUnavailable("the folder takes nothing at present")
        if not hmac.compare_digest(self._token, (folder / _TOKEN).read_text()):
            raise ChannelMisconfigured("the folder does not accept this token; see `token_file`")

    def _hand_over(self, message: Message, target: Target) -> Receipt:
        behaviour = target.address.partition("@")[0]
        if behaviour == "refused":
            return Receipt(key=target.key, outcome=Outcome.FAILED, reason=Reason.REFUSED)
        if behaviour == "busy" or (behaviour == "once-busy" and target.attempt == 1):
            return Receipt(key=target.key, outcome=Outcome.DEFERRED, reason=Reason.BUSY)
        line = {
            "channel": self.name,
            "key": target.key,
            "attempt": target.attempt,
            "address": target.address,
            "identifier": message.identifier,
            "status": message.status,
            "kind": message.kind,
            "references": [reference.identifier for reference in message.references],
            "language": message.language,
            "headline": message.headline,
            "text": message.text,
        }
        written = json.dumps(line, ensure_ascii=False).encode() + b"\n"
        file = os.open(self._settings.folder / _LEDGER, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(file, written)
        finally:
            os.close(file)
        if behaviour == "doubt":
            return Receipt(key=target.key, outcome=Outcome.UNKNOWN, reason=Reason.IN_DOUBT)
        arrived = Outcome.DELIVERED if behaviour == "heard" else Outcome.ACCEPTED
        return Receipt(key=target.key, outcome=arrived, ref=target.key)


class FakeFarEnd(FarEnd):
    """The folder: what was heard in it, whether it takes anything, and its token."""

    addresses = ("aoi@example.jp", "haru@example.jp", "sora@example.jp")
    refused = "refused@example.jp"
    secrets = ("right-token-5309", "wrong-token-8675")

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _TOKEN).write_text(self.secrets[0])
        (folder / "wrong-token").write_text(self.secrets[1])

    def section(self) -> dict[str, object]:
        return {
            "kind": "fake",
            "carries": ["Actual", "Exercise", "Test"],
            "folder": str(self.folder),
            "token_file": str(self.folder / _TOKEN),
        }

    def wrong_section(self) -> dict[str, object]:
        return {**self.section(), "token_file": str(self.folder / "wrong-token")}

    def settings(self, **changes: object) -> FakeSettings:
        """Settings for a channel that writes here; `changes` are fields of FakeSettings."""
        values: dict[str, object] = {
            "kind": "fake",
            "carries": (Status.ACTUAL, Status.EXERCISE, Status.TEST),
            "folder": self.folder,
            "token": SecretStr(self.secrets[0]),
        }
        return FakeSettings.model_validate({**values, **changes})

    def heard(self) -> Sequence[Heard]:
        return [
            Heard(
                address=str(line["address"]),
                key=str(line["key"]),
                text=str(line["text"]),
                status=Status(str(line["status"])),
                kind=MsgType(str(line["kind"])),
                references=tuple(line["references"]) if isinstance(line["references"], list) else (),
            )
            for line in ledger(self.folder)
        ]

    def go_down(self) -> None:
        (self.folder / _DOWN).touch()

    def come_up(self) -> None:
        (self.folder / _DOWN).unlink(missing_ok=True)

    def callback(
        self,
        target: Target,
        message: Message,
        outcome: Outcome = Outcome.DELIVERED,
        answer: Answer | None = None,
    ) -> Callback:
        body = json.dumps({"outcome": outcome, "answer": answer}).encode()
        unsigned = Callback(
            url=target.answer_url,
            method="POST",
            headers={},
            body=body,
            query={},
            target=target,
            message=message,
            closed=False,
        )
        return replace(unsigned, headers={_SIGNATURE: _signature(self.secrets[0], unsigned)})


def ledger(folder: Path) -> list[dict[str, object]]:
    """The lines that were written in the folder, oldest first."""
    try:
        lines = (folder / _LEDGER).read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in lines if line]


def _signature(token: str, callback: Callback) -> str:
    return hmac.new(token.encode(), callback.url.encode() + b"\n" + callback.body, "sha256").hexdigest()
