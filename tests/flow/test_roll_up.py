"""Rolling up: what a year leaves of an alert are its counts, and its report does not change."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from alertd import plan, retention, roll_up
from alertd.db import reading, writing
from alertd.dispatch import State
from alertd.report import report
from alertd.result import result
from alertd.store import figures
from alertd.tables import AuditRow, DeliveryRow, DispatchRow, ReceiptRow, RolledUpRow
from tests import factories
from tests.flow.conftest import City

A_YEAR = timedelta(days=366)


@pytest.fixture
def sent(city: City) -> int:
    """An alert to eight people that is over, and one after it."""
    factories.add_people(city.site, [f"p{n}@example.jp" for n in range(8)])
    first = _send(city, "sanjo.1")
    _send(city, "sanjo.2")
    return first


def _send(city: City, identifier: str) -> int:
    dispatch = factories.submit(city.site, factories.make_alert(identifier=identifier))
    factories.approve(city.site, dispatch)
    plan.plan(city.site, dispatch)
    city.drain()
    city.tick()
    with reading(city.site.engine) as session:
        assert session.get_one(DispatchRow, dispatch).state is State.FINISHED
    return dispatch


def _rows(city: City, dispatch: int) -> tuple[int, int]:
    ours = select(DeliveryRow.id).where(DeliveryRow.dispatch_id == dispatch)
    with reading(city.site.engine) as session:
        return (
            len(session.scalars(ours).all()),
            session.scalar(select(func.count()).where(ReceiptRow.delivery_id.in_(ours))) or 0,
        )


def test_after_a_year_the_counts_are_left_and_say_the_same(city: City, sent: int) -> None:
    with reading(city.site.engine) as session:
        before, came_to = report(session, sent), result(session, sent)
    assert retention.run(city.site, by="tests").dispatches == 0
    city.clock.advance(A_YEAR)
    assert retention.run(city.site, by="tests", dry_run=True).dispatches == 1
    assert _rows(city, sent)[0] == 8, "a dry run takes nothing away"
    assert retention.run(city.site, by="tests").dispatches == 1
    assert _rows(city, sent) == (0, 0)
    with reading(city.site.engine) as session:
        after, comes_to = report(session, sent), result(session, sent)
        note = session.scalars(select(AuditRow).where(AuditRow.action == "retention.run")).one()
    assert after.rolled_up_at == city.clock.now() and note.detail["dispatches"] == 1
    assert after.as_json() == before.as_json()
    assert comes_to.figures() == came_to.figures() and comes_to.pace.reached == 8
    assert retention.run(city.site, by="tests").dispatches == 0


def test_the_latest_alert_keeps_its_rows_so_that_no_number_is_given_out_twice(city: City, sent: int) -> None:
    with reading(city.site.engine) as session:
        latest = session.scalar(select(func.max(DeliveryRow.id)))
    city.clock.advance(A_YEAR)
    retention.run(city.site, by="tests")
    with reading(city.site.engine) as session:
        assert session.scalar(select(func.max(DeliveryRow.id))) == latest
        assert roll_up.old_enough(session, city.clock.now()) == []


def test_a_run_that_died_in_the_middle_is_finished_by_the_next(
    city: City, sent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with reading(city.site.engine) as session:
        before = report(session, sent).as_json()
    monkeypatch.setattr(roll_up, "_AT_ONCE", 3)
    city.clock.advance(A_YEAR)
    roll_up._keep(city.site, sent)
    ours = select(DeliveryRow).where(DeliveryRow.dispatch_id == sent).limit(3)
    with writing(city.site.engine) as session:
        for row in session.scalars(ours).all():
            for receipt in session.scalars(select(ReceiptRow).where(ReceiptRow.delivery_id == row.id)):
                session.delete(receipt)
            session.flush()
            session.delete(row)
    with reading(city.site.engine) as session:
        assert report(session, sent).as_json() == before, "the counts were kept before the first row went"
    assert retention.run(city.site, by="tests").dispatches == 1
    assert _rows(city, sent) == (0, 0)
    with reading(city.site.engine) as session:
        assert report(session, sent).as_json() == before


def test_what_is_still_due_is_not_taken_away(city: City, sent: int) -> None:
    with writing(city.site.engine) as session:
        row = session.scalars(select(DeliveryRow).where(DeliveryRow.dispatch_id == sent)).first()
        assert row is not None
        row.due_at = city.clock.now()
    city.clock.advance(A_YEAR)
    assert retention.run(city.site, by="tests").dispatches == 0
    with reading(city.site.engine) as session:
        assert session.get(RolledUpRow, sent) is None
        assert figures.said(session, sent).reached_at
