"""Two people, or two tabs, at the same moment: there is one outcome, and both are told the truth."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from httpx import Client, Response
from sqlalchemy import func, select

from alertd.db import reading
from alertd.dispatch import State
from alertd.tables import AuditRow, DispatchRow
from tests.console.desk import Desk, check, csrf, form_of, hidden, submit
from tests.factories import APPROVER, BOTH, WRITER


def at_once(*deeds: Callable[[], Response]) -> list[Response]:
    """Does all of these in the same moment."""
    gate = Barrier(len(deeds))

    def do(deed: Callable[[], Response]) -> Response:
        gate.wait()
        return deed()

    with ThreadPoolExecutor(len(deeds)) as pool:
        return list(pool.map(do, deeds))


def approval(browser: Client, number: int) -> Callable[[], Response]:
    """The press of the button on a page that is open."""
    page = browser.get(f"/alerts/{number}/approve").text
    form = {"csrf": csrf(page), "seen": hidden(page, "seen"), "typed": "避難指示 嵐南地区"}
    return lambda: browser.post(f"/alerts/{number}/approve", data=form)


def posting(browser: Client, path: str, **form: str) -> Callable[[], Response]:
    """A form of a page that is open."""
    token = csrf(browser.get("/").text)
    return lambda: browser.post(path, data={"csrf": token, **form})


def deeds(desk: Desk, number: int) -> list[str]:
    """What the trail says was done to a dispatch after it was handed in."""
    with reading(desk.site.engine) as session:
        rows = session.scalars(
            select(AuditRow.action).where(AuditRow.subject == f"dispatch:{number}").order_by(AuditRow.id)
        )
        return [action.removeprefix("dispatch.") for action in rows if action != "dispatch.submitted"]


def state(desk: Desk, number: int) -> State:
    with reading(desk.site.engine) as session:
        return session.get_one(DispatchRow, number).state


@pytest.fixture
def waiting(desk: Desk, writer: Client) -> int:
    return submit(writer, form_of(writer))


def test_two_approvers_at_once_approve_once(desk: Desk, approver: Client, waiting: int) -> None:
    other = desk.signed_in(BOTH.name)
    at_once(approval(approver, waiting), approval(other, waiting))
    assert deeds(desk, waiting) == ["approved"]


def test_approval_and_rejection_at_once_are_one_of_them(desk: Desk, approver: Client, waiting: int) -> None:
    other = desk.signed_in(BOTH.name)
    at_once(
        approval(approver, waiting), posting(other, f"/alerts/{waiting}/reject", reason="避難所が違います")
    )
    assert deeds(desk, waiting) in (["approved"], ["rejected"])


def test_approval_against_the_stop_ends_stopped_and_nobody_is_reached(
    desk: Desk, approver: Client, waiting: int
) -> None:
    other = desk.signed_in(BOTH.name)
    stop = posting(other, f"/alerts/{waiting}/stop", reason="状況が変わった", correct="no")
    at_once(approval(approver, waiting), stop)
    assert state(desk, waiting) is State.CANCELLED
    desk.send(waiting)
    assert desk.far_end.heard() == []


def test_two_tabs_submit_one_alert(desk: Desk, writer: Client) -> None:
    form = form_of(writer)
    form["key"] = hidden(check(writer, form).text, "key")
    tab = desk.signed_in(WRITER.name)
    second = {**form, "csrf": csrf(tab.get("/").text)}
    answers = at_once(
        lambda: writer.post("/alerts/new/flood-4/submit", data=form),
        lambda: tab.post("/alerts/new/flood-4/submit", data=second),
    )
    assert {one.status_code for one in answers} == {303}
    assert len({one.headers["location"] for one in answers}) == 1
    with reading(desk.site.engine) as session:
        known = select(func.count()).select_from(DispatchRow).where(DispatchRow.state == State.SUBMITTED)
        assert session.scalar(known) == 1


def test_two_stops_at_once_are_one_stop(desk: Desk, approver: Client, waiting: int) -> None:
    approval(approver, waiting)()
    other = desk.signed_in(BOTH.name)
    answers = at_once(*(posting(one, f"/alerts/{waiting}/halt", channel="mail") for one in (approver, other)))
    assert {one.status_code for one in answers} == {303}
    assert deeds(desk, waiting).count("halted") == 1
    assert (
        APPROVER.name in approver.get(f"/alerts/{waiting}").text
        or BOTH.name in approver.get(f"/alerts/{waiting}").text
    )


def test_the_stop_and_the_go_on_at_once_leave_one_of_them(desk: Desk, approver: Client, waiting: int) -> None:
    approval(approver, waiting)()
    posting(approver, f"/alerts/{waiting}/halt")()
    other = desk.signed_in(BOTH.name)
    at_once(
        posting(approver, f"/alerts/{waiting}/go-on", channel="mail", reason="再開"),
        posting(other, f"/alerts/{waiting}/halt", channel="mail"),
    )
    outcomes = desk.send(waiting).channels["mail"].outcomes
    done = deeds(desk, waiting)
    stopped_last = [one for one in done if one in ("halted", "went_on")][-1] == "halted"
    assert (outcomes["cancelled"] == 5) is stopped_last and outcomes["accepted"] == (0 if stopped_last else 3)
