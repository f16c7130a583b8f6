"""A new user registers, changes and leaves in a real Chromium: three languages, a phone and a desktop, no script."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, ViewportSize, expect

from alertd.clock import SystemClock
from alertd.db import reading, writing
from alertd.store import subscriptions
from alertd.tables import AreaRow
from alertd.zones import zones
from operator_console.app import public_app
from tests import factories
from tests.post_office import PostOffice, post_office
from tests.serving import serving

pytestmark = pytest.mark.browser

#: set to a folder to look at the pages
PICTURES = os.environ.get("ALERTD_PICTURES")
DESKTOP: ViewportSize = {"width": 1280, "height": 720}
PHONE: ViewportSize = {"width": 390, "height": 844}
#: as the pages write them, readings and all: language of the browser, button, area, end, change, stop
WORDS = {
    "ja": ("ja-JP", "リンクを送る", "嵐南", "登録が完了しました", "変更する", "配信の停止", "配信を停止しました"),
    "ja-easy": ("ja-JP", "送", "嵐南", "できました", "変", "メールを やめる", "やめました"),
    "en": (
        "en-US", "Send me the link", "Rannan", "You are registered", "Save", "Stop all mails",
        "The mails are stopped",
    ),
}  # fmt: skip


@pytest.fixture
def office(tmp_path: Path) -> Iterator[PostOffice]:
    """The real city's twelve zones, and a relay for its letters."""
    url = f"sqlite:///{tmp_path / 'alertd.db'}"
    site = factories.make_site(tmp_path, url, {}, {}, clock=SystemClock())
    with writing(site.engine) as session:
        for position, zone in enumerate(zones(), start=1):
            row = AreaRow(code=zone.code, name=zone.name, name_kana=zone.kana, name_en=zone.name_en)
            row.households, row.position = zone.households, position
            session.merge(row)
    with post_office(site) as office:
        yield office
    site.close()


def _well_made(page: Page, name: str) -> None:
    """No violation that axe finds; nothing wider than the window; targets as large as a finger.

    Pages that only tell something are the same in every language, and most in plain Japanese.
    """
    if name.endswith("easy") or name.startswith(("register", "choose", "change")):
        results = Axe().run(page)
        assert results.violations_count == 0, f"{name}: {results.generate_report()}"
    for size in (DESKTOP, PHONE):
        page.set_viewport_size(size)
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{name} is {wide} px too wide at {size['width']} px"
        if PICTURES:
            page.screenshot(path=Path(PICTURES) / f"{name}-{size['width']}.png", full_page=True)
    small = page.evaluate(
        "[...document.querySelectorAll('button, .choice, .button, input[type=text]')]"
        ".map(e => e.getBoundingClientRect()).filter(r => r.height && r.height < 44).length"
    )
    assert small == 0, f"{name}: {small} targets are too small"


def _asked(page: Page) -> None:
    """The page after asking for a link."""
    expect(page.get_by_role("textbox")).to_have_count(0)
    expect(page.get_by_role("heading", level=2)).to_be_visible()


@pytest.mark.parametrize("language", WORDS)
def test_a_new_user_registers_changes_and_leaves(browser: Browser, office: PostOffice, language: str):
    locale, send, area, registered, save, stop, stopped = WORDS[language]
    address = "hana@example.jp"
    with serving(public_app(office.site)) as url:
        page = browser.new_page(base_url=url, viewport=PHONE, locale=locale)
        problems: list[str] = []
        page.on("console", lambda said: problems.append(said.text) if said.type == "error" else None)
        page.goto("/register" if language != "ja-easy" else "/")
        if language == "ja-easy":
            page.get_by_role("link", name="やさしい日本語").click()
            page.locator("a.button").click()
            expect(page.locator("rt").first).to_be_visible()
            page.locator(".ruby-switch a").click()
            expect(page.locator("rt")).to_have_count(0)
            page.locator(".ruby-switch a").click()
        _well_made(page, f"register-{language}")
        page.get_by_role("textbox").fill("not an address")
        page.get_by_role("button").click()
        expect(page.get_by_role("alert")).to_be_visible()
        _well_made(page, f"wrong-{language}")
        assert problems.pop().endswith("422 (Unprocessable Content)") or not problems
        page.get_by_role("textbox").fill(address)
        page.keyboard.press("Enter")
        _asked(page)
        _well_made(page, f"sent-{language}")
        page.goto(office.link())
        _well_made(page, f"choose-{language}")
        page.locator(".choice", has_text=area).first.click()
        page.locator("input[value=crime]").uncheck()
        page.locator("form").first.get_by_role("button").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text(registered)
        _well_made(page, f"done-{language}")
        (welcome,) = office.post()
        assert welcome.recipient == address

        page.goto(f"/register?lang={language}")
        page.get_by_role("textbox").fill(address)
        page.get_by_role("button", name=send).click()
        _asked(page)
        link = office.link()
        page.goto(link)
        _well_made(page, f"change-{language}")
        assert page.locator("input[value=RNN]").is_checked()
        assert not page.locator("input[value=crime]").is_checked()
        page.locator("input[value='*']").check()
        page.get_by_role("button", name=save).first.click()
        expect(page.locator("fieldset")).to_have_count(0)
        office.post()
        page.goto(link)
        _well_made(page, f"gone-{language}")

        page.goto(f"/register?lang={language}")
        page.get_by_role("textbox").fill(address)
        page.keyboard.press("Enter")
        _asked(page)
        page.goto(office.link())
        page.get_by_role("button", name=stop).click()
        expect(page.get_by_role("heading", level=1)).to_contain_text(stopped)
        _well_made(page, f"stopped-{language}")
        page.close()
    with reading(office.site.engine) as session:
        contact = subscriptions.contacts_at(session, address)[0]
        choice = subscriptions.choice_of(session, contact)
    assert not contact.active and choice is not None
    assert choice.language == language and len(choice.areas) == len(zones())


def test_everything_works_without_script_and_by_keyboard_alone(browser: Browser, office: PostOffice):
    with serving(public_app(office.site)) as url:
        context = browser.new_context(base_url=url, java_script_enabled=False, locale="ja-JP", viewport=PHONE)
        page = context.new_page()
        page.goto("/register")
        page.get_by_role("textbox").focus()
        page.keyboard.type("taro..@docomo.ne.jp")
        page.keyboard.press("Enter")
        _asked(page)
        page.goto(office.link())
        page.locator("input[value=IGR]").focus()
        page.keyboard.press("Space")
        page.locator("form button").first.focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_contain_text("登録が完了しました")
        context.close()
    with reading(office.site.engine) as session:
        assert subscriptions.contacts_at(session, "taro..@docomo.ne.jp")[0].active
