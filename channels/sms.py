"""The SMS channel: short messages over Twilio's REST API or any compatible server.

A text is handed over whole; what is longer than one request takes goes in several, and
the last one speaks for all. The far end reports by a signed callback, and can be asked.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from alertd.channel import (
    Callback,
    ChannelSettings,
    InDoubt,
    Inquiry,
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
from alertd.errors import ChannelMisconfigured
from channels.telephone_number import objection
from channels.twilio_settings import TwilioSettings

if TYPE_CHECKING:
    from channels.twilio_messages import MessageState, TwilioMessages

#: characters that one request takes (https://www.twilio.com/docs/api/errors/21617)
LONGEST = 1600
#: clocks of two machines differ
_CLOCK_SKEW = timedelta(seconds=10)
_DELIVERED = frozenset({"delivered", "read"})
_FAILED = frozenset({"undelivered", "failed", "canceled"})
#: what the far end says of a message that did not arrive: https://www.twilio.com/docs/api/errors
_REASONS: Mapping[int, tuple[Outcome, Reason]] = {
    30003: (Outcome.DEFERRED, Reason.UNREACHABLE),
    30004: (Outcome.FAILED, Reason.REFUSED),
    30005: (Outcome.FAILED, Reason.BAD_ADDRESS),
    30006: (Outcome.FAILED, Reason.BAD_ADDRESS),
    30007: (Outcome.FAILED, Reason.REFUSED),
    30008: (Outcome.DEFERRED, Reason.OTHER),
    21610: (Outcome.FAILED, Reason.REFUSED),
}


class SmsSettings(TwilioSettings):
    """Times are in seconds."""

    #: the number, the name, or the messaging service (MG…) that it comes from
    sender: str = Field(min_length=1, max_length=64)
    per_second: float = Field(default=5.0, gt=0)
    #: after which the far end is asked what became of a message
    report_within: float = Field(default=600.0, gt=0)


class SmsChannel:
    """Writes to telephones. `receive` and `ask` may run beside `send`."""

    Settings: ClassVar[type[ChannelSettings]] = SmsSettings

    def __init__(self, name: str, settings: SmsSettings, /) -> None:
        self.name = name
        self._settings = settings
        self._messages: TwilioMessages | None = None
        self._opening = threading.Lock()

    @property
    def traits(self) -> Traits:
        settings = self._settings
        return Traits(
            batch_size=5,
            report_within=timedelta(seconds=settings.report_within),
            pace=Pace(settings.per_second),
            in_doubt=InDoubt.ASK,
        )

    def send(self, message: Message, targets: Sequence[Target], /) -> Iterator[Receipt]:
        """One message to each target, in their order; `accepted` with the message's SID."""
        self._settings.must_carry(message.status)
        for target in targets:
            yield self._hand_over(message, target)

    def receive(self, callback: Callback, /) -> Reply:
        """Hear what became of a message."""
        from channels.twilio_signature import genuine_form

        form = genuine_form(callback, self._settings)
        if callback.target is None:
            return Reply(status=404)
        code = form.get("ErrorCode", "")
        state = form.get("MessageStatus", "")
        error = int(code) if code.isascii() and code.isdigit() else None
        return Reply(
            receipts=(_receipt(callback.target.key, form.get("MessageSid"), state, error),), status=204
        )

    def ask(self, inquiry: Inquiry, /) -> Receipt | None:
        """What became of a message: by its SID, else by its number and words; None = it never arrived there."""
        messages = self._opened()
        found: MessageState | None
        if inquiry.ref is not None:
            found = messages.fetch(inquiry.ref)
        else:
            body = _parts(inquiry.message.text)[-1]
            since = inquiry.handed_at - _CLOCK_SKEW
            others = messages.find(inquiry.target.address, body, since)
            found = next((one for one in others if one.sid not in inquiry.other_refs), None)
        return None if found is None else _receipt(inquiry.target.key, found.sid, found.state, found.error)

    def probe(self) -> str:
        """Asks for the account: nothing that anybody reads."""
        name, state = self._opened().account.name_and_state()
        if state != "active":
            raise ChannelMisconfigured(f"the account is {state}, not active")
        return f"The account “{name}” is active."

    def preview(self, message: Message, /) -> Sequence[Part]:
        """The text as it would be written, in as many messages as it takes."""
        return tuple(
            Part(f"SMS {number}", "text/plain", part)
            for number, part in enumerate(_parts(message.text), start=1)
        )

    def close(self) -> None:
        """Lets go of every connection; may be called twice."""
        with self._opening:
            if self._messages is not None:
                self._messages.close()
                self._messages = None

    def _hand_over(self, message: Message, target: Target) -> Receipt:
        from channels.twilio_account import NoReply, Refusal

        if objection_ := objection(target.address, self._settings.countries):
            return Receipt(
                key=target.key, outcome=Outcome.FAILED, reason=Reason.BAD_ADDRESS, detail=objection_
            )
        sender = self._settings.sender
        by = {"messaging_service_sid": sender} if sender.startswith("MG") else {"from_": sender}
        sid = None
        try:
            parts = _parts(message.text)
            for number, part in enumerate(parts, start=1):
                last = {"status_callback": target.answer_url} if number == len(parts) else {}
                sid = self._opened().send(to=target.address, body=part, **by, **last)
        except Refusal as refusal:
            return Receipt(
                key=target.key, outcome=refusal.outcome, reason=refusal.reason, detail=refusal.detail
            )
        except NoReply as error:
            return Receipt(key=target.key, outcome=Outcome.UNKNOWN, reason=Reason.IN_DOUBT, detail=str(error))
        return Receipt(key=target.key, outcome=Outcome.ACCEPTED, ref=sid)

    def _opened(self) -> TwilioMessages:
        from channels.twilio_messages import TwilioMessages  # the SDK takes a while to load

        with self._opening:
            if self._messages is None:
                self._messages = TwilioMessages(self._settings)
            return self._messages


def _parts(text: str) -> list[str]:
    """The text in pieces that one request takes each; nothing is lost between them."""
    return [text[begin : begin + LONGEST] for begin in range(0, max(len(text), 1), LONGEST)]


def _receipt(key: str, sid: str | None, state: str, error: int | None) -> Receipt:
    detail = f"{state}, error {error}" if error else state
    if state in _DELIVERED:
        return Receipt(key=key, outcome=Outcome.DELIVERED, ref=sid, detail=detail)
    if state in _FAILED:
        outcome, reason = _REASONS.get(error or 0, (Outcome.FAILED, Reason.OTHER))
        return Receipt(key=key, outcome=outcome, reason=reason, ref=sid, detail=detail)
    return Receipt(key=key, outcome=Outcome.ACCEPTED, ref=sid, detail=detail)
