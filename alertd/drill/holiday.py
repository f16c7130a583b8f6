"""Japan's public holidays, by the law that makes them (国民の祝日に関する法律), for 2007 to 2099.

Equinoxes are computed; the government's gazette names them each February and has agreed
with the formula so far. Holidays that the Diet moves for one year must be named as
exceptions in the scenario.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache

_MONDAY = 0
#: month, day
_FIXED = ((1, 1), (2, 11), (2, 23), (4, 29), (5, 3), (5, 4), (5, 5), (8, 11), (11, 3), (11, 23))
#: month, which Monday of it
_MONDAYS = ((1, 2), (7, 3), (9, 3), (10, 2))


def is_holiday(day: date) -> bool:
    """Whether the day is a public holiday, one in its stead, or one between two of them."""
    return day in _holidays(day.year)


@cache
def _holidays(year: int) -> frozenset[date]:
    named = {date(year, month, day) for month, day in _FIXED}
    named |= {_nth_monday(year, month, nth) for month, nth in _MONDAYS}
    named |= {date(year, 3, _equinox(year, 20.8431)), date(year, 9, _equinox(year, 23.2488))}
    found = set(named)
    for day in sorted(named):
        if day.weekday() == 6:  # article 3, paragraph 2: the next day that is none
            instead = day
            while instead in named:
                instead += timedelta(days=1)
            found.add(instead)
        if day + timedelta(days=2) in named:  # paragraph 3: a day between two
            found.add(day + timedelta(days=1))
    return frozenset(found)


def _nth_monday(year: int, month: int, nth: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(_MONDAY - first.weekday()) % 7 + 7 * (nth - 1))


def _equinox(year: int, base: float) -> int:
    """The day of the month for 1980 to 2099; `base` is its hour in 1980, as days of the month."""
    passed = year - 1980
    return int(base + 0.242194 * passed - passed // 4)
