"""The calls of one Twilio account: placed, fetched, cancelled and found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from twilio.base.exceptions import TwilioRestException  # type: ignore[import-untyped]

from channels.twilio_account import NoReply, TwilioAccount, asking, creating
from channels.twilio_settings import TwilioSettings

#: Newest calls of one number that are looked through when a call is sought.
_LOOKED_THROUGH = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class CallState:
    """A call as the far end has it now."""

    sid: str
    state: str
    answered_by: str
    created_at: datetime
    #: whole seconds that the line was up, None before the end
    seconds: int | None


class TwilioCalls:
    """Places, fetches and finds calls; safe from several threads. Lives until `close`."""

    def __init__(self, settings: TwilioSettings, *, connections: int) -> None:
        self.account = TwilioAccount(settings, connections=connections)
        # built here once, because the SDK builds it on first use without a lock
        self._calls = self.account.client.calls

    def place(self, **call: Any) -> str:
        """Starts a call and gives its SID. The arguments are those of `calls.create`.

        Raises as `creating`; after NoReply it may ring.
        """
        with creating("a call"):
            sid = self._calls.create(**call).sid
        if not sid:
            raise NoReply("the telephone network answered with a call without a name")
        return str(sid)

    def fetch(self, sid: str) -> CallState | None:
        """The call by its SID; None when the far end does not know it."""
        with asking("a call"):
            try:
                return _state(self._calls(sid).fetch())
            except TwilioRestException as error:
                if error.status == 404:
                    return None
                raise

    def cancel(self, sid: str) -> CallState | None:
        """Stops a call that nobody has answered; None when it is too late for that."""
        with asking("a call"):
            try:
                return _state(self._calls(sid).update(status="canceled"))
            except TwilioRestException as error:
                if error.status in (400, 404):
                    return None
                raise

    def find(self, to: str, from_: str, *, after: datetime, before: datetime) -> Sequence[CallState]:
        """The calls between these numbers that were created within the span, oldest first.

        No StartTime filter: a call that still waits in the queue has none.
        """
        with asking("calls"):
            listed = self._calls.list(to=to, page_size=50, limit=_LOOKED_THROUGH)
            found = [_state(call) for call in listed if call._from == from_]
        return sorted(
            (call for call in found if after <= call.created_at <= before), key=lambda call: call.created_at
        )

    def close(self) -> None:
        """Lets go of every connection; may be called twice."""
        self.account.close()


def _state(call: Any) -> CallState:
    return CallState(
        sid=str(call.sid),
        state=str(call.status),
        answered_by=call.answered_by or "",
        created_at=call.date_created,
        seconds=int(call.duration) if call.duration else None,
    )
