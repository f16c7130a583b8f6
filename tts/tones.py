"""Tones: the chime that opens and closes an announcement, and DTMF digits.

The chime is four bells of a major chord within the telephone band. It imitates no
official warning sound (J-ALERT, earthquake early warning, EWS), and must not.
DTMF: ITU-T Q.23 frequencies, Q.24 durations. The siren runs up and down like the motor
siren of a fire station, which the signal tables of fire and flood services count in
seconds of sound and of silence.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from alertd.errors import VoiceUnavailable
from alertd.speech import Chime, Samples

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

#: C5 E5 G5 C6, Hz
BELLS = (523.25, 659.26, 783.99, 1046.50)
BELL_STEP, BELL_RING = 0.45, 1.4
#: partial of a bell: multiple of the note, strength, seconds until it has fallen to 1/e
PARTIALS = ((1.0, 1.0, 0.55), (2.0, 0.45, 0.35), (3.0, 0.2, 0.22))

DTMF_ROWS = {"123A": 697, "456B": 770, "789C": 852, "*0#D": 941}
DTMF_COLUMNS = {"147*": 1209, "2580": 1336, "369#": 1477, "ABCD": 1633}
#: seconds of tone and of silence after it; receivers need 40 ms, this is slow and sure
DTMF_ON = DTMF_OFF = 0.1
#: the high tone is sent 2 dB stronger: lines lose more of it
DTMF_TWIST = 10 ** (2 / 20)
RAMP = 0.003

#: of the siren's rotor, Hz; seconds until it runs at full speed, and until it is loud
SIREN_LOWEST, SIREN_HIGHEST = 180.0, 460.0
SIREN_RUN, SIREN_FADE = 4.0, 0.2


def chime(kind: Chime, rate: int) -> Samples:
    """Four bells, rising or falling; 2.75 s; peaks at 1.0."""
    import numpy as np

    notes = BELLS if kind is Chime.UP else BELLS[::-1]
    sound = np.zeros(int((BELL_STEP * (len(notes) - 1) + BELL_RING) * rate), dtype=np.float64)
    time = np.arange(int(BELL_RING * rate)) / rate
    fade = np.minimum(1.0, np.minimum(time / RAMP, (BELL_RING - time) / 0.05))
    for position, note in enumerate(notes):
        bell = sum(
            strength * np.sin(2 * np.pi * note * multiple * time) * np.exp(-time / decay)
            for multiple, strength, decay in PARTIALS
        )
        start = int(position * BELL_STEP * rate)
        sound[start : start + len(time)] += bell * fade
    return Samples(_at_full_scale(sound), rate)


def dtmf(digits: str, rate: int) -> Samples:
    """The digits one after another, 100 ms on and 100 ms off; peaks at 1.0."""
    import numpy as np

    if not digits:
        raise ValueError("there is no DTMF digit to send")
    time = np.arange(int(DTMF_ON * rate)) / rate
    fade = np.minimum(1.0, np.minimum(time, DTMF_ON - time) / RAMP)
    silence = np.zeros(int(DTMF_OFF * rate))
    tones = []
    for digit in digits.upper():
        low = _frequency(DTMF_ROWS, digit)
        high = _frequency(DTMF_COLUMNS, digit)
        pair = np.sin(2 * np.pi * low * time) + DTMF_TWIST * np.sin(2 * np.pi * high * time)
        tones += [pair * fade, silence]
    return Samples(_at_full_scale(np.concatenate(tones)), rate)


def siren(pattern: Sequence[float], rate: int) -> Samples:
    """Seconds of sound and of silence in turn; peaks at 1.0."""
    import numpy as np

    turns = []
    for number, seconds in enumerate(pattern):
        frames = int(seconds * rate)
        if number % 2:
            turns.append(np.zeros(frames))
            continue
        time = np.arange(frames) / rate
        run = min(SIREN_RUN, seconds / 3)
        speed = np.clip(np.minimum(time, seconds - time) / run, 0.0, 1.0)
        pitch = SIREN_LOWEST + (SIREN_HIGHEST - SIREN_LOWEST) * np.sin(speed * np.pi / 2)
        phase = 2 * np.pi * np.cumsum(pitch) / rate
        tone = np.sin(phase) + 0.5 * np.sin(2 * phase) + 0.25 * np.sin(3 * phase)
        turns.append(tone * np.minimum(1.0, np.minimum(time, seconds - time) / SIREN_FADE))
    return Samples(_at_full_scale(np.concatenate(turns)), rate)


def recording(path: Path, digest: str) -> Samples:
    """A supplied sound file, both ears mixed; peaks at 1.0. Raises VoiceUnavailable."""
    import hashlib
    import io

    import numpy as np
    import soundfile

    try:
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != digest:
            raise VoiceUnavailable(f"{path} is not the file that was configured; restart to take it")
        values, rate = soundfile.read(io.BytesIO(content), dtype="float64", always_2d=True)
    except (OSError, soundfile.SoundFileError) as error:
        raise VoiceUnavailable(f"the signal {path} cannot be read as sound") from error
    mixed = values.mean(axis=1)
    if not len(mixed) or not np.abs(mixed).max():
        raise VoiceUnavailable(f"the signal {path} is silent")
    return Samples(_at_full_scale(mixed), rate)


def _frequency(keys: dict[str, int], digit: str) -> int:
    for members, frequency in keys.items():
        if digit in members:
            return frequency
    raise ValueError(f"{digit!r} is no DTMF digit; there are 0-9 * # A-D")


def _at_full_scale(sound: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    scaled: npt.NDArray[np.float32] = (sound / abs(sound).max()).astype("float32")
    return scaled
