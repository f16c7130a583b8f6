"""The second factor in the browser: set up, asked for, used once, and what an emergency needs."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

from httpx import Client
from pyotp import TOTP

from alertd.dispatch import State
from operator_console.app import console_app
from tests.console.desk import PASSWORD, Desk, csrf, form_of, hidden, submit
from tests.factories import APPROVER, WRITER, enrol
from tests.serving import serving


def set_up(desk: Desk, browser: Client) -> TOTP:
    """Scans the picture and types the code."""
    page = browser.get("/second-factor").text
    assert "<svg" in page
    key = re.search(r"<code>([A-Z2-7 ]+)</code>", page)
    assert key is not None
    device = TOTP(key[1].replace(" ", ""))
    form = {"csrf": csrf(page), "sealed": hidden(page, "sealed")}
    wrong = browser.post("/second-factor", data={**form, "code": "000000"})
    assert wrong.status_code == 422 and "確認コードが違います" in wrong.text
    form["sealed"] = hidden(wrong.text, "sealed")
    assert key[1] in wrong.text, "the same picture stays, or the device would have to scan again"
    code = device.at(desk.clock.now())
    assert browser.post("/second-factor", data={**form, "code": code}).status_code == 303
    return device


def sign_in(desk: Desk, name: str, code: str) -> int:
    answer = desk.browser().post("/sign-in", data={"name": name, "password": PASSWORD, "code": code})
    return answer.status_code


def test_who_has_a_device_needs_its_code_to_sign_in(desk: Desk, writer: Client):
    device = set_up(desk, writer)
    assert "端末は登録済みです" in writer.get("/second-factor").text
    assert sign_in(desk, WRITER.name, "") == 401
    assert sign_in(desk, WRITER.name, device.at(desk.clock.now())) == 401, "it was used for the set-up"
    desk.clock.advance(timedelta(seconds=60))
    code = device.at(desk.clock.now())
    assert sign_in(desk, WRITER.name, code) == 303
    assert sign_in(desk, WRITER.name, code) == 401, "each code counts once"


def test_a_device_is_given_up_with_a_code_of_it(desk: Desk, writer: Client):
    device = set_up(desk, writer)
    desk.clock.advance(timedelta(seconds=60))
    token = csrf(writer.get("/second-factor").text)
    refused = writer.post("/second-factor/remove", data={"csrf": token, "code": "123"})
    assert refused.status_code == 422
    code = device.at(desk.clock.now())
    assert writer.post("/second-factor/remove", data={"csrf": token, "code": code}).status_code == 303
    assert sign_in(desk, WRITER.name, "") == 303


def test_one_person_alone_sends_with_a_reason_and_a_code_and_others_look(
    desk: Desk, writer: Client, approver: Client
):
    number = submit(writer, form_of(writer))
    page = writer.get(f"/alerts/{number}/approve").text
    form = {"csrf": csrf(page), "seen": hidden(page, "seen"), "typed": "避難指示嵐南地区"}
    form["reason"] = "庁舎が停電し連絡が取れない"
    without = writer.post(f"/alerts/{number}/override", data=form)
    assert without.status_code == 409 and "2段階認証が必要" in without.text
    code = enrol(desk.site, WRITER).at(desk.clock.now())
    assert writer.post(f"/alerts/{number}/override", data={**form, "code": code}).status_code == 303
    board = writer.get(f"/alerts/{number}").text
    assert "緊急単独配信" in board and "それまでは中止できます" in board

    assert f"警報{number}は1人で配信されました" in approver.get("/").text
    token = csrf(approver.get(f"/alerts/{number}").text)
    reviewed = approver.post(f"/alerts/{number}/review", data={"csrf": token, "note": "文面と地区は正しい"})
    assert reviewed.status_code == 303
    assert "事後確認済み" in approver.get(f"/alerts/{number}").text
    assert "1人で配信されました" not in approver.get("/").text
    assert desk.report(number).state is State.APPROVED


def test_where_it_is_required_an_approver_does_nothing_before_it_is_set_up(desk: Desk):
    approval = replace_approval(desk)
    with (
        serving(console_app(approval)) as console,
        Client(base_url=console, headers={"Origin": console}, timeout=30, verify=False) as browser,
    ):
        browser.post("/sign-in", data={"name": APPROVER.name, "password": PASSWORD})
        assert browser.get("/").headers["location"] == "/second-factor"
        assert "先に2段階認証の登録が必要" in browser.get("/second-factor").text
        set_up(desk, browser)
        assert browser.get("/").status_code == 200


def replace_approval(desk: Desk):
    """The same site with the second factor required."""
    config = desk.site.config
    required = config.approval.model_copy(update={"second_factor": "required"})
    return replace(desk.site, config=replace(config, approval=required))
