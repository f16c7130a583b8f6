"""Registering lists of recipients: in place, twice the same as once, nobody brought back."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import delete, func, select, text, update

from alertd import config
from alertd.db import reading, writing
from alertd.recipient import Contact, Recipient
from alertd.register import Registered, install, register, registered
from alertd.site import Site
from alertd.store.planning import keep_contacts
from alertd.tables import AreaRow, ContactRow, MembershipRow, RecipientRow
from tests import factories

TARO = Recipient(
    name="三条太郎",
    area="RNN",
    external_id="1",
    groups=("自治会長",),
    contacts=(
        Contact(kind="email", address="taro@example.jp"),
        Contact(kind="voice", address="+81256000001", preference=2),
    ),
)


@pytest.fixture
def site(tmp_path: Path, database_url: str) -> Iterator[Site]:
    made = factories.make_site(tmp_path, database_url, {}, {})
    yield made
    made.close()


def contacts(site: Site) -> dict[str, bool]:
    with reading(site.engine) as session:
        return {row.address: row.active for row in session.scalars(select(ContactRow))}


def test_the_same_list_twice_changes_nothing(site: Site):
    assert register(site, [TARO], by="test") == Registered(new=1, changed=0, unchanged=0, left=0)
    assert register(site, [TARO], by="test") == Registered(new=0, changed=0, unchanged=1, left=0)
    with reading(site.engine) as session:
        assert list(registered(session)) == [TARO]


def test_a_recipient_is_known_by_the_number_in_the_list(site: Site):
    register(site, [TARO], by="test")
    moved = replace(
        TARO,
        name="三条太朗",
        area="RHK",
        groups=("民生委員",),
        contacts=(Contact(kind="email", address="new@example.jp"),),
    )
    assert register(site, [moved], by="test").changed == 1
    with reading(site.engine) as session:
        found = list(registered(session))
    assert [(one.name, one.area, one.groups) for one in found] == [("三条太朗", "RHK", ("民生委員",))]
    # the list said nothing of telephones, so the number stays; the old mail address goes
    assert contacts(site) == {"new@example.jp": True, "+81256000001": True}


def test_without_a_number_a_recipient_is_known_by_an_address(site: Site):
    register(site, [TARO], by="test")
    unnumbered = replace(TARO, external_id=None, needs_support=True)
    assert register(site, [unnumbered], by="test").changed == 1
    assert register(site, [unnumbered], by="test").unchanged == 1
    with reading(site.engine) as session:
        row = session.scalars(select(RecipientRow)).one()
    assert (row.external_id, row.needs_support) == ("1", True)


def test_a_list_without_doors_leaves_the_doors_that_are_known(site: Site):
    daughter = Contact(kind="voice", address="+819000000001", preference=3, holder="三条花子（長女）")
    known = replace(
        TARO, association="本町一丁目自治会", street="本町1-2", contacts=(*TARO.contacts, daughter)
    )
    register(site, [known], by="test")
    unsaid = replace(
        known, association=None, street=None, contacts=(*TARO.contacts, replace(daughter, holder=None))
    )
    assert register(site, [unsaid], by="test").unchanged == 1
    with reading(site.engine) as session:
        assert list(registered(session)) == [known]
    assert register(site, [replace(known, street="")], by="test").changed == 1
    with reading(site.engine) as session:
        assert session.scalars(select(RecipientRow.street)).one() == ""


def test_who_has_left_is_not_brought_back(site: Site):
    register(site, [TARO], by="test")
    with writing(site.engine) as session:
        session.execute(update(ContactRow).where(ContactRow.kind == "email").values(active=False))
    assert register(site, [TARO], by="test") == Registered(new=0, changed=0, unchanged=1, left=1)
    assert register(site, [replace(TARO, name="別名")], by="test").left == 1
    assert contacts(site) == {"taro@example.jp": False, "+81256000001": True}


def test_a_dry_run_counts_and_writes_nothing(site: Site):
    register(site, [TARO], by="test")
    hanako = replace(TARO, external_id="2", contacts=(Contact(kind="email", address="hanako@example.jp"),))
    counted = register(site, [replace(TARO, name="別名"), hanako], by="test", dry_run=True)
    assert (counted.new, counted.changed) == (1, 1)
    with reading(site.engine) as session:
        assert list(registered(session)) == [TARO]


def test_many_are_registered_in_parts_and_progress_is_told(site: Site):
    many = [
        replace(
            TARO,
            external_id=str(number),
            contacts=(Contact(kind="email", address=f"p{number}@example.jp"),),
        )
        for number in range(2500)
    ]
    told: list[int] = []
    assert register(site, many, by="test", progress=told.append).new == 2500
    assert told == [1000, 2000, 2500]
    with reading(site.engine) as session:
        assert session.scalar(select(func.count()).select_from(MembershipRow)) == 2500
    assert register(site, many, by="test").unchanged == 2500


def test_a_new_installation_has_the_zones_of_the_default_city_once(tmp_path: Path, empty_database_url: str):
    settings = {"storage": "var", "database": {"url": empty_database_url}}
    site = Site.open(config.read(settings, folder=tmp_path))
    try:
        for _ in range(2):
            install(site)
            with reading(site.engine) as session:
                assert session.scalar(select(func.count()).select_from(AreaRow)) == 12
        with writing(site.engine) as session:
            session.execute(delete(AreaRow).where(AreaRow.code != "RNN"))
        install(site)
        with reading(site.engine) as session:
            assert session.scalars(select(AreaRow.code)).all() == ["RNN"]
    finally:
        site.close()


def test_while_an_alert_is_planned_an_address_that_is_gone_is_only_switched_off(site: Site):
    if site.engine.dialect.name == "sqlite":
        pytest.skip("a file has one writer, and looks for the contact of each delivery")
    register(site, [TARO], by="test")
    moved = replace(TARO, contacts=(Contact(kind="email", address="new@example.jp"),))
    with writing(site.engine) as planner:
        keep_contacts(planner)
        register(site, [moved], by="test")
    assert contacts(site) == {"taro@example.jp": False, "new@example.jp": True, "+81256000001": True}


def test_a_list_that_waits_for_a_contact_keeps_nobody_from_planning(site: Site):
    """Else both would wait: a mail that bounced has the contact, and its next one is to be planned."""
    if site.engine.dialect.name == "sqlite":
        pytest.skip("a file has one writer")
    register(site, [TARO], by="test")
    moved = replace(TARO, contacts=(Contact(kind="email", address="new@example.jp"),))
    thread = threading.Thread(target=register, args=(site, [moved]), kwargs={"by": "test"})
    with writing(site.engine) as bounced:
        bounced.execute(update(ContactRow).where(ContactRow.kind == "email").values(active=False))
        thread.start()
        until = time.monotonic() + 10
        while not bounced.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")):
            assert time.monotonic() < until
            time.sleep(0.01)
        bounced.execute(text("SET LOCAL lock_timeout = 500"))
        keep_contacts(bounced)
    thread.join(20)
    assert contacts(site) == {"taro@example.jp": False, "new@example.jp": True, "+81256000001": True} or (
        contacts(site) == {"new@example.jp": True, "+81256000001": True}
    )
