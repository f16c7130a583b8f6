"""The file of a scenario: YAML, read with every mistake named by its line and its remedy (docs/drills.md)."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time, timedelta
from enum import StrEnum
from importlib import resources
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

from alertd.drill.calendar import Holidays, Rule, read_days
from alertd.drill.document import Place, WrongScenario, read_document
from alertd.drill.scenario import LIFE, ZONE, Goal, Meant, Part, Scenario, Step
from alertd.errors import NotFound, Problem
from alertd.template import Template, templates

Member = TypeVar("Member", bound=StrEnum)

#: the longest drill, from T to its last step
LONGEST = timedelta(hours=12)
#: stands for every area
ALL = frozenset({"all", "全域"})

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_OFFSET = re.compile(r"t\s*\+?\s*(?:(\d+)\s*h(?:ours?)?)?\s*(?:(\d+)\s*m(?:in(?:utes?)?)?)?\s*(?:(\d+)\s*s)?")
_LENGTH = re.compile(r"(?:(\d+)\s*h(?:ours?)?)?\s*(?:(\d+)\s*m(?:in(?:utes?)?)?)?\s*(?:(\d+)\s*s(?:ec)?)?")


def read(text: str) -> Scenario:
    """The scenario in a YAML text. Raises WrongScenario with every mistake."""
    document = read_document(text)
    top = document.table(_TOP)
    name = _need(document, top, "name", "flood-2027")
    if name and not _NAME.fullmatch(name.text):
        document.findings.add(
            name, "use small letters, digits and hyphens", "半角の小文字・数字・ハイフンで書いてください。"
        )
    title = _title(document, top)
    rule, day, at, zone = _when(document, top)
    general = _General(
        channels=top["channels"].texts() if "channels" in top else (),
        areas=_areas(top["areas"]) if "areas" in top else (),
        meant=_meant(top["audience"]) if "audience" in top else (Meant.SUBSCRIBERS,),
        siren=top["siren"].yes() if "siren" in top else False,
    )
    steps = [_step(place, general) for place in (top["steps"].items() if "steps" in top else [])]
    if not steps:
        document.findings.add(top.get("steps", document), "there is no step; add one under “steps:”")
    announcements = _announcements(top.get("announce"), general, title)
    abort = _abort(top.get("abort"), general, title, [*announcements, *steps])
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
        steps=(*announcements, *steps, abort),
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
        raise WrongScenario(Problem("", f"{wanted} is not UTF-8 text; save it as UTF-8")) from None
    except OSError as error:
        raise NotFound(
            f"there is no scenario {wanted!r} ({(error.strerror or 'unreadable').lower()}); "
            f"give a file, or one of {', '.join(there)}"
        ) from None
    return read(text)


# private steps ------------------------------------------------------------------------

_TOP = (
    "name", "title", "date", "rule", "time", "zone", "holidays", "except", "channels", "areas",
    "audience", "siren", "announce", "steps", "abort", "goal",
)  # fmt: skip
_STEP = ("at", "template", "values", "channels", "areas", "audience", "siren", "life")
_ANNOUNCE = ("at", "before", "channels", "areas", "audience")


@dataclass(frozen=True, slots=True, kw_only=True)
class _General:
    """What holds for every step that does not say otherwise."""

    channels: tuple[str, ...]
    areas: tuple[str, ...]
    meant: tuple[Meant, ...]
    siren: bool


def _need(parent: Place, table: Mapping[str, Place], key: str, example: str) -> Place | None:
    if key not in table:
        parent.findings.add(
            parent,
            f"“{key}” is missing; write, for example, “{key}: {example}”",
            f"「{key}」がありません。例：{key}: {example}",
        )
        return None
    return table[key]


def _title(document: Place, top: Mapping[str, Place]) -> Mapping[str, str]:
    place = _need(document, top, "title", "{ja: 水害対応訓練, en: Flood drill}")
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
    place = _need(document, top, "time", '"09:00"')
    if place is not None:
        at = _time(place) or at
    excepted = set()
    for one in top["except"].items() if "except" in top else []:
        if (found := _date(one)) is not None:
            excepted.add(found)
    holidays = Holidays.KEEP
    if "holidays" in top:
        holidays = _one_of(top["holidays"], Holidays) or holidays
    day = _date(top["date"]) if "date" in top else None
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


def _step(place: Place, general: _General) -> Step:
    table = place.table(_STEP)
    at = _need(place, table, "at", "T+10m")
    after = timedelta()
    if at is not None:
        found = _OFFSET.fullmatch(at.text.lower())
        if found is None:
            place.findings.add(at, "is no time after the start; write T, T+10m or T+1h30m", "例：T+10m")
        else:
            after = _length(found)
            if after > LONGEST:
                place.findings.add(at, "is later than twelve hours after the start; make it two drills")
    template = _need(place, table, "template", "flood-4")
    values = (
        {key: value.text for key, value in table["values"].table(None).items()} if "values" in table else {}
    )
    if template is not None:
        known = _template(template)
        if known is not None:
            _check_values(table.get("values", template), known, values)
    return Step(
        part=Part.STEP,
        after=after,
        template=template.text if template is not None else "",
        values=values,
        channels=table["channels"].texts() if "channels" in table else general.channels,
        areas=_areas(table["areas"]) if "areas" in table else general.areas,
        meant=_meant(table["audience"]) if "audience" in table else general.meant,
        siren=table["siren"].yes() if "siren" in table else general.siren,
        life=_duration(table["life"], LIFE) if "life" in table else LIFE,
    )


def _template(place: Place) -> Template | None:
    there = templates()
    if place.text in there:
        return there[place.text]
    near = difflib.get_close_matches(place.text, list(there), n=1)
    hint = f"did you mean “{near[0]}”?" if near else f"there are: {', '.join(sorted(there))}"
    place.findings.add(place, f"there is no template “{place.text}”; {hint}", "その定型文はありません。")
    return None


def _check_values(place: Place, template: Template, values: Mapping[str, str]) -> None:
    blanks = {blank.name: blank for blank in template.blanks}
    for key in values:
        if key.partition("@")[0] not in blanks:
            place.findings.add(
                place,
                f"template {template.id} has no blank “{key}”; it has {', '.join(blanks)}",
                f"定型文に「{key}」の項目はありません。",
            )
    for blank in template.blanks:
        if blank.required and not values.get(blank.name):
            place.findings.add(
                place,
                f"“{blank.name}” is left blank; add, for example, “{blank.name}: {blank.example}” to the values",
                f"「{blank.label['ja']}」が空欄です。例：{blank.example}",
            )


def _announcements(place: Place | None, general: _General, title: Mapping[str, str]) -> tuple[Step, ...]:
    made = []
    for one in place.items() if place is not None else []:
        table = one.table(_ANNOUNCE)
        eve = after = None
        if "at" in table:
            words = table["at"].text.lower()
            eve = _time(table["at"], words.removeprefix("day before").strip())
        elif "before" in table:
            after = -_duration(table["before"], timedelta(minutes=10))
        else:
            one.findings.add(one, "say when: “at: day before 17:00” or “before: 10m”")
        made.append(
            Step(
                part=Part.ANNOUNCEMENT,
                after=after,
                eve=eve,
                template="drill-notice",
                values=_called(title),
                channels=table["channels"].texts() if "channels" in table else general.channels,
                areas=_areas(table["areas"]) if "areas" in table else general.areas,
                meant=_meant(table["audience"]) if "audience" in table else general.meant,
                life=timedelta(hours=12) if eve is not None else timedelta(minutes=30),
            )
        )
    return tuple(sorted(made, key=lambda step: (step.eve is None, step.after or timedelta())))


def _abort(place: Place | None, general: _General, title: Mapping[str, str], told: list[Step]) -> Step:
    """The word to all who heard of the drill; over the channels that it names, else all that were used."""
    table = place.table(("channels",)) if place is not None else {}
    used = tuple(dict.fromkeys(name for step in told for name in step.channels))
    everywhere = any(not step.channels for step in told)
    meant = tuple(dict.fromkeys(one for step in told for one in step.meant)) or general.meant
    return Step(
        part=Part.ABORT,
        after=None,
        template="drill-abort",
        values=_called(title),
        channels=table["channels"].texts() if "channels" in table else () if everywhere else used,
        areas=()
        if any(not step.areas for step in told)
        else tuple(dict.fromkeys(name for step in told for name in step.areas)),
        meant=(Meant.EVERYBODY,) if Meant.EVERYBODY in meant else meant,
        life=timedelta(hours=12),
    )


def _called(title: Mapping[str, str]) -> Mapping[str, str]:
    names = {"drill_name": title.get("ja", "")}
    return names | {f"drill_name@{language}": name for language, name in title.items() if language != "ja"}


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
            place.findings.add(table["percent"], "must be a whole number from 1 to 100")
    within = _duration(table["within"], goal.within) if "within" in table else goal.within
    return Goal(percent, within)


def _areas(place: Place) -> tuple[str, ...]:
    names = place.texts()
    return () if any(name.lower() in ALL for name in names) else names


def _meant(place: Place) -> tuple[Meant, ...]:
    found = tuple(dict.fromkeys(one for item in place.items() if (one := _one_of(item, Meant)) is not None))
    if Meant.EVERYBODY in found and len(found) > 1:
        place.findings.add(place, "“everybody” stands alone; leave the others out")
    return found or (Meant.SUBSCRIBERS,)


def _one_of(place: Place, members: type[Member]) -> Member | None:
    for member in members:
        if place.text.lower() == member.value:
            return member
    place.findings.add(place, f"must be one of {', '.join(member.value for member in members)}")
    return None


def _time(place: Place, words: str | None = None) -> time | None:
    try:
        return time.fromisoformat((place.text if words is None else words).zfill(5))
    except ValueError:
        place.findings.add(place, 'is no time of day; write "09:00"', "時刻は 09:00 の形で書いてください。")
        return None


def _date(place: Place) -> date | None:
    try:
        return date.fromisoformat(place.text)
    except ValueError:
        place.findings.add(place, "is no date; write 2027-06-27", "日付は 2027-06-27 の形で書いてください。")
        return None


def _duration(place: Place, otherwise: timedelta) -> timedelta:
    found = _LENGTH.fullmatch(place.text.lower())
    if not place.text or found is None or not (length := _length(found)):
        place.findings.add(place, "is no length of time; write 10m, 2h or 1h30m", "例：10m、2h")
        return otherwise
    return length


def _length(found: re.Match[str]) -> timedelta:
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return timedelta(hours=hours, minutes=minutes, seconds=seconds)
