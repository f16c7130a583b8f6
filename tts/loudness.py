"""Loudness as ears have it: ITU-R BS.1770-4, in LUFS.

Written out here because the libraries for it load all of SciPy, which takes seconds in
every new process, and an alert waits for them; the tests hold it against one of those
libraries and against EBU Tech 3341.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Sound = npt.NDArray[np.float32]

#: seconds of a gating block and from one block to the next; shorter sounds are padded
_BLOCK, _HOP = 0.4, 0.1
#: blocks below these do not count: LUFS, and LU under the mean of the others
_ABSOLUTE_GATE, _RELATIVE_GATE = -70.0, -10.0
_OFFSET = -0.691
#: seconds after which nothing is left of what a filter has heard
_DECAY = 0.5


@dataclass(frozen=True, slots=True)
class Section:
    """A second-order filter, as coefficients of z⁰, z⁻¹, z⁻²."""

    numerator: tuple[float, float, float]
    denominator: tuple[float, float, float]


def high_pass(rate: int, frequency: float, quality: float) -> Section:
    """By the bilinear transform: 12 dB an octave below `frequency` Hz."""
    k = math.tan(math.pi * frequency / rate)
    scale = 1 + k / quality + k * k
    return Section((1 / scale, -2 / scale, 1 / scale), _poles(k, quality))


def filtered(sound: Sound, sections: Sequence[Section]) -> npt.NDArray[np.float64]:
    """The sound through the filters one after another; any number of frames × channels.

    By the Fourier transform, which is exact as long as the filters' memory is shorter than
    the silence that is added, and far quicker than sample after sample.
    """
    import numpy as np

    frames = len(sound)
    size = _size(frames + int(_DECAY * 48000))
    response = _response(size, tuple(sections)).reshape(-1, *[1] * (sound.ndim - 1))
    return np.asarray(np.fft.irfft(np.fft.rfft(sound, size, axis=0) * response, size, axis=0)[:frames])


@lru_cache(maxsize=4)
def _response(size: int, sections: tuple[Section, ...]) -> npt.NDArray[np.complex128]:
    """What the filters do to each frequency; a file is measured several times, at the same size."""
    import numpy as np

    turn = np.exp(-2j * np.pi * np.arange(size // 2 + 1) / size)
    response = np.ones(len(turn), dtype=np.complex128)
    for section in sections:
        response *= np.polyval(section.numerator[::-1], turn) / np.polyval(section.denominator[::-1], turn)
    return response


def loudness(sound: Sound, rate: int) -> float:
    """Integrated loudness in LUFS of frames × channels; -inf of silence.

    1. K-weighting  2. mean power of each block over all channels  3. the two gates.
    """
    import numpy as np

    if not sound.any():
        return float("-inf")
    same = sound.shape[1] == 2 and bool((sound[:, 0] == sound[:, 1]).all())
    heard = sound[:, :1] if same else sound
    power = (filtered(heard, _weighting(rate)) ** 2).sum(axis=1) * (2 if same else 1)
    block, hop = round(_BLOCK * rate), round(_HOP * rate)
    power = np.pad(power, (0, max(0, block - len(power))))
    total = np.concatenate(([0.0], np.cumsum(power)))
    starts = np.arange(0, len(power) - block + 1, hop)
    blocks = np.maximum((total[starts + block] - total[starts]) / block, 0.0)
    loud = blocks[blocks > _power(_ABSOLUTE_GATE)]
    if not len(loud):
        return float("-inf")
    loud = loud[loud > loud.mean() * 10 ** (_RELATIVE_GATE / 10)]
    return _OFFSET + 10 * float(np.log10(loud.mean()))


def _weighting(rate: int) -> tuple[Section, Section]:
    """The head's shelf and the high-pass of BS.1770, for any rate (of both, the analogue
    originals of the standard's coefficients for 48 kHz)."""
    frequency, quality = 1681.974450955533, 0.7071752369554196
    shelf = 10 ** (3.999843853973347 / 20)
    middle = shelf**0.4996667741545416
    k = math.tan(math.pi * frequency / rate)
    scale = 1 + k / quality + k * k
    head = Section(
        (
            (shelf + middle * k / quality + k * k) / scale,
            2 * (k * k - shelf) / scale,
            (shelf - middle * k / quality + k * k) / scale,
        ),
        _poles(k, quality),
    )
    low = high_pass(rate, 38.13547087602444, 0.5003270373238773)
    # the standard leaves the high-pass at a numerator of 1, -2, 1
    return head, Section((1.0, -2.0, 1.0), low.denominator)


def _poles(k: float, quality: float) -> tuple[float, float, float]:
    scale = 1 + k / quality + k * k
    return 1.0, 2 * (k * k - 1) / scale, (1 - k / quality + k * k) / scale


def _power(level: float) -> float:
    return float(10 ** ((level - _OFFSET) / 10))


def _size(frames: int) -> int:
    """A little more than `frames`, with many factors of two: quick to transform."""
    step: int = 1 << max(0, frames.bit_length() - 4)
    return -(-frames // step) * step
