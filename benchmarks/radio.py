"""How evenly pages leave: prints the figures, `--json` for machines.

    python -m benchmarks.radio [--json] [--seconds 20] [--zones 12]

A page of that length goes to so many zones by the loopback interface. A process of its own
receives it; its times are those that the kernel stamps on each packet. Jitter is the distance
of a gap between two packets from 20 ms. Run it when nothing else does.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import soundfile

from alertd.alert import MsgType, Status
from alertd.channel import Message, Target
from alertd.settings import read_settings
from alertd.speech import OUTDOOR_AUDIO, Sound
from channels.radio import RadioChannel
from channels.radio_settings import RadioSettings

#: the kernel's name for its stamps (SO_TIMESTAMPNS_OLD), which Python does not have
_STAMPS = 35
_SENT = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--json", action="store_true", help="one JSON object on standard output")
    arguments.add_argument("--seconds", type=float, default=20.0)
    arguments.add_argument("--zones", type=int, default=12)
    arguments.add_argument("--receive", nargs=2, metavar=("GROUP", "PORT"), help=argparse.SUPPRESS)
    chosen = arguments.parse_args()
    if chosen.receive:
        _receive(chosen.receive[0], int(chosen.receive[1]))
        return
    figures = measured(chosen.seconds, chosen.zones)
    if chosen.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:24} {value}")


def measured(seconds: float, zones: int) -> dict[str, float]:
    """Pages the zones once and measures in the last, which is served last."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1] // 2 * 2
    third = os.getpid() % 250 + 1
    addresses = [f"239.192.{third}.{number}:{port}" for number in range(1, zones + 1)]
    table = {"kind": "radio", "interface": "127.0.0.1", "ttl": 0}
    channel = RadioChannel("radio", read_settings(RadioSettings, table, "channels.radio"))
    command = [sys.executable, "-m", "benchmarks.radio", "--receive", *addresses[-1].split(":")]
    with tempfile.TemporaryDirectory() as folder:
        message, sound = _message(Path(folder), seconds)
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as receiver:
            assert receiver.stdout is not None
            receiver.stdout.readline()
            before = os.times()
            targets = [
                Target(key=f"K-{n}", attempt=1, address=a, answer_url="") for n, a in enumerate(addresses)
            ]
            list(channel.send(message, targets))
            after = os.times()
            heard = json.loads(receiver.stdout.readline())
    stamps = np.array(heard["stamps"])
    gaps = np.diff(stamps) / 1e6
    jitter = np.abs(gaps - 20.0)
    return {
        "zones": zones,
        "packets": len(stamps),
        "every_sample": float(heard["sha256"] == hashlib.sha256(sound).hexdigest()),
        "jitter_median_ms": round(float(np.median(jitter)), 3),
        "jitter_p99_ms": round(float(np.percentile(jitter, 99)), 3),
        "longest_gap_ms": round(float(gaps.max()), 2),
        "drift_ms": round(float((stamps[-1] - stamps[0]) / 1e6 - 20.0 * len(gaps)), 2),
        "cpu_ms_per_second": round(
            1000 * (after.user + after.system - before.user - before.system) / seconds, 1
        ),
    }


def _message(folder: Path, seconds: float) -> tuple[Message, bytes]:
    path = folder / "page.wav"
    times = np.arange(round(seconds * 50) * 160) / 8000
    soundfile.write(path, 0.3 * np.sin(2 * np.pi * (400 + 20 * times) * times), 8000, "ULAW")
    data = path.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    sound = Sound(digest=digest, path=path, seconds=seconds, format=OUTDOOR_AUDIO, voice="tone", reading="")
    message = Message(
        identifier="benchmark",
        kind=MsgType.ALERT,
        status=Status.EXERCISE,
        language="ja",
        headline="",
        text="",
        sent=_SENT,
        expires=_SENT + timedelta(hours=1),
        audio=sound,
    )
    start = data.index(b"data") + 8
    return message, data[start : start + len(times)]


def _receive(group: str, port: int) -> None:
    """Says that it listens; when nothing has come for a second, what it has heard and when."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear:
        ear.setsockopt(socket.SOL_SOCKET, _STAMPS, 1)
        ear.bind((group, port))
        membership = socket.inet_aton(group) + socket.inet_aton("127.0.0.1")
        ear.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
        ear.settimeout(10)
        print("listening", flush=True)
        sound, stamps = hashlib.sha256(), []
        while True:
            try:
                packet, notes, _, _ = ear.recvmsg(2048, 64)
            except TimeoutError:
                break
            ear.settimeout(1)
            seconds, nanoseconds = struct.unpack("=qq", notes[0][2][:16])
            stamps.append(seconds * 1_000_000_000 + nanoseconds)
            sound.update(packet[12:])
    print(json.dumps({"sha256": sound.hexdigest(), "stamps": stamps}), flush=True)


if __name__ == "__main__":
    main()
