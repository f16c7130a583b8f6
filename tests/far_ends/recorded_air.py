"""What a station's own recording of its air says."""

from __future__ import annotations

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
