"""Pages as others receive them: FFmpeg's RTP, and the kernel's own record of every interface."""

from __future__ import annotations

import shutil
import signal
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
import soundfile

from alertd.alert import MsgType, Status
from alertd.channel import Message, Outcome, Target
from alertd.clock import stopwatch
from alertd.settings import read_settings
from alertd.speech import OUTDOOR_AUDIO, OUTDOOR_WIDE_AUDIO
from channels.radio import RadioChannel
from channels.radio_settings import RadioSettings
from channels.radio_sound import samples
from channels.rtp_payload import Encoding
from tests.station_sound import free_zones, sound

SENT = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
SECONDS = 1.5


def page(folder, zone, encoding):
    """Pages a tone in one zone; returns it."""
    audio = sound(folder, OUTDOOR_WIDE_AUDIO if encoding == "l16" else OUTDOOR_AUDIO, SECONDS)
    message = Message(
        identifier="20261123-0001",
        kind=MsgType.ALERT,
        status=Status.EXERCISE,
        language="ja",
        headline="【訓練】",
        text="これは訓練です。",
        sent=SENT,
        expires=SENT + timedelta(hours=1),
        audio=audio,
    )
    table = {"kind": "radio", "encoding": encoding, "ttl": 1}
    channel = RadioChannel("radio", read_settings(RadioSettings, table, "channels.radio"))
    target = Target(key="K-1", attempt=1, address=zone, answer_url="")
    *_, receipt = channel.send(message, [target])
    assert receipt.outcome is Outcome.ACCEPTED
    return audio


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="FFmpeg is not installed: apt-get install ffmpeg")
@pytest.mark.parametrize(
    ("encoding", "described"), [("pcmu", "0 PCMU/8000"), ("pcma", "8 PCMA/8000"), ("l16", "96 L16/16000")]
)
def test_ffmpeg_hears_every_sample(tmp_path, encoding, described):
    (zone,) = free_zones(1)
    group, _, port = zone.partition(":")
    number = described.partition(" ")[0]
    (tmp_path / "page.sdp").write_text(
        f"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=page\nc=IN IP4 {group}/1\nt=0 0\n"
        f"m=audio {port} RTP/AVP {number}\na=rtpmap:{described}/1\n"
    )
    command = ["ffmpeg", "-nostdin", "-loglevel", "error", "-protocol_whitelist", "file,udp,rtp"]
    command += [
        "-localaddr",
        "127.0.0.1",
        "-listen_timeout",
        "2",
        "-i",
        "page.sdp",
        "-t",
        str(SECONDS),
        "heard.wav",
    ]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE) as receiver:
        _wait_for_member(group)
        audio = page(tmp_path, zone, encoding)
        time.sleep(0.3)  # it hears no goodbye; what it has, it writes when it is told to end
        receiver.send_signal(signal.SIGINT)
        _, said = receiver.communicate(timeout=15)
    heard, rate = soundfile.read(tmp_path / "heard.wav")
    meant, _ = soundfile.read(audio.path)
    assert rate == audio.format.rate, said
    # FFmpeg lets go of a packet when it has the next one
    assert len(heard) >= len(meant) - rate // 50, said
    assert abs(heard - meant[: len(heard)]).max() <= (0.02 if encoding == "pcma" else 0.0)


def _wait_for_member(group: str) -> None:
    """Until somebody on this machine has joined the group."""
    wanted = f"{struct.unpack('=I', socket.inet_aton(group))[0]:08X}"
    give_up = stopwatch() + 10
    while wanted not in Path("/proc/net/igmp").read_text():
        assert stopwatch() < give_up, "nobody has joined"
        time.sleep(0.02)


@dataclass
class Frame:
    """A packet to the zone as the kernel sent it."""

    interface: str
    at: float
    ttl: int
    source: str
    rtp: bytes


def _may_watch() -> bool:
    try:
        socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0).close()
    except (OSError, AttributeError):
        return False
    return True


@contextmanager
def watched(group: str) -> Iterator[list[Frame]]:
    """What leaves for this group meanwhile, by whatever interface."""
    frames: list[Frame] = []
    done = threading.Event()
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0003)) as ear:
        ear.settimeout(0.05)

        def watch() -> None:
            while True:
                try:
                    packet, (interface, _, kind, *_) = ear.recvfrom(2048)
                except TimeoutError:
                    if done.is_set():
                        return
                    continue
                to = packet[16:20] if packet[:1] == b"\x45" else b""
                if kind == socket.PACKET_OUTGOING and to == socket.inet_aton(group):
                    source = socket.inet_ntoa(packet[12:16])
                    frames.append(Frame(interface, stopwatch(), packet[8], source, packet[20:]))

        thread = threading.Thread(target=watch)
        thread.start()
        try:
            yield frames
        finally:
            done.set()
            thread.join()


@pytest.mark.skipif(not _may_watch(), reason="only root may watch every interface of this machine")
def test_every_packet_leaves_by_the_named_interface_and_no_other_on_time(tmp_path):
    (zone,) = free_zones(1)
    group, _, port = zone.partition(":")
    with watched(group) as frames:
        audio = page(tmp_path, zone, "pcmu")
    assert {(frame.interface, frame.source, frame.ttl) for frame in frames} == {("lo", "127.0.0.1", 1)}
    spoken = [frame for frame in frames if struct.unpack("!H", frame.rtp[2:4])[0] == int(port)]
    packets = [frame.rtp[8:] for frame in spoken]
    assert b"".join(packet[12:] for packet in packets) == samples(audio, Encoding.PCMU)
    headers = [struct.unpack("!BBHII", packet[:12]) for packet in packets]
    assert [header[1] for header in headers] == [0x80] + [0] * (len(headers) - 1)
    assert {header[4] for header in headers} == {headers[0][4]}
    assert [(header[2] - headers[0][2]) & 0xFFFF for header in headers] == list(range(len(headers)))
    gaps = sorted(later.at - frame.at for frame, later in pairwise(spoken))
    # other programs run on the machine; `python -m benchmarks.radio` has the figures of an idle one
    assert abs(gaps[len(gaps) // 2] - 0.02) <= 0.005
