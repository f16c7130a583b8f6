"""The FM channel keeps the contract, against the simulated station."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest

from alertd.alert import MsgType, Status
from alertd.channel import Message
from alertd.demo.station import QUEUE, SimulatedStation
from alertd.testing import ChannelContract, FarEnd, Heard
from channels.fm import FmChannel
from tests.station_sound import fm_sound

_NOT_WORDS = "sound is aired, not words; tests/far_ends compares the sound"


class Station(FarEnd):
    """One station with one queue."""

    addresses = (QUEUE,)
    refused = "no_such_queue"

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._sound = fm_sound(folder, 0.3)
        self.station = SimulatedStation(folder / "s")

    def section(self) -> dict[str, object]:
        return {
            "kind": "fm",
            "carries": ["Actual", "Exercise", "Test"],
            "socket": str(self.station.socket_path),
            "timeout": 2,
        }

    def wrong_section(self) -> dict[str, object]:
        """The command server knows no passwords; a wrong output is what a person must mend."""
        return {**self.section(), "output": "no_such_output"}

    def message(self, **changes: Any) -> Message:
        return super().message(**{"audio": self._sound, **changes})

    def heard(self) -> Sequence[Heard]:
        assert self.station.player is None or self.station.player.wait_until_still(5)
        return [
            _heard(entry["fields"]) for entry in self.station.ledger.entries("airing") if entry["complete"]
        ]

    def go_down(self) -> None:
        self.station.go_down()

    def come_up(self) -> None:
        self.station.come_up()


def _heard(fields: Any) -> Heard:
    return Heard(
        address=QUEUE,
        key=fields["alertd_key"],
        status=Status(fields["alertd_status"]),
        kind=MsgType(fields["alertd_kind"]),
        references=tuple(fields.get("alertd_references", "").split()),
    )


class TestFm(ChannelContract):
    channel_class = FmChannel
    does_not_apply: ClassVar = {
        "test_text_arrives_unaltered": _NOT_WORDS,
        "test_no_secret_is_shown": "the command server knows no secret: its unix socket has an owner",
        "test_a_genuine_callback_is_believed": "a station does not call back",
        "test_a_forged_callback_is_refused": "a station does not call back",
        "test_a_preview_is_heard_by_nobody": "the preview is the sound itself, which the engine has made",
    }

    @pytest.fixture
    def far_end(self, tmp_path: Path) -> Iterator[Station]:
        station = Station(tmp_path)
        with station.station:
            yield station
