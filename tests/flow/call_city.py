"""A site whose channel `phone` calls a simulated telephone network, with the public side that it calls back."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from sqlalchemy import select

from alertd import callbacks, issue, plan
from alertd.alert import Alert
from alertd.channel import Callback
from alertd.clock import stopwatch
from alertd.config import Web
from alertd.db import reading
from alertd.demo.telephone_network import TelephoneNetwork
from alertd.errors import ForgedCallback, NotFound
from alertd.relay import Relay
from alertd.report import ChannelTally, report
from alertd.send import drain
from alertd.site import Site
from alertd.speech import AudioFormat, Script, Sound
from alertd.tables import DeliveryRow
from channels.voice import VoiceChannel
from tests import factories
from tests.answering_desk import settings, wav


class Hum:
    """A synthesizer that makes a hum of its own for every script, as quickly as can be."""

    def __init__(self, folder: Path, seconds: float) -> None:
        self._folder, self._seconds = folder, seconds

    def speak(self, script: Script, format: AudioFormat) -> Sound:
        tone = hashlib.sha256(repr(script.parts).encode()).digest()
        content = wav(self._seconds)[: -len(tone)] + tone
        digest = hashlib.sha256(content).hexdigest()
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{digest}.wav"
        path.write_bytes(content)
        return Sound(
            digest=digest, path=path, seconds=self._seconds, format=format, voice="hum", reading="ん"
        )

    def reading(self, script: Script) -> str:
        return "ん"

    def close(self) -> None:
        pass


@dataclass
class CallCity:
    """A running installation in this process: public side, relay and workers as threads."""

    site: Site
    network: TelephoneNetwork
    url: str
    book: callbacks.Book
    #: in which callbacks are written down together
    loop: asyncio.AbstractEventLoop
    forged: int = 0
    #: seconds that each answer to the telephone network took
    answers: list[float] = field(default_factory=list)

    def begin(self, numbers: list[str], alert: Alert | None = None, **people: object) -> int:
        """An approved and planned dispatch to new people with these numbers."""
        factories.add_people(self.site, numbers, kind="voice", **people)  # type: ignore[arg-type]
        return self.go(alert)

    def go(self, alert: Alert | None = None) -> int:
        """An approved and planned dispatch to everybody in 嵐南."""
        dispatch = factories.submit(self.site, alert, channels=("phone",))
        factories.approve(self.site, dispatch)
        plan.plan(self.site, dispatch)
        return dispatch

    def tally(self, dispatch: int) -> ChannelTally:
        with reading(self.site.engine) as session:
            return report(session, dispatch).channels["phone"]

    def deliveries(self) -> list[DeliveryRow]:
        with reading(self.site.engine) as session:
            return list(session.scalars(select(DeliveryRow).order_by(DeliveryRow.id)))

    def cancel(self, dispatch: int) -> None:
        issue.cancel(self.site, dispatch, factories.APPROVER, reason="まちがい", correct=False)

    def answer(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes, str]:
        """One request of the telephone network at the public side."""
        began = stopwatch()
        try:
            request = Callback(
                url=self.url + path,
                method="POST",
                headers=headers,
                body=body,
                query=dict(parse_qsl(urlsplit(path).query)),
                target=None,
                message=None,
                closed=False,
            )
            judged = callbacks.told(self.site, "phone", request)
            judged = judged or callbacks.answered(self.site, "phone", request)
            written = asyncio.run_coroutine_threadsafe(self.book.write_down(judged.said), self.loop)
            written.result()
            reply = judged.reply
        except ForgedCallback:
            self.forged += 1
            return 403, b"", "text/plain"
        except NotFound:
            return 404, b"", "text/plain"
        finally:
            self.answers.append(stopwatch() - began)
        return reply.status, reply.body, reply.content_type

    @contextmanager
    def working(self, workers: int = 1) -> Iterator[None]:
        """A relay and so many workers, each as a thread that looks again and again."""
        stop = threading.Event()

        def work() -> None:
            while not stop.is_set():
                drain(self.site, "phone", stop)
                stop.wait(0.05)

        def watch() -> None:
            Relay(self.site, lambda _: True).run(stop)

        threads = [threading.Thread(target=work) for _ in range(workers)] + [threading.Thread(target=watch)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stop.set()
            for thread in threads:
                thread.join()

    def wait(self, seconds: float = 20.0) -> None:
        """Until nothing is due any more and the network is idle."""
        began, pause = stopwatch(), threading.Event()
        while any(row.due_at is not None for row in self.deliveries()) or not self.network.idle():
            assert stopwatch() - began < seconds, [
                (row.outcome, row.reason, row.due_at) for row in self.deliveries() if row.due_at is not None
            ][:5]
            pause.wait(0.1)


@contextmanager
def call_city(
    folder: Path, database_url: str, network: TelephoneNetwork, *, seconds: float = 5.0, **changes: object
) -> Iterator[CallCity]:
    """A city whose section `phone` has these settings; an alert sounds for so many seconds."""

    class Request(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            sound = city.site.config.storage / "audio" / self.path.rpartition("/")[2]
            self._reply(200, sound.read_bytes(), "audio/wav")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self._reply(*city.answer(self.path, dict(self.headers.items()), body))

        def _reply(self, status: int, body: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "max-age=3600")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

    server = Server(("127.0.0.1", 0), Request)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    runner = asyncio.Runner()
    loop = runner.get_loop()
    together = threading.Thread(target=loop.run_forever)
    together.start()
    try:
        with network:
            section = settings(network, **({"quiet_hours": ()} | changes))
            channel = VoiceChannel("phone", section)
            site = factories.make_site(folder, database_url, {"phone": section}, {"phone": channel})
            url = f"http://127.0.0.1:{server.server_port}"
            site.config = replace(site.config, web=Web(public_url=url))
            site._synthesizer = Hum(folder / "hum", seconds)
            city = CallCity(site, network, url, callbacks.Book(site), loop)
            try:
                yield city
            finally:
                site.close()
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        loop.call_soon_threadsafe(loop.stop)
        together.join()
        runner.close()
