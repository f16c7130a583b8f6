"""Modbus/TCP: one relay output (coil) of a box in the studio, switched and read back.

Modbus Application Protocol 1.1b3, functions 1 (read coils) and 5 (write single coil).
"""

from __future__ import annotations

import secrets
import socket
import struct

from alertd.errors import ChannelMisconfigured, ChannelUnavailable

_READ_COILS, _WRITE_COIL = 1, 5
_ON, _OFF = 0xFF00, 0x0000
_EXCEPTIONS = {1: "does not know the function", 2: "has no such output", 3: "does not take the value"}


def switch(place: tuple[str, int], unit: int, coil: int, *, closed: bool, timeout: float) -> None:
    """Closes or opens the contact. Raises ChannelUnavailable or ChannelMisconfigured."""
    value = _ON if closed else _OFF
    sent = struct.pack("!BHH", _WRITE_COIL, coil, value)
    if _asked(place, unit, sent, timeout) != sent:
        raise ChannelUnavailable("the relay echoed another order than ours")


def is_closed(place: tuple[str, int], unit: int, coil: int, *, timeout: float) -> bool:
    """Whether the contact is closed, as the box itself reads it."""
    reply = _asked(place, unit, struct.pack("!BHH", _READ_COILS, coil, 1), timeout)
    if len(reply) != 3:
        raise ChannelUnavailable("the relay's answer is not understood")
    return bool(reply[2] & 1)


def _asked(place: tuple[str, int], unit: int, question: bytes, timeout: float) -> bytes:
    """The answer without its header."""
    number = secrets.randbits(16)
    try:
        with socket.create_connection(place, timeout) as connection:
            connection.sendall(struct.pack("!HHHB", number, 0, len(question) + 1, unit) + question)
            head = _exactly(connection, 7)
            answered, protocol, length, _ = struct.unpack("!HHHB", head)
            if answered != number or protocol != 0 or not 2 <= length <= 254:
                raise ConnectionError("this is no Modbus answer to our question")
            answer = _exactly(connection, length - 1)
    except OSError as error:
        raise ChannelUnavailable("the relay in the studio cannot be reached") from error
    if answer[0] & 0x80:
        why = _EXCEPTIONS.get(answer[1] if len(answer) > 1 else 0, "refuses the order")
        raise ChannelMisconfigured(f"the relay in the studio {why}")
    return answer


def _exactly(connection: socket.socket, number: int) -> bytes:
    data = b""
    while len(data) < number:
        piece = connection.recv(number - len(data))
        if not piece:
            raise ConnectionError("the conversation broke off")
        data += piece
    return data
