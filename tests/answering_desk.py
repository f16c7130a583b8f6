"""The public side of the engine as a telephone network sees it: TwiML, reports and sounds.

A real HTTP server on 127.0.0.1 that gives each request at `/callbacks/phone` to the
channel, keeps the receipts, and serves one sound.
"""

from __future__ import annotations

import io
import threading
import wave
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from alertd.alert import MsgType, Status
from alertd.channel import Callback, Message, Outcome, Receipt, Target
from alertd.clock import stopwatch
from alertd.demo.telephone_network import ACCOUNT_SID, AUTH_TOKEN, TelephoneNetwork
from alertd.errors import ForgedCallback
from alertd.speech import CALL_AUDIO, Sound
from channels.voice import VoiceChannel
from channels.voice_settings import VoiceSettings

CALLER_ID = "+81256000110"
SOUND_SECONDS = 20.0

MESSAGE = Message(
    identifier="20261123-0001",
    kind=MsgType.ALERT,
    status=Status.EXERCISE,
    language="ja",
    headline="【訓練】避難指示",
    text="これは、訓練です。三条市から、訓練の、お知らせです。避難してください。これは、訓練です。",
    short_text="これは、訓練です。三条市からの、訓練の、お知らせです。これは、訓練です。",
    sent=datetime(2026, 11, 23, 1, 0, tzinfo=UTC),
    expires=datetime(2026, 11, 23, 7, 0, tzinfo=UTC),
)

#: What wins over what within a delivery; the engine's fold, in short.
_RANK = [Outcome.ACCEPTED, Outcome.UNKNOWN, Outcome.DEFERRED, Outcome.FAILED]
_RANK += [Outcome.DELIVERED, Outcome.ACKNOWLEDGED]


def wav(seconds: float = SOUND_SECONDS) -> bytes:
    """Silence as a WAV file, 8 kHz, 16 bits."""
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(2 * int(8000 * seconds)))
    return file.getvalue()


@dataclass
class AnsweringDesk:
    """Keeps targets and what was said of them; `open` it to listen."""

    message: Message = MESSAGE
    sound: bytes = field(default_factory=wav)
    url: str = ""
    #: a channel that Reports
    channel: Any = None
    targets: dict[str, Target] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)
    #: as the engine does
    closes_when_delivered: bool = False
    receipts: dict[str, list[Receipt]] = field(default_factory=lambda: defaultdict(list))
    forged: int = 0
    #: steps at which this server answers with 500, as if it were broken
    broken: set[str] = field(default_factory=set)
    sounds_served: int = 0

    @contextmanager
    def open(self) -> Iterator[AnsweringDesk]:
        desk = self

        class Request(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                desk.sounds_served += 1
                if "sound" in desk.broken:
                    self._reply(404, b"", "text/plain")
                else:
                    self._reply(200, desk.sound, "audio/wav")

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self._reply(*desk.answer(self.path, dict(self.headers.items()), body))

            def _reply(self, status: int, body: bytes, kind: str) -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Request)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        self.url = f"http://127.0.0.1:{server.server_port}"
        self.message = replace(
            self.message,
            audio_url=f"{self.url}/audio/sound.wav",
            audio=Sound(
                digest="0" * 64,
                path=Path("sound.wav"),
                seconds=SOUND_SECONDS,
                format=CALL_AUDIO,
                voice="silence",
                reading="",
            ),
        )
        try:
            yield self
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    def target(self, number: str, *, key: str | None = None, attempt: int = 1) -> Target:
        """A target that this desk will know when the telephone network asks."""
        key = key or f"delivery-{number.removeprefix('+')}"
        url = f"{self.url}/callbacks/phone?key={key}&attempt={attempt}"
        target = Target(key=key, attempt=attempt, address=number, answer_url=url)
        self.targets[key] = target
        return target

    def answer(self, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes, str]:
        """One request at the callback address."""
        query = dict(parse_qsl(urlsplit(path).query))
        if query.get("step") in self.broken:
            return 500, b"", "text/plain"
        target = self.targets.get(query.get("key", ""))
        callback = Callback(
            url=self.url + path,
            method="POST",
            headers=headers,
            body=body,
            query=query,
            target=target,
            message=self.message if target else None,
            closed=query.get("key") in self.closed,
        )
        try:
            reply = self.channel.receive(callback)
        except ForgedCallback:
            self.forged += 1
            return 403, b"", "text/plain"
        for receipt in reply.receipts:
            self.receipts[receipt.key].append(receipt)
            if self.closes_when_delivered and receipt.outcome is Outcome.DELIVERED:
                self.closed.add(receipt.key)
        return reply.status, reply.body, reply.content_type

    def believed(self, target: Target) -> Receipt:
        """The best of what was said of a target so far."""
        return max(self.receipts[target.key], key=lambda receipt: _RANK.index(receipt.outcome))


def settings(network: TelephoneNetwork, **changes: object) -> VoiceSettings:
    """The voice section for a simulated network."""
    values: dict[str, object] = {
        "kind": "voice",
        "carries": tuple(Status),
        "account_sid": ACCOUNT_SID,
        "auth_token": AUTH_TOKEN,
        "caller_id": CALLER_ID,
        "api_url": network.url,
        "timeout": 5.0,
        # the pace has tests of its own; here it would only be waited for
        "calls_per_second": 500.0,
    }
    return VoiceSettings.model_validate(values | changes)


@contextmanager
def calling(
    network: TelephoneNetwork, desk: AnsweringDesk | None = None, **changes: object
) -> Iterator[tuple[VoiceChannel, AnsweringDesk]]:
    """A running network, a desk, and the channel between them."""
    with (desk or AnsweringDesk()).open() as desk, network:
        desk.channel = channel = VoiceChannel("phone", settings(network, **changes))
        try:
            yield channel, desk
        finally:
            channel.close()


def wait_for_the_end(network: TelephoneNetwork, seconds: float = 20.0) -> None:
    """Until every call has ended and every report has been posted."""
    pause, began = threading.Event(), stopwatch()
    while not network.idle():
        assert stopwatch() - began < seconds, "calls without end"
        pause.wait(0.01)
