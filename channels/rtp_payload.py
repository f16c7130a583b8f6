"""What RTP carries: G.711 or plain samples, its payload type, and its silence (RFC 3551 §4.5, §6)."""

from __future__ import annotations

import struct
import sys
from array import array
from dataclasses import dataclass
from enum import StrEnum

#: The payload type of PCMU and of PCMA: both are static (RFC 3551 §6).
PCMU, PCMA = 0, 8
#: Sound in one packet, seconds.
PACKET_SECONDS = 0.02


class Encoding(StrEnum):
    """How loudspeakers want their sound."""

    #: G.711 µ-law, 8000 samples per second
    PCMU = "pcmu"
    #: G.711 A-law, 8000 samples per second
    PCMA = "pcma"
    #: 16 bits, 16,000 samples per second: clearer, and more than twice the load
    L16 = "l16"


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """One encoding as it is on the wire, always mono."""

    type: int
    #: samples per second
    rate: int
    #: one sample of no sound
    silence: bytes

    @property
    def packet_samples(self) -> int:
        """Samples in one packet."""
        return round(self.rate * PACKET_SECONDS)

    @property
    def packet_bytes(self) -> int:
        """Bytes of sound in one packet: always so small that no Ethernet frame is split."""
        return self.packet_samples * len(self.silence)


def payload(encoding: Encoding, dynamic_type: int) -> Payload:
    """The payload of an encoding; `dynamic_type` is for L16, whose static types are of 44,100 Hz only.

    20 ms of those would not fit into one Ethernet frame.
    """
    if encoding is Encoding.L16:
        return Payload(type=dynamic_type, rate=16000, silence=b"\0\0")
    if encoding is Encoding.PCMA:
        return Payload(type=PCMA, rate=8000, silence=b"\xd5")
    return Payload(type=PCMU, rate=8000, silence=b"\xff")


def as_alaw(ulaw: bytes) -> bytes:
    """µ-law samples as A-law samples (ITU-T G.711)."""
    return ulaw.translate(_ALAW)


def as_network_order(samples: bytes) -> bytes:
    """Samples of 16 bits as WAV files have them, in the order in which networks have them."""
    words = array("h", samples)
    if sys.byteorder == "little":
        words.byteswap()
    return words.tobytes()


def _linear(code: int) -> int:
    """A µ-law code as a sample of 16 bits."""
    code ^= 0xFF
    size = (((code & 0x0F) << 3) + 0x84 << ((code & 0x70) >> 4)) - 0x84
    return -size if code & 0x80 else size


def _alaw(sample: int) -> int:
    """A sample of 16 bits as an A-law code."""
    positive = sample >= 0
    # -1 is the mirror of 0: the two halves are alike
    size = (sample if positive else -sample - 1) >> 3
    segment = max(0, size.bit_length() - 5)
    step = size >> max(1, segment) & 0x0F
    return ((0x80 if positive else 0) | segment << 4 | step) ^ 0x55


_ALAW = struct.pack("256B", *(_alaw(_linear(code)) for code in range(256)))
