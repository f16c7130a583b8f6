"""RTP (RFC 3550, RFC 3551): sound cut into packets, sent on time to many groups at once."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from alertd.clock import stopwatch
from channels.rtp_payload import PACKET_SECONDS, Payload

#: Later than this, seconds, the rest is shifted: a gap is heard instead of a burst being lost.
_TOO_LATE = 0.1

_VERSION_2 = 0x80
_MARKER = 0x80

Group = tuple[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """One stream's identity and encoding; the two beginnings are random (RFC 3550 §5.1)."""

    payload: Payload
    ssrc: int
    first_sequence: int
    first_timestamp: int

    def packets(self, sound: bytes) -> Iterator[bytes]:
        """Encoded samples as packets of 20 ms; the last is filled up with silence.

        The first carries the marker: a talkspurt begins (RFC 3551 §4.1).
        """
        size, silence = self.payload.packet_bytes, self.payload.silence
        for number, start in enumerate(range(0, len(sound), size)):
            part = sound[start : start + size]
            part += silence * ((size - len(part)) // len(silence))
            header = struct.pack(
                "!BBHII",
                _VERSION_2,
                self.payload.type | (_MARKER if number == 0 else 0),
                (self.first_sequence + number) & 0xFFFF,
                self.timestamp(number),
                self.ssrc,
            )
            yield header + part

    def timestamp(self, number: int) -> int:
        """The RTP time of the packet with this number, counted from 0."""
        return (self.first_timestamp + number * self.payload.packet_samples) & 0xFFFFFFFF


def multicast_socket(interface: str, *, ttl: int) -> socket.socket:
    """A socket whose multicasts leave by this interface only, and are heard on this machine too.

    `interface` is an IPv4 address of this machine. Raises OSError when it is not, or no more.
    """
    sending = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sending.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(interface))
        sending.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, ttl)
        sending.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 1)
        sending.bind((interface, 0))
    except BaseException:
        sending.close()
        raise
    return sending


def paced(packets: Sequence[bytes], speed: float = 1.0) -> Iterator[tuple[int, bytes]]:
    """Each packet with its number, when its time has come.

    The times are multiples of 20 ms from the first one, so that no lateness adds up;
    `speed` times as fast as life for loudspeakers that are simulated.
    """
    begun = stopwatch()
    for number, packet in enumerate(packets):
        early = begun + number * PACKET_SECONDS / speed - stopwatch()
        if early > 0:
            # the page itself: the next sound is not due yet
            time.sleep(early)
        elif -early > _TOO_LATE:
            begun -= early
        yield number, packet
