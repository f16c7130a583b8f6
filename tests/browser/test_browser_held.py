"""What holds everything back, in a real Chromium: the freeze, the maintenance mode, settings that nobody confirmed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from alertd import settled
from alertd.alert import Status
from alertd.dispatch import Role
from tests.browser.window import person, well_made
from tests.console.desk import Desk, form_of, open_desk, submit
from tests.factories import APPROVER, BOTH, WRITER

pytestmark = pytest.mark.browser


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with open_desk(tmp_path, f"sqlite:///{tmp_path / 'alertd.db'}") as desk:
        yield desk


def english(page: Page) -> None:
    page.get_by_role("button", name="English").click()


def test_one_person_freezes_from_the_bar_and_two_lift_it(browser: Browser, desk: Desk) -> None:
    with person(browser, desk, WRITER.name) as writer:
        writer.goto("/chronicle")
        writer.locator(".freeze-now summary").click()
        writer.get_by_label("理由").fill("誤配信の疑い")
        writer.get_by_role("button", name="すべて停止する").click()
        expect(writer.locator(".bar.frozen")).to_contain_text("全面停止中")
        expect(writer.get_by_text("解除できるのは、承認または配信の権限を持つ二人です")).to_be_visible()
    with person(browser, desk, APPROVER.name) as first:
        first.get_by_role("link", name="解除の画面へ").click()
        first.get_by_role("button", name="解除に同意する").press("Enter")
        expect(first.get_by_text("もう一人の同意が必要です").first).to_be_visible()
        expect(first.get_by_role("button", name="解除に同意する")).to_have_count(0)
        english(first)
        well_made(first, "freeze-en")
    with person(browser, desk, BOTH.name, script=False) as second:
        second.goto("/freeze")
        second.get_by_role("button", name=f"解除する（{APPROVER.name}は同意済み）").click()
        expect(second.get_by_text("停止していません。")).to_be_visible()
        expect(second.locator(".bar.frozen")).to_have_count(0)


def test_maintenance_is_seen_everywhere_and_a_real_alert_ends_it(browser: Browser, desk: Desk) -> None:
    with person(browser, desk, Role.ADMINISTER) as chief:
        chief.locator(".freeze-now summary").click()
        chief.get_by_role("link", name="保守モード").click()
        chief.get_by_label("作業の内容と業者名").fill("○○電機：屋外スピーカー受信機の交換")
        chief.get_by_label("自動で終わるまでの時間").select_option("4.0")
        chief.get_by_role("button", name="保守モードを開始").click()
        expect(chief.locator(".bar.frozen")).to_contain_text("保守作業中")
        well_made(chief, "maintenance")
    writer = desk.signed_in(WRITER.name)
    number = submit(writer, form_of(writer))
    with person(browser, desk, APPROVER.name) as approver:
        approver.goto(f"/alerts/{number}/approve")
        expect(
            approver.get_by_text("この配信は、承認しても、二人が解除するまで送信されません")
        ).to_be_visible()
        well_made(approver, "maintenance-approve")
        approver.get_by_role("button", name="解除に同意する").click()
        expect(approver.get_by_text(f"{APPROVER.name}が解除に同意").first).to_be_visible()
    with person(browser, desk, BOTH.name) as second:
        second.goto(f"/alerts/{number}")
        second.goto(f"/alerts/{number}/approve")
        second.get_by_role("button", name="解除する（").click()
        expect(second.locator(".bar.frozen")).to_have_count(0)


def test_changed_settings_are_compared_and_confirmed_by_two(browser: Browser, desk: Desk) -> None:
    site = desk.site
    settled.look(site)
    channels = dict(site.config.channels)
    given = channels["radio"].model_dump(exclude_unset=True)
    radio = type(channels["radio"])(**{**given, "carries": tuple(Status), "simulated": False})
    channels["radio"] = radio
    site.config = replace(site.config, channels=channels)
    settled.look(site)
    with person(browser, desk, Role.ADMINISTER) as chief:
        chief.get_by_role("link", name="設定の確認へ").click()
        expect(
            chief.get_by_role("heading", name="この設定で送られるもの（いまは送信しません）")
        ).to_be_visible()
        chief.get_by_label("内容に間違いがなければ").fill("radio")
        chief.get_by_role("button", name="この設定でよいことを確認する").click()
        expect(chief.get_by_text("あなたは確認しました")).to_be_visible()
        english(chief)
        well_made(chief, "settings-en")
    with person(browser, desk, APPROVER.name, script=False) as approver:
        approver.goto("/settings")
        approver.get_by_label("内容に間違いがなければ").fill("radio")
        approver.get_by_role("button", name="この設定でよいことを確認する").click()
        expect(approver.get_by_text("すべて確認済み")).to_be_visible()
