"""The gate: a flood of the public pages is answered from memory, and takes nothing from anybody else."""

from __future__ import annotations

from dataclasses import replace

import pytest
from httpx import Client, HTTPTransport
from sqlalchemy import event
from starlette.types import Receive, Scope, Send

from operator_console.app import public_app
from operator_console.bucket import MOST, Buckets
from operator_console.connection import connection
from operator_console.gate import BURST_SECONDS, network_buckets
from operator_console.turned_away import TurnedAway
from tests.console.desk import Desk
from tests.serving import serving


class Seconds:
    """A clock of seconds that is set by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_gives_its_burst_and_then_its_rate():
    seconds = Seconds()
    buckets = Buckets(2.0, 4.0, seconds=seconds)
    assert [buckets.wait("a") for _ in range(5)] == [0, 0, 0, 0, 0.5]
    assert buckets.wait("b") == 0, "everybody has a bucket of their own"
    seconds.now += 0.5
    assert [buckets.wait("a") for _ in range(2)] == [0, 0.5]
    seconds.now += 3600
    assert sum(not buckets.wait("a") for _ in range(10)) == 4


def test_a_clock_that_goes_back_takes_nothing():
    seconds = Seconds()
    buckets = Buckets(1.0, 1.0, seconds=seconds)
    assert buckets.wait("a") == 0
    seconds.now -= 100
    assert buckets.wait("a") == 1
    seconds.now += 1
    assert buckets.wait("a") == 0


def test_senders_are_forgotten_before_memory_is_full():
    buckets = Buckets(1.0, 1.0, seconds=Seconds())
    for number in range(3 * MOST):
        buckets.wait(str(number))
    assert len(buckets._left) == MOST


@pytest.fixture
def narrow(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A desk whose public pages let a network have one request a second, ten at once."""
    config = desk.site.config
    web = config.web.model_copy(update={"public_rate": 1.0})
    monkeypatch.setattr(desk.site, "config", replace(config, web=web))
    return desk


def _from(desk: Desk, address: str, url: str = "") -> Client:
    """Somebody who asks from this address of the machine's own."""
    transport = HTTPTransport(local_address=address, verify=False)
    return Client(base_url=url or desk.public_url, transport=transport)


def test_a_network_that_floods_is_told_when_to_come_back_and_others_notice_nothing(narrow: Desk):
    with _from(narrow, "127.0.7.1") as flood, _from(narrow, "127.0.8.1") as other:
        answers = [flood.get("/register") for _ in range(BURST_SECONDS + 5)]
        assert [answer.status_code for answer in answers[:BURST_SECONDS]] == [200] * BURST_SECONDS
        refused = answers[-1]
        assert refused.status_code == 429 and refused.headers["retry-after"] == "1"
        assert "default-src 'none'" in refused.headers["content-security-policy"]
        assert "しばらくしてから" in refused.text
        assert other.get("/register").status_code == 200


def test_callbacks_are_never_held_up(narrow: Desk):
    answers = {narrow.public.post("/callbacks/phone").status_code for _ in range(3 * BURST_SECONDS)}
    assert answers == {403}, "each is judged by its signature"
    assert narrow.public.get("/register").status_code == 200, "and nobody pays for them"
    with _from(narrow, "127.0.7.1") as flood:
        assert _until_refused(flood) == 429
    with _from(narrow, "127.0.7.1") as again:
        assert again.post("/callbacks/phone").status_code == 403, "on a new connection too"


def test_callbacks_for_a_channel_that_takes_none_are_requests_like_any_other(narrow: Desk):
    answers = [narrow.public.post("/callbacks/made-up").status_code for _ in range(BURST_SECONDS + 5)]
    assert answers[0] == 404 and answers[-1] == 429


def _until_refused(flood: Client) -> int:
    """Asks for more than a network has."""
    return [flood.get("/register") for _ in range(BURST_SECONDS + 5)][-1].status_code


@pytest.mark.parametrize("asked", [
    ("GET", "/register", {}), ("GET", "/register?lang=en", {}), ("HEAD", "/", {}), ("POST", "/register", {}),
    ("GET", "/stop/x", {"Accept-Language": "en-GB"}), ("GET", "/", {"Accept-Language": "ja-easy"}),
])  # fmt: skip
def test_who_is_turned_away_at_the_door_reads_what_the_gate_would_say(narrow: Desk, asked):
    method, path, headers = asked
    with _from(narrow, "127.0.7.1") as flood:
        assert _until_refused(flood) == 429
        at_the_door = flood.request(method, path, headers=headers)  # the last answer ended the connection
    with serving(public_app(narrow.site)) as address, _from(narrow, "127.0.7.1", address) as flood:
        assert _until_refused(flood) == 429
        at_the_gate = flood.request(method, path, headers=headers)
    assert (at_the_door.status_code, at_the_door.text) == (429, at_the_gate.text)
    assert {**at_the_door.headers, "date": ""} == {**at_the_gate.headers, "date": ""}
    assert bool(at_the_door.content) == (method != "HEAD")


def test_who_is_turned_away_never_reaches_the_app(narrow: Desk):
    app = public_app(narrow.site)
    reached: list[str] = []

    async def noted(scope: Scope, receive: Receive, send: Send) -> None:
        reached.append(scope["path"])
        await app(scope, receive, send)

    with serving(noted, connection(turned_away=app.turned_away)) as address:
        for _ in range(3 * BURST_SECONDS):
            with _from(narrow, "127.0.7.1", address) as one:
                one.get("/register")
    assert 0 < len(reached) <= BURST_SECONDS + 3


def test_a_proxy_is_never_turned_away_for_what_others_asked_through_it(narrow: Desk):
    buckets = network_buckets(narrow.site)
    while not buckets.wait("127.0.7.0/24"):
        pass
    asked = b"GET /register HTTP/1.1\r\nHost: x\r\n\r\n"
    for proxies, refused in (((), True), (("127.0.7.1",), False)):
        away = TurnedAway(buckets, lambda reader: b"page", (), uncounted=lambda path: False, proxies=proxies)
        assert (away.answer("127.0.7.1", asked) is not None) == refused
        assert away.answer("127.0.8.1", asked) is None


def test_letters_have_a_limit_over_all_networks(desk: Desk):
    answers = []
    for number in range(60):
        with _from(desk, f"127.0.{number}.1") as one:
            answers.append(one.post("/register", data={"address": f"n{number}@example.jp"}).status_code)
    assert answers == [200] * 50 + [429] * 10


def test_made_up_links_and_kept_pages_never_reach_the_database(desk: Desk):
    asked: list[str] = []
    assert desk.public.get("/register").status_code == 200
    event.listen(desk.site.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    for path, status in {
        "/": 200,
        "/register": 200,
        "/register?lang=en": 200,
        "/stop/1-AAAAAAAAAAAAAAAA": 404,
        "/change/x": 404,
        f"/audio/{'0' * 64}.wav": 404,
        "/static/public.css": 200,
    }.items():
        assert desk.public.get(path).status_code == status, path
    assert desk.public.post("/stop/1-AAAAAAAAAAAAAAAA").status_code == 404
    for _ in range(20):
        desk.public.get("/healthz")
    healthy = ("BEGIN", "SELECT 1")
    assert len(asked) <= 2 * len(healthy) and set(asked) <= set(healthy), asked


def test_a_made_up_letter_link_takes_no_lock(desk: Desk):
    begun: list[str] = []
    event.listen(desk.site.engine, "before_cursor_execute", lambda *given: begun.append(given[2]))
    assert desk.public.post("/r/1-AAAAAAAAAAAAAAAA", data={"area": "RNN"}).status_code == 410
    assert desk.public.post("/r/x", data={"leave": "1"}).status_code == 410
    assert [one for one in begun if "IMMEDIATE" in one or "UPDATE" in one] == []


def test_a_browser_that_has_the_page_is_spared_it(desk: Desk):
    page = desk.public.get("/register", headers={"Accept-Language": "en"})
    again = desk.public.get(
        "/register", headers={"Accept-Language": "en", "If-None-Match": page.headers["etag"]}
    )
    assert (again.status_code, again.content) == (304, b"")
    other = desk.public.get("/register?lang=ja", headers={"If-None-Match": page.headers["etag"]})
    assert other.status_code == 200 and other.headers["etag"] != page.headers["etag"]
