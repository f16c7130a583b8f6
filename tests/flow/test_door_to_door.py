"""What is left to people: calls for help, the list of those not reached, and visits at the door."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from alertd import audit, receive
from alertd.alert import Status
from alertd.channel import Answer, Outcome, Reason, Receipt
from alertd.db import reading, writing
from alertd.dispatch import Person, Role
from alertd.errors import MoveRefused, NotFound
from alertd.help_wanted import help_wanted
from alertd.report import report
from alertd.store import receipts
from alertd.tables import DeliveryRow, RecipientRow
from alertd.taking import Visit, give_back, take
from alertd.unreached import places, unreached
from alertd.visit import visited, visits, way_to
from tests import factories
from tests.factories import APPROVER, WRITER
from tests.flow.conftest import City, MakeCity


@pytest.fixture
def city(make_city: MakeCity) -> City:
    city = make_city(attempts=3, retry_after=(60.0,), report_within=300.0)
    factories.add_people(city.site, ["busy@example.jp"])
    factories.add_people(city.site, ["refused@example.jp"], needs_support=True)
    factories.add_people(city.site, ["p1@example.jp", "p2@example.jp"])
    city.send(factories.submit(city.site))
    return city


def answer(city: City, delivery: int, answer: Answer) -> None:
    with writing(city.site.engine) as session:
        said = Receipt(key="", outcome=Outcome.ACKNOWLEDGED, answer=answer)
        receive.record(session, city.site, delivery, 1, said, city.clock.now())


def number_of(city: City, recipient: int) -> int:
    with reading(city.site.engine) as session:
        return session.scalars(select(DeliveryRow.id).where(DeliveryRow.recipient_id == recipient)).one()


def test_the_unreached_are_those_with_no_way_left_and_their_reasons(city: City) -> None:
    with reading(city.site.engine) as session:
        found = unreached(session, 1)
    told = {one.recipient_id: (one.tried[0].outcome, one.tried[0].reason, one.tried[0].open) for one in found}
    assert told == {
        1: (Outcome.DEFERRED, Reason.BUSY, True),
        2: (Outcome.FAILED, Reason.REFUSED, False),
    }
    assert [one.needs_support for one in found] == [True, False], "who needs support comes first"


def test_the_unreached_can_be_listed_by_association_and_page_by_page(city: City) -> None:
    with writing(city.site.engine) as session:
        session.get_one(RecipientRow, 2).association = "本町自治会"
    with reading(city.site.engine) as session:
        assert [one.recipient_id for one in unreached(session, 1, association="本町自治会")] == [2]
        assert [one.recipient_id for one in unreached(session, 1, association="")] == [1]
        assert unreached(session, 1, area="RHK") == []
        assert [one.recipient_id for one in unreached(session, 1, limit=1)] == [2]
        assert [one.recipient_id for one in unreached(session, 1, after=2)] == [1]
        assert unreached(session, 1, after=1) == []
        found = places(session, 1)
    told = {(one.area_name, one.association): (one.people, one.need_support, one.absent) for one in found}
    assert told == {("嵐南", ""): (1, 0, 0), ("嵐南", "本町自治会"): (1, 1, 0)}


def test_a_call_for_help_stays_on_the_list_until_somebody_takes_it(city: City) -> None:
    delivery = number_of(city, 3)
    answer(city, delivery, Answer.HELP)
    answer(city, number_of(city, 4), Answer.UNDERSTOOD)
    now = city.clock.now()
    with reading(city.site.engine) as session:
        [wanted] = help_wanted(session, 1)
    assert (wanted.delivery_id, wanted.taken_by, wanted.asked_at) == (delivery, None, now)
    with writing(city.site.engine) as session:
        assert take(session, delivery, WRITER, now)
        assert take(session, delivery, WRITER, now + timedelta(seconds=1)), "twice is harmless"
        assert not take(session, delivery, APPROVER, now), "somebody else was first"
    with reading(city.site.engine) as session:
        assert help_wanted(session, 1) == []
        [taken] = help_wanted(session, taken=True)
    assert (taken.taker, taken.taken_at) == (WRITER.name, now)


def test_what_cannot_be_looked_after_goes_back_on_the_list(city: City) -> None:
    delivery = number_of(city, 3)
    answer(city, delivery, Answer.HELP)
    with writing(city.site.engine) as session:
        take(session, delivery, WRITER, city.clock.now())
        give_back(session, delivery, WRITER, city.clock.now())
        assert [wanted.delivery_id for wanted in help_wanted(session)] == [delivery]
        with pytest.raises(NotFound):
            give_back(session, delivery, WRITER, city.clock.now())


def test_who_was_met_at_the_door_has_answered_and_is_not_called_again(city: City) -> None:
    delivery = number_of(city, 1)
    with writing(city.site.engine) as session:
        visited(session, city.site, delivery, WRITER, Visit.STAYING, "二階にいます", city.clock.now())
        row = session.get_one(DeliveryRow, delivery)
        assert (row.outcome, row.answer, row.due_at) == (Outcome.ACKNOWLEDGED, Answer.STAYING, None)
        said = receipts(session, delivery)[-1]
        assert (said.detail, said.said_by) == ("visited: staying", WRITER.id)
        assert [one.recipient_id for one in unreached(session, 1)] == [2]
        tally = report(session, 1).channels["mail"]
        assert (tally.outcomes["acknowledged"], tally.met) == (1, 1), "the mail had no part in it"
    with reading(city.site.engine) as session:
        assert audit.verify(session) is None


def test_an_empty_house_changes_nothing_of_what_is_still_to_come(city: City) -> None:
    delivery = number_of(city, 1)
    with writing(city.site.engine) as session:
        visited(session, city.site, delivery, WRITER, Visit.ABSENT, "", city.clock.now())
        row = session.get_one(DeliveryRow, delivery)
        assert (row.outcome, row.reason) == (Outcome.DEFERRED, Reason.BUSY) and row.due_at is not None
        [_, one] = unreached(session, 1)
        [place] = places(session, 1)
    assert place.absent == 1
    assert (one.tried[0].result, one.tried[0].taken_by) == (Visit.ABSENT, WRITER.id)
    city.clock.advance(timedelta(seconds=61))
    assert city.drain() == 1


def test_of_several_visits_the_last_one_speaks(city: City) -> None:
    now = city.clock.now()

    def told(delivery: int, result: Visit) -> tuple[Outcome | None, Answer | None]:
        with writing(city.site.engine) as session:
            visited(session, city.site, delivery, WRITER, result, "", now)
            row = session.get_one(DeliveryRow, delivery)
            return row.outcome, row.answer

    failed, deferred = number_of(city, 2), number_of(city, 1)
    assert told(failed, Visit.EVACUATED) == (Outcome.ACKNOWLEDGED, Answer.EVACUATING)
    assert told(failed, Visit.SAFE) == (Outcome.ACKNOWLEDGED, Answer.UNDERSTOOD)
    assert told(failed, Visit.ABSENT) == (Outcome.FAILED, None), "the wrong row of the sheet"
    assert told(deferred, Visit.SAFE)[0] is Outcome.ACKNOWLEDGED
    assert told(deferred, Visit.ABSENT)[0] is Outcome.DEFERRED
    assert city.drain() == 1, "and is called again"
    with reading(city.site.engine) as session:
        assert [one.recipient_id for one in unreached(session, 1)] == [2, 1]
        told_last = {one.recipient_id: one.result for one in visits(session, 1, 10)}
    assert told_last == {1: Visit.ABSENT, 2: Visit.ABSENT}


def test_a_visit_takes_back_nothing_that_a_channel_said(city: City) -> None:
    delivery = number_of(city, 3)
    answer(city, delivery, Answer.UNDERSTOOD)
    with writing(city.site.engine) as session:
        visited(session, city.site, delivery, WRITER, Visit.ABSENT, "", city.clock.now())
        assert session.get_one(DeliveryRow, delivery).outcome is Outcome.ACKNOWLEDGED


def test_a_visit_belongs_to_the_call_for_help(city: City) -> None:
    with writing(city.site.engine) as session:
        assert way_to(session, 1, 2) == number_of(city, 2)
        with pytest.raises(NotFound):
            way_to(session, 1, 99)


def test_whom_a_visitor_could_not_help_waits_for_somebody_else(city: City) -> None:
    delivery = number_of(city, 2)
    now = city.clock.now()
    with writing(city.site.engine) as session:
        visited(session, city.site, delivery, WRITER, Visit.NEEDS_HELP, "足をけが", now)
        [wanted] = help_wanted(session)
        assert (wanted.delivery_id, wanted.result, wanted.note) == (delivery, Visit.NEEDS_HELP, "足をけが")
        assert take(session, delivery, APPROVER, now)
        assert help_wanted(session) == []
        assert not take(session, delivery, WRITER, now)
        [taken] = help_wanted(session, taken=True)
    assert (taken.taker, taken.result, taken.note) == (APPROVER.name, None, "足をけが")


def test_a_trainee_touches_no_call_for_help_of_a_real_alert(make_city: MakeCity) -> None:
    city = make_city()
    factories.add_people(city.site, ["p1@example.jp"])
    city.send(factories.submit(city.site, factories.make_alert(status=Status.ACTUAL)))
    trainee = Person(4, "研修 三郎", frozenset({Role.TRAINEE}))
    delivery = number_of(city, 1)
    with writing(city.site.engine) as session:
        for deed in (
            lambda: take(session, delivery, trainee, city.clock.now()),
            lambda: visited(session, city.site, delivery, trainee, Visit.SAFE, "", city.clock.now()),
        ):
            with pytest.raises(MoveRefused, match="trainee"):
                deed()
