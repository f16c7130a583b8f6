"""The FM channel against a real Liquidsoap, judged by the station's own air recording."""

from __future__ import annotations

import hashlib
import shutil
import signal
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from alertd.alert import MsgType, Status
from alertd.channel import Inquiry, Message, Outcome, Phase, Reason, Receipt, Target
from alertd.clock import SystemClock, stopwatch
from alertd.demo.station import QUEUE
from alertd.errors import ChannelUnavailable
from alertd.speech import FM_AUDIO, Sound
from channels.fm import FmChannel
from channels.fm_settings import FmSettings
from channels.liquidsoap import Station
from tests.far_ends.liquidsoap import NEEDED, RealStation, pause
from tests.far_ends.recorded_air import PROGRAMME_HZ, seconds_off_programme
from tests.station_sound import digits_heard, fm_sound
from tts.tones import dtmf

pytestmark = NEEDED


@pytest.fixture
def station(real_station):
    """Still, and up."""
    with Station(real_station.socket_path, timeout=5) as conversation:
        conversation.clear(QUEUE)
    pause(0.2)
    return real_station


@pytest.fixture
def message(tmp_path):
    sent = SystemClock().now()
    return Message(
        identifier="20261123-0001",
        kind=MsgType.ALERT,
        status=Status.EXERCISE,
        language="ja",
        headline="【訓練】避難指示",
        text="これは訓練です。",
        sent=sent,
        expires=sent + timedelta(hours=6),
        audio=fm_sound(tmp_path, 2.0),
    )


@pytest.fixture
def key(request):
    """A key of its own for each test; the station remembers the others'."""
    return "K-" + "".join(character for character in request.node.name if character.isalnum())[:60]


def fm(station: RealStation, **changes: Any) -> FmChannel:
    return FmChannel("fm", FmSettings(kind="fm", socket=station.socket_path, timeout=2, **changes))


def air(station: RealStation, message: Message, key: str, **changes: Any) -> Receipt:
    target = Target(key=key, attempt=1, address=QUEUE, answer_url="")
    *_, receipt = fm(station, **changes).send(message, [target])
    return receipt


def test_a_whole_airing_is_in_the_air_recording_and_the_programme_is_back(station, message, key):
    before = len(seconds_off_programme(station.recording))
    receipt = air(station, message, key)
    assert receipt.outcome is Outcome.DELIVERED, receipt
    pause(1.5)
    aired = seconds_off_programme(station.recording)[before:]
    assert aired == [pytest.approx(2.0, abs=0.2)]


def test_it_is_on_the_air_within_a_second(station, message, key):
    target = Target(key=key, attempt=1, address=QUEUE, answer_url="")
    asked = stopwatch()
    receipts = fm(station).send(replace(message, audio=message.audio), [target])
    seen = next(stopwatch() for receipt in receipts if receipt.phase is Phase.ON_AIR)
    *_, last = receipts
    assert seen - asked < 1.0
    assert (last.outcome, last.phase) == (Outcome.DELIVERED, Phase.RELEASED)


@pytest.mark.skipif(shutil.which("multimon-ng") is None, reason="multimon-ng is not installed")
def test_receivers_are_switched_on_and_off_in_order_by_what_is_on_the_air(station, message, key, tmp_path):
    """Start signal, words, end signal, as an independent decoder hears them in the air recording."""
    sound = signalled_sound(tmp_path, "*12#", 1.5, "D0")
    begin = station.recording.stat().st_size
    assert air(station, replace(message, audio=sound), key).outcome is Outcome.DELIVERED
    pause(1.0)
    assert digits_heard(aired_since(station, begin, tmp_path)) == "*12#D0"


@pytest.mark.skipif(shutil.which("multimon-ng") is None, reason="multimon-ng is not installed")
def test_what_is_taken_off_gives_the_programme_back_and_switches_receivers_off(
    station, message, key, tmp_path
):
    long = replace(
        message,
        audio=signalled_sound(tmp_path, "*12#", 6.0, ""),
        end_signal=signalled_sound(tmp_path, "D0", 0.0, ""),
    )
    target = Target(key=key, attempt=1, address=QUEUE, answer_url="")
    begin = station.recording.stat().st_size
    channel = fm(station)
    going = channel.send(long, [target])
    assert next(receipt for receipt in going if receipt.phase is Phase.ON_AIR)
    pause(1.5)
    now = SystemClock().now()
    released = channel.release(Inquiry(target=target, ref=None, handed_at=now, asked_at=now, message=long))
    assert (released.outcome, released.phase) == (Outcome.UNKNOWN, Phase.TRUNCATED)
    *_, last = going
    assert (last.outcome, last.phase) == (Outcome.UNKNOWN, Phase.TRUNCATED)
    again = channel.release(Inquiry(target=target, ref=None, handed_at=now, asked_at=now, message=long))
    assert again.phase is Phase.TRUNCATED, "twice is harmless"
    pause(1.0)
    recorded = aired_since(station, begin, tmp_path)
    assert digits_heard(recorded) == "*12#D0"
    values, rate = soundfile.read(recorded)
    tail = np.abs(np.fft.rfft(values[-rate // 2 :, 0])).argmax() * 2
    assert tail == pytest.approx(PROGRAMME_HZ, abs=10)


def test_the_air_is_listened_to_and_silence_is_never_called_aired(station, message, key, tmp_path):
    loud = replace(message, audio=spoken_sound(tmp_path))
    assert air(station, loud, key, recording=station.recording).outcome is Outcome.DELIVERED
    deaf = tmp_path / "deaf.wav"
    soundfile.write(deaf, np.zeros((48000, 2)), 48000, "PCM_16")
    receipt = air(station, loud, f"{key}-deaf", recording=deaf, recording_lag=0.5)
    assert receipt.outcome is Outcome.UNKNOWN
    assert "does not go on" in (receipt.detail or "")


def test_the_air_is_listened_to_as_listeners_have_it(station, message, key, tmp_path):
    loud = replace(message, audio=spoken_sound(tmp_path))
    receipt = air(station, loud, key, air_stream=station.stream)
    assert receipt.outcome is Outcome.DELIVERED, receipt
    assert "air check heard it" in (receipt.detail or "")


def spoken_sound(folder: Path) -> Sound:
    """A tone whose loudness goes up and down like speech."""
    times = np.arange(2 * 48000) / 48000
    tone = 0.4 * np.clip(np.sin(2 * np.pi * (1.3 + times) * times), 0, 1) * np.sin(2 * np.pi * 700 * times)
    path = folder / "spoken.wav"
    soundfile.write(path, np.stack([tone, tone], axis=1), 48000, "PCM_24")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Sound(digest=digest, path=path, seconds=2.0, format=FM_AUDIO, voice="tone", reading="")


def test_a_real_station_that_freezes_in_the_middle_is_never_believed(station, message, key, tmp_path):
    long = replace(message, audio=fm_sound(tmp_path, 3.0))
    freezing = threading.Timer(1.0, lambda: station.process.send_signal(signal.SIGSTOP))
    freezing.start()
    try:
        receipt = air(station, long, key)
    finally:
        freezing.join()
        station.process.send_signal(signal.SIGCONT)
    assert (receipt.outcome, receipt.reason) == (Outcome.UNKNOWN, Reason.IN_DOUBT)
    pause(0.5)
    station.wait_until_up()
    now = SystemClock().now()
    target = Target(key=key, attempt=1, address=QUEUE, answer_url="")
    fm(station).release(Inquiry(target=target, ref=None, handed_at=now, asked_at=now, message=long))


def signalled_sound(folder: Path, start: str, seconds: float, end: str) -> Sound:
    """Digits, as much of a tone, digits; a second of silence between them."""
    silence = np.zeros(48000 // 2)
    times = np.arange(round(seconds * 48000)) / 48000
    parts: list[Any] = [dtmf(start, 48000).values, silence, 0.3 * np.sin(2 * np.pi * 900 * times), silence]
    parts += [dtmf(end, 48000).values] if end else []
    values = np.concatenate(parts) * 0.5
    path = folder / f"signalled-{start.strip('*#')}-{seconds}.wav"
    soundfile.write(path, np.stack([values, values], axis=1), 48000, "PCM_24")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Sound(
        digest=digest, path=path, seconds=len(values) / 48000, format=FM_AUDIO, voice="tone", reading=""
    )


def aired_since(station: RealStation, begin: int, folder: Path) -> Path:
    """What the station has recorded of its air since its recording was so long."""
    data = station.recording.read_bytes()[begin - (begin - 44) % 4 :]
    values = np.frombuffer(data[: len(data) // 4 * 4], "<i2").reshape(-1, 2)
    path = folder / "aired.wav"
    soundfile.write(path, values, 48000, "PCM_16")
    return path


@pytest.mark.parametrize(
    "headline",
    [
        '"quoted" \\ \\"',
        "line\r\nemergency.skip\nexit",
        "#{1+1} $(x) %{y}",
        "\ud800\u2028【訓練】",
        "長" * 500,
    ],
    ids=["quotes", "commands", "evaluation", "odd", "long"],
)
def test_no_title_harms_a_real_station(station, message, tmp_path, key, headline):
    short = replace(message, headline=headline, audio=fm_sound(tmp_path, 0.5))
    assert air(station, short, key).outcome is Outcome.DELIVERED


@pytest.mark.parametrize("what", ["missing", "no sound"])
def test_a_file_that_cannot_be_played_is_refused_by_a_real_station(station, message, tmp_path, key, what):
    path = tmp_path / "other.wav"
    if what == "no sound":
        path.write_text("no sound")
    receipt = air(station, replace(message, audio=replace(message.audio, path=path)), key)
    assert (receipt.outcome, receipt.reason) == (Outcome.FAILED, Reason.REFUSED)
    assert "answered" in fm(station).probe()


def test_a_skip_at_a_real_station_is_seen(station, message, key):
    def skip() -> None:
        with Station(station.socket_path, timeout=5) as conversation:
            conversation.clear(QUEUE)

    skipping = threading.Timer(1.0, skip)
    skipping.start()
    receipt = air(station, message, key)
    skipping.join()
    assert receipt.outcome is Outcome.UNKNOWN
    assert "cut short" in (receipt.detail or "")


def test_a_key_is_never_aired_twice_by_a_real_station(station, message, tmp_path, key):
    short = replace(message, audio=fm_sound(tmp_path, 0.5))
    assert air(station, short, key).outcome is Outcome.DELIVERED
    assert air(station, short, key).reason is Reason.IN_DOUBT


def test_a_real_station_that_never_heard_the_key_says_so(station, message):
    pause(1.5)
    now = SystemClock().now()
    target = Target(key="K-never", attempt=1, address=QUEUE, answer_url="")
    inquiry = Inquiry(
        target=target,
        ref=None,
        handed_at=now + timedelta(seconds=1),
        asked_at=now + timedelta(seconds=1),
        message=message,
    )
    assert fm(station).ask(inquiry) is None


def test_a_frozen_real_station_is_unavailable(station, message, key):
    station.process.send_signal(signal.SIGSTOP)
    try:
        with pytest.raises(ChannelUnavailable):
            air(station, message, key)
    finally:
        station.process.send_signal(signal.SIGCONT)
    pause(0.5)
    station.wait_until_up()
