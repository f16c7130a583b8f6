"""The checklist on the board: what is due by when, who has done it, and what is late."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from httpx import Client

from alertd import config
from alertd.check_item import DEFAULT
from alertd.dispatch import Role
from alertd.errors import WrongConfiguration
from tests.console.desk import Desk, csrf
from tests.factories import APPROVER


def _tick(browser: Client, number: int, item: str, done: str = "yes") -> int:
    token = csrf(browser.get(f"/alerts/{number}").text)
    data = {"csrf": token, "item": item, "done": done}
    return browser.post(f"/alerts/{number}/checklist", data=data).status_code


def _task(page: str, label: str) -> str:
    found = re.search(rf'<li class="task([^"]*)">\s*<span class="what">{label}', page)
    assert found is not None, f"no {label}"
    return found[1].strip()


def test_a_level_4_order_brings_its_list_with_times(desk: Desk, approver: Client, sent: int) -> None:
    page = approver.get(f"/alerts/{sent}").text
    assert page.count('<li class="task') == len(DEFAULT)
    assert "10:10:00まで" in page, "ten minutes after the approval at 10:00 in Japan"


def test_what_is_late_is_marked_and_what_is_done_is_not(desk: Desk, approver: Client, sent: int) -> None:
    assert _tick(approver, sent, "l-alert") == 303
    desk.clock.advance(timedelta(minutes=10, seconds=1))
    page = approver.get(f"/alerts/{sent}").text
    assert _task(page, "Lアラート") == "done"
    assert _task(page, "緊急速報メール") == "overdue"
    assert _task(page, "自治会長") == ""
    assert APPROVER.name in page


def test_a_tick_stands_in_the_chronicle_and_is_taken_back_in_the_open(
    desk: Desk, approver: Client, sent: int
) -> None:
    _tick(approver, sent, "prefecture")
    _tick(approver, sent, "prefecture")
    _tick(approver, sent, "prefecture", "no")
    assert _task(approver.get(f"/alerts/{sent}").text, "県への報告") == ""
    told = approver.get(f"/chronicle?alert={sent}").text
    assert told.count("県への報告") == 2, "done once, and not done after all"
    assert "済みを取り消し" in told


def test_who_only_looks_ticks_nothing(desk: Desk, approver: Client, sent: int) -> None:
    watcher = desk.signed_in(Role.VIEW)
    assert "済みにする" not in watcher.get(f"/alerts/{sent}").text
    assert _tick(watcher, sent, "l-alert") == 403
    assert _tick(approver, sent, "no-such-thing") == 404


def test_a_city_names_its_own_list() -> None:
    own = {"checklist": {"fax": {"label": "FAXの確認", "within": 5, "level": 0, "hazards": ["flood"]}}}
    found = config.read(own, folder=Path()).checklist
    assert list(found) == ["fax"] and found["fax"].within == 5
    assert config.read({"checklist": {}}, folder=Path()).checklist == {}
    assert config.read({}, folder=Path()).checklist is DEFAULT
    with pytest.raises(WrongConfiguration, match=r"checklist\.fax"):
        config.read({"checklist": {"fax": {"labl": "x"}}}, folder=Path())
