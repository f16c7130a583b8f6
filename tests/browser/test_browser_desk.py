"""The desk and the silent stations in a real Chromium: against a network that answers back."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import select

from alertd import link_test, store
from alertd.clock import SystemClock, stopwatch
from alertd.db import writing
from alertd.demo.gateway import SimulatedGateway
from alertd.demo.gateway_station import Condition, Stations
from alertd.recipient import RecipientKind
from alertd.send import drain
from alertd.settings import read_settings
from alertd.tables import RecipientRow
from channels.desk import DeskChannel, DeskSettings
from channels.gateway import GatewayChannel
from channels.gateway_settings import GatewaySettings
from tests import factories
from tests.browser.window import person, well_made
from tests.console.desk import Desk, open_desk
from tests.factories import BOTH
from tests.flow.test_gateway_flow import Tone

pytestmark = pytest.mark.browser

SECRET = "gateway-secret-5309"
STATIONS = [f"RNN-{number:03}" for number in range(1, 46)]
TROUBLE = {"RNN-007": Condition.DEAD, "RNN-023": Condition.LOW_BATTERY, "RNN-031": Condition.DEAD}
NAMES = {"RNN-007": "本町二丁目子局", "RNN-023": "南四日町公園子局", "RNN-031": "嵐南小学校子局"}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A network of 45 stations, two of them dead, and two cars."""
    (tmp_path / "secret").write_text(SECRET)
    stations = Stations("RNN-[0-9]{3}", dict(TROUBLE))
    with (
        SimulatedGateway(SECRET, stations, speed=50, report=False) as gateway,
        open_desk(tmp_path, f"sqlite:///{tmp_path / 'alertd.db'}", clock=SystemClock()) as desk,
    ):
        network = read_settings(
            GatewaySettings,
            {
                "kind": "gateway",
                "url": gateway.url,
                "secret_file": str(tmp_path / "secret"),
                "ask_after": 0.1,
                "simulated": True,
            },
            "channels.network",
        )
        cars = read_settings(DeskSettings, {"kind": "desk"}, "channels.cars")
        channels = {**desk.site.settings, "network": network, "cars": cars}
        desk.site.config = replace(desk.site.config, channels=channels)
        desk.site._channels["network"] = GatewayChannel("network", network)
        desk.site._channels["cars"] = DeskChannel("cars", cars)
        desk.site._synthesizer = Tone(tmp_path / "tone")
        factories.add_people(desk.site, STATIONS, kind="gateway", who=RecipientKind.LOUDSPEAKER)
        factories.add_people(desk.site, ["嵐南を一巡", "本成寺方面"], kind="desk")
        with writing(desk.site.engine) as session:
            rows = session.scalars(select(RecipientRow).order_by(RecipientRow.id)).all()
            for row, station in zip(rows[-47:-2], STATIONS, strict=True):
                row.name = f"{NAMES.get(station, '嵐南')}（{station}）"
            rows[-2].name, rows[-1].name = "広報車1号", "広報車2号"
        link_test.try_link(desk.site, "network")
        yield desk


def test_silent_stations_are_named_and_cars_are_ticked(browser: Browser, desk: Desk):
    number = factories.submit(desk.site, channels=("network", "cars"))
    factories.approve(desk.site, number)
    desk.send(number)
    give_up = stopwatch() + 20
    while desk.report(number).channels["network"].open and stopwatch() < give_up:
        threading.Event().wait(0.2)
        with writing(desk.site.engine) as session:
            store.look_at_once(session, number, "network", desk.site.clock.now())
        drain(desk.site, "network", threading.Event())
    with person(browser, desk, BOTH.name) as page:
        page.goto(f"/alerts/{number}")
        expect(page.locator(".missing")).to_contain_text("嵐南小学校子局（RNN-031）")
        expect(page.locator(".missing")).to_contain_text("本町二丁目子局（RNN-007）")
        well_made(page, "board-stations")
        page.locator(".missing").get_by_role("link").click()
        rows = page.get_by_role("row")
        expect(rows).to_have_count(46)
        expect(rows.nth(1)).to_contain_text("子局から応答がありません")
        expect(page.get_by_role("row", name="RNN-023")).to_contain_text("電池が少なくなっています")
        well_made(page, "stations")
        page.get_by_role("navigation").get_by_role("link", name="広報の手配").click()
        page.get_by_role("button", name="出発した：広報車1号").click()
        expect(page.get_by_role("row", name="広報車1号")).to_contain_text("に出発")
        well_made(page, "desk")
        page.get_by_role("row", name="広報車2号").get_by_role("link", name="読み上げ票").click()
        well_made(page, "desk-sheet")
    with person(browser, desk, BOTH.name, script=False) as page:
        page.goto("/desk")
        page.get_by_role("button", name="終わった：広報車1号").click()
        page.get_by_role("link", name="読み上げ票").click()
        page.get_by_label("できなかった理由").fill("冠水で通れない")
        page.get_by_role("button", name="できなかった").click()
        expect(page.get_by_text("手配を待っているものはありません。")).to_be_visible()
        expect(page.get_by_role("row", name="広報車2号")).to_contain_text("冠水で通れない")
    tally = desk.report(number).channels["cars"].outcomes
    assert (tally["delivered"], tally["failed"]) == (1, 1)
