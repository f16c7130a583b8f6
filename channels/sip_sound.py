"""What a line plays: the message with its silences and its menu, in the form that baresip takes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from alertd.errors import ChannelMisconfigured

#: Samples per second of a telephone line.
RATE = 8000
#: mono, 16 bits
Samples = npt.NDArray[np.int16]


def silence(seconds: float) -> Samples:
    """Nothing to be heard."""
    return np.zeros(round(seconds * RATE), np.int16)


def tones() -> Samples:
    """Two short rising tones: a key was understood, in every language."""
    times = np.arange(round(0.18 * RATE)) / RATE
    fade = np.minimum(1, np.minimum(times, times[::-1]) / 0.02)
    waves = [6000 * fade * np.sin(2 * np.pi * pitch * times) for pitch in (660, 880)]
    return np.concatenate([silence(0.1), *(wave.astype(np.int16) for wave in waves), silence(0.2)])


def recorded(path: Path) -> Samples:
    """The samples of a sound file; µ-law becomes linear without loss. Raises ChannelMisconfigured."""
    try:
        samples, rate = soundfile.read(path, dtype="int16", always_2d=True)
    except (OSError, soundfile.SoundFileError) as error:
        raise ChannelMisconfigured(f"the sound file {path} cannot be read") from error
    if rate != RATE or samples.shape[1] != 1:
        raise ChannelMisconfigured(f"the sound file {path} must be mono with 8000 samples per second")
    only: Samples = samples[:, 0]
    return only


def write(path: Path, *pieces: Samples) -> Path:
    """The pieces one after the other as a WAV file."""
    soundfile.write(path, np.concatenate(pieces), RATE, "PCM_16")
    return path
