"""The wire of the chaos runs: it carries, and does to connections what its trouble says."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.wire import Trouble, Wire, carrying


class _Echo(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        for line in self.rfile:
            self.server.heard.append(line)  # type: ignore[attr-defined]
            self.wfile.write(line)


@pytest.fixture
def far_end() -> Iterator[socketserver.ThreadingTCPServer]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Echo) as server:
        server.daemon_threads = True
        server.heard = []  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def wire(far_end: socketserver.ThreadingTCPServer, tmp_path: Path) -> Iterator[Wire]:
    with carrying({"echo": (tmp_path / "near", far_end.server_address[1])}) as wires:
        yield wires["echo"]


@contextlib.contextmanager
def connected(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(0.5)
        connection.connect(str(tmp_path / "near"))
        yield connection


def test_what_is_said_and_answered_arrives(wire: Wire, tmp_path: Path) -> None:
    with connected(tmp_path) as connection:
        connection.sendall(b"hello\n")
        assert connection.recv(100) == b"hello\n"


@pytest.mark.parametrize(("trouble", "heard"), [(Trouble.SILENT, []), (Trouble.DEAF, [b"lost\n"])])
def test_nothing_comes_back_until_it_is_mended_and_the_connection_is_reset(
    wire: Wire, far_end: socketserver.ThreadingTCPServer, tmp_path: Path, trouble: Trouble, heard: list[bytes]
) -> None:
    with connected(tmp_path) as connection:
        connection.sendall(b"before\n")
        assert connection.recv(100) == b"before\n"
        wire.hurt(trouble)
        connection.sendall(b"lost\n")
        with pytest.raises(TimeoutError):
            connection.recv(100)
        wire.mend()
        with contextlib.suppress(ConnectionResetError):
            assert connection.recv(100) == b""
    assert far_end.heard == [b"before\n", *heard]  # type: ignore[attr-defined]
    with connected(tmp_path) as connection:
        connection.sendall(b"after\n")
        assert connection.recv(100) == b"after\n"


def test_bytes_that_one_trouble_ate_end_the_connection_though_another_trouble_follows(
    wire: Wire, tmp_path: Path
) -> None:
    with connected(tmp_path) as connection:
        connection.sendall(b"before\n")
        assert connection.recv(100) == b"before\n"
        wire.hurt(Trouble.DEAF)
        connection.sendall(b"lost\n")
        with pytest.raises(TimeoutError):
            connection.recv(100)
        wire.hurt(Trouble.SLOW)
        wire.mend()
        with contextlib.suppress(ConnectionResetError):
            assert connection.recv(100) == b"", "whoever waits for that answer must not wait for ever"


def test_a_cut_ends_every_connection_and_lets_no_new_one_come_about(wire: Wire, tmp_path: Path) -> None:
    with connected(tmp_path) as connection:
        connection.sendall(b"before\n")
        assert connection.recv(100) == b"before\n"
        wire.hurt(Trouble.CUT)
        with contextlib.suppress(ConnectionResetError):
            assert connection.recv(100) == b""
    with connected(tmp_path) as connection, contextlib.suppress(ConnectionResetError):
        assert connection.recv(100) == b""
    wire.mend()
    with connected(tmp_path) as connection:
        connection.sendall(b"after\n")
        assert connection.recv(100) == b"after\n"


def test_a_slow_one_is_late_but_loses_nothing(wire: Wire, tmp_path: Path) -> None:
    wire.hurt(Trouble.SLOW)
    with connected(tmp_path) as connection:
        connection.sendall(b"late\n")
        connection.settimeout(0.1)
        with pytest.raises(TimeoutError):
            connection.recv(100)
        connection.settimeout(2)
        assert connection.recv(100) == b"late\n"
