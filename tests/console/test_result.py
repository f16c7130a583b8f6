"""What an alert came to, as its page, its sheet and its spreadsheet tell it."""

from __future__ import annotations

import csv
import io
import threading
import time

import pytest
from httpx import Client

from alertd import roll_up
from alertd.alert import Status
from alertd.clock import stopwatch
from alertd.result import result
from operator_console import counted
from tests.console.desk import Desk, approve, form_of, submit


def test_the_result_tells_who_was_reached_and_how_soon_after_the_approval(sent: int, writer: Client):
    page = writer.get(f"/alerts/{sent}/result").text
    assert "結果報告" in page and "本番" in page
    assert "10秒" in page, "until the first one"
    assert page.count("<svg") >= 2, "drawn without a script"
    assert "最初の送出を開始" in page and "承認" in page


def test_the_spreadsheet_adds_up(sent: int, writer: Client, desk: Desk):
    answer = writer.get(f"/alerts/{sent}/result.csv")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    told = desk.report(sent)
    channels, areas = [row for row in rows if not row["area"]], [row for row in rows if row["area"]]
    assert {row["channel"]: int(row["planned"]) for row in channels} == {
        name: tally.planned for name, tally in told.channels.items()
    }
    assert sum(int(row["reached"]) for row in areas) == sum(int(row["reached"]) for row in channels) > 0
    assert {row["status"] for row in rows} == {"Actual"}
    assert float(channels[0]["seconds_first"]) == 10.0


def test_an_alert_that_is_rolled_up_keeps_its_result_and_says_so(sent: int, writer: Client, desk: Desk):
    before = writer.get(f"/alerts/{sent}/result.csv").text
    roll_up.roll_up(desk.site, sent)
    assert writer.get(f"/alerts/{sent}/result.csv").text == before
    for page in (f"/alerts/{sent}/result", f"/alerts/{sent}"):
        assert "集計だけが残っています" in writer.get(page).text
    assert writer.get(f"/alerts/{sent}/unreached").status_code == 200


def test_the_result_on_paper_is_marked_as_what_it_is(sent: int, writer: Client):
    answer = writer.get(f"/alerts/{sent}/result.pdf")
    assert answer.headers["content-type"] == "application/pdf" and answer.content.startswith(b"%PDF")


def test_real_alerts_and_drills_are_never_in_one_list(
    desk: Desk, sent: int, writer: Client, approver: Client
):
    drill = submit(writer, form_of(writer, Status.EXERCISE))
    assert approve(approver, drill, "訓練").status_code == 303
    desk.send(drill)
    real, drills = writer.get("/results").text, writer.get("/results?kind=drill").text
    assert f"/alerts/{sent}/result" in real and f"/alerts/{drill}/result" not in real
    assert f"/alerts/{drill}/result" in drills and f"/alerts/{sent}/result" not in drills


def test_what_was_never_approved_has_no_result_in_the_list(desk: Desk, writer: Client):
    number = submit(writer, form_of(writer))
    assert f"/alerts/{number}/result" not in writer.get("/results").text
    assert writer.get(f"/alerts/{number}/result").status_code == 200, (
        "and its page says that nothing was sent"
    )


def test_a_result_of_nothing_is_not_found(writer: Client):
    for page in ("result", "result.pdf", "result.csv", "result.json"):
        assert writer.get(f"/alerts/999/{page}").status_code == 404


def test_a_large_result_is_counted_beside_the_request_and_then_shown(
    sent: int, writer: Client, monkeypatch: pytest.MonkeyPatch
):
    begin = threading.Event()

    def slowly(*arguments, **named):
        begin.wait(10)
        return result(*arguments, **named)

    direct = writer.get(f"/alerts/{sent}/result.csv").content
    monkeypatch.setattr(counted, "result", slowly)
    monkeypatch.setattr(counted, "LARGE", 1)
    for path in ("result", "result.pdf", "result.csv", "result.json"):
        assert writer.get(f"/alerts/{sent}/{path}").status_code == 202
    waiting = writer.get(f"/alerts/{sent}/result").text
    assert "結果を集計しています" in waiting and '<meta http-equiv="refresh" content="2">' in waiting
    begin.set()
    until = stopwatch() + 10
    while (made := writer.get(f"/alerts/{sent}/result.csv")).status_code == 202 and stopwatch() < until:
        time.sleep(0.02)
    assert made.content == direct
    assert writer.get(f"/alerts/{sent}/result").text.count("<svg") >= 2
