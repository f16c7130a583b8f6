"""Feeds and webhooks over real HTTP on this machine: asked with courtesy, told in order, and never too much."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from alertd import feeds, fetch, hook, incoming, issue
from alertd.config import Feeds
from alertd.db import reading
from alertd.errors import ChannelUnavailable, WrongConfiguration
from alertd.incoming import Taken
from alertd.site import Site
from alertd.tables import FeedRow
from alertd.testing import FakeChannel, FakeFarEnd, FixedClock
from tests import factories
from tests.unit.test_cap import document
from tests.unit.test_jma import _telegram


@dataclass
class Server:
    """A far end: what it serves by path, and the ledger of what it was asked and told."""

    url: str = ""
    pages: dict[str, bytes] = field(default_factory=dict)
    #: the status of a POST
    takes: int = 204
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    told: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    def paths(self) -> list[str]:
        return [path for _, path, _ in self.asked]


@contextmanager
def _serving() -> Iterator[Server]:
    ledger = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            ledger.asked.append(("GET", self.path, headers))
            body = ledger.pages.get(self.path)
            tag = f'"{hash(body)}"'
            if body is None:
                self.send_response(302 if self.path == "/moved" else 404)
                self.send_header("Location", f"{ledger.url}/feed")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            known = headers.get("if-none-match") == tag
            self.send_response(304 if known else 200)
            self.send_header("ETag", tag)
            self.send_header("Content-Length", "0" if known else str(len(body)))
            self.end_headers()
            if not known:
                self.wfile.write(body)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            ledger.told.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(ledger.takes)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    ledger.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield ledger
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    with _serving() as found:
        yield found


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(factories.START)


@pytest.fixture
def site(tmp_path: Path, clock: FixedClock, server: Server) -> Iterator[Site]:
    settings = FakeFarEnd(tmp_path / "far_end").settings()
    site = factories.make_site(
        tmp_path,
        f"sqlite:///{tmp_path / 'alertd.db'}",
        {"mail": settings},
        {"mail": FakeChannel("mail", settings)},
        clock=clock,
    )
    found = Feeds(
        cap=(f"{server.url}/feed",),
        jma=(f"{server.url}/jma",),
        senders=("city@example.jp",),
        hooks=(f"{server.url}/hook",),
    )
    site.config = replace(site.config, feeds=found)
    server.pages["/jma"] = _atom()
    factories.add_people(site, ["a@example.jp"])
    yield site
    site.close()


def _atom(*links: str) -> bytes:
    entries = "".join(
        f'<entry><link href="/page.html"/><link type="application/xml" href="{link}"/></entry>'
        for link in links
    )
    return f'<feed xmlns="http://www.w3.org/2005/Atom">{entries}</feed>'.encode()


def test_new_documents_become_drafts_and_are_fetched_once(
    site: Site, server: Server, clock: FixedClock
) -> None:
    server.pages |= {"/feed": _atom("/1.xml", "/2.xml"), "/1.xml": document(identifier="f.1").encode()}
    server.pages["/2.xml"] = document(identifier="f.2").encode()
    assert [receipt.taken for receipt in feeds.poll(site)] == [Taken.DRAFT, Taken.DRAFT]
    clock.advance(timedelta(seconds=61))
    server.pages |= {
        "/feed": _atom("/3.xml", "/1.xml", "/2.xml"),
        "/3.xml": document(identifier="f.3").encode(),
    }
    assert [receipt.taken for receipt in feeds.poll(site)] == [Taken.DRAFT]
    assert server.paths().count("/1.xml") == server.paths().count("/3.xml") == 1


def test_a_list_is_asked_once_a_minute_and_whether_it_has_changed(
    site: Site, server: Server, clock: FixedClock
) -> None:
    server.pages["/feed"] = _atom()
    for _ in range(5):
        feeds.poll(site)
        clock.advance(timedelta(seconds=20))
    asked = [headers for _, path, headers in server.asked if path == "/feed"]
    assert len(asked) == 2
    assert "if-none-match" not in asked[0] and "if-none-match" in asked[1]


def test_a_telegram_of_the_agency_comes_in_by_its_list(site: Site, server: Server) -> None:
    server.pages |= {"/feed": _atom(), "/jma": _atom("/t.xml")}
    server.pages["/t.xml"] = _telegram(("レベル４土砂災害危険警報", "49", "発表"))
    assert [receipt.taken for receipt in feeds.poll(site)] == [Taken.DRAFT]


def test_strangers_other_hosts_and_rubbish_are_left_out(site: Site, server: Server) -> None:
    with _serving() as elsewhere:
        elsewhere.pages["/x.xml"] = document(identifier="x").encode()
        server.pages |= {
            "/feed": _atom(f"{elsewhere.url}/x.xml", "/stranger.xml", "/rubbish.xml", "/gone.xml"),
            "/stranger.xml": document(sender="stranger@example.jp").encode(),
            "/rubbish.xml": b"<!DOCTYPE x><x/>",
        }
        feeds.poll(site)
        assert elsewhere.asked == []
    with reading(site.engine) as session:
        assert incoming.waiting(session) == []
        assert session.get_one(FeedRow, f"{server.url}/feed").trouble is not None


def test_one_list_that_fails_keeps_no_other_from_being_read(site: Site, server: Server) -> None:
    server.pages |= {"/jma": _atom("/t.xml"), "/t.xml": _telegram(("レベル３大雨警報", "03", "発表"))}
    assert [receipt.taken for receipt in feeds.poll(site)] == [Taken.DRAFT]


def test_twenty_documents_at_a_time_and_the_rest_at_the_next_look(
    site: Site, server: Server, clock: FixedClock
) -> None:
    links = [f"/{number}.xml" for number in range(25)]
    server.pages["/feed"] = _atom(*links)
    for number, link in enumerate(links):
        server.pages[link] = document(identifier=f"many.{number}").encode()
    assert len(feeds.poll(site)) == feeds.MOST
    clock.advance(timedelta(seconds=61))
    assert len(feeds.poll(site)) == 5


@pytest.mark.parametrize("list_of", ["atom", "rss"])
def test_links_of_both_kinds_of_lists_are_found(list_of: str) -> None:
    rss = b"<rss><channel><item><link>/1.xml</link></item><item><link>https://other.jp/2</link></item></channel></rss>"
    body = _atom("/1.xml", "https://other.jp/2") if list_of == "atom" else rss
    assert feeds.links(body, "https://city.jp/feed") == ["https://city.jp/1.xml"]


@pytest.mark.parametrize("url", ["http://example.jp/", "ftp://127.0.0.1/", "file:///etc/passwd", "https://"])
def test_only_https_is_spoken_beyond_this_machine(url: str) -> None:
    with pytest.raises(WrongConfiguration):
        fetch.get(url)


def test_a_redirect_leads_nowhere_and_too_much_is_refused(server: Server) -> None:
    with pytest.raises(ChannelUnavailable, match="302"):
        fetch.get(f"{server.url}/moved")
    server.pages["/large"] = b"x" * (fetch.LARGEST + 1)
    with pytest.raises(ChannelUnavailable, match="larger"):
        fetch.get(f"{server.url}/large")


# --- webhooks ------------------------------------------------------------------------------------


def _events(server: Server) -> list[str]:
    return [json.loads(body)["event"] for _, body in server.told]


def test_what_happens_is_told_in_order_signed_and_without_anybodys_address(
    site: Site, server: Server, clock: FixedClock
) -> None:
    assert hook.tell(site) == 0, "what was before is not told"
    number = factories.submit(site)
    factories.approve(site, number)
    assert hook.tell(site) == 2 and hook.tell(site) == 0
    assert _events(server) == ["dispatch.submitted", "dispatch.approved"]
    headers, body = server.told[0]
    said = json.loads(body)
    assert said["dispatch"] == number and said["status"] == "Exercise" and b"a@example.jp" not in body
    key = hook.secret(site, f"{server.url}/hook")
    header = headers[hook.HEADER.lower()]
    within = timedelta(minutes=5)
    assert hook.genuine(key, header, body, clock.now(), within)
    assert not hook.genuine(key, header, body + b" ", clock.now(), within)
    assert not hook.genuine("0" * 64, header, body, clock.now(), within)
    assert not hook.genuine(key, header, body, clock.now() + timedelta(minutes=6), within), "told again later"
    assert not hook.genuine(key, header.replace("t=1", "t=2"), body, clock.now(), within)
    assert not hook.genuine(key, "", body, clock.now(), within)


def test_a_webhook_that_is_down_is_told_later_in_the_same_order(
    site: Site, server: Server, clock: FixedClock
) -> None:
    hook.tell(site)
    server.takes = 503
    number = factories.submit(site)
    issue.reject(site, number, factories.APPROVER, reason="a test")
    assert hook.tell(site) == 0 and len(server.told) == 1
    assert hook.tell(site) == 0 and len(server.told) == 1, "not before its pause is over"
    clock.advance(timedelta(seconds=6))
    server.takes = 204
    assert hook.tell(site) == 2
    assert _events(server) == ["dispatch.submitted", "dispatch.submitted", "dispatch.rejected"]
