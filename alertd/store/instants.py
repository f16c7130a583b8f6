"""Instants that the database rounds down, so that it can count by them, on SQLite and PostgreSQL alike."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, SQLColumnExpression, cast, extract, func
from sqlalchemy.orm import Session

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: what SQLite stores for a second (see `alertd.tables.Instant`)
_MICROSECONDS = 1_000_000


def ticks(session: Session, column: SQLColumnExpression[Any], per_second: int) -> ColumnElement[int]:
    """Whole parts of a second since 1970."""
    if session.get_bind().dialect.name == "postgresql":
        return cast(func.floor(extract("epoch", column) * per_second), BigInteger)
    return cast(column, BigInteger) // (_MICROSECONDS // per_second)


def moment(ticks: int, per_second: int) -> datetime:
    """The instant at which that part of a second begins."""
    return _EPOCH + ticks * timedelta(seconds=1) / per_second
