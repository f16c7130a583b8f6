"""A simulated gateway of a loudspeaker network: takes CAP and sound, speaks in silence, answers back.

Orders for one announcement are gathered; announcements are spoken one at a time, and then each
station answers as its condition lets it. Everything that is spoken is in the ledger.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import hmac
import io
import json
import socket
import threading
import wave
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from email.message import Message
from email.parser import BytesParser
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from lxml import etree

from alertd.clock import Clock, SystemClock
from alertd.demo.gateway_station import Condition, Ordered, Stations
from alertd.demo.telephone_ledger import Ledger

_SIGNATURE = "X-Alertd-Signature"
_TOLERANCE = timedelta(minutes=10)
_CAP = "{urn:oasis:names:tc:emergency:cap:1.2}"
#: Seconds in which further orders for an announcement may come, and until stations have answered.
_GATHER, _ANSWER = 0.4, 0.2


@dataclass(slots=True)
class _Announcement:
    """What is to be spoken, and where."""

    name: str
    facts: Mapping[str, Any]
    seconds: float
    sound: str
    #: of the CAP document that came along; None = there was none
    document: str | None
    ordered: list[Ordered] = field(default_factory=list)


class SimulatedGateway:
    """Listens on 127.0.0.1; a context manager. `report` False = it tells nothing by itself and is asked."""

    def __init__(
        self,
        secret: str,
        stations: Stations,
        *,
        port: int = 0,
        speed: float = 1.0,
        report: bool = True,
        ledger: Path | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.ledger = Ledger(ledger)
        self.stations = stations
        self._secret, self._speed, self._report = secret.encode(), speed, report
        self._clock = clock or SystemClock()
        self._orders: dict[str, Ordered] = {}
        self._waiting: deque[_Announcement] = deque()
        self._changed = threading.Condition()
        self._speaking = False
        self._stopping = threading.Event()
        #: kept open between requests by who sends them
        self.connections: set[socket.socket] = set()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _Request)
        self._server.gateway = self  # type: ignore[attr-defined]
        self._threads = [
            threading.Thread(target=self._server.serve_forever, args=(0.05,), name="gateway", daemon=True),
            threading.Thread(target=self._speak_on, name="gateway voice", daemon=True),
        ]

    @property
    def url(self) -> str:
        """Where it takes orders."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/announcements"

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        with self._changed:
            self._changed.notify_all()
        self._server.shutdown()
        self._server.server_close()
        for connection in list(self.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self.ledger.close()

    def wait_until_quiet(self, timeout: float) -> bool:
        """Waits until everything ordered so far has been spoken and answered."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting and not self._speaking, timeout)

    # what the requests ask for -----------------------------------------------------------

    def genuine(self, said: str, body: bytes) -> bool:
        """Whether a request is signed with the shared secret, and recently."""
        parts = dict(part.partition("=")[::2] for part in said.split(","))
        stamp = parts.get("t", "")
        fresh = (
            stamp.isdigit() and abs(self._clock.now().timestamp() - int(stamp)) < _TOLERANCE.total_seconds()
        )
        return fresh and hmac.compare_digest(parts.get("v1", ""), self._digest(stamp, body))

    def take(self, content_type: str, body: bytes) -> dict[str, object]:
        """An order: each station's first answer. Raises ValueError when it cannot be read."""
        parts = _parts(content_type, body)
        facts = json.loads(parts["order"])
        with wave.open(io.BytesIO(parts["audio"])) as sound:
            seconds = sound.getnframes() / sound.getframerate()
        digest = hashlib.sha256(parts["audio"]).hexdigest()
        document = _document(parts["alert"]) if "alert" in parts else None
        answers: list[dict[str, object]] = []
        with self._changed:
            new = []
            for one in facts["stations"]:
                known = self._orders.get(one["key"])
                ordered = known or Ordered(
                    one["key"], one["station"], one["report_url"], facts["announcement"]
                )
                if not self.stations.knows(ordered.station):
                    ordered.state = "unknown_station"
                elif known is None or known.state == "withdrawn":
                    ordered.state = "waiting"
                    new.append(ordered)
                    self._orders[ordered.key] = ordered
                answers.append(ordered.answer())
            if new:
                self._gather(_Announcement(facts["announcement"], facts, seconds, digest, document), new)
                self._changed.notify_all()
        return {"stations": answers}

    def answer(self, key: str) -> dict[str, object] | None:
        """What is known under a key; None = nothing."""
        with self._changed:
            ordered = self._orders.get(key)
            return ordered.answer() if ordered is not None else None

    def withdraw(self, key: str) -> dict[str, object] | None:
        """Takes a station off an announcement that waits; what is known afterwards."""
        with self._changed:
            ordered = self._orders.get(key)
            if ordered is not None and ordered.state == "waiting":
                ordered.state = "withdrawn"
            return ordered.answer() if ordered is not None else None

    def _gather(self, announcement: _Announcement, ordered: Sequence[Ordered]) -> None:
        for waiting in self._waiting:
            if (waiting.name, waiting.sound) == (announcement.name, announcement.sound):
                waiting.ordered += ordered
                return
        announcement.ordered += ordered
        self._waiting.append(announcement)

    # speaking ------------------------------------------------------------------------------

    def _speak_on(self) -> None:
        while not self._stopping.is_set():
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._stopping.is_set())
            if self._stopping.wait(_GATHER / self._speed):
                return
            with self._changed:
                announcement = self._waiting.popleft()
                self._speaking = True
                spoken = [one for one in announcement.ordered if one.state == "waiting"]
                for ordered in spoken:
                    ordered.state = "on_air"
            if spoken:
                self._stopping.wait((announcement.seconds + _ANSWER) / self._speed)
                self._answer_back(announcement, spoken)
            with self._changed:
                self._speaking = False
                self._changed.notify_all()

    def _answer_back(self, announcement: _Announcement, spoken: Sequence[Ordered]) -> None:
        facts = announcement.facts
        for ordered in spoken:
            with self._changed:
                if ordered.spoken(self.stations.condition(ordered.station)):
                    self.ledger.record(
                        "spoken",
                        station=ordered.station,
                        key=ordered.key,
                        identifier=facts["identifier"],
                        status=facts["status"],
                        kind=facts["msgType"],
                        references=facts["references"],
                        text=facts["text"],
                        sha256=announcement.sound,
                        document=announcement.document,
                    )
                answer = ordered.answer()
            # who does not answer says nothing: silence is seen by asking
            if self._report and ordered.state in ("answered", "fault"):
                self._tell(ordered.report_url, answer)

    def _tell(self, url: str, answer: Mapping[str, object]) -> None:
        body = json.dumps(answer).encode()
        stamp = str(int(self._clock.now().timestamp()))
        headers = {
            "Content-Type": "application/json",
            _SIGNATURE: f"t={stamp},v1={self._digest(stamp, body)}",
        }
        parts = urlsplit(url)
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        with (
            contextlib.suppress(OSError, HTTPException, ValueError),
            contextlib.closing(kind(parts.hostname or "", parts.port, timeout=5)) as line,
        ):
            line.request("POST", parts.path + (f"?{parts.query}" if parts.query else ""), body, headers)
            line.getresponse().read()

    def _digest(self, stamp: str, body: bytes) -> str:
        return hmac.new(self._secret, stamp.encode() + b"." + body, hashlib.sha256).hexdigest()


class _Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 5

    def setup(self) -> None:
        super().setup()
        self._gateway.connections.add(self.connection)

    def finish(self) -> None:
        self._gateway.connections.discard(self.connection)
        super().finish()

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""

    def do_OPTIONS(self) -> None:
        self._reply(204 if self._gateway.genuine(self.headers.get(_SIGNATURE, ""), b"") else 401)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        gateway = self._gateway
        if not gateway.genuine(self.headers.get(_SIGNATURE, ""), body):
            self._reply(401)
            return
        try:
            if self.path.endswith("/answers"):
                said = gateway.answer(json.loads(body)["key"])
            elif self.path.endswith("/recall"):
                said = gateway.withdraw(json.loads(body)["key"])
            else:
                said = gateway.take(self.headers.get("Content-Type", ""), body)
        except (ValueError, KeyError, TypeError, wave.Error, EOFError, etree.XMLSyntaxError):
            self._reply(400)
            return
        self._reply(404) if said is None else self._reply(202, json.dumps(said).encode())

    @property
    def _gateway(self) -> SimulatedGateway:
        gateway: SimulatedGateway = self.server.gateway  # type: ignore[attr-defined]
        return gateway

    def _reply(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _parts(content_type: str, body: bytes) -> dict[str, bytes]:
    """The parts of a form by name."""
    whole: Message = BytesParser().parsebytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body)
    return {
        str(part.get_param("name", header="content-disposition")): bytes(part.get_payload(decode=True))
        for part in whole.get_payload()
        if isinstance(part, Message)
    }


def _document(alert: bytes) -> str:
    """The identifier of a CAP 1.2 document."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    found = etree.fromstring(alert, parser).findtext(f"{_CAP}identifier")
    if found is None:
        raise ValueError("the alert is no CAP 1.2 document")
    return found


def main() -> None:
    """Listens until interrupted; the first line of output says where."""
    parser = argparse.ArgumentParser(description="A simulated gateway of loudspeakers: they stay silent.")
    parser.add_argument("--port", type=int, default=8728)
    parser.add_argument("--secret-file", type=Path, required=True, help="shared with alertd")
    parser.add_argument("--stations", default=r"[A-Z]{2,4}-[0-9]{1,3}", help="a pattern of their numbers")
    parser.add_argument(
        "--trouble", nargs="*", default=[], metavar="STATION=CONDITION", help=", ".join(Condition)
    )
    parser.add_argument("--speed", type=float, default=1.0, help="times as fast as life")
    parser.add_argument("--ledger", type=Path, help="a file of JSON lines, one for each station that spoke")
    chosen = parser.parse_args()
    troubles = dict(one.partition("=")[::2] for one in chosen.trouble)
    stations = Stations(chosen.stations, {name: Condition(what) for name, what in troubles.items()})
    secret = chosen.secret_file.read_text().strip()
    gateway = SimulatedGateway(secret, stations, port=chosen.port, speed=chosen.speed, ledger=chosen.ledger)
    with contextlib.suppress(KeyboardInterrupt), gateway:
        print(f"a simulated gateway of loudspeakers listens at {gateway.url}", flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
