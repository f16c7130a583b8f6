"""The drill room: trainees work at an address of their own, where no real alert can be seen or sent.

That nothing of the real world is found there by any route is in `test_drill_room_objects`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from httpx import Client

from alertd.alert import Status
from alertd.dispatch import Role
from operator_console.app import drill_app
from operator_console.drill_room import room
from tests.console.desk import PASSWORD, Desk, check, form_of, submit
from tests.factories import WRITER
from tests.serving import serving


@pytest.fixture
def address(desk: Desk) -> Iterator[str]:
    """Where the drill room of the desk is."""
    config = desk.site.config
    desk.site.config = replace(config, web=config.web.model_copy(update={"drill_port": 1, "drill_url": ""}))
    with serving(drill_app(desk.site)) as address:
        yield address


@pytest.fixture
def trainee(address: str) -> Iterator[Client]:
    """A trainee who is signed in."""
    with _browser(address) as browser:
        assert _sign_in(browser, Role.TRAINEE).status_code == 303
        yield browser


def _browser(address: str) -> Client:
    return Client(base_url=address, headers={"Origin": address}, timeout=30)


def _sign_in(browser: Client, name: str):
    return browser.post("/sign-in", data={"name": name, "password": PASSWORD})


def test_a_trainee_signs_in_there_and_nowhere_else(desk: Desk, address: str):
    refused = _sign_in(desk.browser(), Role.TRAINEE)
    assert refused.status_code == 403 and "http://127.0.0.1:1" in refused.text
    with _browser(address) as browser:
        answer = _sign_in(browser, Role.TRAINEE)
        assert answer.status_code == 303
        page = browser.get("/").text
    assert "訓練室" in page and "drill-room" in page


@pytest.mark.parametrize("name", [WRITER.name, Role.APPROVE, Role.ADMINISTER])
def test_nobody_else_signs_in_there(address: str, name: str):
    with _browser(address) as browser:
        assert _sign_in(browser, name).status_code == 403
        assert browser.get("/").status_code == 303, "still to the sign-in"


def test_the_cookies_of_the_two_do_not_know_each_other(desk: Desk, trainee: Client, writer: Client):
    (theirs,), (ours,) = trainee.cookies.jar, writer.cookies.jar
    assert theirs.name != ours.name
    thief = desk.browser()
    thief.cookies.set(ours.name, theirs.value or "")
    assert thief.get("/").status_code == 303, "a session of the room is worth nothing outside"
    with _browser(str(trainee.base_url)) as thief:
        thief.cookies.set(theirs.name, ours.value or "")
        assert thief.get("/").status_code == 303


def test_the_room_has_no_channel_that_carries_real_alerts(desk: Desk, address: str):
    site = room(desk.site)
    assert set(site.settings) == {"fm", "radio"}
    assert not any(Status.ACTUAL in settings.carries for settings in site.settings.values())


def test_real_alerts_are_not_listed_there(sent: int, trainee: Client):
    for page in ("/", "/results"):
        assert f"/alerts/{sent}" not in trainee.get(page).text


def test_a_trainee_writes_and_submits_a_drill_over_drill_channels(desk: Desk, trainee: Client):
    form = form_of(trainee, Status.EXERCISE, channel=["fm"])
    number = submit(trainee, form)
    assert trainee.get(f"/alerts/{number}").status_code == 200
    assert desk.report(number).status is Status.EXERCISE


def test_neither_a_live_channel_nor_a_real_status_gets_in_by_a_forged_form(trainee: Client):
    form = form_of(trainee, Status.EXERCISE, channel=["fm"])
    assert check(trainee, {**form, "channel": ["mail"]}).status_code == 404, "there is no such channel here"
    assert check(trainee, {**form, "status": "Actual"}).status_code in (403, 404, 409, 422)


def test_without_a_room_trainees_sign_in_where_all_do(desk: Desk):
    assert desk.signed_in(Role.TRAINEE).get("/").status_code == 200
