"""A town for benchmarks: an installation, invented people, and dispatches to all of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Connection, func, select, text

from alertd import config, issue, operators
from alertd.alert import Area, Status
from alertd.audience import Audience
from alertd.db import reading, upgrade, writing
from alertd.dispatch import Person, Role
from alertd.report import report
from alertd.sealed import keys_of
from alertd.site import Site
from alertd.tables import AreaRow, ContactRow, RecipientRow
from alertd.template import fill, template

_CHUNK = 5000


def open_site(folder: Path, database: str, mail: str) -> Site:
    """An installation with one channel; `mail` has the lines of its section beside kind and sender."""
    section = f'[channels.mail]\nkind = "email"\nsender = "bosai@sanjo.example.jp"\n{mail}\n'
    return open_town(folder, database, section)


def open_town(folder: Path, database: str, sections: str) -> Site:
    """An installation with these sections, in which one person may send an exercise; no `database` = SQLite."""
    file = folder / "alertd.toml"
    file.write_text(f'[database]\nurl = "{database}"\n[approval]\nexercise = 1\n{sections}')
    site = Site.open(config.load(file))
    upgrade(site.engine)
    return site


def add_people(site: Site, number: int, *, first: int = 0, kind: str = "email") -> None:
    """Invented recipients of the area BENCH, each with an address of their own, counted from `first`.

    Written as the driver takes them fastest, sealed as the engine would: a million take half a minute.
    """
    ring, now = keys_of(site.engine.dialect), site.clock.now()
    on_postgres = site.engine.dialect.name == "postgresql"
    created = now if on_postgres else round(now.timestamp() * 1_000_000)
    with writing(site.engine) as session:
        session.merge(AreaRow(code="BENCH", name="嵐南", name_en="Rannan", households=number))
    for begin in range(first, first + number, _CHUNK):
        part = range(begin, min(begin + _CHUNK, first + number))
        with site.engine.begin() as connection:
            person, contact = (
                connection.scalar(select(func.coalesce(func.max(table.id), 0))) or 0
                for table in (RecipientRow, ContactRow)
            )
            people, contacts = [], []
            for nth, n in enumerate(part, 1):
                address = _address(kind, n)
                name, sealed = (
                    ring.seal(b"recipient.name", f"三条 {n}"),
                    ring.seal(b"contact.address", address),
                )
                people.append((person + nth, name, "", "person", "BENCH", "ja", False, True, created))
                mark = ring.fingerprint(address)
                contacts.append((contact + nth, person + nth, kind, sealed, mark, 1, True))
            _write(connection, "recipient", _PEOPLE, people)
            _write(connection, "contact", _CONTACTS, contacts)
    if on_postgres:
        with site.engine.begin() as connection:
            for table in ("recipient", "contact"):
                connection.execute(text(f"SELECT setval('{table}_id_seq', max(id)) FROM {table}"))


_PEOPLE = ("id", "name", "kana", "kind", "area", "language", "needs_support", "active", "created_at")
_CONTACTS = ("id", "recipient_id", "kind", "address", "address_key", "preference", "active")


def _write(
    connection: Connection, table: str, columns: Sequence[str], rows: Sequence[Sequence[object]]
) -> None:
    names = ", ".join(columns)
    if connection.dialect.name == "postgresql":
        with (
            connection.connection.cursor() as cursor,
            cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy,
        ):  # type: ignore[attr-defined]
            for row in rows:
                copy.write_row(row)
        return
    marks = ", ".join("?" * len(columns))
    connection.exec_driver_sql(
        f"INSERT INTO {table} ({names}) VALUES ({marks})", [tuple(row) for row in rows]
    )


def _address(kind: str, number: int) -> str:
    return f"+81256{200_000 + number}" if kind == "voice" else f"person{number}@example.jp"


def submit(site: Site, person: Person, number: int, *, channel: str = "mail") -> int:
    """A dispatch to everybody; `number` makes its alert one of its own."""
    now = site.clock.now().replace(microsecond=0)
    alert = fill(
        template("flood-4"),
        {"river": "五十嵐川", "shelters": "第一中学校"},
        city=site.config.city,
        status=Status.EXERCISE,
        identifier=f"bench.{number}",
        sent=now,
        expires=now + timedelta(hours=6),
        areas=(Area(description="嵐南"),),
    )
    submission = issue.Submission(
        alert=alert, audience=Audience(areas=("BENCH",)), channels=(channel,), template="flood-4"
    )
    return issue.submit(site, submission, person)


def approve(site: Site, person: Person, dispatch: int) -> None:
    """From now on it goes out."""
    with reading(site.engine) as session:
        seen = report(session, dispatch).content_hash
    issue.approve(site, dispatch, person, seen=seen)


def operator(site: Site) -> Person:
    """Somebody who may write, approve and send."""
    with writing(site.engine) as session:
        row = operators.add(
            session,
            site.clock,
            name="bench",
            password="a benchmark needs no secret",
            roles=[Role.DRAFT, Role.APPROVE, Role.SEND],
        )
        return operators.person(row)
