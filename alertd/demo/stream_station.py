"""A simulated station that takes a stream over one mount and hands its transmitter over by a contact; nothing is aired.

It answers as an Icecast server does to a source, as a Modbus/TCP relay and as a box with a
web page do to those who switch a contact; its ledger has each stream and each move.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import socket
import socketserver
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Self

from alertd.clock import Clock, SystemClock
from alertd.demo.telephone_ledger import Ledger

#: what opens the mount
USERNAME, PASSWORD, MOUNT = "source", "simulated-source", "emergency"
#: the relay's one output
COIL = 0


class StreamFault(StrEnum):
    """What can go wrong at such a station."""

    #: the contact stays as it is, whatever it is told
    STUCK = "stuck"
    #: the stream is broken off after its first second
    DROP = "drop"


class StreamStation:
    """Listens at two ports of this machine. Works as a context manager; may go down and come up."""

    def __init__(self, *, ledger: Path | None = None, clock: Clock | None = None) -> None:
        self.ledger = Ledger(ledger)
        self.fault: StreamFault | None = None
        self.closed = False
        self.port = self.relay_port = 0
        self._clock = clock or SystemClock()
        self._guard = threading.Lock()
        self._taken = False
        self._servers: list[_Server] = []
        self._idle = threading.Event()
        self._idle.set()

    def __enter__(self) -> Self:
        self.come_up()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.go_down()
        self.ledger.close()

    def come_up(self) -> None:
        """Starts at the same ports as before; nothing happens when it runs."""
        if self._servers:
            return
        web = _Server(("127.0.0.1", self.port), self._web)
        relay = _Server(("127.0.0.1", self.relay_port), self._relay)
        self.port, self.relay_port = web.server_address[1], relay.server_address[1]
        self._servers = [web, relay]
        for server in self._servers:
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()

    def go_down(self) -> None:
        """Stops at once; conversations break off. May be called twice."""
        for server in self._servers:
            server.shutdown()
            server.hang_up()
            server.server_close()
        self._servers = []

    def wait_until_still(self, timeout: float) -> bool:
        """Waits until nobody is on the mount."""
        return self._idle.wait(timeout)

    def move(self, *, closed: bool) -> None:
        """What the contact is told to do."""
        with self._guard:
            if self.fault is not StreamFault.STUCK and closed != self.closed:
                self.closed = closed
                self.ledger.record("contact", closed=closed)

    # the entrance for streams, and the web page of the box

    def _web(self, request: socket.socket) -> None:
        with request.makefile("rb") as reading:
            words = reading.readline(10_000).decode("latin-1").split()
            headers: dict[str, str] = {}
            while (line := reading.readline(10_000).strip()) and len(headers) < 100:
                name, _, value = line.decode("utf-8", "replace").partition(":")
                headers[name.strip().lower()] = value.strip()
            method, path = (*words, "", "")[:2]
            if method == "GET":
                self._page(request, path)
            elif method in ("PUT", "SOURCE"):
                self._source(request, path.lstrip("/"), headers)
            else:
                request.sendall(b"HTTP/1.1 405 Method Not Allowed\r\n\r\n")

    def _page(self, request: socket.socket, path: str) -> None:
        if path.startswith("/rc.cgi?o=1,"):
            self.move(closed=path.endswith("1"))
        elif path != "/state":
            request.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            return
        body = f"output 1: {int(self.closed)}\n".encode()
        request.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    def _source(self, request: socket.socket, mount: str, headers: dict[str, str]) -> None:
        wanted = "Basic " + base64.b64encode(f"{USERNAME}:{PASSWORD}".encode()).decode()
        if not hmac.compare_digest(headers.get("authorization", "").encode(), wanted.encode()):
            request.sendall(b"HTTP/1.1 401 Unauthorized\r\n\r\n")
            return
        if mount != MOUNT:
            request.sendall(b"HTTP/1.1 404 Not Found\r\n\r\n")
            return
        with self._guard:
            busy, self._taken = self._taken, True
            self._idle.clear()
        if busy:
            request.sendall(b"HTTP/1.1 403 Mountpoint in use\r\n\r\n")
            return
        began, heard = self._clock.now(), hashlib.sha256()
        size = 0
        try:
            request.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            with suppress(OSError):
                while piece := request.recv(65536):
                    heard.update(piece)
                    size += len(piece)
                    if self.fault is StreamFault.DROP and size > 20_000:
                        break
        finally:
            self.ledger.record(
                "airing",
                key=headers.get("x-alertd-key"),
                status=headers.get("x-alertd-status"),
                kind=headers.get("x-alertd-kind"),
                identifier=headers.get("x-alertd-identifier"),
                references=headers.get("x-alertd-references", ""),
                title=headers.get("ice-name"),
                bytes=size,
                sha256=heard.hexdigest(),
                start=began.isoformat(),
                end=self._clock.now().isoformat(),
                contact=self.closed,
            )
            with self._guard:
                self._taken = False
                self._idle.set()

    # the relay

    def _relay(self, request: socket.socket) -> None:
        with suppress(OSError), request.makefile("rb") as reading:
            while len(head := reading.read(7)) == 7:
                number, _, length, unit = struct.unpack("!HHHB", head)
                answer = self._answer(reading.read(length - 1))
                request.sendall(struct.pack("!HHHB", number, 0, len(answer) + 1, unit) + answer)

    def _answer(self, question: bytes) -> bytes:
        function, coil, value = struct.unpack("!BHH", question)
        if coil != COIL:
            return bytes([function | 0x80, 2])
        if function == 5 and value in (0, 0xFF00):
            self.move(closed=bool(value))
            return question
        if function == 1:
            return bytes([1, 1, int(self.closed)])
        return bytes([function | 0x80, 1])


class _Server(socketserver.ThreadingTCPServer):
    """Hands each conversation to a function, and can break all of them off."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, place: tuple[str, int], talk: Callable[[socket.socket], None]) -> None:
        self._open: set[socket.socket] = set()
        self._talk = talk
        super().__init__(place, socketserver.BaseRequestHandler)

    def process_request_thread(self, request: socket.socket, client_address: object) -> None:  # type: ignore[override]
        self._open.add(request)
        try:
            with suppress(OSError):
                self._talk(request)
        finally:
            self._open.discard(request)
            self.shutdown_request(request)

    def hang_up(self) -> None:
        """Breaks every conversation off."""
        for request in list(self._open):
            with suppress(OSError):
                request.shutdown(socket.SHUT_RDWR)
