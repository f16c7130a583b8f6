"""The contact that hands a transmitter over to us: closed while it is ours, open when it is given back.

modbus://HOST[:PORT]/COIL[?unit=1]   Modbus/TCP, read back from the box
http://HOST/rc.cgi?o=1,{state}       a box that is led by its web page: {state} is 1 or 0
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Protocol
from urllib.parse import parse_qs, urlsplit

from alertd.clock import stopwatch
from alertd.errors import ChannelMisconfigured, ChannelUnavailable
from channels import modbus

#: the part of an address that becomes 1 or 0
STATE = "{state}"
#: until a contact must have moved, seconds
_MOVED_WITHIN = 1.0
_MODBUS_PORT = 502


class Contact(Protocol):
    """Every call raises ChannelUnavailable or ChannelMisconfigured."""

    def set(self, *, closed: bool) -> None:
        """Closes or opens it; twice is harmless."""
        ...

    def closed(self) -> bool | None:
        """Whether it is closed, as the box itself reads it; None = the box cannot be read."""
        ...


def contact(address: str, read: str, timeout: float) -> Contact:
    """The contact at an address of the forms above. Raises ValueError."""
    parts = urlsplit(address)
    if parts.scheme == "modbus" and parts.hostname and re.fullmatch(r"/\d{1,5}", parts.path):
        unit = parse_qs(parts.query).get("unit", ["1"])[0]
        if not re.fullmatch(r"\d{1,3}", unit):
            raise ValueError("has a unit that is no number")
        place = (parts.hostname, parts.port or _MODBUS_PORT)
        return ModbusContact(place=place, unit=int(unit), coil=int(parts.path[1:]), timeout=timeout)
    if parts.scheme == "http" and parts.hostname and STATE in address:
        return WebContact(address=address, read=read, timeout=timeout)
    raise ValueError('must be like "modbus://192.0.2.7/0" or "http://192.0.2.7/rc.cgi?o=1,{state}"')


def moved(one: Contact, *, closed: bool) -> bool | None:
    """Moves a contact and waits for its own word; True = proven, None = it cannot be read.

    Raises ChannelUnavailable when the box says that it did not move.
    """
    deadline = stopwatch() + _MOVED_WITHIN
    while True:
        one.set(closed=closed)
        state = one.closed()
        if state is None or state is closed:
            return None if state is None else True
        if stopwatch() >= deadline:
            raise ChannelUnavailable(f"the contact did not {'close' if closed else 'open'}")
        # a relay needs a moment
        time.sleep(0.1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModbusContact:
    """A coil of a box that speaks Modbus/TCP."""

    place: tuple[str, int]
    unit: int
    coil: int
    timeout: float

    def set(self, *, closed: bool) -> None:
        modbus.switch(self.place, self.unit, self.coil, closed=closed, timeout=self.timeout)

    def closed(self) -> bool | None:
        return modbus.is_closed(self.place, self.unit, self.coil, timeout=self.timeout)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebContact:
    """An output of a box that is led by addresses of its web page."""

    address: str
    #: the address whose answer ends in 1 while the contact is closed, in 0 while it is open; empty = there is none
    read: str
    timeout: float

    def set(self, *, closed: bool) -> None:
        _fetched(self.address.replace(STATE, "1" if closed else "0"), self.timeout)

    def closed(self) -> bool | None:
        if not self.read:
            return None
        said = re.search(r"([01])\D*$", _fetched(self.read, self.timeout))
        if said is None:
            raise ChannelMisconfigured("what the box says of its contact ends neither in 1 nor in 0")
        return said[1] == "1"


def _fetched(address: str, timeout: float) -> str:
    parts = urlsplit(address)
    connection = HTTPConnection(parts.hostname or "", parts.port or 80, timeout=timeout)
    try:
        connection.request("GET", f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/")
        reply = connection.getresponse()
        body = reply.read(10_000)
    except (OSError, HTTPException) as error:
        raise ChannelUnavailable("the box with the contact cannot be reached") from error
    finally:
        connection.close()
    if reply.status in (401, 403, 404):
        raise ChannelMisconfigured(f"the box with the contact answered {reply.status}")
    if reply.status != 200:
        raise ChannelUnavailable(f"the box with the contact answered {reply.status}")
    return body.decode("latin-1")
