"""The file of a scenario: YAML, read with every mistake named by its line and its remedy (docs/drills.md)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, time, timedelta
from importlib import resources
from pathlib import Path
from zoneinfo import ZoneInfo

from alertd.drill.calendar import Holidays, Rule, read_days
from alertd.drill.document import Place, WrongScenario, read_document
from alertd.drill.message import General, announcements, last_word, step_of
from alertd.drill.scenario import ZONE, Goal, Meant, Scenario
from alertd.drill.value import area_names, audiences, day_of, length, need, one_of, time_of_day
from alertd.errors import NotFound, Problem

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_TOP = (
    "name", "title", "date", "rule", "time", "zone", "holidays", "except", "channels", "areas",
    "audience", "siren", "announce", "steps", "abort", "goal",
)  # fmt: skip


def read(text: str) -> Scenario:
    """The scenario in a YAML text. Raises WrongScenario with every mistake."""
    document = read_document(text)
    top = document.table(_TOP)
    name = need(document, top, "name", "flood-2027")
    if name and not _NAME.fullmatch(name.text):
        document.findings.add(
            name, "use small letters, digits and hyphens", "半角の小文字・数字・ハイフンで書いてください。"
        )
    title = _title(document, top)
    rule, day, at, zone = _when(document, top)
    general = General(
        channels=top["channels"].texts() if "channels" in top else (),
        areas=area_names(top["areas"]) if "areas" in top else (),
        meant=audiences(top["audience"]) if "audience" in top else (Meant.SUBSCRIBERS,),
        siren=top["siren"].yes() if "siren" in top else False,
    )
    steps = [step_of(place, general) for place in (top["steps"].items() if "steps" in top else [])]
    if not steps:
        document.findings.add(
            top.get("steps", document),
            "there is no step; add one under “steps:”",
            "「steps:」の下に1つ以上書いてください。",
        )
    before = announcements(top.get("announce"), general, title)
    abort = last_word(top.get("abort"), general, title, [*before, *steps])
    goal = _goal(top.get("goal"))
    if document.findings.problems:
        raise WrongScenario(document.findings.problems)
    steps.sort(key=lambda step: step.after or timedelta())
    return Scenario(
        name=name.text if name else "",
        title=title,
        rule=rule,
        day=day,
        at=at,
        zone=zone,
        steps=(*before, *steps, abort),
        goal=goal,
        document=text,
    )


def shipped() -> Mapping[str, str]:
    """The texts of the scenarios that come along, by name."""
    folder = resources.files("alertd").joinpath("scenarios")
    return {
        file.name.removesuffix(".yaml"): file.read_text("utf-8")
        for file in sorted(folder.iterdir(), key=lambda file: file.name)
        if file.name.endswith(".yaml")
    }


def find(wanted: str) -> Scenario:
    """The scenario of a file, or the shipped one of that name. Raises NotFound or WrongScenario."""
    there = shipped()
    if wanted in there:
        return read(there[wanted])
    try:
        text = Path(wanted).read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise WrongScenario(
            Problem("", f"{wanted} is not UTF-8 text; save it as UTF-8", "UTF-8 で保存してください。")
        ) from None
    except OSError as error:
        raise NotFound(
            f"there is no scenario {wanted!r} ({(error.strerror or 'unreadable').lower()}); "
            f"give a file, or one of {', '.join(there)}"
        ) from None
    return read(text)


# private steps ------------------------------------------------------------------------


def _title(document: Place, top: Mapping[str, Place]) -> Mapping[str, str]:
    place = need(document, top, "title", "{ja: 水害対応訓練, en: Flood drill}")
    if place is None:
        return {"ja": ""}
    title = {language: value.text for language, value in place.table(("ja", "ja-easy", "en")).items()}
    if not title.get("ja"):
        document.findings.add(
            place, "give the title in Japanese at least: {ja: …}", "日本語の名前（ja）を書いてください。"
        )
        return {"ja": ""}
    return title


def _when(document: Place, top: Mapping[str, Place]) -> tuple[Rule | None, date | None, time, ZoneInfo]:
    findings = document.findings
    zone = ZoneInfo(ZONE)
    if "zone" in top:
        try:
            zone = ZoneInfo(top["zone"].text)
        except (KeyError, ValueError, OSError):
            findings.add(top["zone"], "is no time zone; write one such as Asia/Tokyo", "例：Asia/Tokyo")
    at = time(9)
    place = need(document, top, "time", '"09:00"')
    if place is not None:
        at = time_of_day(place) or at
    excepted = set()
    for one in top["except"].items() if "except" in top else []:
        if (found := day_of(one)) is not None:
            excepted.add(found)
    holidays = Holidays.KEEP
    if "holidays" in top:
        holidays = one_of(top["holidays"], Holidays) or holidays
    day = day_of(top["date"]) if "date" in top else None
    if "date" in top and "rule" in top:
        findings.add(
            top["rule"], "give “date” or “rule”, not both", "「date」か「rule」のどちらか一方にしてください。"
        )
    if "rule" not in top:
        return None, day, at, zone
    try:
        days = read_days(top["rule"].text)
    except ValueError as error:
        findings.add(
            top["rule"],
            f"{error}; write, for example, “fourth Sunday of June”, “day 1 of every month”, “毎月第1金曜日”",
            "例：6月第4日曜日、毎月第1金曜日、毎月1日",
        )
        return None, day, at, zone
    rule = Rule(days=days, at=at, zone=zone, holidays=holidays, excepted=frozenset(excepted))
    return rule, day, at, zone


def _goal(place: Place | None) -> Goal:
    goal = Goal(95, timedelta(minutes=10))
    if place is None:
        return goal
    table = place.table(("percent", "within"))
    percent = goal.percent
    if "percent" in table:
        words = table["percent"].text.removesuffix("%").strip()
        if words.isascii() and words.isdigit() and 1 <= int(words) <= 100:
            percent = int(words)
        else:
            place.findings.add(
                table["percent"],
                "must be a whole number from 1 to 100",
                "1から100までの整数で書いてください。",
            )
    within = length(table["within"], goal.within) if "within" in table else goal.within
    return Goal(percent, within)
