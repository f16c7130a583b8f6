"""A town for benchmarks: an installation, invented people, and dispatches to all of them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from sqlalchemy import insert

from alertd import config, issue, operators
from alertd.alert import Area, Status
from alertd.audience import Audience
from alertd.db import reading, upgrade, writing
from alertd.dispatch import Person, Role
from alertd.recipient import RecipientKind
from alertd.report import report
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
    """Invented recipients of the area BENCH, each with an address of their own, counted from `first`."""
    with writing(site.engine) as session:
        session.merge(AreaRow(code="BENCH", name="嵐南", name_en="Rannan", households=number))
    now = site.clock.now()
    for begin in range(first, first + number, _CHUNK):
        part = range(begin, min(begin + _CHUNK, first + number))
        with writing(site.engine) as session:
            people = session.scalars(
                insert(RecipientRow).returning(RecipientRow.id, sort_by_parameter_order=True),
                [
                    {
                        "name": f"三条 {n}",
                        "kana": "",
                        "kind": RecipientKind.PERSON,
                        "area": "BENCH",
                        "language": "ja",
                        "needs_support": False,
                        "active": True,
                        "created_at": now,
                    }
                    for n in part
                ],
            ).all()
            session.execute(
                insert(ContactRow),
                [
                    {
                        "recipient_id": person,
                        "kind": kind,
                        "address": _address(kind, n),
                        "preference": 1,
                        "active": True,
                    }
                    for person, n in zip(people, part, strict=True)
                ],
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
