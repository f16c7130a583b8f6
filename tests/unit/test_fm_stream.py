"""Airing by a stream and a contact: proven or not, and always given back."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import soundfile

from alertd.alert import MsgType, Status
from alertd.channel import Inquiry, Message, Outcome, Phase, Reason, Receipt, Target
from alertd.clock import SystemClock
from alertd.demo.stream_station import COIL, MOUNT, PASSWORD, StreamFault, StreamStation
from alertd.errors import ChannelMisconfigured, ChannelUnavailable, WrongConfiguration
from alertd.settings import read_settings
from channels.fm_stream import FmStreamChannel
from channels.fm_stream_settings import FmStreamSettings
from tests.serving import free_port
from tests.station_sound import mp3_sound

SENT = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)


@pytest.fixture
def station(tmp_path):
    with StreamStation(ledger=tmp_path / "ledger.jsonl") as station:
        yield station


@pytest.fixture
def message(tmp_path):
    return Message(
        identifier="20261123-0001",
        kind=MsgType.ALERT,
        status=Status.EXERCISE,
        language="ja",
        headline="【訓練】避難指示\r\nX-Injected: 1",
        text="これは訓練です。",
        sent=SENT,
        expires=SENT + timedelta(hours=6),
        audio=mp3_sound(tmp_path, 0.8),
    )


@pytest.fixture
def secret(tmp_path):
    (tmp_path / "password").write_text(PASSWORD)
    return tmp_path / "password"


@pytest.fixture
def stream(station, secret):
    def made(**changes: object) -> FmStreamChannel:
        table = {
            "kind": "fm-stream",
            "host": "127.0.0.1",
            "port": station.port,
            "password_file": str(secret),
            "contact": f"modbus://127.0.0.1:{station.relay_port}/{COIL}",
            "buffer": 0,
            "timeout": 2,
            **changes,
        }
        return FmStreamChannel("fm", read_settings(FmStreamSettings, table, "channels.fm"))

    return made


def target(key: str = "K-1", mount: str = MOUNT) -> Target:
    return Target(key=key, attempt=1, address=mount, answer_url="")


def air(channel: FmStreamChannel, message: Message, mount: str = MOUNT) -> Receipt:
    *passing, last = channel.send(message, [target(mount=mount)])
    assert all(one.phase is not None and one.phase.under_way for one in passing)
    return last


def inquiry(message: Message) -> Inquiry:
    now = SystemClock().now()
    return Inquiry(target=target(), ref=None, handed_at=now, asked_at=now, message=message)


def moves(station: StreamStation) -> list[object]:
    return [entry["closed"] for entry in station.ledger.entries("contact")]


def test_a_whole_stream_arrives_and_the_contact_is_closed_around_it(station, stream, message):
    receipt = air(stream(), message)
    assert receipt.outcome is Outcome.ACCEPTED, "nobody has heard it"
    assert receipt.phase is Phase.RELEASED
    assert station.wait_until_still(3)
    (entry,) = station.ledger.entries("airing")
    assert (entry["sha256"], entry["contact"]) == (message.audio.digest, True)
    assert (entry["key"], entry["status"]) == ("K-1", "Exercise")
    lasted = datetime.fromisoformat(str(entry["end"])) - datetime.fromisoformat(str(entry["start"]))
    assert lasted.total_seconds() == pytest.approx(0.8, abs=0.6)
    assert moves(station) == [True, False]


def test_a_box_with_a_web_page_is_led_as_well(station, stream, message):
    box = f"http://127.0.0.1:{station.port}"
    channel = stream(contact=box + "/rc.cgi?o=1,{state}", contact_read=box + "/state")
    assert air(channel, message).phase is Phase.RELEASED
    assert moves(station) == [True, False]


def test_what_was_taken_off_ends_at_once_with_the_end_signal_and_an_open_contact(
    station, stream, message, tmp_path
):
    signal = mp3_sound(tmp_path, 0.4, "end.mp3")
    long = replace(message, audio=mp3_sound(tmp_path, 8.0, "long.mp3"), end_signal=signal)
    channel = stream()
    going = channel.send(long, [target()])
    assert next(one for one in going if one.phase is Phase.ON_AIR)
    released: list[Receipt] = []
    taking = threading.Timer(0.8, lambda: released.append(channel.release(inquiry(long))))
    taking.start()
    *_, last = going
    taking.join()
    assert (last.outcome, last.phase) == (Outcome.UNKNOWN, Phase.TRUNCATED)
    assert released[0].phase is Phase.TRUNCATED
    assert station.wait_until_still(3)
    (entry,) = station.ledger.entries("airing")
    whole = long.audio.path.stat().st_size
    assert signal.path.stat().st_size < int(str(entry["bytes"])) < whole
    assert moves(station) == [True, False]


def test_whoever_finds_the_contact_closed_opens_it(station, stream, message):
    station.move(closed=True)
    left = stream().ask(inquiry(message))
    assert (left.outcome, left.reason, left.phase) == (Outcome.UNKNOWN, Reason.IN_DOUBT, Phase.TRUNCATED)
    assert moves(station) == [True, False]


def test_a_contact_that_stays_closed_is_never_called_given_back(station, stream, message):
    channel = stream()
    going = channel.send(message, [target()])
    assert next(one for one in going if one.phase is Phase.ON_AIR)
    station.fault = StreamFault.STUCK
    *_, last = going
    assert (last.outcome, last.phase) == (Outcome.UNKNOWN, None)
    with pytest.raises(ChannelUnavailable, match="did not open"):
        channel.release(inquiry(message))
    station.fault = None
    assert channel.release(inquiry(message)).phase is Phase.TRUNCATED
    assert moves(station) == [True, False]


def test_a_contact_that_does_not_close_airs_nothing(station, stream, message):
    station.fault = StreamFault.STUCK
    with pytest.raises(ChannelUnavailable, match="did not close"):
        air(stream(), message)
    assert station.ledger.entries("airing") == []


def test_an_entrance_that_is_down_leaves_no_contact_closed(station, stream, message):
    channel = stream(port=free_port())
    with pytest.raises(ChannelUnavailable, match="entrance"):
        air(channel, message)
    assert moves(station) == [True, False]


def test_a_box_that_is_down_is_never_touched(station, stream, message):
    channel = stream(contact=f"modbus://127.0.0.1:{free_port()}/0")
    with pytest.raises(ChannelUnavailable, match="relay"):
        air(channel, message)
    assert station.ledger.entries("airing") == []


def test_a_stream_that_breaks_off_is_cut_short_and_given_back(station, stream, message, tmp_path):
    station.fault = StreamFault.DROP
    long = replace(message, audio=mp3_sound(tmp_path, 6.0, "long.mp3"))
    receipt = air(stream(), long)
    assert (receipt.outcome, receipt.phase) == (Outcome.UNKNOWN, Phase.TRUNCATED)
    assert moves(station) == [True, False]


def test_an_abandoned_airing_opens_the_contact(station, stream, message):
    going = stream().send(message, [target()])
    next(going)
    going.close()
    assert moves(station) == [True, False]


def test_a_mount_that_is_taken_is_busy(station, stream, message):
    channel, other = stream(contact=""), stream(contact="")
    going = other.send(message, [target()])
    next(going)
    receipt = air(channel, message)
    assert (receipt.outcome, receipt.reason) == (Outcome.DEFERRED, Reason.BUSY)
    going.close()


@pytest.mark.parametrize("mount", ["", "a b", "x\r\nX: 1", "../admin"])
def test_an_address_that_is_no_mount_fails(stream, message, mount):
    assert air(stream(), message, mount).reason is Reason.BAD_ADDRESS


def test_a_missing_file_and_one_that_is_no_sound_are_refused(station, stream, message, tmp_path):
    gone = replace(message, audio=replace(message.audio, path=tmp_path / "gone.mp3"))
    assert air(stream(), gone).reason is Reason.REFUSED
    message.audio.path.write_text("no sound")
    assert air(stream(), message).reason is Reason.REFUSED
    assert moves(station) == []


def test_a_wrong_password_needs_a_person_and_leaves_the_contact_open(station, stream, message, tmp_path):
    (tmp_path / "wrong").write_text("wrong")
    with pytest.raises(ChannelMisconfigured, match="401"):
        air(stream(password_file=str(tmp_path / "wrong")), message)
    assert moves(station) == [True, False]


def test_a_relay_without_that_output_needs_a_person(station, stream):
    with pytest.raises(ChannelMisconfigured, match="no such output"):
        stream(contact=f"modbus://127.0.0.1:{station.relay_port}/7").probe()


def test_a_probe_finds_a_contact_that_was_left_closed(station, stream):
    assert "is open" in stream().probe()
    station.move(closed=True)
    with pytest.raises(ChannelUnavailable, match="closed though"):
        stream().probe()


@pytest.mark.parametrize("wrong", ["ftp://box/1", "modbus://box/one", "http://box/rc.cgi?o=1,1"])
def test_a_contact_that_is_none_is_refused(stream, wrong):
    with pytest.raises(WrongConfiguration, match="contact"):
        stream(contact=wrong)


@pytest.mark.parametrize("air_is", ["the sound", "silence", "music"])
def test_only_what_the_recording_of_the_air_holds_is_delivered(stream, message, tmp_path, air_is):
    recording = Recording(tmp_path / "air.wav", message.audio.path, air_is)
    channel = stream(recording=str(recording.path), recording_lag=1.2)
    with recording:
        receipt = air(channel, message)
    if air_is == "the sound":
        assert receipt.outcome is Outcome.DELIVERED, receipt
    else:
        assert receipt.outcome is Outcome.UNKNOWN
        assert ("silence" if air_is == "silence" else "something else") in (receipt.detail or "")


def test_a_recording_that_stands_still_proves_nothing(stream, message, tmp_path):
    recording = Recording(tmp_path / "air.wav", message.audio.path, "silence")
    receipt = air(stream(recording=str(recording.path), recording_lag=0.5), message)
    assert receipt.outcome is Outcome.UNKNOWN
    assert "does not go on" in (receipt.detail or "")


def test_a_recorder_that_is_gone_stops_no_airing(station, stream, message, tmp_path):
    receipt = air(stream(recording=str(tmp_path / "nowhere.wav")), message)
    assert receipt.outcome is Outcome.UNKNOWN
    assert "not there" in (receipt.detail or "")
    assert station.wait_until_still(3)
    assert [entry["sha256"] for entry in station.ledger.entries("airing")] == [message.audio.digest]


class Recording:
    """A WAV file that grows as fast as life: a second of programme, then what was on the air."""

    def __init__(self, path: Path, sound: Path, air_is: str) -> None:
        self.path = path
        values, rate = soundfile.read(sound, dtype="float64", always_2d=True)
        chance = np.random.default_rng(1)
        time = np.arange(len(values) + rate) / rate
        programme = 0.1 * np.sin(2 * np.pi * 300 * time[:rate])
        air = {
            "the sound": 0.3 * values[:, 0] + 0.001 * chance.normal(size=len(values)),
            "silence": np.zeros(len(values)),
            "music": 0.2
            * np.sin(2 * np.pi * 440 * time[rate:])
            * (1 + np.sin(2 * np.pi * 3 * time[rate:]))
            / 2,
        }[air_is]
        if air_is == "silence":
            programme = np.zeros(rate)
        pcm = np.concatenate([programme, air, programme]) * 32767
        self._pcm = np.repeat(pcm.astype("<i2")[:, None], 2, axis=1).tobytes()
        self._rate = rate * 4
        soundfile.write(path, np.zeros((0, 2)), rate, "PCM_16")
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._grow)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _grow(self) -> None:
        with self.path.open("ab") as file:
            for at in range(0, len(self._pcm), self._rate // 10):
                file.write(self._pcm[at : at + self._rate // 10])
                file.flush()
                if self._stop.wait(0.1):
                    return
