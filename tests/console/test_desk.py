"""The desk on screen: tasks, the sheet, ticks by name; and stations one by one, the silent ones by name."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from httpx import Client

from alertd import store
from alertd.alert import Status
from alertd.channel import Medium, Outcome, Reason, Receipt
from alertd.db import reading, writing
from alertd.receive import record
from alertd.recipient import RecipientKind
from alertd.settings import read_settings
from alertd.store.deliveries import deliveries_of
from alertd.tables import ChannelStateRow
from channels.desk import DeskChannel, DeskSettings
from tests import factories
from tests.console.desk import Desk, csrf
from tests.factories import BOTH


@pytest.fixture
def sender(desk: Desk) -> Client:
    """Somebody who may send."""
    table = {"kind": "desk", "carries": [Status.EXERCISE, Status.ACTUAL]}
    settings = read_settings(DeskSettings, table, "channels.cars")
    far_end = desk.far_end.settings(kind="gateway", medium=Medium.OUTDOOR, report_within=30)
    channels = {**desk.site.settings, "cars": settings, "stations": far_end}
    desk.site.config = replace(desk.site.config, channels=channels)
    desk.site._channels["cars"] = DeskChannel("cars", settings)
    desk.site._channels["stations"] = type(desk.site.channel("mail"))("stations", far_end)
    factories.add_people(desk.site, ["広報車1号", "広報車2号"], kind="desk")
    stations = [f"RNN-{number:03}" for number in range(1, 21)]
    factories.add_people(desk.site, stations, kind="gateway", who=RecipientKind.LOUDSPEAKER)
    return desk.signed_in(BOTH.name)


def sent(desk: Desk, channel: str) -> int:
    number = factories.submit(desk.site, channels=(channel,))
    factories.approve(desk.site, number)
    desk.send(number)
    return number


def tick(browser: Client, path: str, **fields: str):
    return browser.post(path, data={"csrf": csrf(browser.get("/desk").text), **fields})


def tasks(page: str) -> list[int]:
    return [int(number) for number in re.findall(r'href="/desk/(\d+)"', page)]


def test_a_task_is_ticked_from_the_start_to_the_end_without_a_script(desk: Desk, sender: Client):
    number = sent(desk, "cars")
    page = sender.get("/desk").text
    first, second = tasks(page)
    assert page.count("まだ出発していません") == 2 and "広報車1号" in page
    sheet = sender.get(f"/desk/{first}").text
    assert "川から離れてください" in sheet and "嵐南" in sheet and "訓練" in sheet
    assert tick(sender, f"/desk/{first}/start").headers["location"] == "/desk"
    assert f"に出発（記録：{BOTH.name}）" in sender.get("/desk").text
    tick(sender, f"/desk/{first}/finish")
    refused = tick(sender, f"/desk/{second}/give-up", note=" ")
    assert refused.status_code == 422 and "理由を入力してください" in refused.text
    tick(sender, f"/desk/{second}/give-up", note="冠水で通れない")
    page = sender.get("/desk").text
    assert tasks(page) == [] and "冠水で通れない" in page and BOTH.name in page
    outcomes = desk.report(number).channels["cars"].outcomes
    assert (outcomes[Outcome.DELIVERED], outcomes[Outcome.FAILED]) == (1, 1)


def test_the_sheet_can_be_printed(desk: Desk, sender: Client):
    sent(desk, "cars")
    first, _ = tasks(sender.get("/desk").text)
    answer = sender.get(f"/desk/{first}.pdf")
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF-")


def test_who_may_only_look_cannot_tick(desk: Desk, sender: Client):
    sent(desk, "cars")
    first, _ = tasks(sender.get("/desk").text)
    for role in ("view", "draft", "trainee", "auditor"):
        other = desk.signed_in(role)
        page = other.get(f"/desk/{first}")
        assert page.status_code == 200 and "/start" not in page.text
        token = csrf(other.get("/").text)
        assert other.post(f"/desk/{first}/finish", data={"csrf": token}).status_code == 403
    assert sender.get("/desk/999").status_code == 404


def test_what_is_late_is_marked(desk: Desk, sender: Client):
    sent(desk, "cars")
    assert "遅れています" not in sender.get("/desk").text
    desk.clock.advance(timedelta(minutes=9))
    assert "遅れています" not in sender.get("/desk").text
    desk.clock.advance(timedelta(minutes=2))
    assert "遅れています" in sender.get("/desk").text


def test_the_board_names_the_stations_that_did_not_answer(desk: Desk, sender: Client):
    number = sent(desk, "stations")
    silent = []
    with writing(desk.site.engine) as session:
        for at, known in enumerate(deliveries_of(session, number, "stations", limit=100)):
            quiet = at % 10 == 3
            said = Receipt(
                key="",
                outcome=Outcome.ACCEPTED if quiet else Outcome.DELIVERED,
                reason=Reason.UNCONFIRMED if quiet else None,
                detail="sent, unconfirmed: the station did not answer"
                if quiet
                else "the station has answered",
            )
            silent += [known.name] if quiet else []
            record(session, desk.site, known.delivery_id, 1, said, desk.clock.now())
    assert len(silent) == 2
    board = sender.get(f"/alerts/{number}").text
    named = re.search(r'class="why missing">.*?<span lang="ja">(.*?)</span>', board, re.DOTALL)
    assert named is not None and set(named[1].split("、")) == set(silent)
    assert "応答を確認できない相手" in board

    page = sender.get(f"/alerts/{number}/channels/stations").text
    assert page.count("子局から応答がありません") == 2 and page.count("子局が応答しました") == 18
    assert page.index("子局から応答がありません") < page.index("子局が応答しました")
    few = sender.get(f"/alerts/{number}/channels/stations?outcome=accepted").text
    assert "子局が応答しました" not in few and all(name in few for name in silent)
    assert sender.get(f"/alerts/{number}/channels/nobody").status_code == 404
    outcomes = desk.report(number).channels["stations"].outcomes
    assert sum(outcomes.values()) == 20


def test_the_board_says_which_channels_can_be_reached(desk: Desk, sender: Client):
    number = sent(desk, "stations")
    with writing(desk.site.engine) as session:
        row = session.get_one(ChannelStateRow, "stations")
        row.probed_at = row.answered_at = desk.clock.now()
    board = sender.get(f"/alerts/{number}").text
    assert "最終応答 2026-11-23 10:00" in board and "つながりません" not in board
    desk.clock.advance(timedelta(minutes=5))
    with writing(desk.site.engine) as session:
        row = session.get_one(ChannelStateRow, "stations")
        row.probed_at, row.trouble = desk.clock.now(), "the gateway cannot be reached"
        store.raise_alarm(session, "link:stations", row.trouble, desk.clock.now())
    desk.clock.advance(timedelta(seconds=2))
    with reading(desk.site.engine) as session:
        assert [row.name for row in store.alarms(session)] == ["link:stations"]
    board = sender.get(f"/alerts/{number}").text
    assert "つながりません" in board and "stations：相手側が応答しません" in board
