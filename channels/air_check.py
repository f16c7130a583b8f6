"""The air check: what a recording of the air says of an airing, compared with what should have been heard.

Loudness over time is compared, not samples: a transmitter's processing, its codec and a
delay of seconds leave it alone, and silence or other sounds never resemble it.
"""

from __future__ import annotations

import struct
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alertd.channel import Outcome, Reason, Receipt
from alertd.clock import stopwatch
from alertd.errors import ChannelUnavailable
from alertd.speech import Sound

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

#: of the loudness curve, values in a second
_RATE = 50
#: from here on, the recording holds the sound; another sound of the same length has 0.3 at most
LEAST_LIKENESS = 0.75
#: … and each part of so many seconds by itself: a compressor and a little noise leave 0.9 and more
LEAST_OF_A_PART, PART = 0.7, 4.0
#: a part whose loudness changes by less has no curve of its own, dB
_EVEN = 6.0
#: quieter than this is silence, dB under full scale
_SILENCE = -55.0
#: between two looks at the recording, seconds
_LOOK_EVERY = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearing:
    """What the recording holds of a sound."""

    #: 1 = the same curve of loudness, 0 = nothing of it
    likeness: float
    #: the same of the part that is least like it: a few seconds that are missing
    worst: float
    #: of the recording there was nothing but silence
    silent: bool
    #: after the recording was begun to be listened to, seconds
    began: float

    @property
    def heard(self) -> bool:
        """Whether the sound was on the air from its begin to its end."""
        return self.likeness >= LEAST_LIKENESS and self.worst >= LEAST_OF_A_PART

    @property
    def detail(self) -> str:
        """For people."""
        if self.heard:
            return f"the air check heard it ({self.likeness:.2f})"
        if self.likeness >= LEAST_LIKENESS:
            return f"the air check missed a part of it ({self.worst:.2f})"
        what = "silence" if self.silent else "something else"
        return f"the air check heard {what} ({self.likeness:.2f})"


class AirCheck:
    """Listens to a recording (WAV, 16 bits, still being written) from the moment it is made.

    A recording that is not there stops no airing; nothing is heard of it then.
    """

    def __init__(self, recording: Path, *, lag: float) -> None:
        self._recording = recording
        self._lag = lag
        self._format = (0, 0)
        self._begin = 0
        self._trouble: ChannelUnavailable | None = None
        try:
            self._format = _format(recording)
            self._begin = recording.stat().st_size
        except ChannelUnavailable as error:
            self._trouble = error

    def heard(self, sound: Sound) -> Hearing:
        """What was on the air of it; waits for as long as the air may lag behind.

        Raises ChannelUnavailable when the recording is not there, or has stopped to grow.
        """
        if self._trouble is not None:
            raise self._trouble
        wanted = _curve(*_samples(sound.path))
        deadline = stopwatch() + self._lag
        while True:
            hearing = self._now(wanted)
            if hearing.heard or stopwatch() >= deadline:
                break
            # the air runs behind the station's own clock
            time.sleep(_LOOK_EVERY)
        if self._seconds() < 0.5 * sound.seconds:
            raise ChannelUnavailable("the recording of the air does not grow")
        return hearing

    def _now(self, wanted: npt.NDArray[np.float64]) -> Hearing:
        import numpy as np

        rate, channels = self._format
        with self._recording.open("rb") as file:
            file.seek(self._begin)
            data = file.read()
        frame = 2 * channels
        values = np.frombuffer(data[: len(data) // frame * frame], "<i2").reshape(-1, channels)
        air = _curve(values.astype(np.float64).mean(axis=1) / 32768, rate)
        silent = not len(air) or bool((air <= _SILENCE).all())
        return _hearing(wanted, air, silent=silent)

    def _seconds(self) -> float:
        rate, channels = self._format
        return (self._recording.stat().st_size - self._begin) / (rate * channels * 2)


def confirmed(said: Receipt, check: AirCheck, sound: Sound) -> Receipt:
    """The receipt of an airing as the air check leaves it: `delivered` only when it was heard."""
    if said.outcome is not Outcome.DELIVERED:
        return said
    try:
        hearing = check.heard(sound)
    except ChannelUnavailable as error:
        return replace(said, outcome=Outcome.UNKNOWN, reason=Reason.OTHER, detail=f"{said.detail}; {error}")
    detail = f"{said.detail}; {hearing.detail}"
    if hearing.heard:
        return replace(said, detail=detail)
    return replace(said, outcome=Outcome.UNKNOWN, reason=Reason.OTHER, detail=detail)


def compare(sound: Path, recording: Path) -> Hearing:
    """What a finished recording holds of a sound file."""
    wanted, air = _curve(*_samples(sound)), _curve(*_samples(recording))
    return _hearing(wanted, air, silent=bool((air <= _SILENCE).all()))


def _format(recording: Path) -> tuple[int, int]:
    """Samples a second and channels of a WAV file whose length is not known yet."""
    try:
        with recording.open("rb") as file:
            head = file.read(64)
    except OSError as error:
        raise ChannelUnavailable("the recording of the air is not there") from error
    at = head.find(b"fmt ")
    if not head.startswith(b"RIFF") or at < 0:
        raise ChannelUnavailable("the recording of the air is no WAV file")
    kind, channels, rate, _, _, bits = struct.unpack("<HHIIHH", head[at + 8 : at + 24])
    if kind not in (1, 0xFFFE) or bits != 16:
        raise ChannelUnavailable("the recording of the air is not linear with 16 bits")
    return rate, channels


def _samples(path: Path) -> tuple[npt.NDArray[np.float64], int]:
    import soundfile

    values, rate = soundfile.read(path, dtype="float64", always_2d=True)
    return values.mean(axis=1), rate


def _curve(values: npt.NDArray[np.float64], rate: int) -> npt.NDArray[np.float64]:
    """Loudness in dB, `_RATE` times a second, with a floor."""
    import numpy as np

    step = rate // _RATE
    frames = values[: len(values) // step * step].reshape(-1, step)
    power = np.sqrt(np.mean(frames**2, axis=1)) if len(frames) else np.zeros(0)
    curve: npt.NDArray[np.float64] = np.maximum(20 * np.log10(np.maximum(power, 1e-9)), _SILENCE)
    return curve


def _hearing(wanted: Any, air: Any, *, silent: bool) -> Hearing:
    """The whole at its best place, and there each part by itself."""
    import numpy as np

    likeness, place = _likeness(wanted, air)
    there = air[place : place + len(wanted)]
    there = np.concatenate([there, np.full(len(wanted) - len(there), _SILENCE)])
    size = int(PART * _RATE)
    parts = [slice(at, at + size) for at in range(0, max(1, len(wanted) - size // 2), size)]
    worst = min(
        (_likeness(wanted[part], there[part])[0] for part in parts if np.ptp(wanted[part]) > _EVEN),
        default=0.0,
    )
    return Hearing(likeness=likeness, worst=worst, silent=silent, began=place / _RATE)


def _likeness(wanted: Any, air: Any) -> tuple[float, int]:
    """How well the curve fits at its best place, and where that is."""
    import numpy as np

    length = len(wanted)
    if length == 0 or len(air) < length:
        # what is still to come is silence
        air = np.concatenate([air, np.full(max(0, length - len(air)), _SILENCE)])
    windows = np.lib.stride_tricks.sliding_window_view(air, length)
    ours = wanted - wanted.mean()
    theirs = windows - windows.mean(axis=1, keepdims=True)
    size = np.sqrt((ours**2).sum() * (theirs**2).sum(axis=1))
    with np.errstate(invalid="ignore", divide="ignore"):
        fit = np.where(size > 1e-6, theirs @ ours / size, 0.0)
    best = int(fit.argmax())
    return max(0.0, float(fit[best])), best
