"""Mastering: two tracks become the samples of the format that a channel wants.

Loudness is ITU-R BS.1770-4 (`tts.loudness`), true peak is measured at four times the rate.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from alertd.speech import AudioFormat, Encoding
from tts.assembly import RATE
from tts.loudness import filtered, high_pass, loudness

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Sound = npt.NDArray[np.float32]

#: tones are this much quieter than the speech, dB
TONES_BELOW_SPEECH = 4.0
#: room under the ceiling for what 8 bits of µ-law and other meters add, dB
PEAK_MARGIN = 0.5
#: how close to the aim is close enough after limiting, LU
LOUDNESS_TOLERANCE = 0.3
#: a voice with high peaks needs several
MOST_PASSES = 8
#: limiter: blocks of a millisecond; the gain is held for REACH of them on both sides
_BLOCKS_PER_SECOND, _REACH, _SMOOTH = 1000, 8, 5
#: Butterworth of the fourth order as two second-order sections
_SECTIONS = (0.5412, 1.3066)

#: 0 = the most bits, 1 = the fewest; 80 kbit/s at 16 kHz
MP3_COMPRESSION = 0.5

SUBTYPES = {
    Encoding.ULAW: "ULAW",
    Encoding.PCM16: "PCM_16",
    Encoding.PCM24: "PCM_24",
    Encoding.MP3: "MPEG_LAYER_III",
}


def mastered(speech: Sound, tones: Sound, format: AudioFormat) -> Sound:
    """Frames × channels at the format's rate, loudness and peak.

    1. high-pass  2. resample  3. channel layout  4. level of speech, then of tones
    5. limit; where the limiter took loudness away, raise and limit again.
    """
    speech = _laid_out(_high_passed(speech, format.high_pass), format)
    tones = _laid_out(tones, format)
    aim, ceiling = format.loudness, format.true_peak - PEAK_MARGIN
    tone_gain = _gain(loudness(tones, format.rate), aim - TONES_BELOW_SPEECH)
    gain = _gain(loudness(speech, format.rate), aim)
    raised = speech * gain
    sound = limited(raised, format.rate, ceiling)
    for _ in range(MOST_PASSES):
        if sound is raised:  # nothing was taken away
            break
        missing = aim - loudness(sound, format.rate)
        if abs(missing) <= LOUDNESS_TOLERANCE:
            break
        # of what is added the limiter takes more away the harder it works already
        gain *= 10 ** (1.5 * missing / 20)
        sound = limited(speech * gain, format.rate, ceiling)
    return limited(sound + tones * tone_gain, format.rate, ceiling) if tones.any() else sound


def written(path: Path, sound: Sound, format: AudioFormat) -> None:
    """Put the samples into a file of that format."""
    import soundfile

    kind: dict[str, Any] = {
        "format": format.suffix.removeprefix(".").upper(),
        "subtype": SUBTYPES[format.encoding],
    }
    if format.encoding is Encoding.MP3:  # libsndfile's own choice is thin: 28 kbit/s
        kind |= {"bitrate_mode": "CONSTANT", "compression_level": MP3_COMPRESSION}
    soundfile.write(path, sound, format.rate, **kind)


def true_peak(sound: Sound, rate: int) -> float:
    """Highest peak between the samples of any channel, dBTP; -inf of silence."""
    import numpy as np

    peak = float(_peaks(sound, rate).max())
    return 20 * float(np.log10(peak)) if peak > 0 else float("-inf")


def limited(sound: Sound, rate: int, ceiling: float) -> Sound:
    """The sound with its true peak under `ceiling` dBTP, by a smooth look-ahead gain."""
    import numpy as np

    peaks = _peaks(sound, rate)
    allowed = 10 ** (ceiling / 20)
    if peaks.max() <= allowed:
        return sound
    per_block = rate // _BLOCKS_PER_SECOND
    blocks = -(-len(peaks) // per_block)
    padded = np.pad(peaks, (0, blocks * per_block - len(peaks))).reshape(blocks, per_block).max(axis=1)
    wanted = np.minimum(1.0, allowed / np.maximum(padded, 1e-9))
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(wanted, _REACH, mode="edge"), 2 * _REACH + 1)
    held = windows.min(axis=1)
    smooth = np.lib.stride_tricks.sliding_window_view(np.pad(held, _SMOOTH, mode="edge"), 2 * _SMOOTH + 1)
    centres = (np.arange(blocks) + 0.5) * per_block
    gain = np.interp(np.arange(len(sound)), centres, smooth.mean(axis=1))
    result: Sound = (sound * gain[:, None]).astype(np.float32)
    return result


def _peaks(sound: Sound, rate: int) -> npt.NDArray[np.float64]:
    """Highest absolute value at and between each sample and the next, over the channels."""
    import numpy as np
    import soxr

    channels = sound[:, :1] if _same(sound) else sound
    highest = np.zeros(len(sound))
    for channel in channels.T:
        fine = abs(soxr.resample(np.ascontiguousarray(channel), rate, rate * 4, quality="HQ"))
        fine = np.pad(fine, (0, max(0, len(sound) * 4 - len(fine))))[: len(sound) * 4]
        between = [fine[start::4] for start in range(4)]  # far quicker than a maximum over rows
        highest = np.maximum.reduce([highest, abs(channel), *between])
    return highest


def _same(sound: Sound) -> bool:
    return sound.shape[1] == 2 and bool((sound[:, 0] == sound[:, 1]).all())


def _gain(measured: float, aim: float) -> float:
    return 0.0 if measured == float("-inf") else float(10 ** ((aim - measured) / 20))


def _high_passed(sound: Sound, frequency: float) -> Sound:
    if not frequency:
        return sound
    sections = [high_pass(RATE, frequency, quality) for quality in _SECTIONS]
    return filtered(sound, sections).astype("float32")


def _laid_out(sound: Sound, format: AudioFormat) -> Sound:
    import numpy as np
    import soxr

    if format.rate != RATE:
        sound = soxr.resample(sound, RATE, format.rate, quality="VHQ")
    return np.repeat(sound[:, None], format.channels, axis=1)
