"""After an alert, and the pages of reference, in a real Chromium: in both languages, with and without script."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from alertd import outline
from alertd.db import writing
from alertd.demo.city import outlines
from alertd.dispatch import Role
from alertd.tables import AreaRow
from alertd.zones import zones
from operator_console.app import drill_app
from tests.browser.window import PICTURES, person, well_made
from tests.console.desk import Desk, approve, form_of, open_desk, submit
from tests.factories import APPROVER, BOTH, WRITER
from tests.serving import serving
from tts.synthesizer import open_synthesizer

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A city that is drawn, in which a real alert has gone out."""
    folder: Path = tmp_path_factory.mktemp("afterwards")
    with open_desk(folder, f"sqlite:///{folder / 'alertd.db'}") as desk:
        with writing(desk.site.engine) as session:
            for zone in zones():
                session.merge(AreaRow(code=zone.code, name=zone.name, households=zone.households))
            outline.keep(session, outlines())
        writer, approver = desk.signed_in(WRITER.name), desk.signed_in(APPROVER.name)
        number = submit(writer, form_of(writer))
        assert approve(approver, number).status_code == 303
        desk.clock.advance(timedelta(seconds=10))
        desk.send(number)
        if PICTURES:
            desk.site._synthesizer = open_synthesizer(folder / "speech")
        yield desk


AFTERWARDS = {
    "result": "/alerts/1/result",
    "results": "/results",
    "evidence": "/alerts/1/evidence",
    "replay": "/alerts/1/replay?at=10",
}
REFERENCE = {
    "templates": "/templates",
    "template": "/templates/flood-4",
    "readings": "/readings",
    "areas": "/areas",
    "groups": "/groups",
    "channels": "/channels",
    "subscribers": "/subscribers",
}


def test_every_page_is_well_made(browser: Browser, desk: Desk):
    with person(browser, desk, BOTH.name) as page:
        for name, path in (AFTERWARDS | REFERENCE).items():
            page.goto(path)
            well_made(page, name)
        page.get_by_role("button", name="English").click()
        for name in AFTERWARDS | REFERENCE if PICTURES else ("result",):
            page.goto((AFTERWARDS | REFERENCE)[name])
            well_made(page, f"{name}-en")


def test_a_click_on_the_map_chooses_an_area_and_the_list_shows_it(browser: Browser, desk: Desk):
    with person(browser, desk, WRITER.name) as page:
        page.goto("/alerts/new/flood-4?status=Actual")
        box = page.locator('input[name="area"][value="RNN"]')
        shape = page.locator('.map [data-code="RNN"]')
        shape.click()
        expect(box).to_be_checked()
        expect(shape).to_have_class("area choosable meant")
        box.uncheck()
        expect(shape).to_have_class("area choosable")
        page.locator('.map [data-code="NGS"]').click()
        shape.click()
        well_made(page, "compose-map")


def test_the_replay_goes_from_second_to_second_without_a_script(browser: Browser, desk: Desk):
    with person(browser, desk, WRITER.name, script=False) as page:
        page.goto("/alerts/1")
        page.get_by_role("link", name="再現").click()
        expect(page.get_by_role("heading", name="時点の状況")).to_be_visible()
        page.get_by_role("link", name="次の出来事へ").click()
        assert page.url.endswith("at=10")
        page.get_by_role("link", name="−10 秒").or_(page.get_by_role("link", name="−10秒")).click()
        assert page.url.endswith("at=0")
        page.get_by_label("時刻", exact=True).fill("10:00:05")
        page.get_by_role("button", name="表示").last.click()
        expect(page.get_by_label("提出からの秒数")).to_have_value("5")


def test_a_reading_is_heard_without_a_script(browser: Browser, desk: Desk):
    with person(browser, desk, Role.DRAFT, script=False) as page:
        page.goto("/readings")
        page.get_by_label("語や文を聞いてみる").fill("五十嵐川")
        page.get_by_role("button", name="聞く").click()
        expect(page.locator("audio")).to_have_count(1)


def test_the_drill_room_is_seen_to_be_one(browser: Browser, desk: Desk, monkeypatch: pytest.MonkeyPatch):
    web = desk.site.config.web.model_copy(update={"drill_port": 1})
    monkeypatch.setattr(desk.site, "config", replace(desk.site.config, web=web))
    with (
        serving(drill_app(desk.site)) as address,
        person(browser, replace(desk, console=address), Role.TRAINEE) as page,
    ):
        expect(page.get_by_text("訓練室：ここから本番の配信はできません。")).to_be_visible()
        well_made(page, "drill-room")
        page.get_by_role("link", name="新しい発令").first.click()
        expect(page.locator(".choice-real")).to_have_count(0)
        well_made(page, "drill-room-choose")
