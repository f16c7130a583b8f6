"""Changed settings on screen: compared key by key, with a dry run, and confirmed by two people who type."""

from __future__ import annotations

from dataclasses import replace

import pytest
from httpx import Client, Response

from alertd import settled
from alertd.alert import Status
from alertd.dispatch import Role
from operator_console.routes import routes
from tests.console.desk import Desk, csrf


@pytest.fixture
def changed(desk: Desk) -> Desk:
    """The file was edited: radio carries real alerts now, and mail is tried once only."""
    site = desk.site
    settled.look(site)
    channels = dict(site.config.channels)
    for name, change in (
        ("mail", {"attempts": 1}),
        ("radio", {"carries": tuple(Status), "simulated": False}),
    ):
        given = channels[name].model_dump(exclude_unset=True)
        channels[name] = type(channels[name])(**{**given, **change})
    site.config = replace(site.config, channels=channels)
    settled.look(site)
    return desk


def _confirm(browser: Client, typed: str = "mail radio") -> Response:
    page = browser.get("/settings").text
    seen = page.partition('name="seen" value="')[2].partition('"')[0]
    return browser.post("/settings/confirm", data={"csrf": csrf(page), "seen": seen, "typed": typed})


def test_the_page_compares_and_says_what_would_be_sent_to_how_many(changed: Desk, approver: Client) -> None:
    page = approver.get("/settings").text
    assert "[channels.mail]" in page and "attempts" in page, page[-3000:]
    assert "[channels.radio]" in page and "carries" in page
    assert page.count("新規") == len(Status), "radio carried nothing that we had confirmed"
    assert "【訓練】" in page and "警戒レベル" in page
    assert not list(changed.far_end.heard()), "a dry run sends nothing"


def test_every_page_says_that_real_alerts_wait(changed: Desk, writer: Client, approver: Client) -> None:
    for path in ("/", "/chronicle", "/under-way"):
        assert "設定変更あり" in writer.get(path).text, path
    assert 'href="/settings"' not in writer.get("/").text and 'href="/settings"' in approver.get("/").text
    assert writer.get("/settings").status_code == 403


def test_two_people_type_what_they_confirm(changed: Desk, approver: Client) -> None:
    assert _confirm(approver, "はい").status_code == 422
    assert _confirm(approver).status_code == 303
    assert "もう一人の確認が必要です" in approver.get("/settings").text
    other = changed.signed_in(Role.ADMINISTER)
    assert _confirm(other).status_code == 303
    assert "すべて確認済み" in other.get("/settings").text and "設定変更あり" not in other.get("/").text
    late = other.post("/settings/confirm", data={"csrf": csrf(other.get("/").text), "seen": "x", "typed": ""})
    assert late.status_code == 409


def test_a_change_while_somebody_reads_is_refused_with_a_sentence(changed: Desk, approver: Client) -> None:
    page = approver.get("/settings").text
    seen = page.partition('name="seen" value="')[2].partition('"')[0]
    site = changed.site
    mail = site.config.channels["mail"].model_copy(update={"attempts": 2})
    site.config = replace(site.config, channels={**site.config.channels, "mail": mail})
    settled.look(site)
    form = {"csrf": csrf(page), "seen": seen, "typed": "mail radio"}
    answer = approver.post("/settings/confirm", data=form)
    assert answer.status_code == 409 and "読んでいる間に設定が変わりました" in answer.text


def test_alone_in_an_emergency_with_a_reason_and_the_bar_stays(changed: Desk, approver: Client) -> None:
    page = approver.get("/settings").text
    seen = page.partition('name="seen" value="')[2].partition('"')[0]
    form = {"csrf": csrf(page), "seen": seen, "reason": "堤防決壊のため"}
    assert approver.post("/settings/alone", data={**form, "reason": "x"}).status_code == 409
    assert approver.post("/settings/alone", data=form).status_code == 303
    assert "堤防決壊のため" in approver.get("/settings").text
    assert "設定変更あり：二人の確認が必要です" in approver.get("/").text


def test_nothing_that_sends_is_changed_in_the_console(changed: Desk) -> None:
    sets = ("/channels", "/templates", "/presets", "/feeds", "/settings")
    moves = {one.path for one in routes(changed.site) if one.method != "GET" and one.path.startswith(sets)}
    assert moves == {"/settings/confirm", "/settings/alone", "/templates/{identifier}/hear"}


def test_the_drill_room_learns_nothing_of_it(changed: Desk, room: Client) -> None:
    assert "設定変更あり" not in room.get("/").text
    assert room.get("/settings").status_code == 404
