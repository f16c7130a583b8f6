"""An order never runs out for readers of CAP while it holds; what has ended is renewed no more."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from alertd import cap
from alertd.alert import Alert, MsgType, Status
from alertd.cap.profile import faults
from alertd.correction import cancellation
from alertd.orders import codes
from alertd.renewal import is_renewal, renewals
from tests.unit.test_orders import AREAS, CITY, NOW, order

HOUR = timedelta(hours=1)


def until(hours: float, *alerts: Alert) -> list[Alert]:
    return list(renewals(alerts, AREAS, NOW + hours * HOUR))


def at(alert: Alert) -> float:
    return (alert.sent - NOW) / HOUR


def covered(moment: datetime, *alerts: Alert) -> bool:
    return any(one.sent <= moment < (one.expires or moment) for one in alerts)


def test_a_document_of_six_hours_is_renewed_an_hour_before_it_runs_out_again_and_again() -> None:
    first = order("flood-4", "RNN", "RHK")
    assert until(4.9, first) == []
    renewed = until(24, first)
    assert [at(one) for one in renewed] == [5, 10, 15, 20]
    assert all(covered(NOW + hour * HOUR, first, *renewed) for hour in range(24))
    assert [one.references for one in renewed[:2]] == [
        (first.reference,),
        (first.reference, renewed[0].reference),
    ]
    assert until(24, first) == renewed, "whoever asks finds the same"
    one = cap.parse(cap.write(renewed[0]))
    assert one.msg_type is MsgType.UPDATE and one.infos[0].description == first.infos[0].description
    assert list(faults(one, CITY)) == []
    assert all(map(is_renewal, (one.identifier for one in renewed))) and not is_renewal(first.identifier)


def test_what_is_lifted_is_renewed_no_more_and_its_last_renewal_is_closed() -> None:
    first = order("flood-4", "RNN")
    lifted = order("flood-lifted", "RNN", at=7 * 60)
    *renewed, closed = until(48, first, lifted)
    assert [at(one) for one in renewed] == [5]
    assert (closed.msg_type, closed.references, at(closed)) == (MsgType.CANCEL, (renewed[0].reference,), 7)
    assert cap.parse(cap.write(closed)) == closed


def test_what_ends_before_it_was_renewed_needs_no_closing() -> None:
    first = order("flood-4", "RNN")
    assert until(48, first, order("flood-lifted", "RNN", at=60)) == []
    wrong = cancellation(first, identifier="c", sent=NOW + HOUR, expires=NOW + 2 * HOUR, city=CITY)
    assert until(48, first, wrong) == []


def test_it_is_renewed_only_where_it_still_holds() -> None:
    first = order("flood-4", "RNN", "RHK")
    (renewed,) = until(6, first, order("flood-lifted", "RHK", at=60))
    assert {code for info in renewed.infos for code in codes(info.areas, AREAS)} == {"RNN"}


def test_neither_drills_nor_what_ends_by_itself_is_renewed() -> None:
    assert until(48, order("flood-4", "RNN", status=Status.EXERCISE), order("heavy-snow", "RNN")) == []


def test_even_a_document_of_a_few_minutes_is_renewed_in_time() -> None:
    first = order("flood-4", "RNN")
    brief = replace(
        first, infos=tuple(replace(info, expires=NOW + timedelta(minutes=30)) for info in first.infos)
    )
    renewed = until(2, brief)
    assert [at(one) for one in renewed] == [0.25 * n for n in range(1, 9)]
