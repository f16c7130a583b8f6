"""One desk for all tests of a module, who sits at it, and a real alert that has gone out: each test adds its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from httpx import Client

from tests.console.desk import Desk, approve, form_of, open_desk, submit
from tests.factories import APPROVER, WRITER


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("desk")
    with open_desk(folder, f"sqlite:///{folder / 'alertd.db'}") as desk:
        yield desk


@pytest.fixture(scope="module")
def writer(desk: Desk) -> Client:
    return desk.signed_in(WRITER.name)


@pytest.fixture(scope="module")
def approver(desk: Desk) -> Client:
    return desk.signed_in(APPROVER.name)


@pytest.fixture(scope="module")
def sent(desk: Desk, writer: Client, approver: Client) -> int:
    number = submit(writer, form_of(writer))
    approve(approver, number)
    desk.send(number)
    return number
