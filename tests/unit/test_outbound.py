"""Outbound: requests reach whom the configuration names, and never what a name was turned to."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from alertd import outbound
from alertd.outbound import Refused, allowed, networks

#: where nothing may go that was not named: (address, why)
FORBIDDEN = (
    "127.0.0.1", "127.1.2.3", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
    "169.254.169.254", "100.64.0.1", "100.100.100.200", "192.0.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.1",
    "203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:100.64.0.1",
    "::ffff:224.0.0.1", "fc00::1", "fd00:ec2::254",
    "fe80::1", "fe80::1%eth0", "ff02::1", "2001:db8::1", "2002:7f00:1::", "2002:a9fe:a9fe::", "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe", "64:ff9b:1::a00:1", "2001:0:7f00:1::",
)  # fmt: skip
#: what the system's resolver makes of other ways to write this machine or a private one
DISGUISED = ("2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0", "[::1]", "0xa9fea9fe", "3232235777")


@pytest.mark.parametrize("address", FORBIDDEN)
def test_special_networks_are_refused(address: str):
    assert not allowed("gateway.example.jp", address)


@pytest.mark.parametrize("address", ["8.8.8.8", "202.32.12.1", "2001:240::1", "::ffff:8.8.8.8"])
def test_the_internet_is_allowed(address: str):
    assert allowed("gateway.example.jp", address)


def test_a_network_of_the_citys_own_is_allowed_when_it_is_named_and_no_other():
    inside = networks(["10.20.0.0/16", "fd12:3456::/32"])
    assert allowed("gateway.city.jp", "10.20.3.4", inside) and allowed(
        "gateway.city.jp", "fd12:3456::1", inside
    )
    assert not allowed("gateway.city.jp", "10.21.0.1", inside)
    assert not allowed("gateway.city.jp", "127.0.0.1", inside)


def test_an_address_in_disguise_is_judged_as_what_it_is():
    inside = networks(["10.20.0.0/16"])
    assert allowed("gateway.city.jp", "::ffff:10.20.3.4", inside)
    assert not allowed("gateway.city.jp", "::ffff:10.21.0.1", inside)
    assert allowed("localhost", "::ffff:127.0.0.1")


def test_this_machine_answers_to_its_own_names_only():
    assert allowed("localhost", "127.0.0.1") and allowed("::1", "::1")
    assert not allowed("localhost", "8.8.8.8"), "a hosts file that was changed leads nowhere"


@pytest.fixture
def server() -> Iterator[tuple[str, int, list[str]]]:
    """A server of this machine, and the names that it was asked by."""
    asked: list[str] = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.headers["Host"])
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
    thread.start()
    yield "127.0.0.1", listening.server_port, asked
    listening.shutdown()
    thread.join()
    listening.server_close()


def ask(connection: http.client.HTTPConnection) -> int:
    try:
        connection.request("GET", "/")
        return connection.getresponse().status
    finally:
        connection.close()


def answers(*addresses: str):
    """A name server: the first question gets the first address, and so on; the last one stays."""
    left = list(addresses)
    questions: list[str] = []

    def resolve(host: str, port: int, **_: object):
        questions.append(host)
        address = left.pop(0) if len(left) > 1 else left[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in address.split(",")]

    return resolve, questions


def test_a_name_that_changes_its_mind_gains_nothing(server: tuple[str, int, list[str]]):
    here, port, asked = server
    resolve, questions = answers(here, "127.0.0.9")
    inside = networks(["127.0.0.1/32"])
    made = outbound.connection("http", "gateway.city.jp", port, timeout=5, inside=inside, resolve=resolve)
    assert ask(made) == 204
    assert questions == ["gateway.city.jp"], "what was judged is what was dialled"
    assert asked == [f"gateway.city.jp:{port}"], "the server is asked by its name"
    again = outbound.connection("http", "gateway.city.jp", port, timeout=5, inside=inside, resolve=resolve)
    with pytest.raises(Refused):
        ask(again)
    assert len(asked) == 1


def test_one_forbidden_answer_among_good_ones_refuses_all(server: tuple[str, int, list[str]]):
    here, port, asked = server
    resolve, _ = answers(f"8.8.8.8,{here}")
    with pytest.raises(Refused):
        ask(outbound.connection("http", "rebinding.example.jp", port, timeout=5, resolve=resolve))
    assert asked == []


@pytest.mark.parametrize("host", DISGUISED)
def test_this_machine_in_disguise_is_not_reached(host: str, server: tuple[str, int, list[str]]):
    _, port, asked = server
    with pytest.raises(OSError):
        ask(outbound.connection("http", host.strip("[]") + ("." if host == "[::1]" else ""), port, timeout=5))
    assert asked == []
