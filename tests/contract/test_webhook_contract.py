"""The webhook channel keeps the contract against a small gateway on loopback."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from alertd.alert import MsgType, Status
from alertd.channel import Callback, Message, Outcome, Reason, Target
from alertd.clock import SystemClock
from alertd.errors import ForgedCallback, WrongConfiguration
from alertd.settings import read_settings
from alertd.testing import ChannelContract, FarEnd, FixedClock, Heard
from channels.webhook import WebhookChannel, WebhookSettings
from channels.webhook_signature import HEADER as SIGNATURE

SECRET, WRONG = "gateway-secret-5309", "gateway-secret-8675"
NOW = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)


def sign(secret: str, stamp: str, body: bytes) -> str:
    return (
        f"t={stamp},v1={hmac.new(secret.encode(), stamp.encode() + b'.' + body, hashlib.sha256).hexdigest()}"
    )


class Gateway(ThreadingHTTPServer):
    """Takes signed documents; answers by the address, which may be a status."""

    daemon_threads = True
    documents: list[dict[str, object]]
    sockets: set[socket.socket]


class GatewayRequest(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Gateway

    def setup(self) -> None:
        super().setup()
        self.server.sockets.add(self.connection)

    def finish(self) -> None:
        self.server.sockets.discard(self.connection)
        super().finish()

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""

    def do_OPTIONS(self) -> None:
        self._answer(204 if self._signed(b"") else 401)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if not self._signed(body):
            self._answer(401)
            return
        document = json.loads(body)
        address = str(document["address"])
        if address == "vanish":
            self.server.documents.append(document)
            self.close_connection = True
            return
        if address.isdigit():
            self._answer(int(address))
            return
        self.server.documents.append({**document, "idempotency": self.headers["Idempotency-Key"]})
        self._answer(202, json.dumps({"id": f"gw-{len(self.server.documents)}"}).encode())

    def _signed(self, body: bytes) -> bool:
        said = self.headers[SIGNATURE]
        stamp = said.partition(",")[0].removeprefix("t=")
        return hmac.compare_digest(said, sign(SECRET, stamp, body))

    def _answer(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class GatewayFarEnd(FarEnd):
    addresses = ("line", "signage", "cable")
    refused = "410"
    secrets = (SECRET, WRONG)

    def __init__(self, folder: Path) -> None:
        super().__init__()
        (folder / "right").write_text(SECRET)
        (folder / "wrong").write_text(WRONG)
        self._folder = folder
        self._port = 0
        self._server: Gateway | None = None
        self._documents: list[dict[str, object]] = []
        self.come_up()

    def section(self) -> dict[str, object]:
        return {
            "kind": "webhook",
            "carries": ["Actual", "Exercise", "Test"],
            "url": f"http://127.0.0.1:{self._port}/alerts?city=sanjo",
            "secret_file": str(self._folder / "right"),
        }

    def wrong_section(self) -> dict[str, object]:
        return {**self.section(), "secret_file": str(self._folder / "wrong")}

    def heard(self) -> Sequence[Heard]:
        return [
            Heard(
                address=str(document["address"]),
                key=str(document["key"]),
                text=str(document["text"]),
                status=Status(str(document["status"])),
                kind=MsgType(str(document["msgType"])),
                references=tuple(map(str, document["references"])),  # type: ignore[call-overload]
            )
            for document in self._documents
        ]

    def go_down(self) -> None:
        server, self._server = self._server, None
        if server is None:
            return
        server.shutdown()
        server.server_close()
        for connection in tuple(server.sockets):
            connection.shutdown(socket.SHUT_RDWR)

    def come_up(self) -> None:
        if self._server is None:
            self._server = Gateway(("127.0.0.1", self._port), GatewayRequest)
            self._server.documents, self._server.sockets = self._documents, set()
            self._port = self._server.server_address[1]
            threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}).start()

    def callback(self, target: Target, message: Message) -> Callback:
        stamp = str(int(SystemClock().now().timestamp()))
        return report(target, message, stamp, {"key": target.key, "outcome": "delivered"})


def report(target: Target, message: Message, stamp: str, said: object) -> Callback:
    body = json.dumps(said).encode()
    return Callback(
        url=target.answer_url,
        method="POST",
        headers={SIGNATURE: sign(SECRET, stamp, body)},
        body=body,
        query={},
        target=target,
        message=message,
        closed=False,
    )


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[GatewayFarEnd]:
    far_end = GatewayFarEnd(tmp_path)
    yield far_end
    far_end.go_down()


class TestWebhook(ChannelContract):
    channel_class = WebhookChannel

    @pytest.fixture
    def far_end(self, gateway: GatewayFarEnd) -> GatewayFarEnd:
        return gateway


def opened(gateway: GatewayFarEnd, clock: FixedClock | None = None) -> WebhookChannel:
    settings = read_settings(WebhookSettings, gateway.section(), "channels.line")
    return WebhookChannel("line", settings, clock=clock or FixedClock(NOW))


@pytest.mark.parametrize(
    ("status", "outcome", "reason"),
    [
        ("404", Outcome.FAILED, Reason.BAD_ADDRESS),
        ("422", Outcome.FAILED, Reason.REFUSED),
        ("408", Outcome.DEFERRED, Reason.OTHER),
        ("429", Outcome.DEFERRED, Reason.RATE_LIMITED),
        ("500", Outcome.DEFERRED, Reason.OTHER),
        ("302", Outcome.DEFERRED, Reason.OTHER),
        ("vanish", Outcome.UNKNOWN, Reason.IN_DOUBT),
    ],
)
def test_the_gateways_answer_decides(
    gateway: GatewayFarEnd, status: str, outcome: Outcome, reason: Reason
) -> None:
    channel = opened(gateway)
    (receipt,) = channel.send(gateway.message(), [gateway.target(status)])
    assert (receipt.outcome, receipt.reason) == (outcome, reason)
    (receipt,) = channel.send(gateway.message(), [gateway.target("line")])
    assert (receipt.outcome, receipt.ref) == (Outcome.ACCEPTED, f"gw-{len(gateway.heard())}")
    channel.close()


def test_an_old_report_is_a_forged_one(gateway: GatewayFarEnd) -> None:
    channel, target, message = opened(gateway), gateway.target("line"), gateway.message()
    said = {"key": target.key, "outcome": "acknowledged", "answer": "help"}
    fresh = report(target, message, str(int(NOW.timestamp())), said)
    (receipt,) = channel.receive(fresh).receipts
    assert (receipt.outcome, receipt.answer) == (Outcome.ACKNOWLEDGED, "help")
    late = opened(gateway, FixedClock(NOW + timedelta(hours=1)))
    with pytest.raises(ForgedCallback, match="old"):
        late.receive(fresh)


def test_a_report_at_the_url_of_another_delivery_is_a_forged_one(gateway: GatewayFarEnd) -> None:
    target, other = gateway.targets(2)
    genuine = report(
        target, gateway.message(), str(int(NOW.timestamp())), {"key": target.key, "outcome": "delivered"}
    )
    with pytest.raises(ForgedCallback, match="another"):
        opened(gateway).receive(replace(genuine, target=other))


@pytest.mark.parametrize(
    "said", [[], {}, {"key": "k", "outcome": "expired"}, {"key": "k", "outcome": "delivered", "x": 1}]
)
def test_a_signed_report_that_makes_no_sense_changes_nothing(gateway: GatewayFarEnd, said: object) -> None:
    callback = report(gateway.target("line", key="k"), gateway.message(), str(int(NOW.timestamp())), said)
    reply = opened(gateway).receive(callback)
    assert (reply.status, reply.receipts) == (400, ())


@pytest.mark.parametrize(
    "url", ["http://gateway.example.jp/", "ftp://127.0.0.1/", "https://u:p@example.jp/", "x"]
)
def test_a_gateway_that_would_be_told_in_clear_is_refused(gateway: GatewayFarEnd, url: str) -> None:
    with pytest.raises(WrongConfiguration, match="url"):
        read_settings(WebhookSettings, {**gateway.section(), "url": url}, "channels.line")
