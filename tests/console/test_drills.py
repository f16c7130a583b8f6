"""Drills in the console: seen on every page, read in full, armed by a second person, stopped by one click, reported."""

from __future__ import annotations

from datetime import timedelta

import pytest
from httpx import Client

from alertd.db import reading
from alertd.dispatch import Role
from alertd.drill import Ending, fire, prepare, schedule
from alertd.drill.check import check
from alertd.drill.file import read
from alertd.store import drills
from tests import factories
from tests.console.desk import Desk, csrf, hidden
from tests.factories import WRITER

SCENARIO = """\
name: console-test
title: {ja: 水害対応訓練, en: Flood drill}
time: "10:00"
audience: everybody
channels: [fm, radio]
steps:
  - at: T
    template: flood-4
    values: {river: 五十嵐川, shelters: 第一中学校}
    areas: [嵐南]
"""
PAGES = ("/", "/alerts/new", "/drills", "/chronicle", "/help")


@pytest.fixture
def drill(desk: Desk) -> int:
    """A drill that is ready to be armed and begins in an hour."""
    start = desk.clock.now() + timedelta(hours=1)
    number = schedule.schedule(desk.site, read(SCENARIO), WRITER, once_at=start)
    assert prepare.prepare(desk.site, number)
    return number


def _ending(desk: Desk, number: int) -> str | None:
    with reading(desk.site.engine) as session:
        row = drills.occurrence(session, number)
        assert row is not None
        return row.ending


def _arm(browser: Client, number: int, typed: str = "訓練") -> int:
    page = browser.get(f"/drills/{number}").text
    form = {"csrf": csrf(page), "seen": hidden(page, "seen"), "typed": typed}
    return browser.post(f"/drills/{number}/arm", data=form).status_code


def test_a_countdown_with_a_stop_is_on_every_page(
    desk: Desk, drill: int, writer: Client, approver: Client
) -> None:
    for path in PAGES:
        page = writer.get(path).text
        assert "水害対応訓練" in page and 'data-seconds="3600"' in page, path
        assert f'action="/drills/{drill}/stop"' in page, path
    page = approver.get("/").text
    answer = approver.post(f"/drills/{drill}/stop", data={"csrf": csrf(page)})
    assert answer.status_code == 303
    assert _ending(desk, drill) == Ending.CANCELLED
    assert "data-seconds" not in approver.get("/").text
    viewer = desk.signed_in(Role.VIEW)
    assert viewer.post(f"/drills/{drill}/stop", data={"csrf": csrf(page)}).status_code == 403


def test_nobody_who_is_not_signed_in_sees_a_drill(desk: Desk, drill: int) -> None:
    stranger = desk.browser()
    assert "水害対応訓練" not in stranger.get("/sign-in").text
    assert stranger.get(f"/drills/{drill}").status_code == 303


def test_a_second_person_reads_everything_and_arms_it(
    desk: Desk, drill: int, writer: Client, approver: Client
) -> None:
    own = writer.get(f"/drills/{drill}").text
    assert 'name="typed"' not in own and "別の職員" in own
    page = approver.get(f"/drills/{drill}").text
    assert page.count("これは、訓練です。") > 4
    assert page.count("<audio") == 4, "FM and radio, the message and the word that breaks it off"
    assert _arm(approver, drill, typed="はい") == 422
    assert _arm(approver, drill) == 303
    assert "承認 太郎が承認" in approver.get(f"/drills/{drill}").text


def test_what_was_changed_meanwhile_is_not_armed(desk: Desk, drill: int, approver: Client) -> None:
    page = approver.get(f"/drills/{drill}").text
    form = {"csrf": csrf(page), "seen": "0" * 64, "typed": "訓練"}
    answer = approver.post(f"/drills/{drill}/arm", data=form)
    assert answer.status_code == 409 and "もう一度読んで" in answer.text


def test_a_message_of_a_drill_is_found_with_its_drill_and_not_among_the_alerts(
    desk: Desk, drill: int, approver: Client
) -> None:
    with reading(desk.site.engine) as session:
        dispatches = drills.step_dispatches(session, drill).values()
    number = min(row.id for row in dispatches)
    assert f"/alerts/{number}" not in approver.get("/").text
    answer = approver.get(f"/alerts/{number}/approve")
    assert answer.headers["location"] == f"/drills/{drill}"


def test_a_drill_that_was_held_is_reported_on_the_page_on_paper_and_as_data(
    desk: Desk, drill: int, approver: Client
) -> None:
    assert _arm(approver, drill) == 303
    desk.clock.advance(timedelta(minutes=59))
    assert check(desk.site, drill, 1) == []
    desk.clock.advance(timedelta(minutes=1))
    fire.fire_due(desk.site)
    with reading(desk.site.engine) as session:
        first = min(drills.step_dispatches(session, drill).values(), key=lambda row: row.id)
    desk.send(first.id)
    approver = desk.signed_in(factories.APPROVER.name)
    page = approver.get(f"/drills/{drill}").text
    assert page.count("<svg xmlns") == 2 and "style=" not in page
    assert "結果報告" in page
    found = approver.get(f"/drills/{drill}/report.json").json()
    assert found["reach"]["planned"] == found["reach"]["reached"] == 2
    assert found["messages"][0]["channels"]["fm"]["percent_in_time"] == 100.0
    pdf = approver.get(f"/drills/{drill}/report.pdf")
    assert pdf.headers["content-type"] == "application/pdf" and pdf.content.startswith(b"%PDF")
    rows = approver.get(f"/drills/{drill}/report.csv").text.splitlines()
    assert len(rows) == 1 + 2 and "Exercise" in rows[1]


def test_the_list_shows_what_comes_and_what_is_past(desk: Desk, drill: int, writer: Client) -> None:
    assert "実施承認待ち" in writer.get("/drills").text
    fire.stop(desk.site, drill, factories.APPROVER, reason="雨")
    assert "職員が中止" in writer.get("/drills").text
