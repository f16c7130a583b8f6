"""The samples of a G.711 µ-law WAV file, as they are."""

from __future__ import annotations

import hashlib
import struct

from alertd.speech import Sound
from channels.rtp import RATE

_ULAW = 7
_FMT = struct.Struct("<HHIIHH")


class WrongSound(ValueError):
    """The file is not the one that was made, or not fit for loudspeakers."""


def samples(sound: Sound) -> bytes:
    """One byte for each of 8000 samples in a second. Raises OSError or WrongSound."""
    data = sound.path.read_bytes()
    if hashlib.sha256(data).hexdigest() != sound.digest:
        raise WrongSound("the sound file is not the one that was made")
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise WrongSound("the sound is not a WAV file")
    chunks = _chunks(data)
    if len(chunks.get(b"fmt ", b"")) < _FMT.size or b"data" not in chunks:
        raise WrongSound("the WAV file is damaged")
    code, channels, rate, *_ = _FMT.unpack_from(chunks[b"fmt "])
    if (code, channels, rate) != (_ULAW, 1, RATE):
        raise WrongSound("the sound is not mono µ-law of 8000 samples per second")
    if not chunks[b"data"]:
        raise WrongSound("the sound is empty")
    return chunks[b"data"]


def _chunks(data: bytes) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    at = 12
    while at + 8 <= len(data):
        name, (length,) = data[at : at + 4], struct.unpack_from("<I", data, at + 4)
        found[name] = data[at + 8 : at + 8 + length]
        at += 8 + length + length % 2
    return found
