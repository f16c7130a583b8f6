"""Verification: a written file is read back and judged before anybody may hear it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from alertd.errors import SpeechError
from alertd.language import is_japanese
from alertd.speech import AudioFormat, Samples
from tts.assembly import RATE
from tts.kana import morae
from tts.loudness import loudness
from tts.mastering import SUBTYPES, true_peak
from tts.similarity import similarity

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

#: seconds that the file may be longer or shorter than what was assembled
DURATION_TOLERANCE = 0.05
#: LU; a single word cannot be measured well, nor made as loud under the same ceiling
LOUDNESS_TOLERANCE, LOUDNESS_TOLERANCE_OF_A_WORD = 1.0, 5.0
#: seconds of sound up to which speech is a word or two
A_WORD = 2.0
#: dB over the ceiling that meters may differ
PEAK_TOLERANCE = 0.2
#: of the file to the clean speech: good files have 0.85 and more, hard limiting included;
#: another message, half of it or the same 50 ms later have 0.0
LEAST_SIMILARITY = 0.6

#: a sentence may take this much less and more than its morae or syllables say, and a breath
SHORTEST, LONGEST, A_BREATH = 0.4, 2.5, 1.0


class BadSound(SpeechError):
    """A written sound file is not what was to be said."""


def check_sentence(samples: Samples, reading: str, language: str, rate: float) -> None:
    """Raise BadSound for what cannot be this sentence: no sound, or far too short or long.

    `reading` is kana (ja) or the spoken form (others), `rate` morae per second.
    """
    import numpy as np

    values = samples.values
    if not len(values) or not bool(np.isfinite(values).all()) or float(abs(values).max()) < 0.005:
        raise BadSound("a sentence came back without sound")
    seconds = len(values) / samples.rate
    expected = _beats(reading, language) / rate
    if not SHORTEST * expected - A_BREATH <= seconds <= LONGEST * expected + A_BREATH:
        raise BadSound(f"a sentence came back in {seconds:.1f} s; about {expected:.1f} s were expected")


def _beats(reading: str, language: str) -> float:
    """Morae (ja), or roughly the time of as many: half of a Latin letter, one and a half of a
    character that is a syllable. A digit may be a long word."""
    if is_japanese(language):
        return float(morae(reading))
    digits = sum(char.isdigit() for char in reading)
    latin = sum(char.isalpha() and char.isascii() for char in reading)
    syllables = sum(char.isalpha() and not char.isascii() for char in reading)
    return latin / 2 + 1.3 * syllables + 3 * digits


def verify(
    file: Path,
    format: AudioFormat,
    speech: npt.NDArray[np.float32],
    tones: npt.NDArray[np.float32],
) -> float:
    """The seconds of a file that is good; raises BadSound for any other.

    1. format  2. duration  3. true peak  4. loudness and 5. likeness of the speech. The last
    two are asked of files that hold speech, and of the stretches in which no tone sounds.
    """
    import numpy as np
    import soundfile

    info = soundfile.info(file)
    wanted = (format.rate, format.channels, SUBTYPES[format.encoding])
    if (info.samplerate, info.channels, info.subtype) != wanted:
        raise BadSound(f"the file is {info.samplerate} Hz {info.subtype} with {info.channels} channels")
    sound, _ = soundfile.read(file, dtype="float32", always_2d=True)
    seconds = len(sound) / format.rate
    if abs(seconds - len(speech) / RATE) > DURATION_TOLERANCE:
        raise BadSound(f"the file lasts {seconds:.2f} s and should last {len(speech) / RATE:.2f} s")
    peak = true_peak(sound, format.rate)
    if not -60.0 < peak <= format.true_peak + PEAK_TOLERANCE:
        raise BadSound(f"the true peak is {peak:.1f} dBTP; the ceiling is {format.true_peak:.1f}")
    if not speech.any():
        return seconds
    alone = _without_tones(sound, tones, format.rate)
    level = loudness(alone, format.rate)
    short = np.count_nonzero(speech) < A_WORD * RATE
    tolerance = LOUDNESS_TOLERANCE_OF_A_WORD if short else LOUDNESS_TOLERANCE
    if abs(level - format.loudness) > tolerance:
        raise BadSound(f"the loudness is {level:.1f} LUFS and should be {format.loudness:.1f}")
    likeness = similarity(np.asarray(alone[:, 0]), format.rate, speech, RATE)
    if likeness < LEAST_SIMILARITY:
        raise BadSound(f"the file resembles the speech by {likeness:.2f} only")
    return seconds


def _without_tones(
    sound: npt.NDArray[np.float32], tones: npt.NDArray[np.float32], rate: int
) -> npt.NDArray[np.float32]:
    """The sound, silent wherever a tone was put."""
    import numpy as np

    sounding = np.flatnonzero(tones)
    if not len(sounding):
        return sound
    # tones are pieces of their own, so they never overlap speech
    times = np.minimum(sounding * rate // RATE, len(sound) - 1)
    mask = np.zeros(len(sound), dtype=bool)
    mask[times] = True
    spread = rate // 20
    wide = np.convolve(mask, np.ones(2 * spread + 1), mode="same") > 0
    return np.where(wide[:, None], np.float32(0.0), sound)
