"""The door-to-door day in a real Chromium: the bell rings until somebody goes, and paper comes back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import select

from alertd import receive
from alertd.channel import Answer, Outcome, Receipt
from alertd.clock import SystemClock
from alertd.db import writing
from alertd.dispatch import Role
from alertd.tables import DeliveryRow, RecipientRow
from tests import factories
from tests.browser.window import person, well_made
from tests.console.desk import Desk, approve, form_of, open_desk, submit
from tests.factories import APPROVER, WRITER

pytestmark = pytest.mark.browser


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with open_desk(tmp_path, f"sqlite:///{tmp_path / 'alertd.db'}", clock=SystemClock()) as desk:
        factories.add_people(
            desk.site, [f"refused@d{n}.example.jp" for n in range(6)], kind="email", needs_support=True
        )
        with writing(desk.site.engine) as session:
            for row in session.scalars(select(RecipientRow).where(RecipientRow.area == "RNN")):
                row.association = "本町一丁目自治会" if row.id % 2 else "南四日町自治会"
                row.street, row.kana = f"本町1-{row.id}", "サンジョウ ハナコ"
        yield desk


@pytest.fixture
def sent(desk: Desk) -> int:
    """A real alert that went out."""
    writer, approver = desk.signed_in(WRITER.name), desk.signed_in(APPROVER.name)
    number = submit(writer, form_of(writer))
    assert approve(approver, number).status_code == 303
    desk.send(number)
    return number


def call_for_help(desk: Desk, nth: int) -> None:
    with writing(desk.site.engine) as session:
        phones = select(DeliveryRow.id).where(DeliveryRow.channel == "phone").order_by(DeliveryRow.id)
        delivery = session.scalars(phones).all()[nth]
        said = Receipt(key="", outcome=Outcome.ACKNOWLEDGED, answer=Answer.HELP)
        receive.record(session, desk.site, delivery, 1, said, desk.clock.now())


def test_the_bell_rings_until_somebody_goes(browser: Browser, desk: Desk, sent: int):
    with person(browser, desk, WRITER.name) as page:
        page.goto("/help")
        well_made(page, "help-none")
        call_for_help(desk, 0)
        expect(page.get_by_role("alert")).to_contain_text("1人が待っています", timeout=15_000)
        expect(page).to_have_title(re.compile(r"^\(1\) 助けを求めている方 - 助けの要請 - "), timeout=5000)
        bell, sound = page.locator("#bell"), page.get_by_role("button", name="音を出す")
        if sound.is_visible():
            sound.click()
        expect(bell).to_contain_text("助けの要請があります")
        expect(bell).to_have_attribute("data-rung", "2", timeout=15_000)
        page.get_by_role("button", name="この画面の音を止める").click()
        expect(bell).to_contain_text("次の要請でまた鳴ります")
        call_for_help(desk, 1)
        expect(bell).to_contain_text("助けの要請があります", timeout=15_000)
        well_made(page, "help")
        page.get_by_role("button", name="対応する").first.click()
        expect(page.locator(".help")).to_contain_text(f"{WRITER.name}が対応中")
        page.get_by_role("button", name="対応する").first.click()
        expect(page.locator(".help")).to_contain_text("全員に対応者がいます")
        expect(page.locator("#bell")).not_to_have_class("bell ringing")
        well_made(page, "help-taken")
        page.goto(f"/alerts/{sent}")
        well_made(page, "help-board")
        page.get_by_role("button", name="English").click()
        well_made(page, "help-board-en")


def test_the_sound_that_the_browser_blocks_is_announced(browser: Browser, desk: Desk, sent: int):
    with person(browser, desk, WRITER.name) as page:
        # as browsers do where nobody has clicked yet; Chromium without a window never does
        page.add_init_script(
            "window.AudioContext = class extends AudioContext { constructor() { super(); this.suspend(); } };"
        )
        page.goto("/help")
        expect(page.locator("#bell")).to_contain_text("ブラウザーが音を止めています")
        call_for_help(desk, 0)
        expect(page.get_by_role("alert")).to_contain_text("1人が待っています", timeout=15_000)
        well_made(page, "help-blocked")
        assert page.locator("#bell").get_attribute("data-rung") is None, "not a sound"
        page.get_by_role("button", name="音を出す").click()
        expect(page.locator("#bell")).to_contain_text("助けの要請があります")
        expect(page.locator("#bell")).to_have_attribute("data-rung", "1")


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])
def test_paper_comes_back_with_results(browser: Browser, desk: Desk, sent: int, script: bool):
    with person(browser, desk, WRITER.name, script=script) as page:
        page.goto(f"/alerts/{sent}")
        page.get_by_role("link", name="届いていない人").click()
        page.get_by_role("link", name="本町一丁目自治会").click()
        rows = page.locator(".doors tbody tr")
        before = rows.count()
        rows.nth(0).get_by_role("combobox").select_option(label="避難済み")
        rows.nth(1).get_by_role("combobox").select_option(label="不在")
        rows.nth(1).get_by_role("textbox").fill("夕方もう一度")
        if script:
            well_made(page, "doors")
        page.get_by_role("button", name="結果をまとめて記録する").click()
        expect(rows).to_have_count(before - 1)
        expect(page.get_by_text("最近の入力")).to_be_visible()
        page.locator(".plain").get_by_role("link").first.click()
        if script:
            well_made(page, "person")
        expect(page.get_by_role("heading", name="訪問の結果を入力")).to_be_visible()


def test_a_paper_form_is_imported_and_its_number_tried(browser: Browser, desk: Desk, tmp_path: Path):
    form = tmp_path / "名簿.csv"
    form.write_text(
        "受付番号,氏名,フリガナ,電話番号,住所,地区,自治会,要支援者,代理人氏名,代理人電話,続柄\r\n"
        "R-1,三条ハナ,サンジョウ ハナ,0256-00-0101,本町1-2,嵐南,本町一丁目自治会,1,三条花子,090-0000-0001,長女\r\n"
        "R-2,燕次郎,ツバメ ジロウ,119,本町1-3,嵐南,本町一丁目自治会,0,,,\r\n",
        encoding="cp932",
    )
    with person(browser, desk, Role.ADMINISTER) as page:
        page.get_by_role("link", name="登録者名簿").click()
        well_made(page, "recipients")
        page.get_by_role("link", name="名簿を取り込む").click()
        page.get_by_label("登録申込書のCSVファイル").set_input_files(form)
        page.get_by_role("button", name="内容を確かめる").click()
        expect(page.get_by_role("heading", name="取り込むとこうなります")).to_be_visible()
        well_made(page, "import")
        page.get_by_role("button", name="この内容で登録する").click()
        expect(page.get_by_role("status")).to_contain_text("新規1人")
        page.get_by_role("button", name="試験の電話をかける").click()
        expect(page.locator(".doors")).to_contain_text(re.compile("発信中|最後まで聞いた"), timeout=15_000)
        well_made(page, "tried")
