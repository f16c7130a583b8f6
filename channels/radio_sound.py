"""The samples of a sound that was made for loudspeakers, as their encoding has them."""

from __future__ import annotations

import hashlib
import struct

from alertd.speech import Sound
from channels.rtp_payload import Encoding, as_alaw, as_network_order

#: Codes of WAV files.
_PCM, _ULAW = 1, 7
_FMT = struct.Struct("<HHIIHH")


class WrongSound(ValueError):
    """The file is not the one that was made, or not fit for loudspeakers."""


def samples(sound: Sound, encoding: Encoding = Encoding.PCMU) -> bytes:
    """Every sample, mono, ready for the wire. Raises OSError or WrongSound.

    G.711 wants a file of µ-law at 8000 samples per second, L16 one of 16 bits at 16,000.
    """
    data = sound.path.read_bytes()
    if hashlib.sha256(data).hexdigest() != sound.digest:
        raise WrongSound("the sound file is not the one that was made")
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise WrongSound("the sound is not a WAV file")
    chunks = _chunks(data)
    if len(chunks.get(b"fmt ", b"")) < _FMT.size or b"data" not in chunks:
        raise WrongSound("the WAV file is damaged")
    code, channels, rate, _, _, bits = _FMT.unpack_from(chunks[b"fmt "])
    wide = encoding is Encoding.L16
    if (code, channels, rate, bits) != ((_PCM, 1, 16000, 16) if wide else (_ULAW, 1, 8000, 8)):
        wanted = "16 bits and 16,000" if wide else "µ-law and 8000"
        raise WrongSound(f"the sound is not mono of {wanted} samples per second")
    found = chunks[b"data"]
    if not found:
        raise WrongSound("the sound is empty")
    if wide:
        return as_network_order(found[: len(found) // 2 * 2])
    return as_alaw(found) if encoding is Encoding.PCMA else found


def _chunks(data: bytes) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    at = 12
    while at + 8 <= len(data):
        name, (length,) = data[at : at + 4], struct.unpack_from("<I", data, at + 4)
        found[name] = data[at + 8 : at + 8 + length]
        at += 8 + length + length % 2
    return found
