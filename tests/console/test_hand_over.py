"""The hand-over: the first page after signing in says where one is and what goes on; a shift takes over once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from httpx import Client
from sqlalchemy import select

from alertd import freeze
from alertd.db import reading
from alertd.dispatch import Role
from alertd.errors import MoveRefused
from alertd.freeze import Scope
from alertd.hand_over import take
from alertd.tables import AuditRow
from tests import factories
from tests.console.desk import Desk, csrf, form_of, submit
from tests.console.test_races import at_once, posting
from tests.factories import APPROVER, BOTH, WRITER

NOTE = "五十嵐川は16時に再評価。\n第一中学校の開設を学校へ依頼ずみ。"


def give(browser: Client, note: str = NOTE) -> int:
    """Hands over; the status of the answer."""
    token = csrf(browser.get("/hand-over").text)
    return browser.post("/hand-over", data={"csrf": token, "note": note}).status_code


def shifts(desk: Desk) -> list[tuple[str, str]]:
    with reading(desk.site.engine) as session:
        rows = session.scalars(
            select(AuditRow).where(AuditRow.action.startswith("shift.")).order_by(AuditRow.id)
        )
        return [(row.action, row.actor) for row in rows]


def test_the_first_page_says_where_one_is_what_goes_on_and_what_is_open(
    desk: Desk, writer: Client, approver: Client, sent: int
) -> None:
    waits = submit(writer, form_of(writer, area=["IGR", "RHK"]))
    freeze.set_freeze(desk.site, Scope.DRILLS, BOTH, reason="機器の点検")
    page = approver.get("/hand-over").text
    assert "本番の画面です" in page and "mode-real" in page
    assert f'href="/alerts/{waits}/approve"' in page, "what waits for approval, one click away"
    assert "訓練を停止中" in page or "訓練" in page
    assert "Lアラート" in page, "what is still to be done by hand"
    assert "嵐南" in page and "避難指示" in page, "what is in force"
    assert WRITER.name in page and APPROVER.name in page, "who is signed in"
    assert "機器の点検" in page


def test_a_shift_hands_over_and_another_person_takes_over_once(
    desk: Desk, writer: Client, approver: Client
) -> None:
    assert give(writer) == 303
    bar = approver.get("/").text
    assert f"{WRITER.name}さんの引き継ぎを、まだ誰も受けていません" in bar
    assert "まだ誰も受けていません" not in writer.get("/").text, "not to who wrote it"
    page = approver.get("/hand-over").text
    assert "第一中学校の開設を学校へ依頼ずみ" in page and WRITER.name in page
    token = csrf(page)
    assert approver.post("/hand-over/1/take", data={"csrf": token}).status_code == 303
    assert f"{APPROVER.name}が引き継ぎを受けました" in writer.get("/hand-over").text
    assert "まだ誰も受けていません" not in approver.get("/").text
    again = approver.post("/hand-over/1/take", data={"csrf": token})
    assert again.status_code == 409 and "すでに引き継ぎを受けています" in again.text
    assert shifts(desk) == [("shift.given", WRITER.name), ("shift.taken", APPROVER.name)]
    chronicle = approver.get("/chronicle").text
    assert "勤務の引き継ぎを記入" in chronicle and "16時に再評価" in chronicle


def test_nobody_takes_over_from_themselves_and_no_viewer_takes_part(desk: Desk, writer: Client) -> None:
    give(writer)
    token = csrf(writer.get("/hand-over").text)
    refused = writer.post("/hand-over/1/take", data={"csrf": token})
    assert refused.status_code == 409 and "ご自分で書いた引き継ぎです" in refused.text
    with pytest.raises(MoveRefused, match="role"):
        take(desk.site, 1, factories.TRAINEE)
    viewer = desk.signed_in(Role.VIEW).get("/hand-over").text
    assert NOTE.splitlines()[0] in viewer and 'action="/hand-over' not in viewer


def test_two_who_take_over_at_once_are_one(desk: Desk, writer: Client, approver: Client) -> None:
    give(writer)
    other = desk.signed_in(BOTH.name)
    answers = at_once(posting(approver, "/hand-over/1/take"), posting(other, "/hand-over/1/take"))
    assert sorted(one.status_code for one in answers) == [303, 409]
    assert [action for action, _ in shifts(desk)] == ["shift.given", "shift.taken"]


def test_an_empty_note_is_no_hand_over_and_what_was_typed_stays(desk: Desk, writer: Client) -> None:
    assert give(writer, "  ") == 422
    token = csrf(writer.get("/hand-over").text)
    long = writer.post("/hand-over", data={"csrf": token, "note": "あ" * 2001})
    assert long.status_code == 422 and "あ" * 2001 in long.text
    assert shifts(desk) == []


def test_after_a_day_nobody_is_asked_any_more(desk: Desk, writer: Client) -> None:
    give(writer)
    desk.clock.advance(timedelta(hours=24))
    assert "まだ誰も受けていません" not in desk.signed_in(APPROVER.name).get("/").text


def test_the_drill_room_says_drill_and_knows_nothing_of_the_real_shift(
    desk: Desk, writer: Client, sent: int, room: Client
) -> None:
    give(writer)
    freeze.set_freeze(desk.site, Scope.EVERYTHING, BOTH, reason="機器の点検")
    page = room.get("/hand-over").text
    assert "訓練室です" in page and "mode-drill" in page and "mode-real" not in page
    for real in (NOTE.splitlines()[0], WRITER.name, "避難指示", "機器の点検", BOTH.name):
        assert real not in page, real
