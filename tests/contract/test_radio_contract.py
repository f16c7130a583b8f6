"""The radio channel keeps the contract, against simulated loudspeakers on this machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest

from alertd.alert import MsgType, Status
from alertd.channel import Message
from alertd.demo.loudspeakers import SimulatedLoudspeakers
from alertd.testing import ChannelContract, FarEnd, Heard
from channels.radio import RadioChannel
from tests.station_sound import free_zones, outdoor_sound

_NO_ANSWER = "multicast has no answer: nobody can know whether loudspeakers are there"
_NOT_WORDS = "sound is paged, not words; tests/unit/test_radio_page.py compares every sample"


class Loudspeakers(FarEnd):
    """Three zones."""

    refused = "192.0.2.1:5004"

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.addresses = free_zones(3)
        self._sound = outdoor_sound(folder, 0.1)
        self.speakers = SimulatedLoudspeakers(self.addresses)

    def section(self) -> dict[str, object]:
        return {"kind": "radio", "carries": ["Actual", "Exercise", "Test"], "interface": "127.0.0.1"}

    def message(self, **changes: Any) -> Message:
        return super().message(**{"audio": self._sound, **changes})

    def heard(self) -> Sequence[Heard]:
        assert self.speakers.wait_until_quiet(5)
        return [_heard(entry, entry["marks"]) for entry in self.speakers.ledger.entries("page")]

    def go_down(self) -> None:
        pytest.fail(_NO_ANSWER)

    def come_up(self) -> None:
        pytest.fail(_NO_ANSWER)


def _heard(entry: Any, marks: Any) -> Heard:
    return Heard(
        address=entry["group"],
        key=entry["key"],
        status=Status(marks["status"]),
        kind=MsgType(marks["kind"]),
        references=tuple(marks.get("references", "").split()),
    )


class TestRadio(ChannelContract):
    channel_class = RadioChannel
    does_not_apply: ClassVar = {
        "test_text_arrives_unaltered": _NOT_WORDS,
        "test_a_far_end_that_is_down_never_fails_a_target": _NO_ANSWER,
        "test_a_far_end_that_comes_back_is_used_again": _NO_ANSWER,
        "test_wrong_credentials_need_a_person": "multicast knows no credentials",
        "test_no_secret_is_shown": "multicast knows no secret",
        "test_a_genuine_callback_is_believed": "loudspeakers do not call back",
        "test_a_forged_callback_is_refused": "loudspeakers do not call back",
        "test_a_probe_is_answered_and_heard_by_nobody": _NO_ANSWER,
        "test_a_preview_is_heard_by_nobody": "the preview is the sound itself, which the engine has made",
    }

    @pytest.fixture
    def far_end(self, tmp_path: Path) -> Iterator[Loudspeakers]:
        loudspeakers = Loudspeakers(tmp_path)
        with loudspeakers.speakers:
            yield loudspeakers
