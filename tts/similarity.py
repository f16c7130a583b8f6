"""Likeness of a finished file to the clean speech that it was made from.

The measure follows the idea of STOI (Taal et al., 2011): envelopes in third-octave bands,
compared over stretches of 0.4 s in which there is speech. 1 is the same; 0 has nothing in
common. Level, filters outside the speech band and coding noise matter little; missing,
repeated, reversed or foreign speech matters much.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Mono = npt.NDArray[np.float32]

#: both are compared at this rate, in frames of 32 ms every 16 ms
_RATE, _FRAME, _STEP = 8000, 256, 128
#: third-octave bands between 300 Hz (below it the line is cut) and 3.4 kHz
_LOWEST, _BANDS = 355.0, 10
#: strengths are compressed as ears do, or else a limiter would count as a fault
_POWER = 0.2
#: frames of a stretch, and how far below the loudest frame speech may lie: 60 dB, compressed.
#: Below is the rounding of 16 bits, which resembles nothing
_STRETCH, _BELOW = 24, 60.0 * 2 * _POWER


def similarity(sound: Mono, rate: int, clean: Mono, clean_rate: int) -> float:
    """Correlation of the bands' envelopes in the worst tenth of the stretches, 0 to 1.

    The worst, because a message that is right but for one word must not pass. Both sounds
    start at the same instant.
    """
    import numpy as np
    import soxr

    heard = _envelopes(soxr.resample(sound, rate, _RATE, quality="HQ"))
    meant = _envelopes(soxr.resample(clean, clean_rate, _RATE, quality="HQ"))
    frames = max(len(heard), len(meant))
    heard = np.pad(heard, ((0, frames - len(heard)), (0, 0)))
    meant = np.pad(meant, ((0, frames - len(meant)), (0, 0)))
    energy = 20 * np.log10(np.linalg.norm(meant, axis=1) + 1e-12)
    extra = 20 * np.log10(np.linalg.norm(heard, axis=1) + 1e-12)
    # frames with speech in either: what was added counts as much as what is missing
    spoken = (energy > energy.max() - _BELOW) | (extra > extra.max() - _BELOW)
    heard, meant = heard[spoken], meant[spoken]
    count = max(1, len(meant) // _STRETCH)
    scores = [
        _correlation(a, b)
        for a, b in zip(np.array_split(heard, count), np.array_split(meant, count), strict=True)
    ]
    worst = np.sort(scores)[: max(1, count // 10)]
    return max(0.0, float(worst.mean()))


def _envelopes(sound: Mono) -> npt.NDArray[np.float64]:
    """Frames × bands: the strength of each band."""
    import numpy as np

    padded = np.pad(sound, (0, max(0, _FRAME - len(sound))))
    windows = np.lib.stride_tricks.sliding_window_view(padded, _FRAME)[::_STEP]
    spectrum = abs(np.fft.rfft(windows * np.hanning(_FRAME))) ** 2
    frequencies = np.fft.rfftfreq(_FRAME, 1 / _RATE)
    edges = _LOWEST * 2 ** (np.arange(_BANDS + 1) / 3)
    bands = [
        spectrum[:, (frequencies >= a) & (frequencies < b)].sum(axis=1) for a, b in itertools.pairwise(edges)
    ]
    strength: npt.NDArray[np.float64] = np.stack(bands, axis=1) ** _POWER
    return strength


def _correlation(heard: npt.NDArray[np.float64], meant: npt.NDArray[np.float64]) -> float:
    """Of one stretch, over all bands at once, each band about its own mean."""
    import numpy as np

    a, b = heard - heard.mean(axis=0), meant - meant.mean(axis=0)
    size = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float((a * b).sum() / size) if size > 1e-12 else 0.0
