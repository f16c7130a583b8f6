"""One RTP page as a loudspeaker heard it, put together from its packets."""

from __future__ import annotations

import hashlib
import struct
import sys
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

#: of the static payload types: the code of WAV files, and how a sample is written
_ULAW, _ALAW, _PCM = 7, 6, 1
_CODES = {0: _ULAW, 8: _ALAW}
_RTP = struct.Struct("!BBHII")


@dataclass(slots=True, kw_only=True, eq=False)
class Page:
    """Grows with each packet; one for each (zone, SSRC)."""

    zone: str
    ssrc: int
    start: datetime
    end: datetime
    #: arrival of the first and of the last packet, on the stopwatch
    first_at: float = 0.0
    last_at: float = 0.0
    #: payload by sequence number, counted over its wrapping
    payloads: dict[int, bytes] = field(default_factory=dict)
    #: longest time between two arrivals, seconds
    longest_gap: float = 0.0
    #: packets that came a second time
    doubles: int = 0
    #: packets that came after a later one
    disordered: int = 0
    payload_type: int = 0
    #: whether its first packet had the marker
    marked: bool = False
    #: whether the sender said that it has ended
    said_bye: bool = False
    #: whether each packet's RTP time fits its number
    timely: bool = True
    #: the delivery's key, as far as it was said
    key: str | None = None
    #: what else was said of it: `status`, `kind`, …
    marks: dict[str, str] = field(default_factory=dict)
    _first_timestamp: int = 0
    _highest: int = 0

    def take(self, packet: bytes, at: float, now: datetime) -> None:
        """Adds one RTP packet that arrived at `at` on the stopwatch."""
        _, marker_type, sequence, timestamp, _ = _RTP.unpack_from(packet)
        payload = packet[_RTP.size :]
        if not self.payloads:
            self.marked, self.payload_type = bool(marker_type & 0x80), marker_type & 0x7F
            self._first_timestamp, self._highest, self.first_at = timestamp, sequence, at
            number = sequence
        else:
            self.longest_gap = max(self.longest_gap, at - self.last_at)
            number = self._highest + ((sequence - self._highest + 0x8000) & 0xFFFF) - 0x8000
        self.last_at, self.end = at, now
        if number in self.payloads:
            self.doubles += 1
            return
        self.disordered += number < self._highest
        self._highest = max(self._highest, number)
        samples = len(payload) // self._width
        expected = (self._first_timestamp + (number - min(self.payloads, default=number)) * samples) & (
            2**32 - 1
        )
        self.timely = self.timely and timestamp == expected
        self.payloads[number] = payload

    @property
    def _code(self) -> int:
        return _CODES.get(self.payload_type, _PCM)

    @property
    def _width(self) -> int:
        """Bytes of a sample: every dynamic type here is L16."""
        return 2 if self._code == _PCM else 1

    @property
    def _rate(self) -> int:
        return 8000 * self._width

    @property
    def sound(self) -> bytes:
        """The samples in order, as they were sent, without those that were lost."""
        return b"".join(self.payloads[number] for number in sorted(self.payloads))

    @property
    def lost(self) -> int:
        """Packets missing between the first and the last."""
        return max(self.payloads) - min(self.payloads) + 1 - len(self.payloads) if self.payloads else 0

    def entry(self) -> dict[str, object]:
        """The line of the ledger."""
        sound = self.sound
        return {
            "group": self.zone,
            "ssrc": self.ssrc,
            "key": self.key,
            "marks": dict(self.marks),
            "packets": len(self.payloads),
            "lost": self.lost,
            "doubles": self.doubles,
            "disordered": self.disordered,
            "marked": self.marked,
            "timely": self.timely,
            "payload_type": self.payload_type,
            "max_gap_ms": round(self.longest_gap * 1000, 1),
            "sha256": hashlib.sha256(sound).hexdigest(),
            "seconds": round(len(sound) / self._width / self._rate, 3),
            "heard_for": round(self.last_at - self.first_at, 3),
            "start": self.start.isoformat(),
            "end": self.end.isoformat(),
        }

    def write(self, path: Path) -> None:
        """The sound as a WAV file of its encoding."""
        width, rate, sound = self._width, self._rate, self.sound
        if width == 2:
            words = array("h", sound)
            if sys.byteorder == "little":
                words.byteswap()
            sound = words.tobytes()
        format = struct.pack("<HHIIHHH", self._code, 1, rate, rate * width, width, 8 * width, 0)
        fact = struct.pack("<I", len(sound) // width)
        chunks = b"".join(
            name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)
            for name, body in ((b"fmt ", format), (b"fact", fact), (b"data", sound))
        )
        path.write_bytes(b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WAVE" + chunks)


@dataclass(frozen=True, slots=True)
class Control:
    """What one RTCP packet said of a stream."""

    ssrc: int
    key: str | None
    marks: dict[str, str]
    ended: bool


def read_control(data: bytes) -> Control | None:
    """The gist of a compound RTCP packet; None when it is none."""
    ssrc: int | None = None
    key: str | None = None
    marks: dict[str, str] = {}
    ended = False
    while len(data) >= 8 and data[0] >> 6 == 2:
        length = 4 + 4 * int.from_bytes(data[2:4])
        kind, body, data = data[1], data[4:length], data[length:]
        ssrc = int.from_bytes(body[:4])
        if kind == 202:
            for item, value in _items(body[4:]):
                if item == 1:
                    key = value.decode("utf-8", "replace")
                elif item == 8 and value:
                    name, content = value[1 : 1 + value[0]], value[1 + value[0] :]
                    marks[name.decode().removeprefix("alertd.")] = content.decode("utf-8", "replace")
        ended = ended or kind == 203
    return None if ssrc is None else Control(ssrc, key, marks, ended)


def _items(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 1 < len(data) and data[at] != 0:
        yield data[at], data[at + 2 : at + 2 + data[at + 1]]
        at += 2 + data[at + 1]
