"""The operators' page: who administers adds people and takes rights away, and gives none to themselves."""

from __future__ import annotations

import pytest
from httpx import Client

from alertd.dispatch import Role
from tests.console.desk import ONE_ROLE, PASSWORD, Desk, csrf
from tests.factories import APPROVER, WRITER, enrol


@pytest.fixture
def administrator(desk: Desk) -> Client:
    return desk.signed_in(Role.ADMINISTER)


def change(administrator: Client, number: int, what: str, **form: object) -> int:
    token = csrf(administrator.get("/operators").text)
    form |= {"csrf": token, "change": what}
    return administrator.post(f"/operators/{number}", data=form).status_code


def test_somebody_new_can_sign_in_with_their_roles(desk: Desk, administrator: Client):
    form = {"csrf": csrf(administrator.get("/operators").text), "name": "新人 一郎", "password": PASSWORD}
    refused = administrator.post("/operators", data=form)
    assert refused.status_code == 422 and "役割を1つ以上" in refused.text
    assert administrator.post("/operators", data={**form, "role": ["draft", "view"]}).status_code == 303
    newcomer = desk.signed_in("新人 一郎")
    assert newcomer.get("/alerts/new").status_code == 200
    assert newcomer.get("/operators").status_code == 403


def test_who_may_not_sign_in_any_more_is_out_at_once(desk: Desk, administrator: Client, writer: Client):
    assert change(administrator, WRITER.id, "off") == 303
    assert writer.get("/").status_code == 303
    answer = desk.browser().post("/sign-in", data={"name": WRITER.name, "password": PASSWORD})
    assert answer.status_code == 401
    assert change(administrator, WRITER.id, "on") == 303
    assert desk.signed_in(WRITER.name).get("/").status_code == 200


def test_roles_count_at_the_next_click_and_stand_in_the_chronicle(
    desk: Desk, administrator: Client, approver: Client
):
    assert change(administrator, WRITER.id, "roles", role=["view"]) == 303
    assert desk.signed_in(WRITER.name).get("/alerts/new").status_code == 403
    assert "操作者の役割を変更" in approver.get("/chronicle").text


def test_nobody_gives_rights_to_themselves(desk: Desk, administrator: Client):
    me = ONE_ROLE[Role.ADMINISTER]
    assert change(administrator, me, "roles", role=["administer", "approve", "draft"]) == 422
    assert change(administrator, me, "off") == 422
    assert administrator.get("/alerts/new").status_code == 403


def test_a_lost_device_is_forgotten_and_a_password_set_anew(desk: Desk, administrator: Client):
    enrol(desk.site, APPROVER)
    assert change(administrator, APPROVER.id, "device") == 303
    assert change(administrator, APPROVER.id, "password", password="short") == 422
    assert change(administrator, APPROVER.id, "password", password=f"{APPROVER.name}-三条市-2026!!") == 422
    assert change(administrator, APPROVER.id, "password", password="五十嵐川の堤防を毎朝歩く") == 303
    form = {"name": APPROVER.name, "password": "五十嵐川の堤防を毎朝歩く"}
    assert desk.browser().post("/sign-in", data=form).status_code == 303
