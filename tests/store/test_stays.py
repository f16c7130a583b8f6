"""The database itself: the audit trail stays as it is, and nobody approves a real alert of their own."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, delete, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from alertd import audit
from alertd.alert import Status
from alertd.db import open_database, reading, upgrade, writing
from alertd.tables import AlertRow, AuditRow, DispatchRow, OperatorRow

NOW = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)


@pytest.fixture
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    kind = request.param
    url = request.getfixturevalue("furnished_url") if kind == "postgres" else f"sqlite:///{tmp_path / 'a.db'}"
    made = open_database(url)
    if kind == "sqlite":
        upgrade(made)
    with writing(made) as session:
        for number in range(3):
            audit.note(
                session, at=NOW, actor="承認", action="dispatch.approved", subject=f"dispatch:{number}"
            )
    yield made
    made.dispose()


on_both = pytest.mark.parametrize("engine", ["sqlite", "postgres"], indirect=True)


@on_both
@pytest.mark.parametrize(
    "statement",
    [update(AuditRow).values(actor="x"), delete(AuditRow).where(AuditRow.id == 3), delete(AuditRow)],
)
def test_no_row_of_the_audit_trail_is_changed_or_erased(engine: Engine, statement: object):
    with pytest.raises(DBAPIError, match="only ever added to"), writing(engine) as session:
        session.execute(statement)  # type: ignore[call-overload]
    with reading(engine) as session:
        assert audit.verify(session) is None and audit.head(session).rows == 3


@pytest.mark.parametrize("engine", ["postgres"], indirect=True)
def test_the_trail_is_not_emptied_in_one_go(engine: Engine):
    with pytest.raises(DBAPIError, match="only ever added to"), writing(engine) as session:
        session.execute(text("TRUNCATE audit"))


def _submitted(engine: Engine, status: Status, **more: object) -> int:
    """A dispatch of the first operator."""
    with writing(engine) as session:
        for number in (1, 2):
            if session.get(OperatorRow, number) is None:
                session.add(
                    OperatorRow(id=number, name=f"o{number}", password_hash="!", roles=[], created_at=NOW)
                )
        session.flush()
        alert = AlertRow(
            identifier="a", sender="a", sent=NOW, status=status, msg_type="Alert", headline="a",
            document=b"a", created_at=NOW,
        )  # fmt: skip
        session.add(alert)
        session.flush()
        known = {
            "alert_id": alert.id, "state": "submitted", "priority": 0, "audience": {}, "channels": [],
            "counts": {}, "content_hash": "0", "audience_hash": "0", "expires_at": NOW, "submitted_by": 1,
            "submitted_at": NOW, "stops": {}, "life_threat": False,
        }  # fmt: skip
        session.execute(insert(DispatchRow).values({**known, **more}))
        return int(session.scalars(select(DispatchRow.id)).one())


def _approve(engine: Engine, number: int, by: int, **more: object) -> None:
    with writing(engine) as session:
        values = {"approved_by": by, "state": "approved", **more}
        session.execute(update(DispatchRow).where(DispatchRow.id == number).values(values))


@on_both
def test_a_real_alert_is_not_approved_by_its_author_whatever_the_program_says(engine: Engine):
    number = _submitted(engine, Status.ACTUAL)
    with pytest.raises(DBAPIError, match="not approved by its author"):
        _approve(engine, number, by=1)
    _approve(engine, number, by=2)


@on_both
def test_nor_does_it_come_into_the_database_so(engine: Engine):
    with pytest.raises(DBAPIError, match="not approved by its author"):
        _submitted(engine, Status.ACTUAL, approved_by=1)


@on_both
def test_a_drill_and_the_emergency_override_need_one_person(engine: Engine):
    _approve(engine, _submitted(engine, Status.EXERCISE), by=1)
    with writing(engine) as session:
        session.execute(delete(DispatchRow))
        session.execute(delete(AlertRow))
    _approve(engine, _submitted(engine, Status.ACTUAL), by=1, override_reason="堤防が切れた")
