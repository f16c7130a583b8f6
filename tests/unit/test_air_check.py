"""The air check hears the whole of a sound through a transmitter, and nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from channels.air_check import compare

RATE = 8000


def speech(seed: int, seconds: float = 24.0):
    """Noise in syllables and pauses."""
    chance = np.random.default_rng(seed)
    syllables = np.repeat(chance.choice([0.0, 0.2, 0.6, 1.0], int(seconds * 5)), RATE // 5)
    return 0.3 * syllables * chance.normal(size=len(syllables)).clip(-3, 3) / 3


def written(folder: Path, name: str, values) -> Path:
    soundfile.write(folder / name, values, RATE, "PCM_16")
    return folder / name


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    return written(tmp_path, "ours.wav", speech(1))


def aired(values, noise: float = 0.002):
    """Compressed and with noise, after three seconds of programme and before as many."""
    chance = np.random.default_rng(9)
    programme = 0.1 * np.sin(np.arange(3 * RATE) / 3)
    heard = np.tanh(5 * values) * 0.5
    both = np.concatenate([programme, heard, programme])
    return both + noise * chance.normal(size=len(both))


def test_the_whole_is_heard_through_compressor_and_noise(ours: Path, tmp_path: Path) -> None:
    hearing = compare(ours, written(tmp_path, "air.wav", aired(speech(1))))
    assert hearing.heard, hearing
    assert hearing.began == pytest.approx(3.0, abs=0.05)


@pytest.mark.parametrize("kept", [0.5, 0.8, 0.9])
def test_what_was_cut_short_is_not_heard(ours: Path, tmp_path: Path, kept: float) -> None:
    whole = speech(1)
    cut = np.concatenate([whole[: int(len(whole) * kept)], 0 * whole])
    assert not compare(ours, written(tmp_path, "air.wav", aired(cut))).heard


def test_a_hole_in_the_middle_is_not_passed_over(ours: Path, tmp_path: Path) -> None:
    holed = speech(1)
    holed[10 * RATE : 13 * RATE] = 0
    hearing = compare(ours, written(tmp_path, "air.wav", aired(holed)))
    assert not hearing.heard
    assert "part" in hearing.detail


@pytest.mark.parametrize("other", ["another announcement", "silence", "programme"])
def test_something_else_is_not_heard_as_ours(ours: Path, tmp_path: Path, other: str) -> None:
    values = speech(2) if other == "another announcement" else np.zeros(24 * RATE)
    heard = values if other == "silence" else aired(values)
    hearing = compare(ours, written(tmp_path, "air.wav", heard))
    assert not hearing.heard
    assert hearing.silent == (other == "silence")
