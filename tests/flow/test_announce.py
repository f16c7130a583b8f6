"""Announcing: whoever may approve learns within seconds, by another way, that a real alert has begun."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from pydantic import ValidationError
from sqlalchemy import select

from alertd import announce, hook, issue, store
from alertd.alert import Status
from alertd.clock import SystemClock, stopwatch
from alertd.config import Announce
from alertd.db import reading
from alertd.demo.smtp_server import SimulatedSmtpServer
from alertd.relay import Relay
from alertd.send import drain
from alertd.tables import AuditRow
from tests.factories import APPROVER
from tests.flow.conftest import City, MakeCity
from tests.flow.test_freeze import going_out

#: within so many seconds everybody is told
SOON = 5.0
TO = {"承認 太郎": "taro@example.jp", "夜勤 次郎": "jiro@example.jp"}


@pytest.fixture
def office() -> Iterator[SimulatedSmtpServer]:
    with SimulatedSmtpServer() as server:
        yield server


def by_mail(city: City, port: int) -> None:
    settings = Announce(to=TO, host="127.0.0.1", port=port, tls="none", sender="bosai@sanjo.example.jp")
    city.site.config = replace(city.site.config, announce=settings)


def tell(city: City) -> int:
    return sum(announce.announce(city.site, name, way) for name, way in _ways(city).items())


def _ways(city: City) -> dict[str, announce.Way]:
    return dict(announce.ways(city.site.config.announce))


def noted(city: City) -> list[dict[str, object]]:
    with reading(city.site.engine) as session:
        return list(session.scalars(select(AuditRow.detail).where(AuditRow.action == "dispatch.announced")))


def test_while_a_slow_fan_out_goes_on_everybody_who_may_approve_is_told(
    make_city: MakeCity, office: SimulatedSmtpServer
) -> None:
    city = make_city(per_second=5.0, clock=SystemClock())
    by_mail(city, office.port)
    dispatch = going_out(city, 60)
    stop = threading.Event()
    programs = [
        threading.Thread(target=Relay(city.site, lambda _: True).run, args=(stop,)),
        threading.Thread(target=drain, args=(city.site, "mail", stop)),
    ]
    began = stopwatch()
    for program in programs:
        program.start()
    while not office.mails and stopwatch() - began < SOON:
        stop.wait(0.05)
    took, sent = stopwatch() - began, len(city.heard())
    stop.set()
    for program in programs:
        program.join()
    assert office.mails and took <= SOON and sent < 60, "long before the last of the sixty"
    assert sorted(mail.recipient for mail in office.mails) == sorted(TO.values())
    said = office.mails[0].parsed()
    body = said.get_body()
    assert body is not None
    assert said["Subject"] == "【本番発報されました】川の水位のお知らせ"
    assert f"/alerts/{dispatch}" in body.get_content() and APPROVER.name in body.get_content()
    assert noted(city)[0]["people"] == 2


def test_it_is_told_once_however_many_relays_look(city: City, office: SimulatedSmtpServer) -> None:
    by_mail(city, office.port)
    going_out(city, 3)
    assert tell(city) == 0, "approved and planned, and nothing of it handed over"
    city.drain()
    assert [tell(city) for _ in range(3)] == [1, 0, 0]
    assert len(office.mails) == len(TO)


def test_drills_are_nobodys_alarm(city: City, office: SimulatedSmtpServer) -> None:
    by_mail(city, office.port)
    going_out(city, 3, Status.EXERCISE)
    assert city.drain() == 3
    assert tell(city) == 0 and not office.mails


def test_a_server_that_is_down_raises_an_alarm_and_is_tried_until_it_takes_it(
    city: City, office: SimulatedSmtpServer
) -> None:
    by_mail(city, _closed_port())
    going_out(city, 3)
    city.drain()
    assert tell(city) == 0
    with reading(city.site.engine) as session:
        (alarm,) = store.alarms(session)
    assert alarm.name.startswith(announce.ALARM) and "@" not in alarm.message
    by_mail(city, office.port)
    assert tell(city) == 0, "not at once again"
    city.clock.advance(announce.AGAIN)
    assert tell(city) == 1 and len(office.mails) == len(TO)
    with reading(city.site.engine) as session:
        assert not store.alarms(session)


def test_who_dies_while_telling_is_followed_by_another(city: City, office: SimulatedSmtpServer) -> None:
    by_mail(city, office.port)
    going_out(city, 3)
    city.drain()

    def dies(_site: object, _begun: announce.Begun) -> int:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        announce.announce(city.site, "mail", dies)
    assert tell(city) == 0
    city.clock.advance(announce.GIVEN_UP)
    assert tell(city) == 1


def test_a_correction_is_told_as_what_it_is(city: City, office: SimulatedSmtpServer) -> None:
    by_mail(city, office.port)
    dispatch = going_out(city, 3)
    city.drain()
    tell(city)
    issue.cancel(city.site, dispatch, APPROVER, reason="誤り", correct=True)
    city.tick()
    city.clock.advance(timedelta(seconds=1))
    assert city.drain() == 3 and tell(city) == 1
    said = office.mails[-1].parsed()
    assert said["Subject"].startswith("【取消・訂正が発信されました】")


def test_a_webhook_is_told_signed(city: City) -> None:
    with _listening() as (url, heard):
        city.site.config = replace(city.site.config, announce=Announce(url=url))
        dispatch = going_out(city, 3)
        city.drain()
        assert tell(city) == 1
    ((signature, body),) = heard
    said = json.loads(body)
    assert said["dispatch"] == dispatch and said["event"] == "announced"
    key = hook.secret(city.site, url)
    assert hook.genuine(key, signature, body, city.clock.now(), timedelta(minutes=1))


def test_nothing_is_told_of_what_began_long_ago(city: City, office: SimulatedSmtpServer) -> None:
    going_out(city, 3)
    city.drain()
    by_mail(city, office.port)
    city.clock.advance(announce.NEWS + timedelta(seconds=1))
    assert tell(city) == 0


@pytest.mark.parametrize(
    "given",
    [{"host": "a"}, {"to": {"a": "a@example.jp"}}, {"host": "a", "sender": "b@c", "to": {"a": "a\n@b"}}],
)
def test_half_a_section_is_refused(given: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Announce(**given)  # type: ignore[arg-type]


def _closed_port() -> int:
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def _listening() -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    heard: list[tuple[str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            heard.append((self.headers[hook.HEADER], body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/", heard
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
