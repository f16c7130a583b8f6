"""A signed report of a far end about one delivery: believed when it is genuine, recent, and about that one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from pydantic import BaseModel, SecretStr, ValidationError

from alertd.channel import Callback, Receipt, Reply
from alertd.errors import ForgedCallback
from channels.webhook_signature import check


class SignedReport(BaseModel):
    """What every report says; each kind adds what became of it."""

    #: of the delivery
    key: str


Report = TypeVar("Report", bound=SignedReport)


def believed(
    secret: SecretStr,
    callback: Callback,
    now: datetime,
    kind: type[Report],
    meaning: Callable[[Report], Receipt],
) -> Reply:
    """The reply to a report, with its `meaning`. Raises ForgedCallback.

    1. It is signed with the secret, and recently.
    2. It can be read: else 400.
    3. It is about the delivery that its URL names: no such delivery is 404, another one forged.
    """
    check(secret, callback, now)
    try:
        report = kind.model_validate_json(callback.body)
    except ValidationError:
        return Reply(status=400, body=b"the report cannot be read\n")
    if callback.target is None:
        return Reply(status=404, body=b"there is no such delivery\n")
    if report.key != callback.target.key:
        raise ForgedCallback("the report is about another delivery than its URL")
    return Reply(receipts=(meaning(report),))
