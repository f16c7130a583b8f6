"""The air check: what was heard on the air of an airing, compared with what should have been heard.

Loudness over time is compared, not samples: a transmitter's processing, its codec and a
delay of seconds leave it alone, and silence or other sounds never resemble it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from alertd.channel import Outcome, Reason, Receipt
from alertd.clock import stopwatch
from alertd.errors import ChannelUnavailable
from alertd.speech import Sound
from channels.air import Air

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
#: between two looks at what was heard, seconds
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
    """Listens to the air from the moment it is made. A context manager.

    An air that cannot be listened to stops no airing; nothing is heard of it then.
    """

    def __init__(self, air: Air, *, lag: float) -> None:
        """`lag`: by how many seconds the air may be behind the station's own clock."""
        self._air, self._lag = air, lag

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._air.close()

    def heard(self, sound: Sound) -> Hearing:
        """What was on the air of it; waits for as long as the air may lag behind.

        Raises ChannelUnavailable when it cannot be listened to, or stands still.
        """
        wanted = _curve(*_samples(sound.path))
        deadline = stopwatch() + self._lag
        while True:
            values, rate = self._air.so_far()
            air = _curve(values, rate)
            hearing = _hearing(wanted, air, silent=bool((air <= _SILENCE).all()))
            if hearing.heard or stopwatch() >= deadline:
                break
            time.sleep(_LOOK_EVERY)
        if len(values) < 0.5 * sound.seconds * rate:
            raise ChannelUnavailable("what is listened to does not go on")
        return hearing


def confirmed(said: Receipt, check: AirCheck | None, sound: Sound) -> Receipt:
    """The receipt of an airing as the air check leaves it, where there is one: `delivered` only when it was heard."""
    if check is None or said.outcome is not Outcome.DELIVERED:
        return said
    try:
        hearing = check.heard(sound)
    except ChannelUnavailable as error:
        return said._replace(outcome=Outcome.UNKNOWN, reason=Reason.OTHER, detail=f"{said.detail}; {error}")
    detail = f"{said.detail}; {hearing.detail}"
    if hearing.heard:
        return said._replace(detail=detail)
    return said._replace(outcome=Outcome.UNKNOWN, reason=Reason.OTHER, detail=detail)


def compare(sound: Path, recording: Path) -> Hearing:
    """What a finished recording holds of a sound file."""
    wanted, air = _curve(*_samples(sound)), _curve(*_samples(recording))
    return _hearing(wanted, air, silent=bool((air <= _SILENCE).all()))


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
