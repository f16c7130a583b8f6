"""The forecast of a dispatch, before it goes out and while it does."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from alertd import forecast, receive
from alertd.channel import Outcome, Reason, Receipt
from alertd.db import reading, writing
from alertd.demo.telephone_network import TelephoneNetwork
from alertd.report import report
from alertd.site import Site
from alertd.store import answers
from alertd.tables import DeliveryRow
from tests.flow.call_city import CallCity, call_city


def seconds_left(city: CallCity, dispatch: int) -> float:
    with reading(city.site.engine) as session:
        told = report(session, dispatch, site=city.site).eta_at
        assert told is not None
        return (told - city.site.clock.now()).total_seconds()


def say_of_all(site: Site, dispatch: int, outcome: Outcome, reason: Reason | None, number: int) -> None:
    with writing(site.engine) as session:
        for delivery in range(1, number + 1):
            session.get_one(DeliveryRow, delivery).attempt = 1
            said = Receipt(key="", outcome=outcome, reason=reason)
            receive.record(session, site, delivery, 1, said, site.clock.now())


def test_the_forecast_learns_from_the_answers(tmp_path: Path) -> None:
    with call_city(tmp_path, f"sqlite:///{tmp_path / 'a.db'}", TelephoneNetwork(), lines=10) as city:
        numbers = [f"+8125620{n:04}" for n in range(100)]
        [before] = forecast.preview(city.site, {"phone": 100}, {"phone": 5.0}).values()
        dispatch = city.begin(numbers)
        assert abs(seconds_left(city, dispatch) - before.all_rounds.total_seconds()) < 2
        say_of_all(city.site, dispatch, Outcome.DEFERRED, Reason.NO_ANSWER, 30)
        with reading(city.site.engine) as session:
            told = answers(session, dispatch, "phone")
        assert (told.concluded, told.answered) == (30, 0)
        assert seconds_left(city, dispatch) > before.all_rounds.total_seconds(), "nobody answers"


def test_a_dispatch_with_nothing_open_has_no_end_to_come(tmp_path: Path) -> None:
    with call_city(tmp_path, f"sqlite:///{tmp_path / 'a.db'}", TelephoneNetwork()) as city:
        dispatch = city.begin(["+81256200001"])
        say_of_all(city.site, dispatch, Outcome.DELIVERED, None, 1)
        with reading(city.site.engine) as session:
            assert report(session, dispatch, site=city.site).eta_at is None
        assert forecast.preview(city.site, {"phone": 0})["phone"].all_rounds == timedelta()
