"""A simulated community FM station that is led like a Liquidsoap one; nothing is aired.

It knows the part of Liquidsoap's command server that an interrupt needs, and answers as
version 2.1.3 was seen to.
"""

from __future__ import annotations

import argparse
import contextlib
import socket
import socketserver
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from alertd.clock import stopwatch
from alertd.demo.station_player import Fault, Item, Player
from alertd.demo.telephone_ledger import Ledger

#: What the station calls its queue and its output.
QUEUE, OUTPUT = "emergency", "rec"


class SimulatedStation:
    """Listens at a unix socket, or at a port of this machine (`port` 0 chooses a free one).

    Works as a context manager; `go_down` and `come_up` are a crash and a restart.
    """

    def __init__(
        self,
        socket_path: Path | None = None,
        *,
        port: int = 0,
        ledger: Path | None = None,
        speed: float = 1.0,
        fault: Fault | None = None,
    ) -> None:
        self.ledger = Ledger(ledger)
        #: where it listens, unless it has a port
        self.socket_path = socket_path
        #: where it listens when it has no unix socket
        self.port = port
        self._speed = speed
        self._fault = fault
        self._thawed = threading.Event()
        self._server: _Server | None = None
        self.player: Player | None = None
        self._begun = 0.0

    def __enter__(self) -> Self:
        self.come_up()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.go_down()
        self.ledger.close()

    @property
    def fault(self) -> Fault | None:
        """What is wrong at present; may be set, and outlives a restart."""
        return self._fault

    @fault.setter
    def fault(self, fault: Fault | None) -> None:
        self._fault = fault
        if self.player is not None:
            self.player.fault = fault
        self._thawed.clear() if fault is Fault.FROZEN else self._thawed.set()

    def come_up(self) -> None:
        """Starts; nothing happens when it runs. Request ids begin at 0 again."""
        if self._server is not None:
            return
        self.player = Player(ledger=self.ledger, speed=self._speed)
        self.fault = self._fault
        self._begun = stopwatch()
        if self.socket_path is not None:
            self.socket_path.unlink(missing_ok=True)
            self._server = _UnixServer(str(self.socket_path), self._dialogue)
            self.socket_path.chmod(0o600)
        else:
            self._server = server = _TcpServer(("127.0.0.1", self.port), self._dialogue)
            self.port = server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def go_down(self) -> None:
        """Stops at once: the air is cut, conversations break off. May be called twice."""
        if self._server is None or self.player is None:
            return
        self._server.shutdown()
        self._server.hang_up()
        self._thawed.set()
        self._server.server_close()
        self._server = None
        self.player.stop()
        if self.socket_path is not None:
            self.socket_path.unlink(missing_ok=True)

    def answer(self, command: str) -> str:
        """The reply to one line, without the `END`."""
        assert self.player is not None
        name, _, argument = command.partition(" ")
        if name == "request.metadata":
            found = [item for item in self._alive() if str(item.rid) == argument]
            return _metadata(found[0]) if found else "No such request."
        if name == f"{QUEUE}.push":
            return str(self.player.push(argument))
        reply = self._replies(self.player).get(name)
        return reply() if reply else 'ERROR: unknown command, type "help" to get a list of commands.'

    def _replies(self, player: Player) -> Mapping[str, Callable[[], str]]:
        playing = player.playing()
        return {
            "version": lambda: "Liquidsoap 2.1.3 (simulated)",
            "uptime": self._uptime,
            "help": lambda: "Available commands:\r\n| " + "\r\n| ".join(sorted(self._replies(player))),
            "request.alive": lambda: _rids(self._alive()),
            "request.all": lambda: _rids(self._alive()),
            "request.on_air": lambda: _rids([playing] if playing else []),
            "request.resolving": lambda: "",
            f"{QUEUE}.queue": lambda: _rids(player.waiting()),
            f"{QUEUE}.skip": lambda: _done(player.skip),
            f"{QUEUE}.flush_and_skip": lambda: _done(player.clear),
            f"{OUTPUT}.skip": lambda: _done(player.skip),
            f"{OUTPUT}.metadata": lambda: _history(player.history()),
            f"{OUTPUT}.remaining": lambda: (
                "(undef)" if (left := player.remaining()) is None else f"{left:.2f}"
            ),
        }

    def _alive(self) -> Sequence[Item]:
        assert self.player is not None
        # waiting first: an item that is put on the air meanwhile is seen twice, never missed
        waiting, playing = self.player.waiting(), self.player.playing()
        return ([playing] if playing else []) + [item for item in waiting if item is not playing]

    def _uptime(self) -> str:
        seconds = int(stopwatch() - self._begun)
        return f"{seconds // 86400}d {seconds // 3600 % 24:02}h {seconds // 60 % 60:02}m {seconds % 60:02}s"

    def _dialogue(self, request: socket.socket, address: object, server: _Server) -> None:
        """One conversation, until either side ends it."""
        with contextlib.suppress(OSError), request.makefile("rb") as lines:
            for line in lines:
                self._thawed.wait()
                command = line.decode("utf-8", "replace").strip("\r\n")
                if command in ("exit", "quit"):
                    break
                if command:
                    request.sendall(f"{self.answer(command)}\r\nEND\r\n".encode())


class _Server(socketserver.ThreadingMixIn, socketserver.BaseServer):
    """Remembers its conversations, so that they can be broken off."""

    daemon_threads = True
    block_on_close = True

    def __init__(self, *arguments: object) -> None:
        self._conversations: set[socket.socket] = set()
        super().__init__(*arguments)  # type: ignore[arg-type]

    def process_request_thread(self, request: socket.socket, client_address: object) -> None:  # type: ignore[override]
        self._conversations.add(request)
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._conversations.discard(request)

    def hang_up(self) -> None:
        """Breaks every conversation off."""
        for conversation in list(self._conversations):
            with contextlib.suppress(OSError):
                conversation.shutdown(socket.SHUT_RDWR)


class _UnixServer(_Server, socketserver.UnixStreamServer):
    pass


class _TcpServer(_Server, socketserver.TCPServer):
    allow_reuse_address = True


def _done(action: Callable[[], None]) -> str:
    action()
    return "Done."


def _rids(items: Sequence[Item]) -> str:
    return " ".join(str(item.rid) for item in items)


def _metadata(item: Item) -> str:
    values = {"rid": str(item.rid), "status": item.status, **item.fields}
    values |= {"initial_uri": item.uri, "source": QUEUE, "temporary": "false", "filename": str(item.path)}
    if item.on_air_at is not None:
        values["on_air"] = f"{item.on_air_at:%Y/%m/%d %H:%M:%S}"
        values["on_air_timestamp"] = f"{int(item.on_air_at.timestamp())}.00"
    return "\n".join(f'{name}="{_quoted(value)}"' for name, value in values.items())


def _history(items: Sequence[Item]) -> str:
    numbered = zip(range(len(items), 0, -1), items, strict=True)
    return "\n".join(f"--- {number} ---\n{_metadata(item)}" for number, item in numbered)


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')


def main() -> None:
    """Runs until interrupted; the first line of output says where."""
    parser = argparse.ArgumentParser(description="A simulated FM station: nothing is aired.")
    parser.add_argument("--socket", type=Path, help="a unix socket; without it a TCP port is used")
    parser.add_argument("--port", type=int, default=1234, help="0 chooses a free one")
    parser.add_argument("--ledger", type=Path, help="a file of JSON lines, one for each airing")
    parser.add_argument("--speed", type=float, default=1.0, help="times as fast as life")
    parser.add_argument("--fault", type=Fault, choices=list(Fault), help="what goes wrong")
    chosen = parser.parse_args()
    station = SimulatedStation(
        chosen.socket, port=chosen.port, ledger=chosen.ledger, speed=chosen.speed, fault=chosen.fault
    )
    with contextlib.suppress(KeyboardInterrupt), station:
        place = chosen.socket or f"127.0.0.1:{station.port}"
        print(f"simulated FM station on {place}", flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
