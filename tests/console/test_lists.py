"""Long lists: found by words, page by page, however many there are; files that no spreadsheet computes."""

from __future__ import annotations

import re
import secrets
from urllib.parse import quote

import pytest
from httpx import Client
from sqlalchemy import insert

from alertd.db import writing
from alertd.dispatch import Role
from alertd.tables import AreaRow, MembershipRow, OperatorRow
from operator_console.paging import SIZE
from tests import factories
from tests.console.desk import Desk

MANY = 20_000


@pytest.fixture
def administrator(desk: Desk) -> Client:
    return desk.signed_in(Role.ADMINISTER)


def _next(page: str) -> str:
    found = re.search(r'href="([^"]+)" rel="next"', page)
    assert found is not None, "there is no next page"
    return found[1].replace("&amp;", "&")


def test_twenty_thousand_areas_come_in_pages_that_are_small(desk: Desk, administrator: Client) -> None:
    rows = [{"code": f"Z{n:06}", "name": f"区{n}", "households": 1, "position": 10 + n} for n in range(MANY)]
    with writing(desk.site.engine) as session:
        session.execute(insert(AreaRow), rows)
    first = administrator.get("/areas")
    assert len(first.content) < 150_000
    second = administrator.get(_next(first.text)).text
    assert second.count('<th scope="row"') == SIZE and 'rel="prev"' in second
    found = administrator.get(f"/areas?q={quote('区19999')}").text
    assert found.count('<th scope="row"') == 1 and "Z019999" in found
    assert administrator.get("/areas?q=100%25_").text.count('<th scope="row"') == 0, "no pattern but a word"
    assert administrator.get("/areas?from=9999999").status_code == 200
    assert administrator.get("/areas?from=-1").status_code == 200


def test_groups_and_operators_come_in_pages_too(desk: Desk, administrator: Client) -> None:
    member = factories.add_people(desk.site, ["in@example.jp"], kind="email")[0]
    with writing(desk.site.engine) as session:
        session.execute(
            insert(MembershipRow),
            [{"recipient_id": member, "group_name": f"消防団 第{n}分団"} for n in range(250)],
        )
        session.execute(
            insert(OperatorRow),
            [
                {
                    "name": f"当直 {n:03}",
                    "password_hash": secrets.token_hex(8),
                    "roles": [Role.AUDITOR],
                    "active": True,
                    "created_at": desk.clock.now(),
                }
                for n in range(150)
            ],
        )
    page, seen = administrator.get("/groups").text, 0
    while True:
        seen += page.count('<th scope="row"')
        if 'rel="next"' not in page:
            break
        page = administrator.get("/groups" + _next(page).removeprefix("/groups")).text
    assert seen == 250
    assert administrator.get(f"/groups?q={quote('第249')}").text.count('<th scope="row"') == 1
    people = administrator.get("/operators").text
    assert people.count('<th scope="row"') == SIZE
    assert "当直 149" in administrator.get(_next(people)).text
    assert administrator.get(f"/operators?q={quote('監査 当直 14')}").text.count('<th scope="row"') == 12
