"""The board follows the deliveries, and says what is wrong."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from inspect import unwrap

import pytest
from httpx import Client
from jinja2 import Template

from alertd import hold, store
from alertd.airing import Airing, AiringState
from alertd.db import writing
from alertd.report import ChannelTally
from operator_console import board
from operator_console.page import environment
from operator_console.tally import WIDTH, alike, bars, snapshot
from tests import factories
from tests.console.desk import Desk, approve, csrf, form_of, submit


def _events(browser: Client, number: int, enough: int) -> list[tuple[str, str]]:
    """The first events of a board: name and content."""
    found: list[tuple[str, str]] = []
    name, data = "", []
    with browser.stream("GET", f"/alerts/{number}/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        for line in answer.iter_lines():
            if line.startswith("event:"):
                name = line[6:].strip()
            elif line.startswith("data:"):
                data.append(line[5:])
            elif not line and name:
                found.append((name, "\n".join(data)))
                name, data = "", []
                if len(found) == enough:
                    break
    return found


def test_the_tally_comes_by_itself_until_it_is_final(desk: Desk, writer: Client, approver: Client):
    number = submit(writer, form_of(writer))
    approve(approver, number)
    sender = threading.Thread(target=desk.send, args=(number,))
    sender.start()
    found = _events(approver, number, 4)
    sender.join()
    assert [name for name, _ in found][:3] == ["alarms", "tally", "checklist"]
    assert found[-1][0] == "tally" and "引き渡し済み" in found[-1][1]


def test_a_final_board_says_that_nothing_more_comes(desk: Desk, writer: Client, approver: Client):
    number = submit(writer, form_of(writer))
    token = csrf(approver.get("/").text)
    approver.post(f"/alerts/{number}/reject", data={"csrf": token, "reason": "やり直し"})
    assert [name for name, _ in _events(approver, number, 3)] == ["alarms", "tally", "final"]
    assert "sse-connect" not in approver.get(f"/alerts/{number}").text


def test_watching_is_no_sign_that_somebody_is_there(desk: Desk, writer: Client):
    number = submit(writer, form_of(writer))
    for _ in range(4):
        desk.clock.advance(timedelta(minutes=9))
        with writer.stream("GET", f"/alerts/{number}/events") as answer:
            status = answer.status_code
    assert status == 303, "the session has ended although the board was open"


def test_an_alarm_is_on_the_board_in_the_operators_language(desk: Desk, writer: Client):
    number = submit(writer, form_of(writer))
    with writing(desk.site.engine) as session:
        store.raise_alarm(session, "channel:phone", "connection refused", desk.clock.now())
    for path in ("/", f"/alerts/{number}"):
        page = writer.get(path).text
        assert "phone：相手側が受け付けていません" in page and "connection refused" in page


@pytest.mark.parametrize("counts", [(1, 1, 1), (0, 7, 0), (999_999, 0, 1), (1, 0, 999_999)])
def test_the_pieces_of_a_bar_fill_it(counts: tuple[int, int, int]):
    outcomes = dict.fromkeys(
        ["acknowledged", "delivered", "accepted", "pending", "deferred", "unknown", "failed", "expired"], 0
    )
    outcomes |= dict(zip(("delivered", "pending", "failed"), counts, strict=True)) | {"cancelled": 0}
    made = bars(ChannelTally(sum(counts), outcomes, {}, {}, 0))
    assert sum(bar.width for bar in made) == WIDTH
    assert len(made) == sum(count > 0 for count in counts)


def test_many_boards_cost_one_look(desk: Desk, writer: Client, monkeypatch: pytest.MonkeyPatch):
    looks: list[int] = []

    def counted(*args):
        looks.append(1)
        return snapshot(*args)

    number = submit(writer, form_of(writer))
    monkeypatch.setattr(board, "snapshot", counted)
    monkeypatch.setattr(board, "EVERY", 60.0)
    for _ in range(5):
        _events(writer, number, 2)
    assert len(looks) == 1


def test_what_a_restored_database_holds_back_is_let_go_by_a_person(
    desk: Desk, writer: Client, approver: Client
):
    number = submit(writer, form_of(writer))
    approve(approver, number)
    with writing(desk.site.engine) as session:
        hold.everything(session, desk.clock.now())
    desk.send(number)
    assert desk.far_end.heard() == []
    assert "復元したため止めてあります" in writer.get("/").text
    board = approver.get(f"/alerts/{number}").text
    assert "データベースを復元したため" in board
    assert approver.post(f"/alerts/{number}/release", data={"csrf": csrf(board)}).status_code == 303
    desk.send(number)
    assert desk.far_end.heard()


def test_loudspeakers_that_do_the_same_are_one_line():
    start = factories.START
    first = Airing(
        dispatch_id=1,
        delivery_id=1,
        channel="radio",
        address="a",
        repeat=0,
        state=AiringState.ON_AIR,
        requested_at=start,
        on_air_at=start,
        released_at=None,
        ends_by=start + timedelta(minutes=1),
        detail=None,
    )
    same = replace(first, delivery_id=2, requested_at=start + timedelta(milliseconds=3))
    later = replace(first, delivery_id=3, state=AiringState.RELEASED, released_at=start)
    assert alike([first, same, later]) == [(first, 2), (later, 1)]


def test_boards_that_open_together_have_each_template_compiled_once() -> None:
    fresh = unwrap(environment)("ja")
    together = threading.Barrier(20)

    def one(_: int) -> tuple[Template, Template]:
        together.wait()
        return fresh.get_template("_tally.html"), fresh.get_template("_parts.html")

    with ThreadPoolExecutor(20) as threads:
        assert len(set(threads.map(one, range(20)))) == 1
