"""Rotation: a new key for personal data, and everything that is stored sealed anew with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sqlalchemy import BindParameter, Column, Table, bindparam, select, update
from sqlalchemy.orm import Session

from alertd import audit
from alertd.db import reading, writing
from alertd.sealed import Sealed, keys_of
from alertd.site import Site
from alertd.tables import Base

#: rows that are sealed anew in one transaction
_AT_ONCE = 1000


def rotate(site: Site, *, by: str, progress: Callable[[int], None] = lambda rows: None) -> int:
    """Makes a new key and seals everything with it; returns how many rows that were.

    Everything may go on meanwhile. Interrupted, it can be called again: that makes one more
    key. The old keys stay, because copies of the database need them.
    """
    ring = keys_of(site.engine.dialect)
    number = ring.add_key()
    done = 0
    for table, columns in sealed_columns():
        last = -1
        while True:
            with writing(site.engine) as session:
                rows, last = _seal_anew(session, table, columns, last)
            done += rows
            progress(done)
            if rows < _AT_ONCE:
                break
    with writing(site.engine) as session:
        now, detail = site.clock.now(), {"key": number, "rows": done}
        audit.note(session, at=now, actor=by, action="keys.rotated", subject=f"key:{number}", detail=detail)
    return done


def sealed_columns() -> Iterator[tuple[Table, list[Column[str]]]]:
    """Every table with personal data, and its sealed columns."""
    for table in Base.metadata.sorted_tables:
        columns = [column for column in table.columns if isinstance(column.type, Sealed)]
        if columns:
            yield table, columns


def check_keys(site: Site) -> None:
    """Opens the first and the last row of each table. Raises WrongSecret when the keys are not this database's."""
    with reading(site.engine) as session:
        for table, columns in sealed_columns():
            number = _number(table)
            for order in (number.asc(), number.desc()):
                session.execute(select(*columns).order_by(order).limit(1)).first()


def _number(table: Table) -> Column[int]:
    (key,) = table.primary_key.columns
    return key


def _seal_anew(session: Session, table: Table, columns: list[Column[str]], after: int) -> tuple[int, int]:
    """Seals the next rows; how many there were, and the last one's number."""
    number = _number(table)
    rows = session.execute(
        select(number, *columns).where(number > after).order_by(number).limit(_AT_ONCE).with_for_update()
    ).all()
    if rows:
        values: dict[str, BindParameter[str]] = {
            column.name: bindparam(f"new_{column.name}") for column in columns
        }
        session.connection().execute(
            update(table).where(number == bindparam("number")).values(values),
            [
                {
                    "number": row[0],
                    **{f"new_{c.name}": text for c, text in zip(columns, row[1:], strict=True)},
                }
                for row in rows
            ],
        )
    return len(rows), rows[-1][0] if rows else after
