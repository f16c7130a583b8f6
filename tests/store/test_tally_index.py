"""A board of a million deliveries reads an index and no row; visits and calls for help are found from the few."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from alertd import store
from alertd.db import open_database, reading, upgrade
from alertd.help_wanted import help_wanted
from tests.factories import START


def _plans(session: Session, number: int) -> list[str]:
    """How SQLite answers the last statements of a session."""
    asked: list[tuple[str, Any]] = []
    bind = session.get_bind()

    def note(_connection, _cursor, statement: str, parameters: Any, *_: object) -> None:
        asked.append((statement, parameters))

    event.listen(bind, "before_cursor_execute", note)
    try:
        (
            lambda: store.tally(session, 1, ["mail", "phone"]),
            lambda: store.met_at_the_door(session, 1),
            lambda: help_wanted(session, since=START - timedelta(hours=72)),
        )[number]()
    finally:
        event.remove(bind, "before_cursor_execute", note)
    cursor = session.connection().connection.cursor()
    return [
        row[3]
        for statement, values in asked
        for row in cursor.execute(f"EXPLAIN QUERY PLAN {statement}", values)
    ]


@pytest.fixture
def session(tmp_path: Path):
    engine = open_database(f"sqlite:///{tmp_path / 'plans.db'}")
    upgrade(engine)
    with engine.begin() as connection:
        connection.execute(text("ANALYZE"))
    with reading(engine) as session:
        yield session
    engine.dispose()


def test_the_tally_is_counted_from_its_index_alone(session: Session) -> None:
    found = [line for line in _plans(session, 0) if "delivery" in line]
    by = "SEARCH delivery USING COVERING INDEX ix_delivery_tally (dispatch_id=? AND channel=? AND outcome=?)"
    assert found == [by, by], "each looks at its own part of it"


@pytest.mark.parametrize("number", [1, 2])
def test_what_is_rare_is_not_looked_for_among_all(session: Session, number: int) -> None:
    plan = _plans(session, number)
    assert not [line for line in plan if line.startswith("SCAN delivery") and "help" not in line], plan
    assert not [
        line for line in plan if "delivery USING" in line and "dispatch_id=?" in line and "help" not in line
    ]
