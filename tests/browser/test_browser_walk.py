"""The walk in a real Chromium: compose, check, submit, approve by another, board; with and without script."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from pyotp import TOTP
from sqlalchemy import select

from alertd import issue
from alertd.clock import SystemClock
from alertd.db import reading, writing
from alertd.dispatch import Role
from alertd.registry import open_synthesizer
from alertd.relay import Relay
from alertd.report import report
from alertd.tables import AreaRow, ContactRow, DispatchRow
from tests import factories
from tests.browser.window import PICTURES, person, well_made
from tests.console.desk import PASSWORD, Desk, form_of, open_desk, submit
from tests.factories import APPROVER, BOTH, WRITER

pytestmark = pytest.mark.browser

#: the other evacuation zones; households are invented
ZONES = {
    "IGR": ("井栗", 4500), "HJJ": ("本成寺", 3500), "OSK": ("大崎", 2700), "OSM": ("大島", 1900),
    "SKN": ("栄北", 800), "SKC": ("栄中央", 1900), "OOM": ("大面", 800), "NGS": ("長沢", 1100),
    "KTG": ("鹿峠", 1200), "MRM": ("森町", 700),
}  # fmt: skip


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A city of twelve zones whose relay sends by itself."""
    url = f"sqlite:///{tmp_path / 'alertd.db'}"
    with open_desk(tmp_path, url, clock=SystemClock(), patience=0.2) as desk:
        with writing(desk.site.engine) as session:
            for position, (code, (name, households)) in enumerate(ZONES.items(), start=2):
                session.merge(AreaRow(code=code, name=name, households=households, position=position))
        factories.add_people(
            desk.site, [f"heard@d{n}.example.jp" for n in range(180)], kind="email", area="RHK"
        )
        factories.add_people(
            desk.site, [f"+8125600{n:04}" for n in range(100, 160)], kind="voice", needs_support=True
        )
        stop = threading.Event()
        relay = threading.Thread(target=Relay(desk.site, None).run, args=(stop,), name="relay")
        relay.start()
        try:
            yield desk
        finally:
            stop.set()
            relay.join(20)


def _fill_in(page: Page) -> None:
    page.get_by_role("navigation").get_by_role("link", name="新しい発令").click()
    drill = page.locator("section.choice-drill").first
    drill.get_by_role("link", name="避難指示（洪水）", exact=False).first.click()
    page.get_by_label("川の名前").fill("五十嵐川")
    page.get_by_label("開設している避難所").fill("第一中学校、嵐南小学校")
    page.get_by_role("checkbox", name="嵐南").check()
    page.get_by_role("checkbox", name="嵐北").check()


def _number(page: Page) -> int:
    return int(page.url.rpartition("/")[2])


def test_the_walk_with_script(browser: Browser, desk: Desk, tmp_path: Path):
    if PICTURES:
        desk.site._synthesizer = open_synthesizer(tmp_path / "speech")
    with person(browser, desk, WRITER.name) as writer:
        well_made(writer, "alerts")
        _fill_in(writer)
        counts = writer.locator("#counts")
        expect(counts).to_contain_text("16,900")
        expect(counts).to_contain_text("185")
        well_made(writer, "compose")
        writer.get_by_role("button", name="確認へ進む").click()
        expect(writer.locator("audio").first).to_be_visible(timeout=90_000)
        well_made(writer, "check")
        writer.get_by_role("button", name="承認を依頼する").click()
        expect(writer.get_by_text("承認待ち").first).to_be_visible()
        number = _number(writer)
        well_made(writer, "submitted")
    with person(browser, desk, APPROVER.name) as approver:
        well_made(approver, "waiting")
        approver.goto(f"/alerts/{number}/approve")
        well_made(approver, "approve")
        approver.get_by_label("内容に間違いがなければ").fill("訓練")
        approver.get_by_role("button", name="承認して配信").click()
        assert _number(approver) == number
        expect(approver.locator("#board")).to_contain_text("相手側が拒否", timeout=30_000)
        expect(approver.locator(".tile", has_text="到達")).to_contain_text("180", timeout=30_000)
        well_made(approver, "board")
        approver.get_by_role("link", name="届いていない人").click()
        expect(approver.get_by_text("refused@example.jp")).to_be_visible()
        well_made(approver, "unreached")
        approver.goto(f"/alerts/{number}/stop")
        well_made(approver, "stop")
        approver.get_by_label("文面の誤り").check()
        approver.get_by_label("取消を知らせる").check()
        approver.get_by_role("button", name="いますぐ中止する").click()
        expect(approver.get_by_text("これは取消の配信です")).to_be_visible()
        expect(approver.locator("#board")).to_contain_text("引き渡し済み")
        well_made(approver, "correction")
        approver.get_by_role("button", name="English").click()
        expect(approver.get_by_text("This is a correction.")).to_be_visible()
        well_made(approver, "correction-en")


@pytest.mark.parametrize("script", [True, False])
def test_from_sign_in_to_the_finished_board_in_ninety_seconds(browser: Browser, desk: Desk, script: bool):
    desk.site.config = replace(desk.site.config, presets={"五十嵐川 第1陣": ("RNN", "RHK")})
    _nobody_is_busy(desk)
    hand = Hand()
    with hand.signs_in(browser, desk, WRITER.name, script=script) as writer:
        hand.click(writer.get_by_role("navigation").get_by_role("link", name="新しい発令"))
        drill = writer.locator("section.choice-drill").first
        hand.click(drill.get_by_role("link", name="避難指示（洪水）", exact=False).first)
        hand.click(writer.get_by_role("button", name="五十嵐川 第1陣"))
        expect(writer.locator("#counts")).to_contain_text("16,900")
        hand.types(writer.get_by_label("川の名前"), "五十嵐川")
        hand.types(writer.get_by_label("開設している避難所"), "第一中学校")
        hand.click(writer.get_by_role("button", name="確認へ進む"))
        hand.reads(10)
        hand.click(writer.get_by_role("button", name="承認を依頼する"))
        number = _number(writer)
    with hand.signs_in(browser, desk, APPROVER.name, script=script) as approver:
        approver.goto(f"/alerts/{number}/approve")
        hand.reads(10)
        hand.types(approver.get_by_label("内容に間違いがなければ"), "訓練")
        hand.click(approver.get_by_role("button", name="承認して配信"))
        expect(approver.locator(".state-finished")).to_be_visible(timeout=30_000)
        expect(approver.locator("#board")).to_contain_text("相手側が拒否")
    assert hand.seconds <= 90, f"{hand.seconds:.0f} s"


def test_what_comes_after_an_alert_is_well_made(browser: Browser, desk: Desk):
    _nobody_is_busy(desk)
    with person(browser, desk, BOTH.name) as page:
        _fill_in(page)
        page.get_by_label("川の名前").press("End")
        expect(page.locator("#kept")).to_contain_text("保存しました")
        page.goto("/drafts")
        expect(page.get_by_role("cell", name=BOTH.name)).to_be_visible()
        well_made(page, "drafts")
        page.go_back()
        page.get_by_role("button", name="確認へ進む").click()
        page.get_by_role("button", name="承認を依頼する").click()
        number = _number(page)
        with reading(desk.site.engine) as session:
            seen = report(session, number).content_hash
        issue.approve(desk.site, number, APPROVER, seen=seen)
        page.goto(f"/alerts/{number}")
        expect(page.locator(".state-finished")).to_be_visible(timeout=30_000)
        page.get_by_role("button", name="済みにする：Lアラート").click()
        expect(page.locator(".task.done")).to_contain_text(BOTH.name)
        well_made(page, "board-after")
        for how in ("訂正", "切替", "解除"):
            page.goto(f"/alerts/{number}")
            page.get_by_role("navigation", name="この発令に続けて出す").get_by_role("link", name=how).click()
            well_made(page, f"follow-up-{how}")
    number = _waiting(desk)
    with person(browser, desk, APPROVER.name) as page:
        page.goto(f"/alerts/{number}")
        page.get_by_role("button", name="この手段を停止：", exact=False).first.click()
        expect(page.get_by_text(f"{APPROVER.name}が停止")).to_be_visible()
        well_made(page, "board-halted")
        page.get_by_role("link", name="再開：", exact=False).first.click()
        well_made(page, "go-on")
        page.get_by_label("再開する理由").fill("文面を確かめた")
        page.get_by_role("main").get_by_role("button", name="再開").click()
        expect(page.get_by_text("が停止")).to_have_count(0)


def _nobody_is_busy(desk: Desk) -> None:
    """The address that is asked to wait again and again has left, so that an alert comes to its end."""
    with writing(desk.site.engine) as session:
        for contact in session.scalars(select(ContactRow)):
            contact.active = contact.active and not contact.address.startswith("busy@")


def _waiting(desk: Desk) -> int:
    """A dispatch that is approved and does not begin for an hour."""
    writer = desk.signed_in(WRITER.name)
    number = submit(writer, form_of(writer))
    with writing(desk.site.engine) as session:
        row = session.get_one(DispatchRow, number)
        row.hold_until = desk.site.clock.now() + timedelta(hours=1)
        seen = row.content_hash
    issue.approve(desk.site, number, APPROVER, seen=seen)
    return number


class Hand:
    """A hand that needs time: what a person would take for looking, moving and typing is counted, not waited for."""

    def __init__(self) -> None:
        self._began, self._paused = time.monotonic(), 0.0

    @property
    def seconds(self) -> float:
        """How long it has taken so far."""
        return time.monotonic() - self._began + self._paused

    def reads(self, seconds: float) -> None:
        """Looks at a page for so long."""
        self._paused += seconds

    def click(self, what: Locator) -> None:
        """Looks for it and presses it."""
        self._paused += 1.5
        what.click()

    def types(self, where: Locator, text: str) -> None:
        """Puts it in, three characters a second."""
        self._paused += 1.0 + len(text) / 3
        where.fill(text)

    @contextmanager
    def signs_in(self, browser: Browser, desk: Desk, name: str, *, script: bool) -> Iterator[Page]:
        """Types name and password, ten characters a second as one who does it daily."""
        self._paused += 3.0 + (len(name) + 2 * len(PASSWORD)) / 10
        with person(browser, desk, name, script=script) as page:
            yield page


def test_a_double_click_submits_one_alert(browser: Browser, desk: Desk):
    with person(browser, desk, WRITER.name) as writer:
        _fill_in(writer)
        writer.get_by_role("button", name="確認へ進む").click()
        writer.get_by_role("button", name="承認を依頼する").dblclick()
        expect(writer.get_by_text("承認待ち").first).to_be_visible()
        writer.goto("/")
        expect(writer.locator("tbody tr")).to_have_count(1)


def test_the_keyboard_alone_signs_in_and_skips_to_the_content(browser: Browser, desk: Desk):
    page = browser.new_page(base_url=desk.console)
    page.goto("/sign-in")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.get_by_label("名前").focus()
    page.keyboard.type(WRITER.name)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="引き継ぎ")).to_be_visible()
    well_made(page, "keyboard")
    page.close()


def test_the_enter_key_goes_on_and_changes_no_language(browser: Browser, desk: Desk):
    with person(browser, desk, WRITER.name) as writer:
        _fill_in(writer)
        writer.get_by_label("川の名前").press("Enter")
        expect(writer.get_by_role("button", name="承認を依頼する")).to_be_visible()


def test_the_public_pages_are_accessible(browser: Browser, desk: Desk):
    page = browser.new_page(base_url=desk.public_url)
    page.goto("/")
    well_made(page, "public")
    page.goto("/stop/1-AAAAAAAAAAAAAAAA")
    well_made(page, "public-unknown")
    page.close()


def test_a_second_factor_is_set_up_by_scanning_a_picture(browser: Browser, desk: Desk, tmp_path: Path):
    with person(browser, desk, WRITER.name) as page:
        page.get_by_title("2段階認証").click()
        well_made(page, "second-factor")
        page.screenshot(path=tmp_path / "second-factor.png")
        key = (page.locator(".card code").first.text_content() or "").replace(" ", "")
        page.get_by_label("アプリに表示された6桁の数字を入力").fill(TOTP(key).now())
        page.get_by_role("button", name="登録する").click()
        expect(page.get_by_text("端末は登録済みです")).to_be_visible()
        well_made(page, "second-factor-done")


def test_the_chronicle_takes_a_note(browser: Browser, desk: Desk, tmp_path: Path):
    with person(browser, desk, WRITER.name) as page:
        page.get_by_role("navigation").get_by_role("link", name="クロノロジー").click()
        page.get_by_label("できごと").fill("消防から入電：五十嵐川左岸の堤防に亀裂")
        page.get_by_role("button", name="追加").click()
        expect(page.get_by_role("cell", name="堤防に亀裂")).to_be_visible()
        well_made(page, "chronicle")
        page.screenshot(path=tmp_path / "chronicle.png")


def test_the_operators_page_iswell_made(browser: Browser, desk: Desk, tmp_path: Path):
    with person(browser, desk, Role.ADMINISTER) as page:
        page.get_by_role("navigation").get_by_role("link", name="操作者").click()
        page.get_by_text(f"{WRITER.name}を変更").click()
        well_made(page, "operators")
        page.screenshot(path=tmp_path / "operators.png")
