"""Short sounds for the stations and loudspeakers of the tests: a tone, and its file."""

from __future__ import annotations

import hashlib
import os
import socket
import subprocess
from pathlib import Path

import numpy as np
import soundfile
import soxr

from alertd.speech import FM_AUDIO, FM_MP3_AUDIO, OUTDOOR_AUDIO, AudioFormat, Encoding, Sound

SUBTYPES = {Encoding.ULAW: "ULAW", Encoding.PCM16: "PCM_16", Encoding.PCM24: "PCM_24"}


def sound(folder: Path, format: AudioFormat, seconds: float, name: str = "tone.wav") -> Sound:
    """A rising tone of that length: no two of its packets are alike."""
    times = np.arange(round(seconds * format.rate)) / format.rate
    tone = 0.3 * np.sin(2 * np.pi * (400 + 300 * times) * times)
    path = folder / name
    soundfile.write(path, np.stack([tone] * format.channels, axis=1), format.rate, SUBTYPES[format.encoding])
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Sound(digest=digest, path=path, seconds=seconds, format=format, voice="tone", reading="")


def fm_sound(folder: Path, seconds: float = 0.5) -> Sound:
    """As a station wants it."""
    return sound(folder, FM_AUDIO, seconds, "fm.wav")


def mp3_sound(folder: Path, seconds: float, name: str = "fm.mp3") -> Sound:
    """As a station's entrance for streams wants it; its loudness goes up and down like speech."""
    times = np.arange(round(seconds * 48000)) / 48000
    beat = np.clip(np.sin(2 * np.pi * (1.3 + times) * times), 0, 1)
    tone = 0.4 * beat * np.sin(2 * np.pi * 700 * times)
    path = folder / name
    soundfile.write(
        path,
        np.stack([tone, tone], axis=1),
        48000,
        format="MP3",
        subtype="MPEG_LAYER_III",
        bitrate_mode="CONSTANT",
        compression_level=0.5,
    )
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Sound(digest=digest, path=path, seconds=seconds, format=FM_MP3_AUDIO, voice="tone", reading="")


def outdoor_sound(folder: Path, seconds: float = 0.2) -> Sound:
    """As loudspeakers want it."""
    return sound(folder, OUTDOOR_AUDIO, seconds, "outdoor.wav")


def free_zones(number: int) -> list[str]:
    """Zones that no other test of this machine pages: a free port, and a group by the process."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.bind(("127.0.0.1", 0))
        port = asking.getsockname()[1] // 2 * 2
    third = os.getpid() % 250 + 1
    return [f"239.192.{third}.{zone}:{port}" for zone in range(1, number + 1)]


def digits_heard(file: Path) -> str:
    """The DTMF digits that multimon-ng hears in a sound file, in their order."""
    values, rate = soundfile.read(file, dtype="float32", always_2d=True)
    pcm = (soxr.resample(values[:, 0], rate, 22050) * 32767).astype("<i2").tobytes()
    found = subprocess.run(
        ["multimon-ng", "-q", "-t", "raw", "-a", "DTMF", "-"], input=pcm, capture_output=True, check=True
    )
    return "".join(line.rpartition(" ")[2] for line in found.stdout.decode().splitlines())
