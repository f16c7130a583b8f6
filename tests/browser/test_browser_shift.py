"""A shift in a real Chromium: hand over, take over, another place by the same name, update or new."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import delete

from alertd import hand_over
from alertd.db import writing
from alertd.tables import SessionRow
from tests.browser.window import person, well_made
from tests.console.desk import Desk, approve, form_of, open_desk, submit
from tests.factories import APPROVER, BOTH, WRITER

pytestmark = pytest.mark.browser

NOTE = "五十嵐川は16時に再評価します。\n第一中学校の開設は学校へ依頼ずみ。支援班の車2台は下田で待機中。"


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A city in which a real alert has gone out, and another one waits."""
    folder: Path = tmp_path_factory.mktemp("shift")
    with open_desk(folder, f"sqlite:///{folder / 'alertd.db'}") as desk:
        writer, approver = desk.signed_in(WRITER.name), desk.signed_in(APPROVER.name)
        number = submit(writer, form_of(writer))
        assert approve(approver, number).status_code == 303
        desk.send(number)
        desk.clock.advance(timedelta(minutes=2))
        submit(writer, form_of(writer, area=["IGR", "RHK"]))
        yield desk


def english(page: Page) -> None:
    page.get_by_role("button", name="English").click()


def test_a_shift_hands_over_to_the_next_without_a_script(browser: Browser, desk: Desk) -> None:
    with person(browser, desk, WRITER.name, script=False) as writer:
        writer.get_by_role("navigation").get_by_role("link", name="引き継ぎ").click()
        writer.get_by_label("知っておくこと").fill(NOTE)
        writer.get_by_role("button", name="引き継ぐ").click()
        expect(writer.get_by_text("第一中学校の開設は学校へ依頼ずみ")).to_be_visible()
    with person(browser, desk, BOTH.name, script=False) as after:
        after.get_by_role("link", name="読んで引き継ぎを受ける").click()
        after.get_by_role("button", name="読みました。引き継ぎを受けます").press("Enter")
        expect(after.get_by_text(f"{BOTH.name}が引き継ぎを受けました")).to_be_visible()


def test_the_first_page_is_well_made_in_both_languages(browser: Browser, desk: Desk) -> None:
    with writing(desk.site.engine) as session:
        session.execute(delete(SessionRow).where(SessionRow.operator_id != WRITER.id))
    hand_over.give(desk.site, WRITER, note=NOTE)
    with person(browser, desk, APPROVER.name) as after:
        after.goto("/hand-over")
        expect(after.locator(".mode.real")).to_contain_text("本番の画面です")
        well_made(after, "hand-over")
        english(after)
        expect(after.get_by_role("heading", name="From the shift before")).to_be_visible()
        well_made(after, "hand-over-en")


def test_two_places_by_one_name_and_the_end_of_one(browser: Browser, desk: Desk) -> None:
    with person(browser, desk, BOTH.name) as here, person(browser, desk, BOTH.name) as there:
        here.goto("/")
        expect(here.locator(".bar.others")).to_contain_text("別の画面からもサインインしています")
        well_made(here, "others")
        here.get_by_role("button", name="自分ではない").click()
        expect(here.get_by_text("ほかのサインインをすべて終了しました")).to_be_visible()
        there.goto("/")
        expect(there.get_by_role("alert")).to_contain_text("この画面をサインアウトさせました")
        well_made(there, "thrown-out")


def test_update_or_new_is_one_plain_choice(browser: Browser, desk: Desk) -> None:
    with person(browser, desk, WRITER.name) as writer:
        writer.goto("/alerts/new/flood-4?status=Actual")
        writer.get_by_label("川の名前").fill("五十嵐川")
        writer.get_by_label("開設している避難所").fill("第一中学校、嵐南小学校")
        writer.get_by_role("checkbox", name="嵐南").check()
        writer.get_by_role("button", name="確認へ進む").click()
        question = writer.get_by_role("group", name="続報ですか、新しい警報ですか。")
        expect(question).to_be_visible()
        writer.get_by_role("button", name="承認を依頼する").scroll_into_view_if_needed()
        well_made(writer, "update-or-new")
        question.get_by_role("radio", name="続報").check()
        writer.get_by_role("button", name="承認を依頼する").click()
        expect(writer.get_by_text("【続報】").first).to_be_visible()
        expect(question).to_have_count(0)
        writer.get_by_role("button", name="承認を依頼する").click()
        expect(writer.get_by_text("承認待ち").first).to_be_visible()
