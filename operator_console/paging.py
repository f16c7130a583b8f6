"""Paging: which part of a long list a visit asks for, and where the parts beside it are."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from operator_console.visit import Visit

#: rows on one page
SIZE = 100
#: characters of what is searched for
LONGEST_SEARCH = 100


@dataclass(frozen=True, slots=True)
class Wanted:
    """The words that every row must have, and how many fitting rows come before the page."""

    words: tuple[str, ...]
    start: int


@dataclass(frozen=True, slots=True)
class Part:
    """The rows from `start` on, of `total` that fit; `words` as they were typed."""

    words: str
    start: int
    total: int

    @property
    def first(self) -> int:
        """The number of the first row, from 1."""
        return min(self.start + 1, self.total)

    @property
    def last(self) -> int:
        """The number of the last row."""
        return min(self.start + SIZE, self.total)

    @property
    def before(self) -> str | None:
        """The query of the page before; None = this is the first."""
        return self._query(max(0, self.start - SIZE)) if self.start else None

    @property
    def after(self) -> str | None:
        """The query of the next page; None = this is the last."""
        return self._query(self.start + SIZE) if self.last < self.total else None

    def _query(self, start: int) -> str:
        return urlencode({"q": self.words, "from": start})


def wanted(visit: Visit) -> Wanted:
    """?q=WORDS&from=NUMBER; what is no number is the beginning."""
    given = visit.query.get("from", "")
    start = int(given) if given.isascii() and given.isdigit() and len(given) < 10 else 0
    return Wanted(tuple(visit.query.get("q", "")[:LONGEST_SEARCH].split()), start)


def part(asked: Wanted, total: int) -> Part:
    """The part that was asked for, of so many rows that fit."""
    return Part(" ".join(asked.words), asked.start, total)
