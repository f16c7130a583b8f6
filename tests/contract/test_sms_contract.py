"""The SMS channel keeps the contract, against a stand-in for Twilio's messages on this machine."""

from __future__ import annotations

import json
import threading
from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest

from alertd.channel import Callback, Inquiry, Message, Outcome, Reason, Target
from alertd.demo.telephone_callbacks import signature
from alertd.testing import ChannelContract, FarEnd, Heard, hand_over
from channels.sms import LONGEST, SmsChannel

ACCOUNT = "AC" + "5" * 32
TOKEN, WRONG = "right-token-5309", "wrong-token-8675"
REFUSED = "+819012349999"


@dataclass
class Network:
    """What the stand-in was told, by SID."""

    messages: dict[str, dict[str, str]] = field(default_factory=dict)
    #: answers 200 and loses the connection before saying so
    loses_replies: bool = False


class Phones(FarEnd):
    """Mobile telephones; a text in several messages is put together again."""

    addresses = ("+819012340001", "+819012340002", "+819012340003")
    refused = REFUSED
    secrets = (TOKEN, WRONG)

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder, self.network, self.port = folder, Network(), 0
        self.server: ThreadingHTTPServer | None = None
        for name in self.secrets:
            (folder / name).write_text(name)
        self.come_up()

    def section(self) -> dict[str, object]:
        return {
            "kind": "sms",
            "carries": ["Actual", "Exercise", "Test"],
            "account_sid": ACCOUNT,
            "auth_token_file": str(self.folder / TOKEN),
            "sender": "+815000000001",
            "api_url": f"http://127.0.0.1:{self.port}",
            "timeout": 5,
        }

    def wrong_section(self) -> dict[str, object]:
        return {**self.section(), "auth_token_file": str(self.folder / WRONG)}

    def heard(self) -> Sequence[Heard]:
        found: list[Heard] = []
        begun: dict[str, str] = {}
        for one in self.network.messages.values():
            text = begun.pop(one["To"], "") + one["Body"]
            if "StatusCallback" not in one:
                begun[one["To"]] = text
                continue
            key = parse_qs(urlsplit(one["StatusCallback"]).query)["key"][0]
            found.append(Heard(address=one["To"], key=key, text=text))
        return found

    def go_down(self) -> None:
        if self.server is not None:
            self.server.shutdown()
            self.server.server_close()
            self.server = None

    def come_up(self) -> None:
        if self.server is None:
            self.server = ThreadingHTTPServer(("127.0.0.1", self.port), _api(self.network))
            self.server.daemon_threads = True
            self.port = self.server.server_port
            threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def callback(self, target: Target, message: Message) -> Callback:
        return self.report(target, "delivered")

    def report(self, target: Target, state: str, error: str = "") -> Callback:
        form = {"AccountSid": ACCOUNT, "MessageSid": "SM" + "1" * 32, "MessageStatus": state}
        form |= {"ErrorCode": error} if error else {}
        return Callback(
            url=target.answer_url,
            method="POST",
            headers={"X-Twilio-Signature": signature(TOKEN, target.answer_url, form)},
            body=urlencode(form).encode(),
            query={},
            target=target,
            message=None,
            closed=False,
        )


def _api(network: Network) -> type[BaseHTTPRequestHandler]:
    class Api(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            fields = dict(
                parse_qsl(
                    self.rfile.read(int(self.headers["Content-Length"])).decode(), keep_blank_values=True
                )
            )
            if self._known():
                if fields["To"] == REFUSED:
                    self._say(400, {"code": 21211, "message": "invalid", "status": 400})
                    return
                sid = f"SM{len(network.messages):032x}"
                network.messages[sid] = fields
                if network.loses_replies:
                    self.close_connection = True
                    self.connection.close()
                    return
                self._say(201, _message(sid, fields))

        def do_GET(self) -> None:
            if not self._known():
                return
            parts = urlsplit(self.path)
            name = parts.path.rsplit("/", 1)[1].removesuffix(".json")
            if name == ACCOUNT:
                self._say(200, {"sid": ACCOUNT, "friendly_name": "stand-in", "status": "active"})
            elif name == "Messages":
                to = parse_qs(parts.query)["To"][0]
                listed = [_message(sid, one) for sid, one in network.messages.items() if one["To"] == to]
                self._say(200, {"messages": listed, "page": 0, "next_page_uri": None})
            elif name in network.messages:
                self._say(200, _message(name, network.messages[name]))
            else:
                self._say(404, {"code": 20404, "message": "no", "status": 404})

        def _known(self) -> bool:
            wanted = b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
            if self.headers["Authorization"] == f"Basic {wanted}":
                return True
            self._say(401, {"code": 20003, "message": "Authenticate", "status": 401})
            return False

        def _say(self, status: int, document: object) -> None:
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    return Api


def _message(sid: str, fields: dict[str, str]) -> dict[str, object]:
    return {
        "sid": sid,
        "status": fields.get("state", "queued"),
        "to": fields["To"],
        "body": fields["Body"],
        "error_code": None,
        "date_created": format_datetime(Phones.plain.sent),
    }


class TestSms(ChannelContract):
    channel_class = SmsChannel
    does_not_apply: ClassVar = {
        "test_machines_can_tell_an_exercise_from_an_alert": "a short message is its text; the marks are in it",
        "test_a_cancel_is_carried": "a short message is its text; the correction says what it calls off",
    }

    @pytest.fixture
    def far_end(self, tmp_path: Path) -> Iterator[Phones]:
        phones = Phones(tmp_path)
        yield phones
        phones.go_down()

    @pytest.mark.parametrize(
        ("state", "error", "outcome", "reason"),
        [
            ("sent", "", Outcome.ACCEPTED, None),
            ("delivered", "", Outcome.DELIVERED, None),
            ("undelivered", "30003", Outcome.DEFERRED, Reason.UNREACHABLE),
            ("undelivered", "30005", Outcome.FAILED, Reason.BAD_ADDRESS),
            ("failed", "30007", Outcome.FAILED, Reason.REFUSED),
            ("failed", "12345", Outcome.FAILED, Reason.OTHER),
        ],
    )
    def test_what_the_network_reports_is_understood(
        self,
        channel: SmsChannel,
        far_end: Phones,
        state: str,
        error: str,
        outcome: Outcome,
        reason: Reason | None,
    ) -> None:
        [receipt] = channel.receive(far_end.report(far_end.targets(1)[0], state, error)).receipts
        assert (receipt.outcome, receipt.reason) == (outcome, reason)

    @pytest.mark.parametrize("number", ["110", "+81120000001", "+12125550100", "0901234000"])
    def test_numbers_that_must_not_be_written_to_are_not(
        self, channel: SmsChannel, far_end: Phones, number: str
    ) -> None:
        [receipt] = hand_over(channel, far_end.message(), [far_end.target(number)])
        assert receipt.reason is Reason.BAD_ADDRESS and far_end.heard() == []

    def test_a_message_whose_reply_was_lost_is_found_and_not_sent_again(
        self, channel: SmsChannel, far_end: Phones
    ) -> None:
        target, message = far_end.targets(1)[0], far_end.message()
        far_end.network.loses_replies = True
        [receipt] = hand_over(channel, message, [target])
        assert receipt.outcome is Outcome.UNKNOWN and receipt.reason is Reason.IN_DOUBT
        inquiry = Inquiry(
            target=target,
            ref=None,
            handed_at=message.sent,
            asked_at=message.sent + timedelta(minutes=1),
            message=message,
        )
        found = channel.ask(inquiry)
        assert found is not None and found.outcome is Outcome.ACCEPTED
        other = far_end.target(far_end.addresses[1])
        never = Inquiry(
            target=other, ref=None, handed_at=message.sent, asked_at=message.sent, message=message
        )
        assert channel.ask(never) is None

    def test_a_long_text_goes_in_several_messages_and_the_last_one_reports(
        self, channel: SmsChannel, far_end: Phones
    ) -> None:
        hand_over(channel, far_end.message(text="字" * (LONGEST + 1)), far_end.targets(1))
        told = list(far_end.network.messages.values())
        assert [len(one["Body"]) for one in told] == [LONGEST, 1]
        assert ["StatusCallback" in one for one in told] == [False, True]
