"""Monitoring: readiness tells the truth, and nobody sees figures who may not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from httpx import Client
from pydantic import SecretStr

from alertd import pulse, readiness
from alertd.config import Monitoring
from alertd.db import reading, writing
from alertd.dispatch import State
from alertd.site import Site
from alertd.tables import DispatchRow
from alertd.testing import FakeChannel, FakeFarEnd, FixedClock
from operator_console.app import public_app
from tests import factories
from tests.serving import serving

TOKEN = "token-of-the-monitoring-system"


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(factories.START)


@pytest.fixture
def site(tmp_path: Path, clock: FixedClock) -> Iterator[Site]:
    settings = FakeFarEnd(tmp_path / "far_end").settings()
    made = factories.make_site(
        tmp_path,
        f"sqlite:///{tmp_path / 'alertd.db'}",
        {"mail": settings},
        {"mail": FakeChannel("mail", settings)},
        clock=clock,
    )
    yield made
    made.close()


@pytest.fixture
def asked(site: Site) -> Iterator[Callable[[Monitoring], Client]]:
    """Somebody who asks an installation with such a `[monitoring]`."""
    with pytest.MonkeyPatch.context() as patch:
        closing = []

        def ask(monitoring: Monitoring) -> Client:
            patch.setattr(site, "config", replace(site.config, monitoring=monitoring))
            server = serving(public_app(site))
            client = Client(base_url=server.__enter__(), timeout=30, verify=False)
            closing.append((client, server))
            return client

        yield ask
        for client, server in closing:
            client.close()
            server.__exit__(None, None, None)


def _all_alive(site: Site) -> None:
    pulse.beat(site, ["relay", pulse.of_worker("mail")])


def _findings(site: Site) -> dict[str, str]:
    return {look.what: look.finding for look in readiness.readiness(site) if not look.well}


def test_by_default_figures_and_readiness_do_not_exist(asked: Callable[[Monitoring], Client]) -> None:
    client = asked(Monitoring())
    assert client.get("/healthz").status_code == 200
    for path in ("/metrics", "/readyz"):
        assert client.get(path).status_code == 404
        assert client.get(path, headers={"Authorization": "Bearer x"}).status_code == 404


def test_with_the_token_the_figures_are_shown(asked: Callable[[Monitoring], Client]) -> None:
    client = asked(Monitoring(token=SecretStr(TOKEN)))
    found = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert found.status_code == 200 and found.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert 'alertd_due{channel="mail"} 0' in found.text
    assert client.get("/metrics", headers={"Authorization": "Bearer no"}).status_code == 404
    assert client.get("/metrics").status_code == 404


def test_a_network_is_believed_only_without_a_proxy_between(asked: Callable[[Monitoring], Client]) -> None:
    client = asked(Monitoring.model_validate({"networks": ["127.0.0.0/8"]}))
    assert client.get("/metrics").status_code == 200
    assert client.get("/metrics", headers={"X-Forwarded-For": "127.0.0.1"}).status_code == 404
    other = asked(Monitoring.model_validate({"networks": ["192.0.2.0/24"]}))
    assert other.get("/metrics").status_code == 404


def test_readiness_is_asked_by_the_same_people(site: Site, asked: Callable[[Monitoring], Client]) -> None:
    client = asked(Monitoring.model_validate({"networks": ["127.0.0.0/8"]}))
    answer = client.get("/readyz")
    assert answer.status_code == 503 and answer.json()["looks"]["relay"] == "was not seen for a day"
    _all_alive(site)
    answer = client.get("/readyz")
    assert answer.status_code == 200 and answer.json()["status"] == "ready"


def test_without_a_relay_nothing_would_go_out(site: Site, clock: FixedClock) -> None:
    _all_alive(site)
    assert readiness.ready(readiness.readiness(site))
    clock.advance(timedelta(seconds=31))
    assert _findings(site)["relay"] == "was last seen 31 s ago"
    assert not readiness.ready(readiness.readiness(site))


def test_without_workers_and_broker_alerts_still_go_out(site: Site) -> None:
    pulse.beat(site, ["relay"])
    assert set(_findings(site)) == {"worker of mail", "broker"}
    assert readiness.ready(readiness.readiness(site))


def test_what_was_approved_and_lies_there_is_noticed_whatever_the_relay_says(
    site: Site, clock: FixedClock
) -> None:
    factories.add_people(site, ["aoi@example.jp"])
    number = factories.submit(site)
    factories.approve(site, number)
    clock.advance(timedelta(seconds=readiness.PATIENCE + site.config.approval.hold + 1))
    _all_alive(site)
    assert _findings(site)["database"] == "1 approved alerts wait for a relay"
    with writing(site.engine) as session:
        session.get_one(DispatchRow, number).state = State.SENDING
    assert "database" not in _findings(site)


def test_a_full_disk_is_told(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    _all_alive(site)
    monkeypatch.setattr(readiness, "LEAST", 1 << 62)
    assert _findings(site)["storage"] == "the disk is full"
    assert not readiness.ready(readiness.readiness(site))


def test_a_database_that_is_gone_is_told(site: Site) -> None:
    _all_alive(site)
    with site.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE dispatch RENAME TO gone")
    assert _findings(site)["database"] == "the database does not answer"


def test_a_program_that_lives_beats(site: Site) -> None:
    alive = pulse.Pulse(site, [pulse.of_worker("mail")])
    alive.close()
    assert _lives(site) == {"worker.mail": pulse.Life(site.clock.now(), 1)}


def test_the_youngest_of_several_machines_speaks_for_the_program(
    site: Site, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for host in ("one", "two"):
        monkeypatch.setattr("socket.gethostname", lambda host=host: host)
        pulse.beat(site, ["relay"])
        clock.advance(pulse.DEAD - timedelta(seconds=1))
    with reading(site.engine) as session:
        assert pulse.alive_here(session, site.clock.now()) == {"relay"}
        monkeypatch.setattr("socket.gethostname", lambda: "tw")
        assert not pulse.alive_here(session, site.clock.now()), "another machine's relay is not ours"
    assert _lives(site)["relay"].alive == 1 and "relay" not in _findings(site)
    clock.advance(pulse.FORGOTTEN)
    pulse.beat(site, ["worker.mail"])
    assert set(_lives(site)) == {"worker.mail"}, "who is gone for a day is swept away"


def _lives(site: Site) -> Mapping[str, pulse.Life]:
    with reading(site.engine) as session:
        return pulse.lives(session, site.clock.now())
