"""The keys of a `[channels.NAME]` section with `kind = "gateway"`, and what a station is called."""

from __future__ import annotations

import re

from pydantic import Field

from channels.signed_http import SignedLineSettings

_STATION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}", re.ASCII)


class GatewaySettings(SignedLineSettings):
    """One control desk of loudspeakers. A recipient's address is a station's number there. Times in seconds."""

    #: after the hand-over: until the gateway is asked for answers that it has not reported itself
    ask_after: float = Field(default=30.0, gt=0)
    #: after the hand-over and twice the sound: a station that has not answered by then is unconfirmed
    answer_within: float = Field(default=180.0, gt=0)


def station(address: str) -> str:
    """The number of a station (子局). Raises ValueError with what is wrong."""
    if _STATION.fullmatch(address) is None:
        raise ValueError("the address is not a station's number, such as RNN-012")
    return address
