"""Assembly: sentences, silences and tones put one after another on two tracks.

Speech and tones stay on tracks of their own until their levels are set, because loudness
is a matter of the speech alone. pydub joins, always at one sample rate; every change of
rate is soxr's (pydub's own has no low-pass and folds all above 4 kHz into a telephone call).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from alertd.speech import Samples

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

#: samples per second of everything before the final format
RATE = 48000
#: quieter than this below a sentence's peak is silence around it, dB
_TRIM_BELOW = -46.0
#: seconds kept of it, and of the ramps at both ends
_KEPT, _RAMP = 0.03, 0.005
#: bytes of a sample on a track
_WIDTH = 4


@dataclass(frozen=True, slots=True)
class Piece:
    """A sound on one of the tracks, or silence on both; one of the two is given."""

    samples: Samples | None = None
    seconds: float = 0.0
    tone: bool = False


def resampled(samples: Samples, rate: int) -> Samples:
    """The same sound at another rate, without aliases (soxr, very high quality)."""
    import soxr

    if samples.rate == rate:
        return samples
    return Samples(soxr.resample(samples.values, samples.rate, rate, quality="VHQ"), rate)


def trimmed(samples: Samples) -> Samples:
    """Without the offset and without the silence before and after; the ends are ramped."""
    import numpy as np

    values = samples.values - np.float32(samples.values.mean())
    loud = np.flatnonzero(abs(values) > abs(values).max() * 10 ** (_TRIM_BELOW / 20))
    if not len(loud):
        return samples
    kept = int(_KEPT * samples.rate)
    values = values[max(0, loud[0] - kept) : loud[-1] + kept].copy()
    ramp = np.linspace(0.0, 1.0, max(1, int(_RAMP * samples.rate)), dtype=np.float32)
    values[: len(ramp)] *= ramp
    values[-len(ramp) :] *= ramp[::-1]
    return Samples(values, samples.rate)


def tracks(pieces: Sequence[Piece]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """The speech and the tones at `RATE`, ±1.0, both from start to end."""
    segment = _pydub()
    speech: list[Any] = []
    tones: list[Any] = []
    for piece in pieces:
        if piece.samples is None:
            silence = _silence(segment, round(piece.seconds * RATE))
            speech.append(silence)
            tones.append(silence)
        else:
            heard = _heard(segment, resampled(piece.samples, RATE))
            silence = _silence(segment, int(heard.frame_count()))
            speech.append(silence if piece.tone else heard)
            tones.append(heard if piece.tone else silence)
    return _values(speech), _values(tones)


def _heard(segment: Any, samples: Samples) -> Any:
    data = (samples.values.clip(-1.0, 1.0) * (2**31 - 256)).astype("<i4").tobytes()
    return segment(data=data, sample_width=_WIDTH, frame_rate=RATE, channels=1)


def _silence(segment: Any, frames: int) -> Any:
    return segment(data=bytes(_WIDTH * frames), sample_width=_WIDTH, frame_rate=RATE, channels=1)


def _values(segments: Sequence[Any]) -> npt.NDArray[np.float32]:
    import numpy as np

    joined = segments[0]
    for segment in segments[1:]:
        joined = joined.append(segment, crossfade=0)
    values: npt.NDArray[np.float32] = np.frombuffer(joined.raw_data, dtype="<i4").astype(np.float32)
    return values / np.float32(2**31)


def _pydub() -> Any:
    """pydub's AudioSegment; it warns of a missing ffmpeg, which plain PCM never needs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pydub import AudioSegment
    return AudioSegment
