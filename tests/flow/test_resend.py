"""Who was not reached gets the same words once more, and nobody else does."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from alertd import cap
from alertd.alert import MsgType
from alertd.audience import Audience
from alertd.db import reading, writing
from alertd.errors import MoveRefused, NotFound, WrongAudience
from alertd.resend import resend
from alertd.tables import AlertRow, ContactRow, DeliveryRow, DispatchRow
from tests import factories
from tests.factories import WRITER
from tests.flow.conftest import City, MakeCity


@pytest.fixture
def city(make_city: MakeCity) -> City:
    city = make_city(attempts=1)
    factories.add_people(city.site, ["refused@example.jp", "p1@example.jp", "p2@example.jp"])
    factories.add_people(city.site, ["refused@b.example.jp"], area="RHK")
    city.send(factories.submit(city.site))
    return city


def test_only_those_who_were_missed_get_it_again(city: City) -> None:
    number = resend(city.site, 1, WRITER)
    with writing(city.site.engine) as session:
        # the address was put right meanwhile
        session.get_one(ContactRow, 1).address = "right@example.jp"
        row = session.get_one(DispatchRow, number)
        first, again = (
            cap.parse(session.get_one(AlertRow, one).document)
            for one in (session.get_one(DispatchRow, 1).alert_id, row.alert_id)
        )
        assert row.audience["missed"] == 1 and row.counts == {"mail": 1}
    assert again.msg_type is MsgType.UPDATE and again.references == (first.reference,)
    assert [info.description for info in again.infos] == [info.description for info in first.infos]
    city.send(number)
    with reading(city.site.engine) as session:
        reached = session.scalars(select(DeliveryRow.recipient_id).where(DeliveryRow.dispatch_id == number))
        assert list(reached) == [1]
    assert city.heard()[-1].address == "right@example.jp"
    with pytest.raises(WrongAudience):
        resend(city.site, number, WRITER)


def test_what_did_not_go_out_is_not_sent_again(city: City) -> None:
    waiting = factories.submit(city.site, factories.make_alert(identifier="sanjo.152048.test.2"))
    with pytest.raises(MoveRefused, match="went out"):
        resend(city.site, waiting, WRITER)
    with pytest.raises(NotFound):
        resend(city.site, 99, WRITER)


def test_the_missed_are_an_audience_of_their_own() -> None:
    assert Audience.from_json(Audience(missed=3).as_json()) == Audience(missed=3)
    for wrong in ({"areas": ("RNN",)}, {"everybody": True}, {"recipient": 1}):
        with pytest.raises(WrongAudience):
            Audience(missed=3, **wrong)
