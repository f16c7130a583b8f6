"""The gateway channel keeps the contract, against a simulated network of stations."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from alertd.alert import MsgType, Status
from alertd.channel import Callback, Message, Target
from alertd.clock import SystemClock
from alertd.demo.gateway import SimulatedGateway
from alertd.demo.gateway_station import Stations
from alertd.speech import OUTDOOR_WIDE_AUDIO
from alertd.testing import ChannelContract, FarEnd, Heard
from channels.gateway import GatewayChannel
from tests.station_sound import sound

SECRET, WRONG = "gateway-secret-5309", "gateway-secret-8675"


class Network(FarEnd):
    """Three stations behind a gateway that lives fifty times as fast as people do."""

    refused = "NO-SUCH-STATION"
    addresses = ("RNN-001", "RNN-002", "RHK-001")
    secrets = (SECRET, WRONG)

    def __init__(self, folder: Path) -> None:
        super().__init__()
        (folder / "secret").write_text(SECRET)
        (folder / "wrong").write_text(WRONG)
        self._folder = folder
        self._sound = sound(folder, OUTDOOR_WIDE_AUDIO, 0.2)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self._before: list[Heard] = []
        self._gateway: SimulatedGateway | None = None
        self.come_up()

    def section(self) -> dict[str, object]:
        return {
            "kind": "gateway",
            "carries": ["Actual", "Exercise", "Test"],
            "url": f"http://127.0.0.1:{self._port}/announcements",
            "secret_file": str(self._folder / "secret"),
            "timeout": 2,
        }

    def wrong_section(self) -> dict[str, object]:
        return {**self.section(), "secret_file": str(self._folder / "wrong")}

    def message(self, **changes: Any) -> Message:
        return super().message(**{"audio": self._sound, **changes})

    def heard(self) -> Sequence[Heard]:
        if self._gateway is None:
            return list(self._before)
        assert self._gateway.wait_until_quiet(5)
        return [*self._before, *map(_heard, self._gateway.ledger.entries("spoken"))]

    def go_down(self) -> None:
        self._before = list(self.heard())
        if self._gateway is not None:
            self._gateway.__exit__(None, None, None)
        self._gateway = None

    def come_up(self) -> None:
        if self._gateway is None:
            stations = Stations("[A-Z]{3}-[0-9]{3}")
            gateway = SimulatedGateway(SECRET, stations, port=self._port, speed=50, report=False)
            self._gateway = gateway.__enter__()

    def callback(self, target: Target, message: Message) -> Callback:
        body = json.dumps({"key": target.key, "state": "answered", "battery": "ok"}).encode()
        stamp = str(int(SystemClock().now().timestamp()))
        digest = hmac.new(SECRET.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        return Callback(
            url=target.answer_url,
            method="POST",
            headers={"X-Alertd-Signature": f"v1={digest},t={stamp}"},
            body=body,
            query={"key": target.key, "attempt": "1"},
            target=target,
            message=message,
            closed=False,
        )


def _heard(entry: Any) -> Heard:
    return Heard(
        address=entry["station"],
        key=entry["key"],
        text=entry["text"],
        status=Status(entry["status"]),
        kind=MsgType(entry["kind"]),
        references=tuple(entry["references"]),
    )


class TestGateway(ChannelContract):
    channel_class = GatewayChannel

    @pytest.fixture
    def far_end(self, tmp_path: Path) -> Iterator[Network]:
        network = Network(tmp_path)
        yield network
        network.go_down()
