"""Roles on PostgreSQL: each does its work, and the server refuses it what is not its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from httpx import Client
from pydantic import SecretStr
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool
from typer.testing import CliRunner

from alertd import api_token, audit, grants, plan
from alertd.channel import Callback
from alertd.cli.app import app
from alertd.config import Monitoring
from alertd.db import open_database, reading, writing
from alertd.errors import WrongInput
from alertd.messages import STOP, target
from alertd.report import report
from alertd.send import drain
from alertd.site import Site
from alertd.store import roster, subscriptions
from alertd.tables import Base, DeliveryRow
from alertd.testing import FakeChannel, FakeFarEnd, FixedClock
from alertd.testing.fake import _SIGNATURE, _signature
from alertd.token import seal
from operator_console.app import public_app
from tests import factories
from tests.post_office import post_office
from tests.serving import serving

As = Callable[[str], str]


@pytest.fixture
def as_role(furnished_url: str) -> As:
    """The address of a database whose roles are granted, for one of them."""
    engine = create_engine(furnished_url)
    for _ in range(2):  # twice is the same as once
        grants.carry_out(engine, grants.grantees())
    engine.dispose()
    return lambda role: furnished_url.replace("postgres@", f"{role}@")


@contextmanager
def town(folder: Path, url: str) -> Iterator[tuple[Site, FakeFarEnd]]:
    far_end = FakeFarEnd(folder / "far_end")
    settings = far_end.settings()
    channels = {"mail": FakeChannel("mail", settings)}
    clock = FixedClock(factories.START)
    site = factories.make_site(folder, url, {"mail": settings}, channels, clock=clock)
    with closing(site):
        yield site, far_end


def send(site: Site) -> int:
    factories.add_people(site, ["a0"])
    number = factories.submit(site, factories.make_alert())
    factories.approve(site, number)
    plan.plan(site, number)
    drain(site, "mail", threading.Event())
    with reading(site.engine) as session:
        assert sum(report(session, number).channels["mail"].outcomes.values()) == 1
    return number


def _number_on(url: str) -> None:
    """The operators that tests begin with have taken the first numbers."""
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("SELECT setval(pg_get_serial_sequence('operator', 'id'), 100)"))
    engine.dispose()


def test_the_app_registers_approves_and_sends(tmp_path: Path, as_role: As):
    with town(tmp_path, as_role("alertd_app")) as (site, far_end):
        send(site)
        assert len(list(far_end.heard())) == 1


def test_the_auditor_proves_the_trail_and_sees_what_became_of_an_alert(tmp_path: Path, as_role: As):
    with town(tmp_path, as_role("alertd_app")) as (site, _):
        number = send(site)
    engine = open_database(as_role("alertd_auditor"))
    with reading(engine) as session:
        assert audit.head(session).rows > 0 and audit.verify(session) is None
        assert report(session, number).channels["mail"].planned == 1
    engine.dispose()


def test_the_public_server_registers_hears_tells_and_lets_go(tmp_path: Path, as_role: As):
    with town(tmp_path, as_role("alertd_app")) as (site, far_end):
        number = send(site)
        _number_on(as_role("postgres"))
        with writing(site.engine) as session:
            token = api_token.add(
                session, name="weather", scopes=[api_token.Scope.READ], expires_at=None, now=site.clock.now()
            )
            row = session.query(DeliveryRow).one()
        watched = Monitoring(token=SecretStr("watch"))
        config = replace(site.config, database_url=as_role("alertd_public"), monitoring=watched)
        public = Site.open(config, site.clock)
        public._channels["mail"] = site.channel("mail")
        with (
            closing(public),
            post_office(site) as office,
            serving(public_app(public)) as url,
            Client(base_url=url, timeout=30) as resident,
        ):
            assert resident.post("/register", data={"address": "hana@example.jp"}).status_code == 200
            link = office.link()
            assert resident.get(link).status_code == 200
            chosen = {"area": "RNN", "category": "wildlife", "language": "ja"}
            assert resident.post(link, data=chosen).status_code == 200
            with reading(site.engine) as session:
                (contact,) = subscriptions.contacts_at(session, "hana@example.jp")
            stop = f"/stop/{seal(site.secret, STOP, contact.id)}"
            assert resident.get(stop).status_code == resident.post(stop).status_code == 200
            there = target(site, "mail", row.id, 1, "x", row.contact_id).answer_url
            body = b'{"outcome": "acknowledged", "answer": "understood"}'
            said = Callback(
                url=there,
                method="POST",
                headers={},
                body=body,
                query={},
                target=None,
                message=None,
                closed=False,
            )
            signed = {_SIGNATURE: _signature(far_end.secrets[0], said)}
            here = there.replace(site.config.public_url, "")
            assert resident.post(here, content=body, headers=signed).status_code == 200
            for page in ("/cap/feed.atom", "/cap/in-force.geojson", "/healthz"):
                assert resident.get(page).status_code == 200, page
            monitor = {"Authorization": "Bearer watch"}
            assert resident.get("/metrics", headers=monitor).status_code == 200
            assert "looks" in resident.get("/readyz", headers=monitor).json()
            other = {"Authorization": f"Bearer {token}"}
            assert resident.get("/api/alerts", headers=other).status_code == 200
            assert resident.get(f"/api/alerts/{number}", headers=other).status_code == 200
        with reading(site.engine) as session:
            assert report(session, number).channels["mail"].answers == {"understood": 1}


_REFUSED = [
    *(
        (role, statement)
        for role in ("alertd_app", "alertd_public", "alertd_auditor")
        for statement in (
            "UPDATE audit SET actor = 'x'",
            "DELETE FROM audit",
            "TRUNCATE audit",
            "ALTER TABLE audit DISABLE TRIGGER ALL",
            "DROP TRIGGER two_people ON dispatch",
            "DROP FUNCTION audit_stays() CASCADE",
            "DROP TABLE receipt",
            "CREATE TABLE mine (id int)",
            "CREATE ROLE mine",
            "SET session_replication_role = replica",
            "UPDATE alembic_version SET version_num = '0001'",
        )
    ),
    *(
        ("alertd_public", statement)
        for statement in (
            "INSERT INTO dispatch (id) VALUES (1)",
            "UPDATE dispatch SET state = 'approved', approved_by = 2",
            "DELETE FROM dispatch",
            "UPDATE alert SET document = ''",
            "UPDATE artefact SET text = ''",
            "INSERT INTO delivery (id) VALUES (1)",
            "SELECT password_hash FROM operator",
            "SELECT second_factor FROM operator",
            "UPDATE operator SET roles = '[]'",
            "SELECT 1 FROM session",
            "INSERT INTO session (csrf) VALUES ('')",
            "SELECT note FROM taking",
            "SELECT 1 FROM saved_draft",
            "INSERT INTO api_token (name) VALUES ('')",
            "UPDATE api_token SET scopes = '[]'",
            "SELECT url FROM hook",
        )
    ),
    *(
        ("alertd_auditor", statement)
        for statement in (
            *(
                f"SELECT 1 FROM {name}"
                for name in ("recipient", "contact", "letter", "session", "api_token", "subscription")
            ),
            "SELECT password_hash FROM operator",
            "SELECT note FROM taking",
            "INSERT INTO audit (actor) VALUES ('x')",
            "UPDATE dispatch SET state = 'approved'",
        )
    ),
]


def test_each_role_is_refused_what_is_not_its_own(as_role: As):
    engines = {role: create_engine(as_role(role), poolclass=NullPool) for role, _ in _REFUSED}
    done = []
    for role, statement in _REFUSED:
        try:
            with engines[role].begin() as connection:
                connection.execute(text(statement))
            done.append((role, statement))
        except DBAPIError as error:
            assert "permission denied" in str(error.orig) or "must be owner" in str(error.orig), error
    assert done == []


def test_no_role_owns_anything(as_role: As):
    engine = create_engine(as_role("postgres"))
    with engine.connect() as connection:
        owners = connection.execute(text("SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class"))
        assert not {"alertd_app", "alertd_public", "alertd_auditor"} & set(owners.scalars())
    engine.dispose()


def test_with_the_api_the_public_server_submits_and_still_approves_nothing(furnished_url: str):
    engine = create_engine(furnished_url)
    grants.carry_out(engine, grants.grantees("apitown", api=True))
    engine.dispose()
    public = create_engine(furnished_url.replace("postgres@", "apitown_public@"))
    with pytest.raises(DBAPIError, match="permission denied"), public.begin() as connection:
        connection.execute(text("UPDATE dispatch SET state = 'approved', approved_by = 2"))
    public.dispose()


def test_every_table_that_is_granted_is_there_and_the_app_has_them_all():
    everything, public, auditor = grants.grantees()
    known = {*Base.metadata.tables, "alembic_version"}
    assert set(everything.tables) == known and set(public.tables) < known and set(auditor.tables) < known


def test_each_role_signs_in_with_the_password_of_its_file(
    tmp_path: Path, furnished_url: str, monkeypatch: pytest.MonkeyPatch
):
    words = tmp_path / "words"
    words.mkdir()
    (words / "shiptown_app").write_text("it's one's own\n")
    config = tmp_path / "alertd.toml"
    config.write_text(f'[database]\nurl = "{furnished_url}"\n')
    command = ["db", "grants", "--prefix", "shiptown", "--passwords", str(words), "--config", str(config)]
    assert CliRunner().invoke(app, command).exit_code == 2, "nothing is set without --apply"
    done = CliRunner().invoke(app, [*command, "--apply"])
    assert done.exit_code == 0 and "no password was set for shiptown_public, shiptown_auditor" in done.output
    engine = create_engine(furnished_url)
    with engine.connect() as connection:
        kept = connection.execute(
            text("SELECT rolname, rolpassword FROM pg_authid WHERE rolname LIKE 'shiptown%'")
        )
        found = {name: word for name, word in kept}
    engine.dispose()
    assert found.pop("shiptown_app").startswith("SCRAM-SHA-256$") and set(found.values()) == {None}
    monkeypatch.setenv("PGUSER", "shiptown_app")  # as docker-compose.yml does
    engine = open_database(furnished_url.replace("postgres@", ""))
    with reading(engine) as session:
        assert session.scalar(text("SELECT current_user")) == "shiptown_app"
    engine.dispose()


def test_the_app_may_note_that_everybody_sees_what_it_planned(as_role: As):
    engine = create_engine(as_role("alertd_app"), isolation_level="AUTOCOMMIT", poolclass=NullPool)
    told: list[str] = []
    with engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert isinstance(driver, psycopg.Connection)
        driver.add_notice_handler(lambda said: told.append(said.message_primary or ""))
        connection.execute(text(roster._SETTLE))
        assert told == [], "the server only warns where it does not do it"
        connection.execute(text(roster._SETTLE.replace("delivery", "audit")))
        assert len(told) == 1 and "permission denied" in told[0]
    engine.dispose()


@pytest.mark.parametrize("prefix", ["", "x; DROP TABLE audit", 'a"b', "1a", "a" * 60])
def test_a_prefix_that_is_no_plain_name_is_refused(prefix: str):
    with pytest.raises(WrongInput, match="prefix"):
        grants.grantees(prefix)
