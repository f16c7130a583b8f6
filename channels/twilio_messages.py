"""The messages (SMS) of one Twilio account: sent, fetched and found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from twilio.base.exceptions import TwilioRestException  # type: ignore[import-untyped]

from channels.twilio_account import TwilioAccount, asking, creating
from channels.twilio_settings import TwilioSettings

#: newest messages to one number that are looked through when one is sought
_LOOKED_THROUGH = 50
#: requests at a time
_CONNECTIONS = 4


@dataclass(frozen=True, slots=True)
class MessageState:
    """A message as the far end has it now."""

    sid: str
    #: queued, sent, delivered, undelivered, failed, …
    state: str
    error: int | None
    body: str
    created_at: datetime | None


class TwilioMessages:
    """Sends, fetches and finds messages. Lives until `close`."""

    def __init__(self, settings: TwilioSettings) -> None:
        self.account = TwilioAccount(settings, connections=_CONNECTIONS)
        self._messages = self.account.client.messages

    def send(self, **message: Any) -> str:
        """Hands a message over and gives its SID. Raises as `creating`; after NoReply it may be on its way."""
        with creating("a message"):
            return str(self._messages.create(**message).sid)

    def fetch(self, sid: str) -> MessageState | None:
        """The message by its SID; None when the far end does not know it."""
        with asking("a message"):
            try:
                return _state(self._messages(sid).fetch())
            except TwilioRestException as error:
                if error.status == 404:
                    return None
                raise

    def find(self, to: str, body: str, after: datetime) -> Sequence[MessageState]:
        """The messages to a number with this text that were created since."""
        with asking("messages"):
            listed = [_state(one) for one in self._messages.list(to=to, page_size=50, limit=_LOOKED_THROUGH)]
        return [
            one for one in listed if one.body == body and (one.created_at is None or one.created_at >= after)
        ]

    def close(self) -> None:
        """Lets go of every connection; may be called twice."""
        self.account.close()


def _state(message: Any) -> MessageState:
    return MessageState(
        sid=str(message.sid),
        state=str(message.status),
        error=int(message.error_code) if message.error_code else None,
        body=str(message.body or ""),
        created_at=message.date_created,
    )
