"""A console that is open, and the people who sit at it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from httpx import Client

from alertd.dispatch import Role
from operator_console.app import drill_app
from tests.console.desk import PASSWORD, Desk, approve, form_of, open_desk, submit
from tests.factories import APPROVER, WRITER
from tests.serving import serving


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with open_desk(tmp_path, f"sqlite:///{tmp_path / 'alertd.db'}") as desk:
        yield desk


@pytest.fixture
def writer(desk: Desk) -> Client:
    """Somebody who may write."""
    return desk.signed_in(WRITER.name)


@pytest.fixture
def approver(desk: Desk) -> Client:
    """Somebody else, who may approve."""
    return desk.signed_in(APPROVER.name)


@pytest.fixture
def sent(desk: Desk, writer: Client, approver: Client) -> int:
    """A real alert that went out ten seconds after its approval."""
    number = submit(writer, form_of(writer))
    assert approve(approver, number).status_code == 303
    desk.clock.advance(timedelta(seconds=10))
    desk.send(number)
    return number


@pytest.fixture
def room(desk: Desk) -> Iterator[Client]:
    """A trainee in the drill room."""
    config = desk.site.config
    desk.site.config = replace(config, web=config.web.model_copy(update={"drill_port": 1, "drill_url": ""}))
    with (
        serving(drill_app(desk.site)) as address,
        Client(base_url=address, headers={"Origin": address}, timeout=30) as browser,
    ):
        browser.post("/sign-in", data={"name": Role.TRAINEE, "password": PASSWORD})
        yield browser
