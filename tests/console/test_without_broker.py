"""The console and the public pages ask nothing of the broker: one that is frozen or gone costs them no time."""

from __future__ import annotations

import select
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from alertd.dispatch import Role
from operator_console.routes import routes
from tests.console.desk import Desk, approve, form_of, open_desk, submit
from tests.factories import APPROVER, WRITER


@pytest.fixture
def frozen() -> Iterator[socket.socket]:
    """Where a broker should be, connections are taken and nothing is answered."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


def test_no_page_asks_the_broker(tmp_path: Path, frozen: socket.socket) -> None:
    with open_desk(tmp_path, f"sqlite:///{tmp_path / 'alertd.db'}") as desk:
        url = f"redis://127.0.0.1:{frozen.getsockname()[1]}/0"
        desk.site.config = replace(desk.site.config, broker_url=url)
        _walk(desk)
    asked, _, _ = select.select([frozen], [], [], 0)
    assert not asked, "somebody wanted to talk to the broker"


def _walk(desk: Desk) -> None:
    """An alert from its form to its board, every page that nothing need be named for, and what anybody may read."""
    writer, approver = desk.signed_in(WRITER.name), desk.signed_in(APPROVER.name)
    number = submit(writer, form_of(writer))
    assert approve(approver, number).status_code == 303
    assert approver.get(f"/alerts/{number}").status_code == 200
    assert approver.get(f"/alerts/{number}/stop").status_code == 200
    people = {role: desk.signed_in(role) for role in Role}
    seen = 0
    for route in routes(desk.site):
        if route.method == "GET" and "{" not in route.path and not route.path.endswith((".pdf", "/events")):
            role = min(route.needs or Role)
            answer = people[role].get(route.path, follow_redirects=True)
            assert answer.status_code in (200, 404), route.path  # of no group nothing is shown
            seen += 1
    assert seen > 25
    for path in ("/", "/register", "/cap/feed.atom", "/healthz"):
        assert desk.public.get(path, follow_redirects=True).status_code == 200, path
