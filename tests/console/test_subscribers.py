"""Subscribers on screen: the staff registers somebody who signed a form, finds and stops them."""

from __future__ import annotations

import re

import pytest
from httpx import Client
from sqlalchemy import select

from alertd.category import Category
from alertd.db import reading
from alertd.dispatch import Role
from alertd.store import subscriptions
from alertd.tables import AuditRow, LetterRow
from tests.console.desk import Desk, csrf
from tests.factories import WRITER

FORM = {
    "address": "hana@example.jp",
    "paper": "申込書 2026-17",
    "language": "ja-easy",
    "area": ["RNN", "RHK"],
    "category": ["wildlife"],
}


def _register(browser: Client, **changes: object):
    token = csrf(browser.get("/subscribers").text)
    return browser.post("/subscribers", data={**FORM, "csrf": token, **changes})


def test_the_staff_registers_somebody_and_the_record_says_who_when_and_by_what_form(
    desk: Desk, writer: Client
):
    answer = _register(writer)
    assert answer.status_code == 200 and "登録しました" in answer.text
    with reading(desk.site.engine) as session:
        (found,) = subscriptions.listed(session)
        letter = session.scalars(select(LetterRow)).one()
        row = session.scalars(select(AuditRow).where(AuditRow.action == "contact.registered")).one()
    assert found.address == letter.address == "hana@example.jp"
    assert letter.kind == "welcome"
    assert (found.by, found.text_version, found.opted_in_at) == (
        WRITER.name,
        "paper:申込書 2026-17",
        desk.clock.now(),
    )
    assert found.choice.areas == ("RHK", "RNN") and set(found.choice.categories) == {
        Category.LIFE,
        Category.WILDLIFE,
    }
    assert row.actor == WRITER.name and "hana" not in str(row.detail)


@pytest.mark.parametrize("wrong", [{"address": "hana"}, {"area": []}, {"paper": ""}, {"area": ["NONE"]}])
def test_half_a_form_registers_nobody(desk: Desk, writer: Client, wrong: dict[str, object]):
    assert _register(writer, **wrong).status_code == 422
    with reading(desk.site.engine) as session:
        assert subscriptions.listed(session) == []


def test_a_subscriber_is_found_by_the_whole_address_and_taken_off_at_once(desk: Desk, writer: Client):
    _register(writer)
    _register(writer, address="taro@example.jp")
    page = writer.get("/subscribers", params={"q": "taro@example.jp"}).text
    assert "taro@example.jp" in page and "hana@example.jp" not in page
    path = re.search(r"/subscribers/\d+/stop", page)
    assert path is not None
    assert writer.post(path[0], data={"csrf": csrf(page)}).status_code == 303
    assert "停止済み" in writer.get("/subscribers", params={"q": "taro@example.jp"}).text
    assert writer.post("/subscribers/999/stop", data={"csrf": csrf(page)}).status_code == 404


def test_nobody_of_the_citys_own_lists_is_taken_off_here(desk: Desk, writer: Client):
    token = csrf(writer.get("/subscribers").text)
    assert writer.post("/subscribers/1/stop", data={"csrf": token}).status_code == 404


def test_only_who_administers_takes_the_lists_along_and_it_is_written_down(desk: Desk, writer: Client):
    _register(writer)
    admin = desk.signed_in(Role.ADMINISTER)
    for path, action in (
        ("/subscribers.csv", "subscribers.exported"),
        ("/recipients.csv", "recipients.exported"),
    ):
        assert writer.get(path).status_code == 403
        assert "example.jp" in admin.get(path).content.decode("utf-8-sig")
        with reading(desk.site.engine) as session:
            assert (
                session.scalars(select(AuditRow).where(AuditRow.action == action)).one().actor == "administer"
            )
