"""The freeze on screen: one click from every page, seen on every page, lifted by two people."""

from __future__ import annotations

from datetime import timedelta

from httpx import Client, Response

from alertd.db import reading
from alertd.dispatch import Role
from alertd.freeze import Scope, frozen
from alertd.readiness import readiness, ready
from tests.console.desk import Desk, approve, csrf, form_of, submit

WHY = "誤配信の疑い"


def _held(desk: Desk) -> dict[Scope, str | None]:
    with reading(desk.site.engine) as session:
        return {one.scope: one.lifted_by for one in frozen(session, desk.clock.now())}


def _freeze(browser: Client, scope: str = "everything", reason: str = WHY) -> int:
    token = csrf(browser.get("/").text)
    answer = browser.post("/freeze", data={"csrf": token, "scope": scope, "reason": reason})
    return answer.status_code


def _lift(browser: Client) -> int:
    token = csrf(browser.get("/freeze").text)
    return browser.post("/freeze/lift", data={"csrf": token, "scope": "everything"}).status_code


def test_one_click_on_any_page_freezes_and_every_page_and_the_board_say_so(
    desk: Desk, writer: Client, sent: int
) -> None:
    for path in ("/", "/chronicle", f"/alerts/{sent}"):
        assert 'action="/freeze"' in writer.get(path).text, path
    assert _freeze(writer) == 303
    for path in ("/", "/chronicle", f"/alerts/{sent}", "/under-way", "/freeze"):
        page = writer.get(path).text
        assert "全面停止中：何も送信しません" in page and WHY in page, path
    assert "二人が解除するまで、何も送信しません" in writer.get(f"/alerts/{sent}").text
    assert "全面停止" in writer.get("/chronicle").text
    assert not ready(readiness(desk.site))


def test_two_people_lift_it_and_one_who_clicks_twice_does_not(
    desk: Desk, writer: Client, approver: Client
) -> None:
    _freeze(writer)
    assert _lift(writer) == 403, "who only writes does not lift"
    assert _lift(approver) == _lift(approver) == 303
    assert "もう一人の同意が必要です" in approver.get("/freeze").text
    other = desk.signed_in(Role.SEND)
    assert "同意済み" in other.get("/freeze").text
    assert _lift(other) == 303
    assert _held(desk) == {} and "全面停止中" not in writer.get("/").text
    token = csrf(approver.get("/freeze").text)
    late = approver.post("/freeze/lift", data={"csrf": token, "scope": "everything"})
    assert late.status_code == 409 and "すでに解除しました" in late.text


def test_without_a_reason_it_asks_for_one(desk: Desk, writer: Client) -> None:
    token = csrf(writer.get("/").text)
    answer = writer.post("/freeze", data={"csrf": token, "scope": "everything", "reason": " "})
    assert answer.status_code == 422 and "停止の理由を入力してください" in answer.text
    assert _held(desk) == {}


def test_the_drill_room_freezes_drills_alone_and_learns_nothing_of_the_other_freeze(
    desk: Desk, room: Client, writer: Client
) -> None:
    assert _freeze(room, "everything", "訓練を止める") == 303
    assert set(_held(desk)) == {Scope.DRILLS}
    _freeze(writer)
    page = room.get("/").text
    assert "全面停止中" in page and WHY not in page
    token = csrf(page)
    assert room.post("/freeze/lift", data={"csrf": token, "scope": "everything"}).status_code == 403


def _maintain(browser: Client, hours: str = "2.0") -> Response:
    token = csrf(browser.get("/freeze").text)
    return browser.post("/maintenance", data={"csrf": token, "reason": "受信機の交換", "hours": hours})


def test_an_administrator_sets_maintenance_and_every_page_says_so(desk: Desk, writer: Client) -> None:
    admin = desk.signed_in(Role.ADMINISTER)
    assert "保守モード" not in writer.get("/freeze").text and _maintain(writer).status_code == 403
    assert _maintain(admin, "9").status_code == _maintain(admin, "x").status_code == 422
    assert _maintain(admin).status_code == 303
    for path in ("/", "/chronicle", "/under-way", "/freeze", "/desk"):
        page = writer.get(path).text
        assert "保守作業中" in page and "受信機の交換" in page, path
    (look,) = [one for one in readiness(desk.site) if one.what == "freeze"]
    assert "maintenance since" in look.finding and not ready(readiness(desk.site))
    desk.clock.advance(timedelta(hours=2))
    assert "保守作業中" not in writer.get("/").text


def test_a_real_alert_in_maintenance_warns_and_two_clicks_on_its_page_let_it_go(
    desk: Desk, writer: Client, approver: Client
) -> None:
    _maintain(desk.signed_in(Role.ADMINISTER))
    number = submit(writer, form_of(writer))
    warning = "この配信は、承認しても、二人が解除するまで送信されません"
    assert warning in approver.get(f"/alerts/{number}/approve").text
    assert approve(approver, number).status_code == 303
    assert desk.send(number).channels["mail"].outcomes["pending"] > 0 and not list(desk.far_end.heard())
    for browser in (approver, desk.signed_in(Role.SEND)):
        page = browser.get(f"/alerts/{number}").text
        assert warning in page
        data = {"csrf": csrf(page), "scope": "maintenance", "alert": str(number)}
        answer = browser.post("/freeze/lift", data=data)
        assert (answer.status_code, answer.headers["location"]) == (303, f"/alerts/{number}")
    assert warning not in approver.get(f"/alerts/{number}").text
    assert desk.send(number).channels["mail"].outcomes["accepted"] > 0
