"""A whole installation for one drill: submitted, approved by a second person, planned, handed over, counted."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from alertd import config, issue, operators, people, plan, report, request
from alertd.alert import Status
from alertd.db import reading, upgrade, writing
from alertd.dispatch import Person, Role
from alertd.papers import locked
from alertd.recipient import RecipientKind
from alertd.send import drain
from alertd.site import Site
from alertd.tables import AreaRow, ContactRow, RecipientRow

#: the section's name
CHANNEL = "under-test"
_PASSWORD = "only for this one drill"  # noqa: S105 - of an installation that is gone afterwards


def send_drill(folder: Path, section: Mapping[str, object], addresses: Sequence[str]) -> dict[str, int]:
    """One drill to these addresses over one section; how many ended with which outcome.

    Deliveries are handed over once: what is to be tried again stays `deferred`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    found = config.read({"storage": "var", "channels": {CHANNEL: dict(section)}}, folder=folder)
    site = Site.open(found)
    try:
        upgrade(site.engine)
        writer, approver = _people(site, addresses)
        now = site.clock.now().replace(microsecond=0)
        wanted = request.Request(
            status=Status.EXERCISE,
            areas=("A1",),
            channels=(CHANNEL,),
            template="flood-4",
            values={"river": "五十嵐川"},
        )
        made = request.submission(site, wanted, identifier=f"drill.{now:%Y%m%dT%H%M%S}", sent=now)
        number = issue.submit(site, made, _person(site, writer))
        with writing(site.engine) as session:
            row, _ = locked(session, number)
            seen = row.content_hash
        issue.approve(site, number, _person(site, approver), seen=seen)
        plan.plan(site, number)
        drain(site, CHANNEL, threading.Event())
        with reading(site.engine) as session:
            tally = report.report(session, number).channels[CHANNEL]
        return {outcome: count for outcome, count in tally.outcomes.items() if count}
    finally:
        site.close()


def _people(site: Site, addresses: Sequence[str]) -> tuple[str, str]:
    kind = people.Line(CHANNEL, site.settings[CHANNEL].reaches).kind
    now = site.clock.now() - timedelta(days=1)
    with writing(site.engine) as session:
        for name, role in (("writer", Role.DRAFT), ("approver", Role.APPROVE)):
            operators.add(session, site.clock, name=name, password=_PASSWORD, roles=[role])
        session.add(AreaRow(code="A1", name="嵐南", name_en="Rannan", households=len(addresses)))
        for number, address in enumerate(addresses, start=1):
            who = RecipientRow(
                name=f"受信者{number}", kind=RecipientKind.PERSON, area="A1", language="ja", created_at=now
            )
            session.add(who)
            session.flush()
            session.add(ContactRow(recipient_id=who.id, kind=kind, address=address))
    return "writer", "approver"


def _person(site: Site, name: str) -> Person:
    with reading(site.engine) as session:
        return operators.person(operators.by_name(session, name))
