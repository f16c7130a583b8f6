"""Two places, one name: both are told, either can end the other, and whoever was thrown out learns why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from httpx import Client
from sqlalchemy import select, update

from alertd import operators
from alertd.db import reading, writing
from alertd.dispatch import Role
from alertd.tables import AuditRow, OperatorRow, SessionRow
from tests.console.desk import PASSWORD, Desk, csrf
from tests.console.test_races import at_once, posting
from tests.factories import APPROVER, WRITER

NOTICE = "同じ名前で、別の画面からもサインインしています"


def press(browser: Client, path: str) -> int:
    return browser.post(path, data={"csrf": csrf(browser.get("/").text)}).status_code


def actions(desk: Desk) -> list[tuple[str, dict[str, object]]]:
    with reading(desk.site.engine) as session:
        rows = session.scalars(select(AuditRow).where(AuditRow.subject == f"operator:{WRITER.id}"))
        return [(row.action, row.detail) for row in rows]


def test_both_places_see_that_there_is_another_with_since_when_and_roughly_where(
    desk: Desk, writer: Client
) -> None:
    assert NOTICE not in writer.get("/").text
    desk.clock.advance(timedelta(minutes=5))
    other = desk.signed_in(WRITER.name)
    older, newer = writer.get("/").text, other.get("/hand-over").text
    assert NOTICE in older and "2026-11-23 10:05から" in older and "127.0.0.0/24" in older
    assert NOTICE in newer and "2026-11-23 10:00から" in newer
    assert NOTICE in writer.get("/under-way").text, "a page that stays open shows it too"
    assert NOTICE not in desk.signed_in(APPROVER.name).get("/").text
    assert ("operator.signed-in", {"besides": 1}) in actions(desk)


def test_who_says_that_it_is_me_is_asked_again_only_for_a_later_one(desk: Desk, writer: Client) -> None:
    desk.signed_in(WRITER.name)
    assert press(writer, "/sessions/known") == 303
    assert NOTICE not in writer.get("/").text
    desk.clock.advance(timedelta(minutes=1))
    desk.signed_in(WRITER.name)
    assert NOTICE in writer.get("/").text


def test_one_click_ends_every_other_session_and_they_learn_why(desk: Desk, writer: Client) -> None:
    others = [desk.signed_in(WRITER.name) for _ in range(2)]
    stranger = desk.signed_in(APPROVER.name)
    assert press(writer, "/sessions/end-others") == 303
    assert writer.get("/").status_code == 200 and stranger.get("/").status_code == 200
    for other in others:
        assert other.get("/").status_code == 303
        assert "別の画面から、この画面をサインアウトさせました" in other.get("/sign-in").text
    assert ("operator.ended-others", {"sessions": 2}) in actions(desk)


def test_of_two_who_end_each_other_at_once_one_stays(desk: Desk, writer: Client) -> None:
    other = desk.signed_in(WRITER.name)
    at_once(*(posting(one, "/sessions/end-others") for one in (writer, other)))
    assert sorted(one.get("/").status_code for one in (writer, other)) == [200, 303]


def test_a_session_that_has_ended_is_no_other_place(desk: Desk, writer: Client) -> None:
    press(desk.signed_in(WRITER.name), "/sign-out")
    assert NOTICE not in writer.get("/").text
    desk.clock.advance(timedelta(minutes=29))
    writer.get("/")
    desk.signed_in(WRITER.name)
    desk.clock.advance(timedelta(minutes=29))
    writer.get("/")
    desk.clock.advance(timedelta(minutes=2))
    assert NOTICE not in writer.get("/").text, "it was idle for too long"


def off(desk: Desk) -> None:
    with writing(desk.site.engine) as session:
        operators.set_active(session, desk.clock, name=WRITER.name, active=False)


def password(desk: Desk) -> None:
    with writing(desk.site.engine) as session:
        operators.set_password(session, desk.clock, name=WRITER.name, password="二人目の承認者は夜も来る")


def trainee(desk: Desk) -> None:
    web = desk.site.config.web.model_copy(update={"drill_port": 1, "drill_url": "https://drill.example"})
    desk.site.config = replace(desk.site.config, web=web)
    with writing(desk.site.engine) as session:
        session.execute(update(OperatorRow).where(OperatorRow.id == WRITER.id).values(roles=[Role.TRAINEE]))


@pytest.mark.parametrize(
    ("deed", "words"),
    [
        (lambda desk: desk.clock.advance(timedelta(minutes=31)), "30分間操作がなかった"),
        (lambda desk: desk.clock.advance(timedelta(hours=12, minutes=1)), "12時間たった"),
        (off, "管理者が、この名前でのサインインを止めました"),
        (password, "パスワードが変更された"),
        (trainee, "役割が変更されました。 訓練生は訓練室でサインイン"),
    ],
    ids=["idle", "absolute", "off", "password", "another role"],
)
def test_who_is_thrown_out_is_told_why_and_a_stranger_is_not(
    desk: Desk, writer: Client, deed: Callable[[Desk], None], words: str
) -> None:
    deed(desk)
    assert writer.get("/").status_code == 303
    told = writer.get("/sign-in").text
    assert words in told
    plain = desk.browser().get("/sign-in").text
    guess = desk.browser()
    guess.cookies.set("alertd", "x" * 43)
    assert guess.get("/sign-in").text == plain and words not in plain


def test_the_reason_is_not_shown_to_who_signed_out_or_is_signed_in(desk: Desk, writer: Client) -> None:
    token = writer.cookies["alertd"]
    plain = desk.browser().get("/sign-in").text
    press(writer, "/sign-out")
    back = desk.browser()
    back.cookies.set("alertd", token)
    assert back.get("/sign-in").text == plain


def test_rows_of_ended_sessions_are_gone_a_day_later(desk: Desk, writer: Client) -> None:
    desk.clock.advance(timedelta(hours=36, minutes=1))
    desk.signed_in(WRITER.name)
    with reading(desk.site.engine) as session:
        assert len(session.scalars(select(SessionRow)).all()) == 1
    assert "サインアウトしました" not in writer.get("/sign-in").text


def test_an_ended_session_cannot_be_used_again_by_any_way(desk: Desk, writer: Client) -> None:
    off(desk)
    with writing(desk.site.engine) as session:
        operators.set_active(session, desk.clock, name=WRITER.name, active=True)
    assert writer.get("/").status_code == 303, "to be let in again is to sign in again"
    answer = writer.post("/sign-in", data={"name": WRITER.name, "password": PASSWORD})
    assert answer.headers["location"] == "/hand-over"
