"""The stream channel keeps the contract, against the simulated station with its contact."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest

from alertd.alert import MsgType, Status
from alertd.channel import Message
from alertd.demo.stream_station import COIL, MOUNT, PASSWORD, StreamStation
from alertd.testing import ChannelContract, FarEnd, Heard
from channels.fm_stream import FmStreamChannel
from tests.station_sound import mp3_sound

_NOT_WORDS = "sound is aired, not words; tests/unit/test_fm_stream.py compares the sound"
_WRONG = "not-the-source-4711"


class Station(FarEnd):
    """One mount and one contact."""

    addresses = (MOUNT,)
    refused = "no such mount"
    secrets = (PASSWORD, _WRONG)

    def __init__(self, folder: Path) -> None:
        super().__init__()
        (folder / "password").write_text(PASSWORD)
        (folder / "wrong").write_text(_WRONG)
        self._folder = folder
        self._sound = mp3_sound(folder, 0.3)
        self.station = StreamStation()

    def section(self) -> dict[str, object]:
        return {
            "kind": "fm-stream",
            "carries": ["Actual", "Exercise", "Test"],
            "host": "127.0.0.1",
            "port": self.station.port,
            "password_file": str(self._folder / "password"),
            "contact": f"modbus://127.0.0.1:{self.station.relay_port}/{COIL}",
            "buffer": 0,
            "timeout": 2,
        }

    def wrong_section(self) -> dict[str, object]:
        return {**self.section(), "password_file": str(self._folder / "wrong")}

    def message(self, **changes: Any) -> Message:
        return super().message(**{"audio": self._sound, **changes})

    def heard(self) -> Sequence[Heard]:
        assert self.station.wait_until_still(5)
        whole = self._sound.path.stat().st_size
        return [_heard(one) for one in self.station.ledger.entries("airing") if one["bytes"] == whole]

    def go_down(self) -> None:
        self.station.go_down()

    def come_up(self) -> None:
        self.station.come_up()


def _heard(entry: Any) -> Heard:
    return Heard(
        address=MOUNT,
        key=entry["key"],
        status=Status(entry["status"]),
        kind=MsgType(entry["kind"]),
        references=tuple(entry["references"].split()),
    )


class TestFmStream(ChannelContract):
    channel_class = FmStreamChannel
    does_not_apply: ClassVar = {
        "test_text_arrives_unaltered": _NOT_WORDS,
        "test_a_genuine_callback_is_believed": "a station does not call back",
        "test_a_forged_callback_is_refused": "a station does not call back",
        "test_a_preview_is_heard_by_nobody": "the preview is the sound itself, which the engine has made",
    }

    @pytest.fixture
    def far_end(self, tmp_path: Path) -> Iterator[Station]:
        station = Station(tmp_path)
        with station.station:
            yield station
