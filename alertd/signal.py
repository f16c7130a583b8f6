"""The signal in a setting: DTMF digits, a siren's pattern, a sound file, or none."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from alertd.speech import Dtmf, Recording, Signal, Siren

#: how a setting says that nothing sounds
NONE = "none"
#: a siren's pattern is so long at most, seconds
LONGEST_SIREN = 300.0
#: of a supplied file, bytes
LARGEST_RECORDING = 50_000_000

_DIGITS = re.compile(r"[0-9*#A-D]{1,32}")
_PATTERN = re.compile(r"\d{1,3}(?:-\d{1,3})+(?:x\d{1,2})?")


def signal(setting: str) -> Signal | None:
    """What a setting means: `none`, `*12#` (DTMF), `60-5-60` or `3-2x15` (siren: seconds of sound
    and of silence, repeated), or the absolute path of a sound file.

    Raises ValueError with what is wrong.
    """
    if setting in ("", NONE):
        return None
    if setting.startswith("/"):
        return _recording(Path(setting))
    if _PATTERN.fullmatch(setting):
        return _siren(setting)
    if _DIGITS.fullmatch(setting):
        return Dtmf(setting)
    raise ValueError(
        'must be "none", DTMF digits such as "*12#", a siren such as "60-5-60" or "3-2x15", '
        "or the absolute path of a sound file"
    )


def _siren(setting: str) -> Siren:
    turns, _, times = setting.partition("x")
    seconds = [float(turn) for turn in turns.split("-")] * int(times or "1")
    if sum(seconds) > LONGEST_SIREN or not all(seconds) or not seconds:
        raise ValueError(f"must sound for {LONGEST_SIREN:.0f} seconds at most, without a turn of 0")
    return Siren(tuple(seconds))


def _recording(path: Path) -> Recording:
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_RECORDING + 1)
    except OSError as error:
        raise ValueError(f'names the file "{path}", which cannot be read') from error
    if len(content) > LARGEST_RECORDING:
        raise ValueError(f'names the file "{path}", which is too large for a signal')
    if not content.startswith((b"RIFF", b"fLaC", b"OggS", b"ID3", b"\xff")):
        raise ValueError(f'names the file "{path}", which is no WAV, FLAC, Ogg or MP3 file')
    return Recording(path, hashlib.sha256(content).hexdigest())
