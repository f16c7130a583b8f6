"""Loudness is what the standard and other people's meters say."""

import subprocess
import sys

import numpy as np
import pytest

from tts.loudness import filtered, high_pass, loudness


def sine(level, seconds, rate=48000, channels=2):
    tone = 10 ** (level / 20) * np.sin(2 * np.pi * 1000 * np.arange(int(seconds * rate)) / rate)
    return np.repeat(tone[:, None], channels, axis=1).astype(np.float32)


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        ([(-23, 20)], -23.0),
        ([(-33, 20)], -33.0),
        ([(-36, 10), (-23, 60), (-36, 10)], -23.0),
        ([(-72, 10), (-36, 10), (-23, 60), (-36, 10), (-72, 10)], -23.0),
        ([(-26, 20), (-20, 20.1), (-26, 20)], -23.0),
    ],
    ids=["1", "2", "3", "4", "5"],
)
def test_the_signals_of_ebu_tech_3341_measure_what_they_should(levels, expected):
    sound = np.concatenate([sine(level, seconds) for level, seconds in levels])
    assert loudness(sound, 48000) == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize("rate", [8000, 16000, 48000])
@pytest.mark.parametrize("channels", [1, 2])
def test_another_meter_agrees(rate, channels):
    pyloudnorm = pytest.importorskip("pyloudnorm")
    noise = np.random.default_rng(7).standard_normal((5 * rate, channels)) * 0.1
    noise *= np.sin(np.arange(5 * rate) / rate * 3)[:, None] ** 2
    other = pyloudnorm.Meter(rate, filter_class="DeMan").integrated_loudness(noise)
    assert loudness(noise.astype(np.float32), rate) == pytest.approx(other, abs=0.05)


def test_silence_has_no_loudness_and_a_click_has_one():
    assert loudness(np.zeros((48000, 1), np.float32), 48000) == float("-inf")
    assert loudness(sine(-20, 0.1), 48000) > -40


def test_the_high_pass_cuts_by_twelve_decibels_an_octave():
    tone = sine(-6, 1.0, channels=1)
    quiet = filtered(tone, [high_pass(48000, 4000.0, 0.7071)])
    assert abs(quiet[4800:-4800]).max() == pytest.approx(abs(tone).max() / 16, rel=0.05)


def test_a_new_process_speaks_without_loading_scipy():
    program = (
        "import sys, tts.mastering, tts.loudness as l, numpy as n; l.loudness(n.ones((8000, 1), 'f4'), 8000)"
    )
    done = subprocess.run(
        [sys.executable, "-c", f"{program}; print('scipy' in sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "False"
