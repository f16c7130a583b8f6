"""The bar on every page: what goes out and its stop; after the stop ten minutes, and the words for those reached."""

from __future__ import annotations

import re
import threading
from datetime import timedelta

import pytest
from httpx import Client

from alertd import plan
from alertd.alert import MsgType, Status
from alertd.dispatch import Role
from alertd.send import drain
from tests.console.desk import Desk, approve, csrf, form_of, submit

PAGES = ("/", "/alerts/new", "/drills", "/chronicle", "/templates", "/operators", "/under-way")


@pytest.fixture
def going(desk: Desk, writer: Client, approver: Client) -> int:
    """A real alert whose mails are out and whose telephones wait."""
    number = submit(writer, form_of(writer))
    assert approve(approver, number).status_code == 303
    plan.plan(desk.site, number)
    drain(desk.site, "mail", threading.Event())
    return number


def _halt(browser: Client, number: int) -> None:
    token = csrf(browser.get("/").text)
    answer = browser.post(f"/alerts/{number}/halt", data={"csrf": token})
    assert answer.headers["location"] == f"/alerts/{number}"


def _bar(page: str) -> str:
    return page.partition('<div id="under-way"')[2].partition("</header>")[0]


def test_what_goes_out_is_on_every_page_with_a_stop_that_asks_once(
    desk: Desk, going: int, writer: Client
) -> None:
    administrator = desk.signed_in(Role.ADMINISTER)
    for path in PAGES:
        browser = administrator if path == "/operators" else writer
        page = browser.get(path).text
        said = page if path == "/under-way" else _bar(page)
        assert "本番" in said and "配信中" in said, path
        assert (f'action="/alerts/{going}/halt"' in said) is (browser is writer), path
    assert "止められるのは" in _bar(administrator.get("/").text), "who may not stop reads who may"
    assert "配信中" not in desk.browser().get("/sign-in").text
    assert desk.browser().get("/under-way").status_code == 303
    _halt(writer, going)
    assert desk.report(going).channels["phone"].outcomes["cancelled"] == 2


def test_after_the_stop_ten_minutes_run_on_every_page_until_it_is_put_right(
    desk: Desk, going: int, writer: Client
) -> None:
    _halt(writer, going)
    desk.clock.advance(timedelta(minutes=2))
    bar = _bar(writer.get("/templates").text)
    assert 'data-seconds="480"' in bar and f'href="/alerts/{going}#put-right"' in bar
    desk.clock.advance(timedelta(minutes=9))
    assert 'data-seconds="-60"' in _bar(writer.get("/").text), "and says by how much it is late"
    desk.clock.advance(timedelta(minutes=-6))
    board = writer.get(f"/alerts/{going}").text
    reached = desk.report(going).channels["mail"].outcomes["accepted"]
    assert f"この{reached}件に、今すぐ訂正（取消）を送る" in board
    assert "誤りです。取り消します" in board, "the prepared words can be read before"
    form = dict(
        re.findall(r'name="(csrf|reason|correct)" value="([^"]*)"', board.partition('id="put-right"')[2])
    )
    answer = writer.post(f"/alerts/{going}/stop", data=form)
    correction = int(answer.headers["location"].rpartition("/")[2])
    told = desk.send(correction)
    assert told.msg_type is MsgType.CANCEL and told.corrects == going
    assert {name: one.planned for name, one in told.channels.items() if one.planned} == {"mail": reached}, (
        "exactly those who were reached"
    )
    for page in (writer.get(f"/alerts/{going}").text, writer.get(f"/alerts/{correction}").text):
        assert "停止から訂正まで：5分" in page
    assert "data-seconds" not in _bar(writer.get("/").text)


def test_no_clock_runs_when_it_goes_on_or_one_channel_is_stopped_or_nobody_was_reached(
    desk: Desk, going: int, writer: Client, approver: Client
) -> None:
    token = csrf(approver.get("/").text)
    approver.post(f"/alerts/{going}/halt", data={"csrf": token, "channel": "phone"})
    assert "data-seconds" not in _bar(approver.get("/").text)
    _halt(approver, going)
    assert "data-seconds" in _bar(approver.get("/").text)
    approver.post(
        f"/alerts/{going}/go-on", data={"csrf": token, "channel": ["mail", "phone"], "reason": "正しかった"}
    )
    assert "data-seconds" not in _bar(approver.get("/").text)
    quiet = submit(writer, form_of(writer))
    approve(approver, quiet)
    _halt(approver, quiet)
    assert "data-seconds" not in _bar(approver.get("/").text), "nothing of it was handed over"
    assert 'id="put-right"' not in approver.get(f"/alerts/{quiet}").text


def test_a_trainee_sees_and_stops_drills_only(
    desk: Desk, going: int, room: Client, writer: Client, approver: Client
) -> None:
    drill = submit(writer, {**form_of(writer, Status.EXERCISE), "channel": ["fm", "radio"]})
    approve(approver, drill, "訓練")
    desk.send(drill)
    bar = room.get("/under-way").text
    assert f'"/alerts/{drill}"' in bar and "訓練" in bar
    assert f"/alerts/{going}" not in bar and "本番" not in bar
    token = csrf(room.get("/").text)
    assert room.post(f"/alerts/{going}/halt", data={"csrf": token}).status_code == 404
    assert room.post(f"/alerts/{drill}/halt", data={"csrf": token}).status_code == 303
    outside = desk.signed_in(Role.VIEW)
    assert outside.post(f"/alerts/{drill}/halt", data={"csrf": token}).status_code == 403
