"""The signature of the webhook's documents: the same in both directions, with the time.

`X-Alertd-Signature: t=1795395600,v1=HEX`, an HMAC-SHA256 over the time, a dot and the body.
"""

from __future__ import annotations

import hmac
from datetime import datetime, timedelta

from pydantic import SecretStr

from alertd.channel import Callback
from alertd.errors import ForgedCallback

HEADER = "X-Alertd-Signature"
#: How far the clocks of both sides may differ; an older document is a replayed one.
TOLERANCE = timedelta(minutes=10)


def signed(secret: SecretStr, body: bytes, now: datetime) -> str:
    """The header's value for a body."""
    stamp = str(int(now.timestamp()))
    return f"t={stamp},v1={_digest(secret, stamp, body)}"


def check(secret: SecretStr, callback: Callback, now: datetime) -> None:
    """Raises ForgedCallback unless the callback is signed with this secret, and recently."""
    said = next((value for name, value in callback.headers.items() if name.lower() == HEADER.lower()), "")
    parts = dict(part.partition("=")[::2] for part in said.split(","))
    stamp, signature = parts.get("t", ""), parts.get("v1", "")
    if not hmac.compare_digest(signature.encode(), _digest(secret, stamp, callback.body).encode()):
        raise ForgedCallback("the signature does not fit the report")
    if not stamp.isdigit():
        raise ForgedCallback("the signature has no time")
    if abs(now.timestamp() - int(stamp)) > TOLERANCE.total_seconds():
        raise ForgedCallback("the report is too old, or from the future")


def _digest(secret: SecretStr, stamp: str, body: bytes) -> str:
    return hmac.new(secret.get_secret_value().encode(), stamp.encode() + b"." + body, "sha256").hexdigest()
