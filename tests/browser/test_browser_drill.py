"""The yearly flood drill in a real Chromium: seen coming on every page, read, armed, held, corrected, reported."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

from alertd import plan, store
from alertd.config import Drill
from alertd.db import reading, writing
from alertd.dispatch import State
from alertd.drill import CHECKS, check, fire, prepare, schedule
from alertd.drill.file import find
from alertd.send import drain
from alertd.store import drills
from alertd.tables import AreaRow
from tests import factories
from tests.console.desk import PASSWORD, Desk, open_desk
from tests.factories import APPROVER, WRITER

pytestmark = pytest.mark.browser

#: where pictures go; unset = none are taken
PICTURES = os.environ.get("ALERTD_PICTURES")
AREAS = {"HJJ": ("本成寺", 3500), "OSK": ("大崎", 2700)}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A city that may hold drills over all its sections, with people in four areas."""
    with open_desk(tmp_path, f"sqlite:///{tmp_path / 'alertd.db'}") as desk:
        desk.site.config = replace(desk.site.config, drill=Drill(separate=False))
        with writing(desk.site.engine) as session:
            for code, (name, households) in AREAS.items():
                session.add(AreaRow(code=code, name=name, households=households))
        for area in ("RNN", "RHK", "HJJ"):
            addresses = [f"heard@{area}{n}.example.jp" for n in range(30)]
            factories.add_people(desk.site, addresses, kind="email", area=area)
        factories.add_people(desk.site, ["busy@x.example.jp"], kind="email", area="OSK", language="en")
        yield desk


@contextmanager
def _person(browser: Browser, desk: Desk, name: str) -> Iterator[Page]:
    """A window in which this operator is signed in; complaints of its console fail the test."""
    context = browser.new_context(base_url=desk.console, viewport={"width": 1280, "height": 900})
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto("/sign-in")
    page.get_by_label("名前").fill(name)
    page.get_by_label("パスワード").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="サインイン").click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    try:
        yield page
    finally:
        context.close()
    assert complaints == []


def _well_made(page: Page, name: str) -> None:
    results = Axe().run(page)
    assert results.violations_count == 0, f"{name}: {results.generate_report()}"
    for width in (375, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{name} is {wide} px too wide at {width} px"
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)


def _go_on(desk: Desk, number: int, by: timedelta) -> None:
    """Time passes; the relay and the workers do what is due."""
    desk.clock.advance(by)
    for occurrence, minutes in check.due(desk.site, desk.clock.now()):
        check.check(desk.site, occurrence, minutes)
    fire.fire_due(desk.site)
    with reading(desk.site.engine) as session:
        approved = [row.id for row in store.dispatches_in(session, State.APPROVED)]
    for dispatch in approved:
        plan.plan(desk.site, dispatch)
    desk.clock.advance(timedelta(seconds=7))
    for name in desk.site.settings:
        drain(desk.site, name, threading.Event())


def test_the_yearly_flood_drill_is_armed_held_and_reported(chromium: Path, desk: Desk) -> None:
    start = desk.clock.now() + timedelta(hours=20)
    number = schedule.schedule(desk.site, find("flood-yearly"), WRITER, once_at=start)
    assert prepare.prepare(desk.site, number)
    options = ["--no-sandbox", "--disable-dev-shm-usage"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(chromium), args=options)
        with _person(browser, desk, APPROVER.name) as page:
            bar = page.locator(".drill-bar")
            expect(bar).to_contain_text("水害対応総合防災訓練")
            expect(bar.locator(".left")).to_have_text("20:00:00")
            expect(bar.locator(".left")).not_to_have_text("20:00:00", timeout=5000)
            bar.locator("summary").click()
            expect(bar.get_by_role("button", name="訓練を中止する（再開できません）")).to_be_visible()
            _well_made(page, "drill-bar")
            bar.get_by_role("link").click()
            expect(page.get_by_text("これは訓練です").first).to_be_visible()
            assert page.locator("audio").count() >= 14
            _well_made(page, "drill-arm")
            page.get_by_label("内容に間違いがなければ").fill("訓練")
            page.get_by_role("button", name="訓練の実施を承認する").click()
            expect(page.locator(".heading .state")).to_have_text("実施承認済み")
            page.goto("/drills")
            _well_made(page, "drills")
        _go_on(desk, number, start - desk.clock.now() - timedelta(hours=13))
        _go_on(desk, number, start - desk.clock.now() - timedelta(minutes=max(CHECKS)))
        for minutes in (*CHECKS[1:], 0, -30, -90, -210):
            _go_on(desk, number, start - desk.clock.now() - timedelta(minutes=minutes))
        with _person(browser, desk, APPROVER.name) as page:
            page.goto(f"/drills/{number}")
            expect(page.get_by_role("heading", name="結果報告")).to_be_visible()
            assert page.locator(".chart svg").count() == 5
            _well_made(page, "drill-report")
            with reading(desk.site.engine) as session:
                flood = list(drills.step_dispatches(session, number).values())[2]
            page.goto(f"/alerts/{flood.id}/stop")
            page.get_by_label("文面の誤り").check()
            page.get_by_label("取消を知らせる").check()
            page.get_by_role("button", name="いますぐ中止する").click()
            _go_on(desk, number, timedelta(seconds=1))
            page.goto(f"/drills/{number}")
            expect(page.get_by_text("操作から95%到達まで")).to_be_visible()
            page.get_by_role("button", name="English").click()
            expect(page.get_by_role("heading", name="Report")).to_be_visible()
            _well_made(page, "drill-report-en")
            with page.expect_download() as download:
                page.get_by_role("link", name="On paper (PDF)").click()
            content = Path(download.value.path()).read_bytes()
            assert content.startswith(b"%PDF")
            if PICTURES:
                (Path(PICTURES) / "drill-report.pdf").write_bytes(content)
        browser.close()
