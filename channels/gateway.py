"""The gateway channel: hands announcements to the control desk of a loudspeaker network, station by station.

For a desk that takes CAP 1.2 and a sound over HTTP and knows which station (子局) has answered.
Each station is a recipient with an outcome of its own. No answer is “sent, unconfirmed”, never
`delivered`. docs/loudspeakers.md says what goes over the line.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import ClassVar

from pydantic import ValidationError

from alertd.channel import (
    Callback,
    ChannelSettings,
    InDoubt,
    Inquiry,
    Medium,
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
from alertd.errors import ChannelMisconfigured, ChannelUnavailable
from alertd.speech import OUTDOOR_WIDE_AUDIO, Sound
from channels.gateway_answer import Answer, State, receipt_of
from channels.gateway_order import order
from channels.gateway_settings import GatewaySettings, station
from channels.signed_http import ReplyLost, SignedLine
from channels.signed_report import believed

_JSON = "application/json"


class GatewayChannel:
    """One network of stations behind one gateway."""

    Settings: ClassVar[type[ChannelSettings]] = GatewaySettings

    def __init__(self, name: str, settings: GatewaySettings, /, *, clock: Clock | None = None) -> None:
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
        self._guard = threading.Lock()

    @property
    def traits(self) -> Traits:
        return Traits(
            medium=Medium.OUTDOOR,
            batch_size=25,
            exclusive=True,
            audio=OUTDOOR_WIDE_AUDIO,
            report_within=timedelta(seconds=self._settings.ask_after),
            in_doubt=InDoubt.ASK,
        )

    def send(self, message: Message, targets: Sequence[Target], /) -> Iterator[Receipt]:
        """One order for all stations; the gateway says of each whether it will speak."""
        self._settings.must_carry(message.status)
        ready: list[Target] = []
        for target in targets:
            try:
                station(target.address)
            except ValueError as error:
                yield _failed(target, Reason.BAD_ADDRESS, str(error))
            else:
                ready.append(target)
        if not ready:
            return
        sound = _sound(message.audio)
        if sound is None:
            for target in ready:
                detail = "there is no sound to send yet"
                yield Receipt(key=target.key, outcome=Outcome.DEFERRED, reason=Reason.OTHER, detail=detail)
            return
        content_type, body = order(message, ready, sound)
        try:
            status, reply = self._request("", body, content_type)
        except ReplyLost as lost:
            for target in ready:
                yield Receipt(
                    key=target.key, outcome=Outcome.UNKNOWN, reason=Reason.IN_DOUBT, detail=str(lost)
                )
            return
        yield from _taken(ready, status, reply)

    def ask(self, inquiry: Inquiry, /) -> Receipt | None:
        """What the gateway knows of a station; after `answer_within` its silence is the last word."""
        try:
            receipt = self._asked("/answers", inquiry.target.key)
        except ChannelUnavailable:
            if inquiry.ref is None or not self._too_late(inquiry):
                raise
            receipt = Receipt(key=inquiry.target.key, outcome=Outcome.ACCEPTED)
        if receipt is not None and receipt.outcome is Outcome.ACCEPTED and self._too_late(inquiry):
            silence = receipt_of(Answer(key=receipt.key, state=State.NO_ANSWER))
            return receipt if receipt.reason is not None else silence._replace(ref=receipt.ref)
        return receipt

    def recall(self, inquiry: Inquiry, /) -> Receipt | None:
        """Takes an announcement off at a station that has not spoken it; None = it never will."""
        receipt = self._asked("/recall", inquiry.target.key)
        withdrawn = receipt is not None and receipt.reason is Reason.REFUSED
        return None if withdrawn else receipt

    def receive(self, callback: Callback, /) -> Reply:
        """Believes an answer that is signed, recent, and about the delivery of its URL."""
        return believed(self._settings.secret, callback, self._clock.now(), Answer, receipt_of)

    def probe(self) -> str:
        """Asks the gateway for its OPTIONS, signed; no loudspeaker speaks."""
        with self._guard:
            return self._line.probe()

    def preview(self, message: Message, /) -> Sequence[Part]:
        """The words, and the document that goes with them."""
        parts = [Part("放送文 / Words", "text/plain", message.text)]
        if message.document:
            parts.append(Part("CAP", "application/cap+xml", message.document.decode("utf-8", "replace")))
        return parts

    def close(self) -> None:
        """Closes the connection; may be called twice."""
        with self._guard:
            self._line.close()

    def _asked(self, below: str, key: str) -> Receipt | None:
        """The gateway's answer about one delivery; None = it has never heard of it."""
        try:
            status, reply = self._request(below, json.dumps({"key": key}).encode(), _JSON)
        except ReplyLost as lost:
            raise ChannelUnavailable(str(lost)) from None
        if status == 404:
            return None
        _must_be_taken(status)
        try:
            answer = Answer.model_validate_json(reply)
        except ValidationError:
            raise ChannelUnavailable("the gateway's answer cannot be read") from None
        if answer.key != key:
            raise ChannelUnavailable("the gateway answered about another delivery")
        return receipt_of(answer)

    def _request(self, below: str, body: bytes, content_type: str) -> tuple[int, bytes]:
        with self._guard:
            return self._line.request("POST", body, below=below, content_type=content_type)

    def _too_late(self, inquiry: Inquiry) -> bool:
        sound = inquiry.message.audio
        seconds = self._settings.answer_within + 2 * (sound.seconds if sound is not None else 0.0)
        return inquiry.asked_at >= inquiry.handed_at + timedelta(seconds=seconds)


def _taken(targets: Sequence[Target], status: int, reply: bytes) -> Iterator[Receipt]:
    """What the gateway's reply to an order says of each station."""
    if 200 <= status < 300:
        answers = _answers(reply)
        for target in targets:
            answer = answers.get(target.key)
            if answer is not None:
                yield receipt_of(answer)
            else:
                detail = "the gateway said nothing of this station"
                yield Receipt(key=target.key, outcome=Outcome.UNKNOWN, reason=Reason.IN_DOUBT, detail=detail)
        return
    if 400 <= status < 500 and status not in (401, 403, 408, 425, 429):
        yield from (_failed(target, Reason.REFUSED, f"HTTP {status}") for target in targets)
        return
    _must_be_taken(status, tried=True)
    reason = Reason.RATE_LIMITED if status == 429 else Reason.OTHER
    for target in targets:
        yield Receipt(key=target.key, outcome=Outcome.DEFERRED, reason=reason, detail=f"HTTP {status}")


def _must_be_taken(status: int, *, tried: bool = False) -> None:
    """Raises for a status that is not about what was asked, but about us or the gateway."""
    if status in (401, 403):
        raise ChannelMisconfigured(f"the gateway does not accept our signature ({status}); see `secret_file`")
    if not tried and status >= 500:
        raise ChannelUnavailable(f"the gateway answers with {status}")


def _answers(reply: bytes) -> dict[str, Answer]:
    """`{"stations": [answer, …]}` by key; what cannot be read is not there."""
    try:
        said = json.loads(reply)
        return {answer.key: answer for answer in (Answer.model_validate(one) for one in said["stations"])}
    except (ValueError, TypeError, KeyError):
        return {}


def _sound(sound: Sound | None) -> bytes | None:
    """The file, when it is there and the one that was made."""
    if sound is None:
        return None
    try:
        data = sound.path.read_bytes()
    except OSError:
        return None
    return data if hashlib.sha256(data).hexdigest() == sound.digest else None


def _failed(target: Target, reason: Reason, detail: str) -> Receipt:
    return Receipt(key=target.key, outcome=Outcome.FAILED, reason=reason, detail=detail)
