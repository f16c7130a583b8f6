"""A window of Chromium at the console: who sits there, and what holds for every page that is shown."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, ViewportSize

from tests.console.desk import PASSWORD, Desk

#: set to make the pictures of the docs, with the real voices
PICTURES = os.environ.get("ALERTD_PICTURES")
FOLDER = Path(__file__).resolve().parents[2] / "docs" / "pictures"
DESKTOP: ViewportSize = {"width": 1280, "height": 720}
PHONE: ViewportSize = {"width": 375, "height": 740}


@contextmanager
def person(browser: Browser, desk: Desk, name: str, *, script: bool = True) -> Iterator[Page]:
    """A window in which this operator is signed in; what its console complains of fails the test."""
    context = browser.new_context(
        base_url=desk.console, viewport=DESKTOP, java_script_enabled=script, locale="ja-JP"
    )
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if _complains(said) else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    elsewhere: list[str] = []
    page.on("request", lambda asked: elsewhere.append(asked.url) if not _ours(asked.url, desk) else None)
    page.goto("/")
    page.get_by_label("名前").fill(name)
    page.get_by_label("パスワード").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="サインイン").click()
    page.wait_for_url("**/hand-over")
    page.goto("/")
    try:
        yield page
    finally:
        context.close()
    assert complaints == []
    assert elsewhere == [], "nothing is loaded from elsewhere"


def _complains(said: ConsoleMessage) -> bool:
    """Whether it is more than a request that was given up because its page was left."""
    given_up = ("htmx:afterRequest", "htmx:sendAbort")
    return said.type == "error" and not said.text.startswith(given_up)


def _ours(url: str, desk: Desk) -> bool:
    return url.startswith((desk.console, "data:", "blob:"))


def well_made(page: Page, name: str) -> None:
    """No violation that axe finds; nothing wider than the window, on a desktop and on a phone."""
    results = Axe().run(page)
    assert results.violations_count == 0, f"{name}: {results.generate_report()}"
    for size in (PHONE, DESKTOP):
        page.set_viewport_size(size)
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{name} is {wide} px too wide at {size['width']} px"
        if PICTURES:
            small = "-phone" if size is PHONE else ""
            folder = Path(PICTURES) if small or name not in ("compose", "approve", "board") else FOLDER
            page.screenshot(path=folder / f"{name}{small}.png", full_page=size is PHONE)
