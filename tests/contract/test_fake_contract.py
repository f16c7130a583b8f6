"""The shipped double keeps the contract."""

from __future__ import annotations

from pathlib import Path

import pytest

from alertd.testing import ChannelContract, FakeChannel, FakeFarEnd, hand_over
from alertd.testing.contract import TEXTS


class TestFake(ChannelContract):
    channel_class = FakeChannel

    @pytest.fixture
    def far_end(self, tmp_path: Path) -> FakeFarEnd:
        return FakeFarEnd(tmp_path / "far-end")


def test_the_long_text_of_the_contract_has_2000_characters() -> None:
    assert len(TEXTS["2,000 characters"]) == 2000


def test_the_address_decides_what_becomes_of_a_target(tmp_path: Path) -> None:
    far_end = FakeFarEnd(tmp_path)
    channel = FakeChannel("mail", far_end.settings())
    names = ("refused", "busy", "once-busy", "doubt", "heard", "aoi")
    said = {}
    for attempt in (1, 2):
        targets = [far_end.target(f"{name}@example.jp", attempt=attempt) for name in names]
        said[attempt] = [receipt.outcome.value for receipt in hand_over(channel, far_end.message(), targets)]
    assert said[1] == ["failed", "deferred", "deferred", "unknown", "delivered", "accepted"]
    assert said[2] == ["failed", "deferred", "accepted", "unknown", "delivered", "accepted"]
