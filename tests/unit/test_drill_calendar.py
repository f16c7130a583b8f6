"""On which days a drill takes place: rules in words, holidays, zones and the change of clocks."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as some

from alertd.drill.calendar import Holidays, Rule, instant, read_days
from alertd.drill.holiday import is_holiday

JAPAN, BERLIN, NEW_YORK = ZoneInfo("Asia/Tokyo"), ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
NOW = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
RULES = {
    "fourth Sunday of June": "2027-06-27",
    "last Friday of every month": "2026-11-27",
    "first Monday of January and May": "2027-01-04",
    "every Monday": "2026-11-30",
    "day 31 of every month": "2026-12-31",
    "June 20": "2027-06-20",
    "6月第4日曜日": "2027-06-27",
    "６月 第４日曜": "2027-06-27",
    "毎月第1金曜日": "2026-12-04",
    "毎月最終水曜日": "2026-11-25",
    "毎週月曜日": "2026-11-30",
    "毎月1日": "2026-12-01",
    "6月20日": "2027-06-20",
}


@pytest.mark.parametrize(("words", "day"), RULES.items())
def test_a_rule_in_words_names_its_next_day(words: str, day: str) -> None:
    rule = Rule(days=read_days(words), at=time(9), zone=JAPAN)
    found = rule.after(NOW)
    assert found == datetime.fromisoformat(f"{day}T09:00+09:00")


@pytest.mark.parametrize(
    "words",
    ["", "Sunday", "first Sunday", "sixth Sunday of June", "day 31 of June", "13月1日", "2月30日", "June"],
)
def test_words_that_name_no_day_are_refused(words: str) -> None:
    with pytest.raises(ValueError, match="“"):
        read_days(words)


@given(some.sampled_from(sorted(RULES)), some.integers(0, 14 * 365 * 24 * 60))
def test_what_comes_after_is_later_and_nothing_lies_between(words: str, minutes: int) -> None:
    rule = Rule(days=read_days(words), at=time(9), zone=JAPAN)
    now = NOW + timedelta(minutes=minutes)
    first = rule.after(now)
    assert first is not None and first > now
    second = rule.after(first)
    assert second is not None and second > first
    assert rule.after(first - timedelta(microseconds=1)) == first


def test_a_drill_keeps_its_time_of_day_when_the_clocks_change() -> None:
    rule = Rule(days=read_days("every Sunday"), at=time(9), zone=BERLIN)
    moment = datetime(2027, 3, 1, tzinfo=UTC)
    for _ in range(40):
        found = rule.after(moment)
        assert found is not None
        assert found.astimezone(BERLIN).time() == time(9)
        moment = found


def test_a_time_that_is_skipped_comes_later_and_one_that_is_repeated_comes_once() -> None:
    assert instant(date(2027, 3, 28), time(2, 30), BERLIN) == datetime(2027, 3, 28, 1, 30, tzinfo=UTC)
    assert instant(date(2027, 10, 31), time(2, 30), BERLIN) == datetime(2027, 10, 31, 0, 30, tzinfo=UTC)
    rule = Rule(days=read_days("every Sunday"), at=time(1, 30), zone=NEW_YORK)
    first = rule.after(datetime(2027, 11, 7, 0, 0, tzinfo=UTC))
    assert first == datetime(2027, 11, 7, 5, 30, tzinfo=UTC), "01:30 comes twice that day; the first one"
    again = rule.after(first)
    assert again is not None and again.astimezone(NEW_YORK).date() == date(2027, 11, 14)


@pytest.mark.parametrize(
    ("holidays", "day"),
    [
        (Holidays.KEEP, "2027-05-03"),
        (Holidays.SKIP, "2027-05-10"),
        (Holidays.NEXT_DAY, "2027-05-06"),
        (Holidays.NEXT_WEEK, "2027-05-10"),
    ],
)
def test_holidays_are_kept_skipped_or_moved(holidays: Holidays, day: str) -> None:
    rule = Rule(days=read_days("every Monday"), at=time(9), zone=JAPAN, holidays=holidays)
    found = rule.after(datetime(2027, 5, 1, tzinfo=UTC))
    assert found is not None and str(found.astimezone(JAPAN).date()) == day


def test_excepted_days_are_treated_as_holidays_are() -> None:
    days, off = read_days("fourth Sunday of June"), frozenset({date(2027, 6, 27)})
    skipped = Rule(days=days, at=time(7), zone=JAPAN, excepted=off)
    moved = Rule(days=days, at=time(7), zone=JAPAN, holidays=Holidays.NEXT_WEEK, excepted=off)
    assert skipped.after(NOW) == datetime.fromisoformat("2028-06-25T07:00+09:00")
    assert moved.after(NOW) == datetime.fromisoformat("2027-07-04T07:00+09:00")


def test_the_holidays_of_japan_are_those_of_the_law() -> None:
    # the Cabinet Office's list for 2026: 22 September lies between two, 6 May stands in for a Sunday
    wanted = (
        "01-01 01-12 02-11 02-23 03-20 04-29 05-03 05-04 05-05 05-06 07-20 08-11 09-21 09-22 09-23 10-12 "
        "11-03 11-23"
    ).split()
    first = date(2026, 1, 1)
    year = [first + timedelta(days=number) for number in range(365)]
    assert [f"{day:%m-%d}" for day in year if is_holiday(day)] == wanted
