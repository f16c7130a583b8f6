"""Signing in: sessions that end, passwords that cannot be guessed quickly, headers that keep others out."""

from __future__ import annotations

from datetime import timedelta

import pytest
from httpx import Client
from sqlalchemy import select, update

from alertd.db import reading, writing
from alertd.dispatch import Role
from alertd.tables import OperatorRow, SessionRow
from operator_console.sign_in import ours
from tests.console.desk import PASSWORD, Desk, csrf
from tests.factories import WRITER


def test_the_cookie_is_kept_from_scripts_and_other_sites(desk: Desk):
    answer = desk.browser().post("/sign-in", data={"name": WRITER.name, "password": PASSWORD})
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=strict" in cookie


def test_the_database_does_not_hold_the_cookie(desk: Desk, writer: Client):
    token = writer.cookies["alertd"]
    assert len(token) >= 43, "256 bits"
    with reading(desk.site.engine) as session:
        rows = session.scalars(select(SessionRow)).all()
    assert all(token not in (row.token_hash, row.csrf) for row in rows)


def test_a_session_ends_when_nobody_is_there(desk: Desk, writer: Client):
    desk.clock.advance(timedelta(minutes=29))
    assert writer.get("/").status_code == 200
    desk.clock.advance(timedelta(minutes=29))
    assert writer.get("/").status_code == 200
    desk.clock.advance(timedelta(minutes=31))
    assert writer.get("/").headers["location"] == "/sign-in"


def test_a_session_ends_after_twelve_hours_in_any_case(desk: Desk, writer: Client):
    for _ in range(24 * 2):
        desk.clock.advance(timedelta(minutes=15))
        assert writer.get("/").status_code == 200
    desk.clock.advance(timedelta(minutes=1))
    assert writer.get("/").status_code == 303


def test_a_signed_out_cookie_is_worth_nothing(desk: Desk, writer: Client):
    token = writer.cookies["alertd"]
    writer.post("/sign-out", data={"csrf": csrf(writer.get("/").text)})
    thief = desk.browser()
    thief.cookies.set("alertd", token)
    assert thief.get("/").status_code == 303


def test_signing_in_again_changes_the_cookie(desk: Desk, writer: Client):
    before = writer.cookies["alertd"]
    writer.post("/sign-in", data={"name": WRITER.name, "password": PASSWORD})
    assert writer.cookies["alertd"] != before
    thief = desk.browser()
    thief.cookies.set("alertd", before)
    assert thief.get("/").status_code == 303


def test_a_lost_role_counts_at_the_next_request(desk: Desk, writer: Client):
    assert writer.get("/alerts/new").status_code == 200
    with writing(desk.site.engine) as session:
        session.execute(update(OperatorRow).where(OperatorRow.id == WRITER.id).values(roles=[Role.VIEW]))
    assert writer.get("/alerts/new").status_code == 403
    with writing(desk.site.engine) as session:
        session.execute(update(OperatorRow).where(OperatorRow.id == WRITER.id).values(active=False))
    assert writer.get("/").status_code == 303


def test_a_wrong_name_and_a_wrong_password_look_alike(desk: Desk):
    texts = []
    for name in (WRITER.name, "だれでもない"):
        answer = desk.browser().post("/sign-in", data={"name": name, "password": "まちがったパスワード"})
        assert answer.status_code == 401
        texts.append(answer.text.replace(name, ""))
    assert texts[0] == texts[1]


def test_guessing_becomes_slower_and_never_locks_out(desk: Desk):
    browser = desk.browser()

    def attempt(password: str, name: str = WRITER.name) -> int:
        return browser.post("/sign-in", data={"name": name, "password": password}).status_code

    assert [attempt("wrong password") for _ in range(4)] == [401, 401, 401, 429]
    assert attempt(PASSWORD) == 429, "the right one waits as well"
    assert attempt(PASSWORD, "view") == 303, "others do not wait"
    desk.clock.advance(timedelta(seconds=61))
    assert attempt(PASSWORD) == 303


def test_after_signing_in_one_is_where_one_wanted_to_go(desk: Desk):
    browser = desk.browser()
    asked = browser.get("/alerts/new").headers["location"]
    assert asked == "/sign-in?next=/alerts/new"
    data = {"name": WRITER.name, "password": PASSWORD, "next": "/alerts/new"}
    assert browser.post("/sign-in", data=data).headers["location"] == "/alerts/new"


@pytest.mark.parametrize(
    "elsewhere", ["//evil.example", "https://evil.example", "/\\evil.example", "x", "/\n"]
)
def test_nobody_is_led_elsewhere(elsewhere: str):
    assert ours(elsewhere) == "/"


def test_every_page_is_framed_by_nobody_and_loads_nothing_from_elsewhere(desk: Desk, writer: Client):
    for answer in (
        desk.browser().get("/sign-in"),
        writer.get("/"),
        writer.get("/nothing"),
        desk.public.get("/"),
    ):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert "style=" not in answer.text and "<script>" not in answer.text
        ready = str(answer.url).startswith(desk.public_url)  # the same for everybody, and made once
        assert answer.headers["cache-control"] == ("public, max-age=60" if ready else "no-store")


def test_a_body_that_is_too_large_is_refused(desk: Desk, writer: Client):
    large = {"name": "x", "password": "y" * 300_000}
    assert writer.post("/sign-in", data=large).status_code == 413

    def pieces():
        for _ in range(30):
            yield b"x" * 10_000

    unannounced = writer.post(
        "/sign-in", content=pieces(), headers={"Content-Type": "application/x-www-form-urlencoded"}
    )
    assert unannounced.status_code == 413


def test_what_is_typed_is_shown_as_text(desk: Desk):
    answer = desk.browser().post("/sign-in", data={"name": "<script>alert(1)</script>", "password": "x"})
    assert "<script>" not in answer.text and "&lt;script&gt;" in answer.text
