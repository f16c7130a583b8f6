"""DTMF as sound on a telephone line (ITU-T Q.23): for what listens to tones and knows no events."""

from __future__ import annotations

import numpy as np

from channels.sip_sound import RATE, Samples, silence

_LOW = (697, 770, 852, 941)
_HIGH = (1209, 1336, 1477)
_KEYS = "123456789*0#"
#: of a tone and of the silence after it, seconds; Q.24 wants 40 ms at least
_LONG = 0.1
#: of each of the two tones
_SIZE = 6000


def digits(dialled: str) -> Samples:
    """The digits, one after the other."""
    return np.concatenate(
        [silence(0.0), *(piece for key in dialled for piece in (_tone(key), silence(_LONG)))]
    )


def _tone(key: str) -> Samples:
    row, column = divmod(_KEYS.index(key), 3)
    times = np.arange(round(_LONG * RATE)) / RATE
    wave = sum(np.sin(2 * np.pi * pitch * times) for pitch in (_LOW[row], _HIGH[column]))
    tone: Samples = (_SIZE * np.asarray(wave)).astype(np.int16)
    return tone
