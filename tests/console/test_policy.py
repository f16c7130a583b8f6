"""Who may do what: every route of the console, every role, generated from the registry."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.routing import APIRoute
from httpx import Client

from alertd.dispatch import Role
from operator_console.app import console_app
from operator_console.routes import Route, routes
from tests.console.desk import Desk, csrf, form_of, open_desk, submit
from tests.factories import WRITER

#: what stands for the parts of a path
_PARTS = {
    "{number:int}": "1",
    "{delivery:int}": "1",
    "{recipient:int}": "1",
    "{template}": "flood-4",
    "{identifier}": "flood-4",
    "{digest}": "0" * 64,
    "{name}": "console.css",
}
#: turned away, by its status
_REFUSED = 403


@pytest.fixture(scope="module")
def open_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A desk with one dispatch, for tests that change nothing."""
    folder: Path = tmp_path_factory.mktemp("policy")
    with open_desk(folder, f"sqlite:///{folder / 'alertd.db'}") as desk:
        writer = desk.signed_in(WRITER.name)
        submit(writer, form_of(writer))
        yield desk


def _address(route: Route) -> str:
    path = route.path
    for part, value in _PARTS.items():
        path = path.replace(part, value)
    return path


def test_the_app_has_no_route_without_a_policy(open_house: Desk):
    known = {(route.method, route.path) for route in routes(open_house.site)}
    served = {
        (method, route.path)
        for route in console_app(open_house.site).routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    }
    assert served == known
    assert len(console_app(open_house.site).routes) == len(known), "nothing is mounted besides"


def test_neither_app_documents_itself_to_strangers(open_house: Desk):
    for path in ("/docs", "/redoc", "/openapi.json"):
        assert open_house.browser().get(path).status_code == 404
        assert open_house.public.get(path).status_code == 404


def test_nobody_passes_without_signing_in(open_house: Desk):
    stranger = open_house.browser()
    for route in routes(open_house.site):
        if route.needs is None:
            continue
        answer = stranger.request(route.method, _address(route))
        assert answer.status_code == 303, route
        assert answer.headers["location"].startswith("/sign-in"), route


@pytest.mark.parametrize("role", list(Role))
def test_each_role_passes_where_the_registry_says_so_and_nowhere_else(open_house: Desk, role: Role):
    browser = open_house.signed_in(role)
    token = csrf(browser.get("/").text)
    for route in routes(open_house.site):
        if route.needs is None or route.path == "/sign-out":
            continue
        admitted = role in route.needs
        address = _address(route)
        if route.method == "POST":
            # nothing that would move the dispatch: an empty form is refused by every page
            answer = browser.post(address, data={"csrf": token, "status": "Exercise"})
            status = answer.status_code
        else:
            with browser.stream("GET", address) as answer:
                status = answer.status_code
        assert (status != _REFUSED) is admitted, f"{role} at {route.method} {address}: {status}"


def test_a_form_without_the_sessions_token_is_refused(open_house: Desk):
    browser = open_house.signed_in(Role.APPROVE)
    for route in routes(open_house.site):
        if route.method == "POST" and route.needs is not None:
            for data in ({}, {"csrf": ""}, {"csrf": "x" * 43}):
                answer = browser.post(_address(route), data=data)
                assert answer.status_code == _REFUSED, route


def test_a_form_from_elsewhere_is_refused(open_house: Desk):
    browser = open_house.signed_in(Role.APPROVE)
    token = csrf(browser.get("/").text)
    elsewhere = [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "", "Sec-Fetch-Site": "cross-site"},
        {"Origin": open_house.console, "Sec-Fetch-Site": "same-site"},
    ]
    for headers in elsewhere:
        answer = browser.post("/alerts/1/reject", data={"csrf": token, "reason": "xxx"}, headers=headers)
        assert answer.status_code == _REFUSED, headers
    silent = Client(base_url=open_house.console, cookies=browser.cookies)
    with silent:
        answer = silent.post("/alerts/1/reject", data={"csrf": token, "reason": "xxx"})
    assert answer.status_code == _REFUSED, "a browser that says nothing is not believed"


def test_the_number_of_no_dispatch_is_not_found(open_house: Desk):
    browser = open_house.signed_in(Role.VIEW)
    for path in (
        "/alerts/999999",
        "/alerts/999999/unreached",
        "/alerts/999999/events",
        "/nothing",
        "/alerts/x",
    ):
        answer = browser.get(path)
        assert answer.status_code == 404, path
