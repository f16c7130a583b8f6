"""Bodies of a gigabyte and bodies that never end, on every route of the public app: refused, and nothing read."""

from __future__ import annotations

import re
import socket
from urllib.parse import urlsplit

import pytest

from operator_console import defences
from operator_console.public import public_routes
from tests.console.desk import Desk

#: by hand, because they are ready before anybody asks, or another app's
_BESIDE = ("/", "/register", "/api/alerts", "/api/nothing", "/nothing")


def _paths(desk: Desk) -> list[str]:
    return sorted({re.sub(r"\{[^}]*\}", "x", one.path) for one in public_routes(desk.site)} | {*_BESIDE})


def _said(desk: Desk, method: str, path: str, *more: bytes) -> tuple[bytes, int]:
    """The first line of the answer, and how much of the body the server took before."""
    took = 0
    with socket.create_connection(("127.0.0.1", urlsplit(desk.public_url).port or 0), 10) as line:
        head, *body = more
        line.sendall(f"{method} {path} HTTP/1.1\r\nHost: x\r\n".encode() + head + b"\r\n\r\n")
        try:
            for piece in body:
                line.sendall(piece)
                took += len(piece)
        except OSError:
            pass  # it has hung up, and its answer may be gone with it
        try:
            return line.recv(200).partition(b"\r\n")[0], took
        except ConnectionError:
            return b"", took


@pytest.mark.parametrize("method", ["POST", "PUT", "GET"])
def test_a_gigabyte_that_is_announced_is_refused_before_it_comes(desk: Desk, method: str):
    length = f"Content-Length: {10**9}".encode()
    answers = {path: _said(desk, method, path, length)[0] for path in _paths(desk)}
    wrong = {path: line for path, line in answers.items() if not re.match(rb"HTTP/1.1 (413|429)", line)}
    assert len(answers) >= 20 and not wrong


def test_a_gigabyte_that_is_not_announced_is_cut_off(desk: Desk):
    piece = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    for path in _paths(desk):
        line, _ = _said(desk, "POST", path, b"Transfer-Encoding: chunked", *[piece] * 8, b"0\r\n\r\n")
        assert re.match(rb"HTTP/1.1 4\d\d|$", line), (path, line)


def test_a_body_that_does_not_come_is_not_waited_for(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(defences, "SLOWEST_BODY", 0.05)
    for path in _paths(desk):
        line, _ = _said(desk, "POST", path, b"Content-Length: 1000", b"x")
        assert re.match(rb"HTTP/1.1 4\d\d", line), (path, line)
