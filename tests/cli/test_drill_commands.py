"""Drills as they are scheduled, armed and looked at on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import PASSWORD, Alertd
from tests.drill_town import SHORT

SCENARIO = SHORT.replace("drill-mail", "mail").replace("steps:", "announce:\n  - before: 10m\nsteps:")


@pytest.fixture
def drills(city: Alertd, tmp_path: Path) -> Alertd:
    """The city with a section for drills alone and a scenario."""
    file = tmp_path / "alertd.toml"
    file.write_text(file.read_text().replace('["Exercise", "Actual"]', '["Exercise", "Test"]'))
    (tmp_path / "drill.yaml").write_text(SCENARIO)
    return city


def test_a_dry_run_says_what_would_be_said_to_whom_and_when(drills: Alertd) -> None:
    done = drills("drill", "schedule", "drill.yaml", "--date", "2031-06-22", "--dry-run", "--json")
    assert done.code == 0, done.err
    plan = json.loads(done.out)
    assert plan["starts_at"] == "2031-06-22T01:00:00+00:00"
    assert [message["part"] for message in plan["messages"]] == ["announcement", "step", "abort"]
    assert plan["messages"][0]["due_at"] == "2031-06-22T00:50:00+00:00"
    (saying,) = plan["messages"][1]["sayings"]
    assert saying["contacts"] == 2 and saying["text"].startswith("【訓練】これは訓練です。")
    assert json.loads(drills("drill", "list", "--json").out) == []


def test_a_drill_is_scheduled_shown_exported_and_stopped(drills: Alertd) -> None:
    done = drills("drill", "schedule", "drill.yaml", "--date", "2031-06-22", "--time", "07:30")
    assert (done.code, done.out) == (0, "1\n")
    assert "2031-06-22 07:30 JST" in done.err
    shown = json.loads(drills("drill", "show", "1", "--json").out)
    assert shown["stage"] == "planned" and [one["armed"] for one in shown["messages"]] == [False] * 3
    assert "2031-06-22 07:30 JST" in drills("drill", "list").out
    calendar = drills("drill", "export").out
    assert "DTSTART:20310621T223000Z" in calendar and calendar.startswith("BEGIN:VCALENDAR\r\n")
    assert all(len(line.encode()) <= 75 for line in calendar.split("\r\n"))
    assert drills("drill", "cancel", "1", "--reason", "大雨").code == 0
    assert json.loads(drills("drill", "list", "--json").out)[0]["ending"] == "cancelled"
    assert "STATUS:CANCELLED" in drills("drill", "export").out
    assert drills("drill", "cancel", "1").code == 1


def test_a_drill_is_armed_by_another_operator_with_a_password(drills: Alertd) -> None:
    from datetime import UTC, datetime, timedelta

    soon = datetime.now(UTC) + timedelta(hours=9 + 2)  # noqa: TID251 - the command has the real clock
    done = drills(
        "drill", "schedule", "drill.yaml", "--date", f"{soon:%Y-%m-%d}", "--time", f"{soon:%H:%M}",
        "--as", "起案", typed=f"{PASSWORD}\n",
    )  # fmt: skip
    assert done.code == 0, done.err
    assert drills("drill", "arm", "1").code == 2
    refused = drills("drill", "arm", "1", "--as", "承認", typed="wrong\n")
    assert refused.code == 1
    assert "これは訓練です" in refused.out, "what is armed is shown first"
    armed = drills("drill", "arm", "1", "--as", "承認", typed=f"{PASSWORD}\n")
    assert armed.code == 0, armed.err
    shown = json.loads(drills("drill", "show", "1", "--json").out)
    assert shown["stage"] == "armed"
    assert {one["armed_by"] for one in shown["messages"]} == {"承認"}


def test_the_shipped_scenarios_can_be_read_and_named(drills: Alertd) -> None:
    names = [row["name"] for row in json.loads(drills("drill", "list", "--scenarios", "--json").out)]
    assert names == ["call-out-monthly", "correction-monthly", "flood-yearly", "speakers-monthly"]
    for name in names:
        plan = json.loads(drills("drill", "schedule", name, "--dry-run", "--json").out)
        assert plan["name"] == name


def test_mistakes_are_named_with_their_line_and_their_remedy(drills: Alertd, tmp_path: Path) -> None:
    (tmp_path / "wrong.yaml").write_text(SCENARIO.replace("water-outage", "water-outrage"))
    done = drills("drill", "schedule", "wrong.yaml")
    assert done.code == 1
    assert "line 10, steps[0].template" in done.err and "did you mean “water-outage”?" in done.err
    (tmp_path / "wrong.yaml").write_text("name: [unclosed\n")
    assert "line 2" in drills("drill", "schedule", "wrong.yaml").err
    assert "flood-yearly" in drills("drill", "schedule", "nowhere.yaml").err
    assert drills("drill", "schedule", "drill.yaml").code == 1, "it names no day"
    assert drills("drill", "schedule", "drill.yaml", "--date", "June").code == 2
    assert drills("drill", "schedule", "drill.yaml", "--time", "07:00").code == 2
    assert drills("drill", "show", "77").code == 1


def test_a_report_is_written_on_paper_and_for_spreadsheets(drills: Alertd, tmp_path: Path) -> None:
    assert drills("drill", "schedule", "drill.yaml", "--date", "2031-06-22").code == 0
    done = drills("drill", "report", "1", "--pdf", "r.pdf", "--csv", "r.csv")
    assert done.code == 0, done.err
    assert (tmp_path / "r.pdf").read_bytes().startswith(b"%PDF")
    assert (tmp_path / "r.csv").read_text("utf-8-sig").startswith("drill,status,")
    assert json.loads(drills("drill", "report", "1", "--json").out)["status"] == "Exercise"
