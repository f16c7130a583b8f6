"""The messages (SMS) of one Twilio account, over the same transport as the calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from twilio.base.exceptions import TwilioException, TwilioRestException  # type: ignore[import-untyped]
from twilio.rest import Client  # type: ignore[import-untyped]

from channels.twilio_calls import NoReply, _told, _Transport, _unanswered

#: newest messages to one number that are looked through when one is sought
_LOOKED_THROUGH = 50


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

    def __init__(
        self,
        account_sid: str,
        auth_token: str,
        *,
        api_url: str | None,
        edge: str | None,
        region: str | None,
        proxy: str | None,
        timeout: float,
    ) -> None:
        self._account_sid = account_sid
        self._transport = _Transport(timeout, 4, proxy)
        self._client = Client(
            account_sid,
            auth_token,
            edge=edge,
            region=region,
            http_client=self._transport,
            # an empty mapping would make the SDK read TWILIO_EDGE and others from os.environ
            environment={"TWILIO_EDGE": "", "TWILIO_REGION": ""},
        )
        if api_url:
            self._client.api.base_url = api_url.rstrip("/")
        self._messages = self._client.messages

    def send(self, **message: Any) -> str:
        """Hands a message over and gives its SID.

        Raises NotSent, NoReply (it may be on its way), Refusal, ChannelBusy or ChannelMisconfigured.
        """
        try:
            sid = self._messages.create(**message).sid
        except TwilioException as error:
            raise _told(error) from error
        except (ValueError, KeyError, TypeError) as error:
            raise NoReply("the telephone network answered with something else than a message") from error
        return str(sid)

    def fetch(self, sid: str) -> MessageState | None:
        """The message by its SID; None when the far end does not know it."""
        try:
            return _state(self._messages(sid).fetch())
        except TwilioRestException as error:
            if error.status == 404:
                return None
            raise _unanswered(error) from error
        except (ValueError, KeyError, TypeError) as error:
            raise NoReply("the telephone network answered with something else than a message") from error

    def find(self, to: str, body: str, after: datetime) -> Sequence[MessageState]:
        """The messages to a number with this text that were created since."""
        try:
            listed = [_state(one) for one in self._messages.list(to=to, page_size=50, limit=_LOOKED_THROUGH)]
        except TwilioException as error:
            raise _unanswered(error) from error
        except (ValueError, KeyError, TypeError) as error:
            raise NoReply("the telephone network answered with something else than messages") from error
        return [
            one for one in listed if one.body == body and (one.created_at is None or one.created_at >= after)
        ]

    def account(self) -> tuple[str, str]:
        """Name and state of the account."""
        try:
            account = self._client.api.v2010.accounts(self._account_sid).fetch()
        except TwilioException as error:
            raise _unanswered(error) from error
        except (ValueError, KeyError, TypeError) as error:
            raise NoReply("what answers is not a telephone network") from error
        return str(account.friendly_name), str(account.status)

    def close(self) -> None:
        """Lets go of every connection; may be called twice."""
        self._transport.close()


def _state(message: Any) -> MessageState:
    return MessageState(
        sid=str(message.sid),
        state=str(message.status),
        error=int(message.error_code) if message.error_code else None,
        body=str(message.body or ""),
        created_at=message.date_created,
    )
