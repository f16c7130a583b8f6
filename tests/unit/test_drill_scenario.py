"""A scenario file: what is read, and every mistake named by line and remedy."""

from __future__ import annotations

import ast
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from alertd.drill import document
from alertd.drill.document import WrongScenario
from alertd.drill.file import find, read, shipped
from alertd.drill.scenario import Meant, Part
from alertd.errors import NotFound
from tests.drill_town import SCENARIO


def _wrong(text: str) -> dict[str, str]:
    with pytest.raises(WrongScenario) as caught:
        read(text)
    found: dict[str, str] = {}
    for problem in caught.value.problems:
        found[problem.field] = f"{found.get(problem.field, '')} {problem.message}"
    return found


def test_the_yearly_flood_drill_is_as_the_city_holds_it() -> None:
    scenario = read(shipped()["flood-yearly"])
    start = scenario.rule.after(datetime(2026, 11, 23, tzinfo=UTC)) if scenario.rule else None
    assert start == datetime.fromisoformat("2027-06-27T07:00+09:00")
    parts = [step.part for step in scenario.steps]
    assert parts == [*[Part.ANNOUNCEMENT] * 2, *[Part.STEP] * 4, Part.ABORT]
    assert [step.template for step in scenario.steps[2:6]] == [
        "flood-3",
        "flood-4",
        "shelter-open",
        "flood-lifted",
    ]
    assert not any(step.siren for step in scenario.steps)
    assert {step.meant for step in scenario.steps} == {(Meant.EVERYBODY,)}
    due = [scenario.due_at(step, start) for step in scenario.steps]
    assert due[0] == datetime.fromisoformat("2027-06-26T17:00+09:00")
    assert due[1] == start - timedelta(minutes=10)
    assert due[-1] is None


def test_what_stands_above_holds_for_every_message_that_says_nothing_else() -> None:
    text = SCENARIO.replace(
        "areas: [嵐南]", "areas: [嵐南]\n    channels: [drill-fm]\n    audience: staff", 1
    )
    scenario = read(text)
    first, second = (step for step in scenario.steps if step.part is Part.STEP)
    assert (first.channels, first.meant) == (("drill-fm",), (Meant.STAFF,))
    assert (second.channels, second.meant) == (("drill-mail",), (Meant.EVERYBODY,))
    abort = scenario.steps[-1]
    assert set(abort.channels) == {"drill-mail", "drill-fm"}, "all who heard of it are told"
    assert abort.meant == (Meant.EVERYBODY,)


@pytest.mark.parametrize(
    ("good", "bad", "field", "remedy"),
    [
        ("title:", "titel:", "line 2, titel", "did you mean “title”?"),
        ('"10:00"', "10 Uhr", "line 3, time", '"09:00"'),
        ("audience: everybody", "audience: all", "line 4, audience", "staff, subscribers, everybody"),
        ("percent: 95", "percent: 110", "line 6, goal.percent", "1 to 100"),
        ("within: 10m", "within: soon", "line 6, goal.within", "10m, 2h"),
        ("T+30m", "T-30m", "line 15, steps[1].at", "T+10m"),
        ("T+30m", "T+20h", "line 15, steps[1].at", "two drills"),
        ("flood-4", "flod-4", "line 16, steps[1].template", "did you mean “flood-4”?"),
        ("before: 10m", "bevore: 10m", "line 9, announce[1].bevore", "did you mean “before”?"),
        ("{river: 五十嵐川}", "{rivr: x}", "line 13, steps[0].values", "it has area, river"),
        ("name: flood-test", "name: Flood Test", "line 1, name", "small letters"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_line_and_its_remedy(
    good: str, bad: str, field: str, remedy: str
) -> None:
    found = _wrong(SCENARIO.replace(good, bad, 1))
    assert remedy in found[field], found


@pytest.mark.parametrize(
    ("text", "where"),
    [("", ""), ("a: [1", "line 1"), ("a: 'x", "line 1"), ("- 1\n- 2\n", ""), ("\x00", ""), ("[" * 3000, "")],
    ids=["empty", "open list", "open quote", "no table", "no text", "deep"],
)
def test_what_is_no_scenario_at_all_is_refused_with_a_sentence(text: str, where: str) -> None:
    found = _wrong(text)
    assert found and any(where in field for field in found)


def test_a_day_and_a_rule_do_not_go_together_and_everybody_stands_alone() -> None:
    found = _wrong(SCENARIO.replace('time: "10:00"', 'time: "10:00"\ndate: 2031-01-01\nrule: every Monday'))
    assert "not both" in found["line 5, rule"]
    found = _wrong(SCENARIO.replace("audience: everybody", "audience: [everybody, staff]"))
    assert "stands alone" in found["line 4, audience"]


def test_a_scenario_may_name_its_one_day() -> None:
    scenario = read(SCENARIO.replace('time: "10:00"', 'time: "10:00"\ndate: 2031-06-22'))
    assert scenario.day == date(2031, 6, 22)
    assert scenario.once(scenario.day) == datetime(2031, 6, 22, 1, tzinfo=UTC)


def test_a_scenario_that_is_not_there_names_those_that_are() -> None:
    with pytest.raises(NotFound, match="flood-yearly"):
        find("nowhere.yaml")


def test_every_mistake_is_named_in_japanese_too():
    unsaid = [
        f"{file.name}:{call.lineno}"
        for file in Path(document.__file__).parent.glob("*.py")
        for call in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call)
        and ast.unparse(call.func).endswith(("findings.add", "Problem"))
        and len(call.args) < 3
    ]
    assert unsaid == []
