"""Connections: nobody holds the server by saying little, much, or nothing at all."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from operator_console import connection as module
from operator_console.connection import connection
from operator_console.defences import Limits
from tests.serving import serving

_ASK = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A server that waits for a third of a second, and lets three in from each network, five in all."""
    monkeypatch.setattr(module, "SLOWEST_HEAD", 0.3)
    monkeypatch.setattr(module, "MOST_EACH", 3)
    monkeypatch.setattr(module, "MOST", 5)
    with serving(Limits(PlainTextResponse("ok")), connection(("127.0.9.9",))) as address:
        yield int(urlsplit(address).port or 0)


def _knock(port: int, here: str = "127.0.0.1") -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), 5, (here, 0))


def _answered(one: socket.socket) -> bool:
    try:
        one.sendall(_ASK)
        return one.recv(4096).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


def _hung_up(one: socket.socket) -> bool:
    try:
        return one.recv(4096) == b""
    except ConnectionError:
        return True


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\nHost: x\r\nX-A: "])
def test_who_says_too_little_for_too_long_is_hung_up_on(port: int, said: bytes):
    with _knock(port) as one:
        one.sendall(said)
        began = time.monotonic()
        assert _hung_up(one)
        assert time.monotonic() - began < 4


def test_a_byte_now_and_then_gains_no_time(port: int):
    with _knock(port) as one:
        began = time.monotonic()
        with pytest.raises(OSError):
            for byte in _ASK * 4:
                if byte not in b"\r\n":
                    one.sendall(bytes([byte]))
                time.sleep(0.05)
        assert time.monotonic() - began < 4


def test_a_head_without_end_is_not_read_to_its_end(port: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "SLOWEST_HEAD", 60)
    with _knock(port) as one:
        one.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
        with pytest.raises(OSError):
            for _ in range(3_000):
                one.sendall(b"X-A: " + b"a" * 1000 + b"\r\n")


def test_a_connection_may_ask_again_and_again(port: int):
    with _knock(port) as one:
        for _ in range(3):
            assert _answered(one)
            time.sleep(0.2)


def test_one_network_does_not_take_the_connections_of_the_others(port: int):
    held = [_knock(port, "127.0.7.1") for _ in range(3)]
    try:
        assert all(map(_answered, held))
        with _knock(port, "127.0.7.2") as fourth, _knock(port, "127.0.8.1") as other:
            assert not _answered(fourth)
            assert _answered(other)
        held.pop().close()
        time.sleep(0.1)
        with _knock(port, "127.0.7.1") as again:
            assert _answered(again), "who leaves makes room"
    finally:
        for one in held:
            one.close()


def test_all_networks_together_have_a_limit_and_our_own_proxy_has_none(port: int):
    held = [_knock(port, f"127.0.{number}.1") for number in range(5)]
    try:
        assert all(map(_answered, held))
        with _knock(port, "127.0.8.1") as sixth, _knock(port, "127.0.9.9") as proxy:
            assert not _answered(sixth)
            assert _answered(proxy)
    finally:
        for one in held:
            one.close()


def test_a_connection_that_has_said_nothing_yet_does_not_hold_up_the_end(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "SLOWEST_HEAD", 60)
    with serving(Limits(PlainTextResponse("ok")), connection()) as address:
        silent = _knock(int(urlsplit(address).port or 0))
        time.sleep(0.1)
    with silent:
        assert _hung_up(silent)


def test_who_hangs_up_in_the_middle_leaves_no_word_in_the_log(caplog: pytest.LogCaptureFixture):
    async def reads(scope: Scope, receive: Receive, send: Send) -> None:
        await Request(scope, receive).body()

    with serving(Limits(reads), connection()) as address:
        logging.getLogger("uvicorn.error").addHandler(caplog.handler)  # it passes nothing on
        for _ in range(3):
            with _knock(int(urlsplit(address).port or 0)) as one:
                one.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\na")
                time.sleep(0.05)
    logging.getLogger("uvicorn.error").removeHandler(caplog.handler)
    assert [one for one in caplog.records if one.levelno >= logging.WARNING] == []
