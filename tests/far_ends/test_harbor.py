"""The stream channel against a real Liquidsoap's harbor, judged by the station's own air recording."""

from __future__ import annotations

import socket
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from alertd.alert import MsgType, Status
from alertd.channel import Inquiry, Message, Outcome, Phase, Reason, Target
from alertd.clock import SystemClock
from alertd.errors import ChannelMisconfigured
from alertd.settings import read_settings
from channels.fm_stream import FmStreamChannel
from channels.fm_stream_settings import FmStreamSettings
from tests.far_ends.liquidsoap import NEEDED, Liquidsoap, pause
from tests.far_ends.recorded_air import seconds_off_programme
from tests.serving import free_port
from tests.station_sound import mp3_sound

pytestmark = NEEDED

PASSWORD = "harbor-password-5309"


class Harbor(Liquidsoap):
    """A station that takes a stream."""

    def __init__(self, folder: Path, port: int) -> None:
        self.port = port
        (folder / "password").write_text(PASSWORD)
        super().__init__(folder, "station_harbor.liq", harbor=port, password=PASSWORD)

    def wait_until_up(self) -> None:
        self.wait_until(self._takes_streams)

    def _takes_streams(self) -> bool:
        grown = self.recording.exists() and self.recording.stat().st_size > 100_000
        with socket.socket() as probe:
            return grown and probe.connect_ex(("127.0.0.1", self.port)) == 0

    def channel(self, **changes: object) -> FmStreamChannel:
        table = {
            "kind": "fm-stream",
            "host": "127.0.0.1",
            "port": self.port,
            "password_file": str(self.folder / "password"),
            "recording": str(self.recording),
            "buffer": 1.5,
            **changes,
        }
        return FmStreamChannel("fm", read_settings(FmStreamSettings, table, "channels.fm"))


@pytest.fixture(scope="module")
def harbor(tmp_path_factory):
    with Harbor(tmp_path_factory.mktemp("harbor"), free_port()) as station:
        station.wait_until_up()
        yield station


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
        audio=mp3_sound(tmp_path, 3.0),
    )


TARGET = Target(key="K-1", attempt=1, address="emergency", answer_url="")


def test_a_whole_stream_is_heard_on_the_air_and_the_programme_is_back(harbor, message):
    before = len(seconds_off_programme(harbor.recording))
    *passing, last = harbor.channel().send(message, [TARGET])
    assert {one.phase for one in passing} == {Phase.SIGNALLED}, "without a contact only the ear proves it"
    assert (last.outcome, last.phase) == (Outcome.DELIVERED, Phase.RELEASED), last
    pause(1.5)
    away = seconds_off_programme(harbor.recording)[before:]
    assert sum(away) == pytest.approx(3.0, abs=1.2), "the pauses of the sound are programme to this ear"


def test_what_is_taken_off_gives_the_programme_back(harbor, message, tmp_path):
    long = replace(message, audio=mp3_sound(tmp_path, 20.0, "long.mp3"))
    channel = harbor.channel()
    going = channel.send(long, [TARGET])
    for _ in range(20):
        next(going)
    now = SystemClock().now()
    inquiry = Inquiry(target=TARGET, ref=None, handed_at=now, asked_at=now, message=long)
    released: list[object] = []
    taking = threading.Thread(target=lambda: released.append(channel.release(inquiry).phase))
    taking.start()
    *_, last = going
    taking.join()
    assert (last.outcome, last.phase, released) == (Outcome.UNKNOWN, Phase.TRUNCATED, [Phase.TRUNCATED])
    pause(2.5)
    before = len(seconds_off_programme(harbor.recording))
    pause(1.0)
    assert len(seconds_off_programme(harbor.recording)) == before, "the programme is on the air"


def test_the_studio_that_is_on_the_entrance_goes_first(harbor, message, tmp_path):
    studio = harbor.channel(recording=None)
    going = studio.send(replace(message, audio=mp3_sound(tmp_path, 8.0, "studio.mp3")), [TARGET])
    for _ in range(5):
        next(going)
    (busy,) = harbor.channel().send(message, [TARGET])
    going.close()
    assert (busy.outcome, busy.reason) == (Outcome.DEFERRED, Reason.BUSY)


def test_a_wrong_password_needs_a_person(harbor, message, tmp_path):
    (tmp_path / "wrong").write_text("wrong")
    with pytest.raises(ChannelMisconfigured):
        list(harbor.channel(password_file=str(tmp_path / "wrong")).send(message, [TARGET]))
