"""The webhook channel: each message as a signed JSON document to one gateway of the city's own.

For systems that have no channel of their own yet: a LINE gateway, a signage server, a
cable television station. The gateway's URL stands in the configuration only, an address
is merely a name that it knows, so that no list of recipients can make alertd call another
machine. What goes out and what comes back are signed (`webhook_signature`).

A document repeated under the same `key` (also in the header Idempotency-Key) is the same
message again. The gateway may report later by POST to `report_url`:
`{"key": …, "outcome": "delivered", "answer": null, "ref": …}`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import ClassVar

from pydantic import ConfigDict, Field, field_validator

from alertd.channel import (
    Answer,
    Callback,
    ChannelSettings,
    InDoubt,
    Message,
    Outcome,
    Part,
    Reason,
    Receipt,
    Reply,
    Target,
    Traits,
)
from alertd.clock import Clock, SystemClock
from alertd.errors import ChannelMisconfigured
from channels.signed_http import ReplyLost, SignedLine, SignedLineSettings
from channels.signed_report import SignedReport, believed


class WebhookSettings(SignedLineSettings):
    """`[channels.NAME] kind = "webhook"`; times are in seconds."""

    #: how long after `accepted` the gateway should have reported; None = it does not report
    report_within: float | None = Field(None, gt=0)


class Report(SignedReport):
    """What the gateway says of one message."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    outcome: Outcome
    reason: Reason | None = None
    answer: Answer | None = None
    ref: str | None = Field(None, max_length=100)

    @field_validator("outcome")
    @classmethod
    def _gateways_to_say(cls, value: Outcome) -> Outcome:
        if value in (Outcome.EXPIRED, Outcome.CANCELLED):
            raise ValueError("is the engine's to say")
        return value


class WebhookChannel:
    """One POST for each target, over one connection that lives between calls."""

    Settings: ClassVar[type[ChannelSettings]] = WebhookSettings

    def __init__(self, name: str, settings: WebhookSettings, /, *, clock: Clock | None = None) -> None:
        self.name = name
        self._settings = settings
        self._clock = clock or SystemClock()
        self._line = SignedLine(
            settings.url,
            settings.secret,
            timeout=settings.timeout,
            clock=self._clock,
            inside=settings.inside,
        )

    @property
    def traits(self) -> Traits:
        within = self._settings.report_within
        return Traits(
            batch_size=25,
            report_within=None if within is None else timedelta(seconds=within),
            in_doubt=InDoubt.RESEND,
        )

    def send(self, message: Message, targets: Sequence[Target], /) -> Iterator[Receipt]:
        """One signed document for each target, in their order."""
        self._settings.must_carry(message.status)
        for target in targets:
            yield self._hand_over(target, _document(message, target))

    def receive(self, callback: Callback, /) -> Reply:
        """Believes a report that is signed, recent, and about the delivery of its URL."""
        return believed(self._settings.secret, callback, self._clock.now(), Report, _receipt_of)

    def probe(self) -> str:
        """Asks the gateway for its OPTIONS, signed: nothing that anybody hears."""
        return self._line.probe()

    def preview(self, message: Message, /) -> Sequence[Part]:
        """The document as it would be posted, with an example of a target."""
        example = Target(key="example", attempt=1, address="example", answer_url="https://example.jp/report")
        document = json.dumps(_fields(message, example), ensure_ascii=False, indent=2)
        return (Part("JSON", "application/json", document),)

    def close(self) -> None:
        """Closes the connection; may be called twice."""
        self._line.close()

    def _hand_over(self, target: Target, body: bytes) -> Receipt:
        """Posts one document and reads the reply as a receipt.

        Raises ChannelUnavailable when nothing was sent, ChannelMisconfigured for 401 and 403.
        """
        try:
            status, reply = self._line.request("POST", body, headers={"Idempotency-Key": target.key})
        except ReplyLost as lost:
            return Receipt(key=target.key, outcome=Outcome.UNKNOWN, reason=Reason.IN_DOUBT, detail=str(lost))
        if status in (401, 403):
            raise ChannelMisconfigured(
                f"the gateway does not accept our signature ({status}); see `secret_file`"
            )
        detail = f"HTTP {status}"
        if 200 <= status < 300:
            return Receipt(key=target.key, outcome=Outcome.ACCEPTED, ref=_ref(reply), detail=detail)
        if status in (404, 410):
            return Receipt(key=target.key, outcome=Outcome.FAILED, reason=Reason.BAD_ADDRESS, detail=detail)
        if 400 <= status < 500 and status not in (408, 425, 429):
            return Receipt(key=target.key, outcome=Outcome.FAILED, reason=Reason.REFUSED, detail=detail)
        reason = Reason.RATE_LIMITED if status == 429 else Reason.OTHER
        return Receipt(key=target.key, outcome=Outcome.DEFERRED, reason=reason, detail=detail)


def _receipt_of(report: Report) -> Receipt:
    """What the gateway's report says of a delivery."""
    return Receipt(
        key=report.key, outcome=report.outcome, reason=report.reason, answer=report.answer, ref=report.ref
    )


def _document(message: Message, target: Target) -> bytes:
    return json.dumps(_fields(message, target)).encode("ascii")


def _fields(message: Message, target: Target) -> dict[str, object]:
    """The document: CAP's terms where CAP has one, times in ISO 8601."""
    return {
        "key": target.key,
        "attempt": target.attempt,
        "address": target.address,
        "report_url": target.answer_url,
        "stop_url": target.stop_url,
        "identifier": message.identifier,
        "msgType": message.kind,
        "status": message.status,
        "references": [reference.identifier for reference in message.references],
        "language": message.language,
        "headline": message.headline,
        "text": message.text,
        "sent": message.sent.isoformat(),
        "expires": message.expires.isoformat(),
    }


def _ref(reply: bytes) -> str | None:
    """The gateway's own name for the message: `{"id": …}`, when it says one."""
    try:
        said = json.loads(reply)
    except ValueError:
        return None
    name = said.get("id") if isinstance(said, dict) else None
    return name[:100] if isinstance(name, str) and name.isprintable() else None
