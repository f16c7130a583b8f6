"""What a station's own recording of its air says."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

import numpy as np

#: of the programme's tone; what tests air rises from 400 Hz
PROGRAMME_HZ = 300


def seconds_off_programme(recording: Path) -> list[float]:
    """How long the recorded air was not the programme's tone, time after time."""
    data = recording.read_bytes()
    samples = np.frombuffer(data[44 : 44 + (len(data) - 44) // 4 * 4], "<i2").reshape(-1, 2)[:, 0]
    rate, step = 48000, 480
    frames = samples[: len(samples) // step * step].reshape(-1, step).astype(float)
    spectrum = np.abs(np.fft.rfft(frames * np.hanning(step), n=4800, axis=1))
    strongest = spectrum.argmax(axis=1) * rate / 4800
    away = np.abs(strongest - PROGRAMME_HZ) > 60
    edges = np.flatnonzero(np.diff(np.concatenate([[0], away, [0]])))
    return [float(end - start) * step / rate for start, end in edges.reshape(-1, 2) if end - start > 10]


def tones_on_air(recording: Path, since: int) -> list[tuple[int, float]]:
    """What was on the air from that byte of the recording on but the programme: pitch (Hz, to 50) and seconds."""
    data = recording.read_bytes()[since - (since - 44) % 4 :]
    samples = np.frombuffer(data[: len(data) // 4 * 4], "<i2").reshape(-1, 2)[:, 0]
    rate, step = 48000, 2400
    frames = samples[: len(samples) // step * step].reshape(-1, step).astype(float)
    strongest = np.abs(np.fft.rfft(frames * np.hanning(step), axis=1)).argmax(axis=1) * rate / step
    pitches = (np.round(strongest / 50) * 50).astype(int)
    runs = [(pitch, sum(1 for _ in run) * step / rate) for pitch, run in groupby(pitches.tolist())]
    return [(pitch, seconds) for pitch, seconds in runs if pitch != PROGRAMME_HZ and seconds > 0.2]
