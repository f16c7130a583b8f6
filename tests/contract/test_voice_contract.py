"""The voice channel keeps the contract, against the simulated telephone network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import ClassVar
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from alertd.alert import MsgType, Reference, Status
from alertd.channel import Callback, Message, Target
from alertd.demo import telephone_household as households
from alertd.demo.telephone_callbacks import signature
from alertd.demo.telephone_network import ACCOUNT_SID, AUTH_TOKEN, TelephoneNetwork
from alertd.testing import ChannelContract, FarEnd, Heard, hand_over
from channels.voice import VoiceChannel
from tests.answering_desk import CALLER_ID, AnsweringDesk, wait_for_the_end

_IMPOSSIBLE = "+81256000699"
_WRONG_TOKEN = "a-wrong-token"


class Telephones(FarEnd):
    """Households that listen to the end, behind a desk that answers for the engine."""

    addresses = tuple(f"+812560006{n:02}" for n in range(10))
    refused = _IMPOSSIBLE
    secrets = (AUTH_TOKEN, _WRONG_TOKEN)

    def __init__(self, desk: AnsweringDesk, folder) -> None:
        super().__init__()
        self.desk, self.folder = desk, folder
        self.network = TelephoneNetwork(
            rule=households.everybody(households.LISTENS),
            households={_IMPOSSIBLE: households.IMPOSSIBLE},
            speed=2000.0,
            per_second=50.0,
        )

    def section(self) -> dict[str, object]:
        return self._section(AUTH_TOKEN)

    def wrong_section(self) -> dict[str, object]:
        return self._section(_WRONG_TOKEN)

    def _section(self, token: str) -> dict[str, object]:
        secret = self.folder / "token"
        secret.write_text(token)
        return {
            "kind": "voice",
            "carries": ["Actual", "Exercise", "Test"],
            "account_sid": ACCOUNT_SID,
            "auth_token_file": str(secret),
            "caller_id": CALLER_ID,
            "api_url": self.network.url,
            "timeout": 5,
        }

    def message(self, **changes: object) -> Message:
        self.desk.message = super().message(**changes)
        return self.desk.message

    def target(self, address: str, *, key: str | None = None, attempt: int = 1) -> Target:
        key = key or f"delivery-{next(self._numbers)}"
        return self.desk.target(address, key=key, attempt=attempt)

    def heard(self) -> Sequence[Heard]:
        wait_for_the_end(self.network)
        return [self._heard(str(entry["sid"])) for entry in self.network.ledger.entries("answered")]

    def _heard(self, sid: str) -> Heard:
        call = self.network.call(sid)
        assert call is not None
        query = parse_qs(urlsplit(call.wishes["Url"]).query)
        said = [str(entry["text"]) for entry in self.network.ledger.entries("said") if entry["sid"] == sid]
        return Heard(
            address=call.to,
            key=query["key"][0],
            text="".join(said),
            status=Status(query["status"][0]),
            kind=MsgType(query.get("kind", ["Alert"])[0]),
        )

    def go_down(self) -> None:
        wait_for_the_end(self.network)
        self.network.stop()

    def come_up(self) -> None:
        self.network.start()

    def callback(self, target: Target, message: Message) -> Callback:
        url = target.answer_url + "&step=status"
        form = {
            "AccountSid": ACCOUNT_SID,
            "CallSid": "CA" + "1" * 32,
            "CallStatus": "busy",
            "To": target.address,
        }
        return Callback(
            url=url,
            method="POST",
            headers={"X-Twilio-Signature": signature(AUTH_TOKEN, url, form)},
            body=urlencode(form).encode(),
            query={name: values[-1] for name, values in parse_qs(urlsplit(url).query).items()},
            target=target,
            message=message,
            closed=False,
        )


class TestVoice(ChannelContract):
    channel_class = VoiceChannel
    does_not_apply: ClassVar = {
        "test_text_arrives_unaltered": "line ends and blanks have no sound; "
        "test_one_say_is_never_too_long_and_no_word_is_lost holds the words",
    }

    @pytest.fixture
    def channel(self, far_end: Telephones) -> Iterator[VoiceChannel]:
        channel = self.open(far_end.section())
        assert isinstance(channel, VoiceChannel)
        far_end.desk.channel = channel
        yield channel
        channel.close()

    @pytest.fixture
    def far_end(self, tmp_path) -> Iterator[Telephones]:
        with AnsweringDesk().open() as desk:
            telephones = Telephones(desk, tmp_path)
            with telephones.network:
                # answers for calls of channels that a claim opens by itself
                desk.channel = answering = self.open(telephones.section())
                yield telephones
                answering.close()

    def test_a_cancel_is_carried(self, channel, far_end) -> None:
        """A call shows machines that it is a Cancel; which alert it calls off is in its words."""
        alert = far_end.message()
        earlier = Reference("alert@city.sanjo.example.jp", alert.identifier, alert.sent)
        cancel = replace(
            alert,
            identifier="20261123-0002",
            kind=MsgType.CANCEL,
            references=(earlier,),
            text="これは、訓練です。先ほどの、避難指示は、誤りです。これは、訓練です。",
        )
        far_end.desk.message = cancel
        hand_over(channel, cancel, far_end.targets(1))
        (heard,) = far_end.heard()
        assert heard.kind is MsgType.CANCEL
        assert cancel.text in (heard.text or "")
