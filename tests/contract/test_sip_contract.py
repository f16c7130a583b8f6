"""The SIP channel keeps the contract: real baresip lines against an exchange on loopback."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import ClassVar

import pytest

from alertd.alert import MsgType, Reference, Status
from alertd.channel import Message
from alertd.speech import CALL_AUDIO
from alertd.testing import ChannelContract, FarEnd, Heard, hand_over
from channels.sip import SipChannel
from tests.sip_exchange import PASSWORD, Exchange, Household
from tests.station_sound import sound

pytestmark = pytest.mark.skipif(
    shutil.which("baresip") is None, reason="baresip is not installed: apt-get install baresip-core"
)

_ABSENT = "+81256000699"
_WRONG_PASSWORD = "a-wrong-password"
_NO_CALLBACK = "an exchange does not call back: a call is over before its receipt is given"


class Households(FarEnd):
    """Households that listen to the end, behind an exchange that asks for a password."""

    addresses = tuple(f"+812560006{n:02}" for n in range(10))
    refused = _ABSENT
    secrets = (PASSWORD, _WRONG_PASSWORD)

    def __init__(self, folder) -> None:
        super().__init__()
        self.folder = folder
        self.exchange = Exchange(password=PASSWORD)
        self.exchange.households[_ABSENT] = Household(reply=404)
        self._sound = sound(folder, CALL_AUDIO, 0.3)

    def section(self) -> dict[str, object]:
        return self._section(PASSWORD)

    def wrong_section(self) -> dict[str, object]:
        return self._section(_WRONG_PASSWORD)

    def _section(self, password: str) -> dict[str, object]:
        secret = self.folder / "password"
        secret.write_text(password)
        return {
            "kind": "sip",
            "carries": ["Actual", "Exercise", "Test"],
            "exchange": self.exchange.address,
            "caller_id": "+81256000000",
            "password_file": str(secret),
            "lines": 3,
            "lead_in": 0.1,
            "timeout": 2,
        }

    def message(self, **changes: object) -> Message:
        return super().message(**{"audio": self._sound, **changes})

    def heard(self) -> Sequence[Heard]:
        self.exchange.wait_until_still()
        return [
            Heard(
                address=call.number,
                key=call.parameters["alertd-key"],
                status=Status(call.parameters["alertd-status"]),
                kind=MsgType(call.parameters.get("alertd-kind", "Alert")),
            )
            for call in self.exchange.calls
            if call.answered_at is not None
        ]

    def go_down(self) -> None:
        self.exchange.go_down()

    def come_up(self) -> None:
        self.exchange.come_up()


class TestSip(ChannelContract):
    channel_class = SipChannel
    does_not_apply: ClassVar = {
        "test_text_arrives_unaltered": "sound is played, not words; tests/far_ends compares the sound",
        "test_a_genuine_callback_is_believed": _NO_CALLBACK,
        "test_a_forged_callback_is_refused": _NO_CALLBACK,
        "test_a_preview_is_heard_by_nobody": "the preview is the sound itself, which the engine has made",
    }

    @pytest.fixture
    def far_end(self, tmp_path) -> Iterator[Households]:
        households = Households(tmp_path)
        try:
            yield households
        finally:
            households.exchange.stop()

    def test_a_cancel_is_carried(self, channel, far_end) -> None:
        """A call shows machines that it is a Cancel; which alert it calls off is in its words."""
        alert = far_end.message()
        earlier = Reference("alert@city.sanjo.example.jp", alert.identifier, alert.sent)
        cancel = replace(alert, identifier="20261123-0002", kind=MsgType.CANCEL, references=(earlier,))
        hand_over(channel, cancel, far_end.targets(1))
        (heard,) = far_end.heard()
        assert heard.kind is MsgType.CANCEL
