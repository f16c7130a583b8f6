"""RTCP (RFC 3550 §6): beside the sound, who sends it, what it is, and that it has ended.

This is where machines see the delivery's key (CNAME) and that a page is a drill (PRIV).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from datetime import UTC, datetime

_SENDER_REPORT, _SOURCE_DESCRIPTION, _BYE = 200, 202, 203
_CNAME, _TOOL, _PRIV = 1, 6, 8
_NTP_EPOCH = datetime(1900, 1, 1, tzinfo=UTC)
_LONGEST_ITEM = 255
#: Before the names of our own items.
PREFIX = "alertd."


def report(ssrc: int, *, at: datetime, timestamp: int, packets: int, octets: int) -> bytes:
    """A sender report: which RTP time is which time of day, and what was sent so far."""
    passed = at - _NTP_EPOCH
    seconds = passed.days * 86400 + passed.seconds
    fraction = (passed.microseconds << 32) // 1_000_000
    body = struct.pack(
        "!IIIIII", ssrc, seconds & 0xFFFFFFFF, fraction, timestamp, packets, octets & 0xFFFFFFFF
    )
    return _packet(_SENDER_REPORT, 0, body)


def description(ssrc: int, *, key: str, marks: Mapping[str, str]) -> bytes:
    """A source description: the delivery's key, and marks such as `status`: `Exercise`."""
    items = _item(_CNAME, key.encode()) + _item(_TOOL, b"alertd")
    for name, value in marks.items():
        prefix = (PREFIX + name).encode()
        items += _item(_PRIV, bytes([len(prefix)]) + prefix + value.encode("utf-8", "replace"))
    chunk = struct.pack("!I", ssrc) + items
    # at least one zero ends the list, and the chunk is filled up to whole words
    return _packet(_SOURCE_DESCRIPTION, 1, chunk + bytes(4 - len(chunk) % 4))


def bye(ssrc: int) -> bytes:
    """The stream has ended."""
    return _packet(_BYE, 1, struct.pack("!I", ssrc))


def _item(kind: int, value: bytes) -> bytes:
    value = value[:_LONGEST_ITEM]
    return bytes([kind, len(value)]) + value


def _packet(kind: int, count: int, body: bytes) -> bytes:
    return struct.pack("!BBH", 0x80 | count, kind, len(body) // 4) + body
