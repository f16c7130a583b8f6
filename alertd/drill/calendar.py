"""The calendar rule of a drill: on which days it takes place, read from a few plain words.

`first Sunday of June`, `last Friday of every month`, `every Monday`, `day 1 of every
month`, `June 20`; or 6月第4日曜日, 毎月第1金曜日, 毎週月曜日, 毎月1日, 6月20日. The time of
day is that of the drill's own zone; a time that the change of clocks skips comes as much
later as the clocks are put on, and one that comes twice is the first of the two.
"""

from __future__ import annotations

import calendar
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from alertd.drill.holiday import is_holiday

#: how far ahead a rule is followed, in months; a rule without a day in it is wrong
HORIZON = 60

_WEEKDAYS = {name: number for number, name in enumerate(
    ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
)}  # fmt: skip
_MONTHS = {name.lower(): number for number, name in enumerate(calendar.month_name) if name}
_ORDINALS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "last": -1}
_KANJI = {name: number for number, name in enumerate("月火水木金土日")}

_NTH = re.compile(r"(first|second|third|fourth|fifth|last) (\w+day) of (every month|[\w ,]+)")
_WEEKLY = re.compile(r"every (\w+day)")
_DAY_OF = re.compile(r"day (\d{1,2}) of (every month|[\w ,]+)")
_ONE_DAY = re.compile(r"([a-z]+) (\d{1,2})")
_JA_NTH = re.compile(r"(毎月|\d{1,2}月)の?(?:第([1-5])|(最終))([月火水木金土日])曜日?")
_JA_WEEKLY = re.compile(r"毎週([月火水木金土日])曜日?")
_JA_DAY = re.compile(r"(毎月|\d{1,2}月)(\d{1,2})日")


class Holidays(StrEnum):
    """What becomes of a drill on a public holiday, or on a day that the scenario excepts."""

    #: it takes place all the same
    KEEP = "keep"
    #: it does not take place this time
    SKIP = "skip"
    #: on the first day after it that is none
    NEXT_DAY = "next-day"
    #: a week later
    NEXT_WEEK = "next-week"


@dataclass(frozen=True, slots=True, kw_only=True)
class Days:
    """The days that a rule names; `weekday` None = `day` of the month, `months` empty = every month."""

    months: tuple[int, ...] = ()
    #: 0 = Monday
    weekday: int | None = None
    #: which of them in the month; -1 = the last, None = every week
    nth: int | None = None
    day: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """When a drill takes place."""

    days: Days
    at: time
    zone: ZoneInfo
    holidays: Holidays = Holidays.KEEP
    #: days on which it does not take place, treated as holidays are (KEEP: skipped)
    excepted: frozenset[date] = frozenset()

    def after(self, moment: datetime) -> datetime | None:
        """The first start after the moment, UTC; None when the rule names no day any more."""
        start = moment.astimezone(self.zone).date() - timedelta(days=8)
        for day in _named(self.days, start):
            moved = self._moved(day)
            if moved is not None and (found := instant(moved, self.at, self.zone)) > moment:
                return found
        return None

    def _moved(self, day: date) -> date | None:
        """The day on which the drill of a named day takes place; None = not at all."""
        step = {Holidays.NEXT_DAY: 1, Holidays.NEXT_WEEK: 7}.get(self.holidays)
        for _ in range(60):
            free = self.holidays is not Holidays.KEEP and is_holiday(day)
            if day not in self.excepted and not free:
                return day
            if step is None:
                return None
            day += timedelta(days=step)
        return None


def instant(day: date, at: time, zone: ZoneInfo) -> datetime:
    """That time of that day in the zone, UTC; PEP 495's `fold` 0 decides what clocks skip or repeat."""
    return datetime.combine(day, at, zone).astimezone(UTC)


def read_days(words: str) -> Days:
    """The days of a rule in words. Raises ValueError when they say nothing that is known."""
    text = " ".join(unicodedata.normalize("NFKC", words).strip().lower().split())
    packed = text.replace(" ", "")
    if found := _NTH.fullmatch(text):
        return _checked(
            Days(months=_months(found[3]), weekday=_weekday(found[2]), nth=_ORDINALS[found[1]]), words
        )
    if found := _WEEKLY.fullmatch(text):
        return Days(weekday=_weekday(found[1]))
    if found := _DAY_OF.fullmatch(text):
        return _checked(Days(months=_months(found[2]), day=int(found[1])), words)
    if found := _ONE_DAY.fullmatch(text):
        return _checked(Days(months=_months(found[1]), day=int(found[2])), words)
    if found := _JA_NTH.fullmatch(packed):
        nth = -1 if found[3] else int(found[2])
        return _checked(Days(months=_ja_months(found[1]), weekday=_KANJI[found[4]], nth=nth), words)
    if found := _JA_WEEKLY.fullmatch(packed):
        return Days(weekday=_KANJI[found[1]])
    if found := _JA_DAY.fullmatch(packed):
        return _checked(Days(months=_ja_months(found[1]), day=int(found[2])), words)
    raise ValueError(f"“{words}” is no rule")


def _named(days: Days, start: date) -> Iterator[date]:
    """The days from `start` on, in their order."""
    if days.weekday is not None and days.nth is None:
        day = start + timedelta(days=(days.weekday - start.weekday()) % 7)
        for week in range(HORIZON * 5):
            yield day + timedelta(weeks=week)
        return
    for month in range(HORIZON):
        year, number = divmod(start.year * 12 + start.month - 1 + month, 12)
        if days.months and number + 1 not in days.months:
            continue
        found = _of_month(days, year, number + 1)
        if found is not None and found >= start:
            yield found


def _of_month(days: Days, year: int, month: int) -> date | None:
    length = calendar.monthrange(year, month)[1]
    if days.weekday is None:
        assert days.day is not None
        return date(year, month, days.day) if days.day <= length else None
    assert days.nth is not None
    fitting = [
        day
        for day in (date(year, month, number) for number in range(1, length + 1))
        if day.weekday() == days.weekday
    ]
    if days.nth < 0:
        return fitting[-1]
    return fitting[days.nth - 1] if days.nth <= len(fitting) else None


def _weekday(name: str) -> int:
    if name not in _WEEKDAYS:
        raise ValueError(f"“{name}” is no day of the week")
    return _WEEKDAYS[name]


def _months(words: str) -> tuple[int, ...]:
    if words == "every month":
        return ()
    names = [name for name in re.split(r",| and |\s", words) if name]
    unknown = [name for name in names if name not in _MONTHS]
    if unknown or not names:
        raise ValueError(f"“{' '.join(unknown)}” is no month")
    return tuple(sorted({_MONTHS[name] for name in names}))


def _ja_months(words: str) -> tuple[int, ...]:
    return () if words == "毎月" else (int(words[:-1]),)


def _checked(days: Days, words: str) -> Days:
    """The days, when there are any such."""
    if (
        any(not 1 <= month <= 12 for month in days.months)
        or next(_named(days, date(2027, 1, 1)), None) is None
    ):
        raise ValueError(f"“{words}” names no day that there is")
    return days
