"""How long the calls take, on the check page, at the approval and on the board."""

from __future__ import annotations

from dataclasses import replace

from httpx import Client

from alertd import plan
from alertd.channel import Medium, Pace, Traits
from tests import factories
from tests.console.desk import Desk, SpokenChannel, approve, check, form_of, submit


class Lines(SpokenChannel):
    """Thirty lines."""

    @property
    def traits(self) -> Traits:
        return replace(super().traits, pace=Pace(per_second=1.0, in_flight=30))


def with_lines(desk: Desk, people: int) -> None:
    settings = desk.far_end.settings(kind="voice", medium=Medium.CALL)
    desk.site._channels["phone"] = Lines("phone", settings)
    numbers = [f"+8125{number:07}" for number in range(3_000_000, 3_000_000 + people)]
    factories.add_people(desk.site, numbers, kind="voice")


def test_the_check_page_says_how_long_the_calls_take_and_whether_there_is_time(desk: Desk, writer: Client):
    # twice as many as the lines take in six hours: 21,600 s × 30 lines ÷ 59 s
    with_lines(desk, 22_000)
    page = check(writer, form_of(writer)).text
    assert "22,002件 × 59秒 ÷ 30回線 ≒ 12時間2分" in page
    assert "残り時間は6時間0分" in page
    assert "全員に1回ずつ電話をかけ終わりません" in page and "戸別訪問" in page
    less = check(writer, form_of(writer, area=["RHK"])).text
    assert "2件 × 59秒 ÷ 30回線 ≒ 59秒" in less and "かけ終わりません" not in less


def test_approver_and_board_see_it_too(desk: Desk, writer: Client, approver: Client):
    with_lines(desk, 400)
    number = submit(writer, form_of(writer))
    # the sound lasts a second: thirty lines are free again before the pace has filled them
    assert "402件 ÷ 毎秒1件 ≒ 7分" in approver.get(f"/alerts/{number}/approve").text
    approve(approver, number)
    assert "残り時間は" not in approver.get(f"/alerts/{number}").text, "nothing is planned yet"
    plan.plan(desk.site, number)
    board = approver.get(f"/alerts/{number}").text
    assert "402件 ÷ 毎秒1件 ≒ 7分" in board and "残り時間は6時間0分" in board
    english = writer.get(f"/alerts/{number}", headers={"Cookie": _english(writer)}).text
    assert "402 calls ÷ 1 a second ≈ 7 min" in english


def _english(browser: Client) -> str:
    return "; ".join([*(f"{name}={value}" for name, value in browser.cookies.items()), "language=en"])
