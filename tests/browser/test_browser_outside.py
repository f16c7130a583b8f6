"""Drafts from outside, what is in force and texts to copy, in a real Chromium without JavaScript."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ViewportSize, expect

from alertd import incoming
from tests.console.desk import PASSWORD, Desk, approve, form_of, open_desk, submit
from tests.factories import APPROVER, WRITER
from tests.unit.test_cap import document
from tests.unit.test_jma import _telegram

pytestmark = pytest.mark.browser

#: set to a folder to look at the pages
PICTURES = os.environ.get("ALERTD_LOOK")
DESKTOP: ViewportSize = {"width": 1280, "height": 720}
PHONE: ViewportSize = {"width": 390, "height": 844}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with open_desk(tmp_path, f"sqlite:///{tmp_path / 'alertd.db'}") as desk:
        writer = desk.signed_in(WRITER.name)
        number = submit(writer, form_of(writer))
        approve(desk.signed_in(APPROVER.name), number)
        desk.send(number)
        grave = (("レベル４土砂災害危険警報", "49", "発表"), ("雷注意報", "14", "継続"))
        incoming.take(desk.site, _telegram(*grave), "https://weather.example.jp/feed")
        incoming.take(desk.site, document().encode(), "file:warning.xml")
        yield desk


def test_the_pages_of_the_neighbours_are_read_by_everybody(browser: Browser, desk: Desk) -> None:
    context = browser.new_context(
        base_url=desk.console, viewport=DESKTOP, java_script_enabled=False, locale="ja-JP"
    )
    looking = browser.new_context(base_url=desk.console, viewport=PHONE, locale="ja-JP")
    page = context.new_page()
    page.goto("/")
    page.get_by_label("名前").fill(WRITER.name)
    page.get_by_label("パスワード").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="サインイン").click()
    looking.add_cookies(context.cookies())  # type: ignore[arg-type]
    other = looking.new_page()
    for path in ("/drafts", "/drafts/1", "/drafts/2", "/in-force", "/alerts/1/copy"):
        for name, one in (("desktop", page), ("phone", other)):
            one.goto(path)
            if PICTURES:
                one.screenshot(path=f"{PICTURES}/{name}{path.replace('/', '-')}.png", full_page=True)
        wide = other.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{path} scrolls sideways on a phone"
        found = Axe().run(other)
        assert found.violations_count == 0, found.generate_report()
    page.goto("/drafts/1")
    page.get_by_label("訓練").check()
    page.get_by_label("市内全域（登録者全員）").check()
    page.get_by_role("button", name="承認を依頼する").click()
    expect(page.get_by_text("承認待ち").first).to_be_visible()
    context.close()
    looking.close()
