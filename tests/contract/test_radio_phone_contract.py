"""The telephone remote control keeps the contract: real lines, and a control desk that decodes what it hears."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from alertd.alert import MsgType, Reference, Status
from alertd.channel import InDoubt, Message, Outcome, Reason
from alertd.speech import OUTDOOR_AUDIO
from alertd.testing import ChannelContract, FarEnd, Heard, hand_over
from channels.dtmf import digits
from channels.radio_phone import RadioPhoneChannel
from channels.sip_sound import recorded, write
from tests.sip_exchange import PASSWORD, Exchange, Household
from tests.station_sound import digits_heard, sound

pytestmark = pytest.mark.skipif(
    shutil.which("baresip") is None, reason="baresip is not installed: apt-get install baresip-core"
)
needs_ears = pytest.mark.skipif(
    shutil.which("multimon-ng") is None, reason="multimon-ng is not installed: apt-get install multimon-ng"
)

#: short, so that a call ends within a second: baresip looks once a second whether a file has ended
NUMBER, PIN = "+81256000800", "4#"
_LONG_PIN = "20468#"
_WRONG_PASSWORD = "a-wrong-password"
_NO_CALLBACK = "a control desk does not call back"
_TONES = (697, 770, 852, 941), (1209, 1336, 1477)


class ControlDesk(FarEnd):
    """Answers on one number, and takes PIN and group by tones."""

    addresses = ("7", "1", "9")
    refused = "seven"
    secrets = (PASSWORD, _WRONG_PASSWORD)

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        self.exchange = Exchange(password=PASSWORD)
        self.sound = sound(folder, OUTDOOR_AUDIO, 0.1)

    def section(self) -> dict[str, object]:
        return self._section(PASSWORD)

    def wrong_section(self) -> dict[str, object]:
        return self._section(_WRONG_PASSWORD)

    def _section(self, password: str) -> dict[str, object]:
        (self.folder / "password").write_text(password)
        (self.folder / "pin").write_text(PIN)
        return {
            "kind": "radio_phone",
            "carries": ["Actual", "Exercise", "Test"],
            "exchange": self.exchange.address,
            "caller_id": "+81256000000",
            "password_file": str(self.folder / "password"),
            "number": NUMBER,
            "pin_file": str(self.folder / "pin"),
            "answer_wait": 0,
            "digit_wait": 0,
            "timeout": 2,
        }

    def message(self, **changes: Any) -> Message:
        return super().message(**{"audio": self.sound, **changes})

    def heard(self) -> Sequence[Heard]:
        self.exchange.wait_until_still()
        return [
            Heard(
                address=self.dialled(number).removeprefix(PIN),
                key=call.parameters["alertd-key"],
                status=Status(call.parameters["alertd-status"]),
                kind=MsgType(call.parameters.get("alertd-kind", "Alert")),
            )
            for number, call in enumerate(self.exchange.calls)
            if call.answered_at is not None
        ]

    def dialled(self, number: int) -> str:
        """The digits of a call, by the energy of their tones."""
        said = self.exchange.calls[number].sound
        found, last = "", ""
        for start in range(0, len(said) - 160, 160):
            part = said[start : start + 160] / 32768
            times = np.arange(160) / 8000
            rows, columns = (
                [abs((part * np.exp(-2j * np.pi * pitch * times)).mean()) for pitch in pitches]
                for pitches in _TONES
            )
            loud = min(max(rows), max(columns)) > 0.05
            key = "123456789*0#"[int(np.argmax(rows)) * 3 + int(np.argmax(columns))] if loud else ""
            found += key if key != last else ""
            last = key
        return found

    def go_down(self) -> None:
        self.exchange.go_down()

    def come_up(self) -> None:
        self.exchange.come_up()


class TestRadioPhone(ChannelContract):
    channel_class = RadioPhoneChannel
    does_not_apply: ClassVar = {
        "test_text_arrives_unaltered": "sound is played, not words; the test below compares the sound",
        "test_a_genuine_callback_is_believed": _NO_CALLBACK,
        "test_a_forged_callback_is_refused": _NO_CALLBACK,
        "test_a_preview_is_heard_by_nobody": "the preview is the sound itself, which the engine has made",
    }

    @pytest.fixture
    def far_end(self, tmp_path: Path) -> Iterator[ControlDesk]:
        control = ControlDesk(tmp_path)
        try:
            yield control
        finally:
            control.exchange.stop()

    def test_a_cancel_is_carried(self, channel, far_end) -> None:
        """A call shows machines that it is a Cancel; which alert it calls off is in its words."""
        earlier = Reference("alert@city.sanjo.example.jp", "20261123-0001", far_end.plain.sent)
        cancel = far_end.message(kind=MsgType.CANCEL, references=(earlier,))
        hand_over(channel, cancel, far_end.targets(1))
        (heard,) = far_end.heard()
        assert heard.kind is MsgType.CANCEL

    @needs_ears
    def test_pin_and_group_come_before_the_speech(self, far_end, tmp_path, capfd, caplog) -> None:
        section = far_end.section()
        (tmp_path / "pin").write_text(_LONG_PIN)
        channel = self.open({**section, "answer_wait": 0.5, "digit_wait": 0.5})
        (receipt,) = hand_over(channel, far_end.message(), [far_end.target("07")])
        channel.close()
        assert receipt.outcome is Outcome.ACCEPTED and "unconfirmed" in (receipt.detail or "")
        far_end.exchange.wait_until_still()
        (call,) = far_end.exchange.calls
        assert call.number == NUMBER
        said = call.sound.astype(np.int16)
        assert digits_heard(write(far_end.folder / "heard.wav", said)) == _LONG_PIN + "07"
        meant = recorded(far_end.sound.path).astype(float)
        found = np.correlate(said.astype(float), meant, "valid")
        at = int(np.argmax(found))
        assert found[at] > 0.95 * (meant @ meant), "the speech is there, whole"
        assert at > len(digits(_LONG_PIN + "07")), "after the digits"
        assert _LONG_PIN not in repr(receipt) + repr(vars(channel)) + caplog.text + "".join(
            capfd.readouterr()
        )

    def test_a_call_is_never_called_delivered(self, channel, far_end) -> None:
        far_end.exchange.households[NUMBER] = Household(hangs_up_after=0.3)
        (early,) = hand_over(channel, far_end.message(), far_end.targets(1))
        assert (early.outcome, early.reason) == (Outcome.DEFERRED, Reason.REFUSED)
        far_end.exchange.households[NUMBER] = Household(hangs_up_after=1.5)
        long = far_end.message(audio=sound(far_end.folder, OUTDOOR_AUDIO, 3.0, "long.wav"))
        (late,) = hand_over(channel, long, far_end.targets(1))
        assert (late.outcome, late.reason) == (Outcome.UNKNOWN, Reason.OTHER)
        far_end.exchange.households[NUMBER] = Household(reply=486)
        (busy,) = hand_over(channel, far_end.message(), far_end.targets(1))
        assert (busy.outcome, busy.reason) == (Outcome.DEFERRED, Reason.BUSY)
        assert channel.traits.in_doubt is InDoubt.HOLD
