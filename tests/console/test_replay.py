"""The replay: what was known of an alert at each second."""

from __future__ import annotations

import csv
import io

from httpx import Client

from alertd.db import reading
from alertd.replay import frame, frames
from tests.console.desk import Desk


def test_before_the_hand_over_everything_is_still_to_be_sent(desk: Desk, sent: int, writer: Client):
    begun = desk.report(sent)
    assert begun.approved_at is not None
    with reading(desk.site.engine) as session:
        at_first = frame(session, sent, begun.approved_at)
        at_last = frame(session, sent, desk.clock.now())
    assert all(tally.planned == 0 for tally in at_first.channels.values()), "nothing was planned yet"
    assert at_last.channels["mail"].outcomes["pending"] == 0


def test_the_last_frame_is_what_the_board_shows(desk: Desk, sent: int):
    with reading(desk.site.engine) as session:
        *_, last = frames(session, sent)
    for name, tally in desk.report(sent).channels.items():
        assert last.channels[name].outcomes == tally.outcomes, name
        assert last.channels[name].planned == tally.planned


def test_a_step_forward_shows_what_became_known_in_that_second(sent: int, writer: Client):
    before, after = (writer.get(f"/alerts/{sent}/replay?at={second}").text for second in (9, 10))
    assert "o-pending" not in before and "o-delivered" not in before
    assert "承認" in before, "the chronicle goes as far as that second, and not further"
    assert before != after
    assert "o-accepted" in after or "o-delivered" in after


def test_a_time_of_day_is_found_without_a_script(desk: Desk, sent: int, writer: Client):
    page = writer.get(f"/alerts/{sent}/replay?clock=10:00:05").text
    assert 'name="at" min="0" max="10" value="5"' in page
    assert writer.get(f"/alerts/{sent}/replay?clock=nonsense&at=x").status_code == 200


def test_the_spreadsheet_tells_each_second_and_adds_up(desk: Desk, sent: int, writer: Client):
    answer = writer.get(f"/alerts/{sent}/replay.csv")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert {row["seconds"] for row in rows} == {"10"}
    told = desk.report(sent)
    for row in rows:
        assert int(row["planned"]) == told.channels[row["channel"]].planned
        assert sum(int(row[name]) for name in told.channels[row["channel"]].outcomes) == int(row["planned"])
