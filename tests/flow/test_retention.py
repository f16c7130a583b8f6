"""Retention: what is old enough goes, what is not stays, and no list brings anybody back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from alertd import personal_data, register, retention, subscribe
from alertd.category import EVERYTHING
from alertd.db import reading, writing
from alertd.errors import NotFound
from alertd.recipient import Contact, Recipient
from alertd.retention import Retained
from alertd.site import Site
from alertd.store import subscriptions
from alertd.subscription import Cause, Choice
from alertd.tables import AuditRow, ContactRow, RecipientRow
from alertd.testing import FixedClock
from tests import factories

MAIL, NUMBER = "taro@example.jp", "+81256331234"
LIST = [
    Recipient(
        name="三条太郎",
        area="RNN",
        contacts=(Contact(kind="email", address=MAIL), Contact(kind="voice", address=NUMBER)),
    ),
    Recipient(name="三条花子", area="RNN", contacts=(Contact(kind="email", address="hana@example.jp"),)),
]
NOTHING = Retained(contacts=0, receipts=0, notes=0, sounds=0, dispatches=0)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(factories.START)


@pytest.fixture
def site(tmp_path: Path, database_url: str, clock: FixedClock) -> Iterator[Site]:
    made = factories.make_site(tmp_path, database_url, {}, {}, clock=clock)
    register.register(made, LIST, by="tests")
    yield made
    made.close()


def leave(site: Site, address: str) -> None:
    with writing(site.engine) as session:
        for row in session.scalars(select(ContactRow).where(ContactRow.address_key == address)):
            subscribe.take_off(session, site, row, Cause.PAGE, site.clock.now())


def names(site: Site) -> list[str]:
    with reading(site.engine) as session:
        return list(session.scalars(select(RecipientRow.name).order_by(RecipientRow.id)))


def test_who_left_is_erased_when_the_days_are_over_and_not_before(site: Site, clock: FixedClock):
    leave(site, MAIL)
    leave(site, NUMBER)
    clock.advance(timedelta(days=29))
    assert retention.run(site, by="tests") == NOTHING
    clock.advance(timedelta(days=2))
    found = retention.run(site, by="tests", dry_run=True)
    assert found.contacts == 1, "the number is kept for longer"
    assert personal_data.about(site, MAIL)["contacts"], "a dry run changes nothing"
    assert retention.run(site, by="tests") == found
    with pytest.raises(NotFound):
        personal_data.about(site, MAIL)
    assert names(site) == ["三条太郎", "三条花子"], "he is still on the list with his number"
    clock.advance(timedelta(days=365))
    assert retention.run(site, by="tests").contacts == 1
    assert names(site) == ["", "三条花子"]
    assert retention.run(site, by="tests") == NOTHING
    with reading(site.engine) as session:
        rows = session.scalars(select(AuditRow).where(AuditRow.action == "retention.run")).all()
        assert [(row.actor, row.detail["contacts"]) for row in rows] == [("tests", 1), ("tests", 1)]


def test_no_list_brings_back_who_was_erased_and_they_themselves_can_come(site: Site, clock: FixedClock):
    leave(site, MAIL)
    leave(site, NUMBER)
    clock.advance(timedelta(days=400))
    assert retention.run(site, by="tests").contacts == 2
    again = register.register(site, LIST, by="tests")
    assert (again.new, again.unchanged, again.left) == (0, 1, 2)
    choice = Choice(language="ja", areas=("RNN",), categories=EVERYTHING)
    subscribe.register(site, MAIL, choice, by="tests")
    with reading(site.engine) as session:
        assert [row.active for row in subscriptions.contacts_at(session, MAIL)] == [True]
    assert register.register(site, LIST, by="tests").left == 1, "the number stays away"


def test_who_came_back_stays(site: Site, clock: FixedClock):
    leave(site, MAIL)
    clock.advance(timedelta(days=40))
    with writing(site.engine) as session:
        session.execute(update(ContactRow).where(ContactRow.address_key == MAIL).values(active=True))
    assert retention.run(site, by="tests") == NOTHING
