"""The Frontier: up to which row a table that only grows has been read.

SQLite has one writer, so numbers come in the order of the commits. PostgreSQL gives them
out before: a row may appear below the last one that was seen, and the gaps are looked at again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, func, not_, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

#: how far below the last row somebody may still be writing when reading begins
LOOK_BACK = 20_000
#: gaps that are kept; of more, the last ones
MOST = 100


@dataclass(frozen=True, slots=True)
class Frontier:
    """Everything up to `last` has been read, except what may still appear in `gaps` (first and last id)."""

    last: int
    gaps: tuple[tuple[int, int], ...] = ()

    def beyond(self, number: ColumnElement[int] | InstrumentedAttribute[int]) -> ColumnElement[bool]:
        """Whether a row has not been read yet."""
        return or_(number > self.last, *(number.between(first, last) for first, last in self.gaps))

    def within(self, number: ColumnElement[int] | InstrumentedAttribute[int]) -> ColumnElement[bool]:
        """Whether a row has been read."""
        return and_(number <= self.last, *(not_(number.between(first, last)) for first, last in self.gaps))


def newest(session: Session, number: InstrumentedAttribute[int]) -> int:
    """The highest number so far; 0 = the table is empty."""
    return session.scalar(select(func.max(number))) or 0


def here(session: Session, number: InstrumentedAttribute[int]) -> Frontier:
    """The frontier of this snapshot."""
    last = newest(session, number)
    return moved(session, number, Frontier(max(0, last - LOOK_BACK)))


def moved(session: Session, number: InstrumentedAttribute[int], before: Frontier) -> Frontier:
    """The frontier of this snapshot, from an earlier one."""
    last = newest(session, number)
    if session.get_bind().dialect.name != "postgresql":
        return Frontier(max(last, before.last))
    read = before.beyond(number)
    island = (number - func.row_number().over(order_by=number)).label("island")
    numbered = select(number.label("number"), island).where(read).subquery()
    rows = session.execute(
        select(func.min(numbered.c.number), func.max(numbered.c.number))
        .group_by(numbered.c.island)
        .order_by(func.min(numbered.c.number))
    ).all()
    unread = [*before.gaps, (before.last + 1, max(last, before.last))]
    gaps = list(_without(unread, [(first, end) for first, end in rows]))
    return Frontier(max(last, before.last), tuple(gaps[-MOST:]))


def _without(
    ranges: Sequence[tuple[int, int]], taken: Sequence[tuple[int, int]]
) -> Iterator[tuple[int, int]]:
    """What is left of ascending ranges when ascending `taken` ones are cut out."""
    for first, last in ranges:
        for begin, end in taken:
            if end < first or begin > last:
                continue
            if begin > first:
                yield first, begin - 1
            first = end + 1
        if first <= last:
            yield first, last
