"""A sign of life of a SIP exchange: one OPTIONS request (RFC 3261 §11), heard by nobody."""

from __future__ import annotations

import secrets
import socket

from alertd.clock import stopwatch
from alertd.errors import ChannelMisconfigured, ChannelUnavailable

#: Until the request is sent again: the first time, and at most (RFC 3261 §17.1.2.2), seconds.
_FIRST, _LONGEST = 0.5, 4.0


def sign_of_life(place: tuple[str, int], caller: str, interface: str, *, within: float) -> str:
    """The exchange's reply, e.g. "200 OK"; any reply is a sign of life.

    Raises ChannelUnavailable when there is none in `within` seconds, and
    ChannelMisconfigured when `interface` is not an address of this machine.
    """
    deadline = stopwatch() + within
    pause = _FIRST
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        try:
            line.bind((interface, 0))
        except OSError as error:
            raise ChannelMisconfigured(f"{interface} is not an address of this machine") from error
        try:
            line.connect(place)
            call = secrets.token_hex(8)
            request = _request(place, caller, line.getsockname(), call)
            while (left := deadline - stopwatch()) > 0:
                line.send(request)
                line.settimeout(min(pause, left))
                pause = min(pause * 2, _LONGEST)
                try:
                    reply = line.recv(65536)
                except TimeoutError:
                    continue
                if reply.startswith(b"SIP/2.0 ") and call.encode() in reply:
                    return reply.partition(b"\r\n")[0].decode(errors="replace").removeprefix("SIP/2.0 ")
        except OSError as error:
            raise ChannelUnavailable(f"no way to the exchange: {error.strerror or error}") from error
    raise ChannelUnavailable(f"the exchange gave no sign of life within {within:g} s")


def _request(place: tuple[str, int], caller: str, ours: tuple[str, int], call: str) -> bytes:
    there, here = f"{place[0]}:{place[1]}", f"{ours[0]}:{ours[1]}"
    lines = (
        f"OPTIONS sip:{there} SIP/2.0",
        f"Via: SIP/2.0/UDP {here};branch=z9hG4bK{call};rport",
        "Max-Forwards: 70",
        f"From: <sip:{caller}@{there}>;tag={call[:8]}",
        f"To: <sip:{there}>",
        f"Call-ID: {call}",
        "CSeq: 1 OPTIONS",
        f"Contact: <sip:{caller}@{here}>",
        "Accept: application/sdp",
        "Content-Length: 0",
    )
    return "\r\n".join((*lines, "", "")).encode()
