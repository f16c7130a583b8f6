"""The metrics: what the database counts, in Prometheus' text format, and nothing personal."""

from __future__ import annotations

import re
from datetime import timedelta

from alertd import plan, store
from alertd.db import reading, writing
from alertd.metrics import metrics
from tests import factories
from tests.flow.conftest import City

LINE = re.compile(r"alertd_[a-z_]+(\{([a-z]+=\"[^\"]*\",?)+\})? -?[\d.e+]+")


def figures(city: City) -> dict[str, float]:
    with reading(city.site.engine) as session:
        text = metrics(session, city.site)
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert all(LINE.fullmatch(line) for line in lines), lines
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}


def test_what_waits_and_what_has_gone_is_counted(city: City) -> None:
    factories.add_people(city.site, [f"a{n}@example.jp" for n in range(3)])
    number = factories.submit(city.site)
    factories.approve(city.site, number)
    plan.plan(city.site, number)
    city.clock.advance(timedelta(seconds=20))
    before = figures(city)
    assert before['alertd_due{channel="mail"}'] == 3
    assert before['alertd_overdue_seconds{channel="mail"}'] == 20
    assert before['alertd_deliveries{channel="mail",outcome="pending"}'] == 3
    city.drain()
    city.tick()
    after = figures(city)
    assert after['alertd_due{channel="mail"}'] == 0
    assert after['alertd_overdue_seconds{channel="mail"}'] == 0
    assert after['alertd_deliveries{channel="mail",outcome="accepted"}'] == 3
    assert after['alertd_channel_alive_seconds{channel="mail"}'] == 0


def test_leases_that_run_and_that_have_run_out_are_counted(city: City) -> None:
    factories.add_people(city.site, ["a@example.jp", "b@example.jp"])
    number = factories.submit(city.site)
    factories.approve(city.site, number)
    plan.plan(city.site, number)
    now = city.clock.now()
    with writing(city.site.engine) as session:
        until = now + timedelta(seconds=8)
        assert store.claim(session, "mail", "a", handed=False, limit=2, now=now, until=until)
    running = figures(city)
    assert running['alertd_claimed{channel="mail"}'] == 2 and running['alertd_lapsed{channel="mail"}'] == 0
    assert running['alertd_lease_seconds{channel="mail"}'] == 8
    city.clock.advance(timedelta(seconds=9))
    over = figures(city)
    assert over['alertd_claimed{channel="mail"}'] == 0 and over['alertd_lapsed{channel="mail"}'] == 2


def test_nothing_personal_is_among_them(city: City) -> None:
    factories.add_people(city.site, ["canary@example.jp"])
    city.send(factories.submit(city.site))
    with reading(city.site.engine) as session:
        text = metrics(session, city.site)
    assert "canary" not in text and "三条" not in text and "川" not in text


def test_what_ended_long_ago_is_not_counted_any_more(city: City) -> None:
    factories.add_people(city.site, ["a@example.jp"])
    city.send(factories.submit(city.site))
    city.tick()
    city.clock.advance(timedelta(hours=25))
    assert not any(name.startswith("alertd_deliveries") for name in figures(city))
