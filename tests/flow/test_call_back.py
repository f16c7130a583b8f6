"""A resident calls the number that has called: what is in force is played, and listening counts."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from alertd import issue, plan
from alertd.audience import Audience
from alertd.channel import Outcome
from alertd.clock import stopwatch
from alertd.db import writing
from alertd.demo import telephone_household as households
from alertd.demo.telephone_network import TelephoneNetwork
from alertd.tables import ArtefactRow, DispatchRow
from tests import factories
from tests.answering_desk import CALLER_ID
from tests.flow.call_city import CallCity, call_city

HANA, TARO, STRANGER = "+81256200001", "+81256200002", "+81256299999"


@pytest.fixture
def city(tmp_path: Path) -> Iterator[CallCity]:
    network = TelephoneNetwork(rule=households.everybody(households.LISTENS), speed=100)
    with call_city(tmp_path, f"sqlite:///{tmp_path / 'a.db'}", network) as city:
        factories.add_people(city.site, [HANA], kind="voice")
        factories.add_people(city.site, [TARO], kind="voice", area="RHK")
        yield city


def alert(city: CallCity, identifier: str, area: str = "RNN") -> int:
    now = city.site.clock.now().replace(microsecond=0)
    made = factories.make_alert(identifier=identifier, sent=now, text=f"{identifier}のお知らせです。")
    dispatch = factories.submit(city.site, made, channels=("phone",), audience=Audience(areas=(area,)))
    factories.approve(city.site, dispatch)
    plan.plan(city.site, dispatch)
    return dispatch


def call(city: CallCity, number: str, query: str = "?step=inbound"):
    """What a caller hears to the end: digests of sounds, and the words around them."""
    network = city.network
    made = network.call_in(number, f"{city.url}/callbacks/phone{query}", to=CALLER_ID)
    began = stopwatch()
    while made.state != "completed":
        assert stopwatch() - began < 20
        threading.Event().wait(0.02)
    heard = [entry for entry in network.ledger.entries() if entry.get("sid") == made.sid]
    assert not [entry for entry in heard if entry["event"] == "error"], heard
    played = [str(entry["digest"]) for entry in heard if entry["event"] == "played"]
    return played, "".join(str(entry["text"]) for entry in heard if entry["event"] == "said")


def digest(city: CallCity, dispatch: int) -> str:
    with writing(city.site.engine) as session:
        made = session.scalars(select(ArtefactRow).where(ArtefactRow.dispatch_id == dispatch)).one()
        assert made.audio_digest is not None
        return made.audio_digest


def test_a_caller_hears_what_is_in_force_for_them_the_newest_first(city: CallCity) -> None:
    first, elsewhere, second = alert(city, "one"), alert(city, "two", "RHK"), alert(city, "three")
    assert call(city, HANA)[0] == [digest(city, second), digest(city, first)]
    assert call(city, TARO)[0] == [digest(city, elsewhere)]


def test_somebody_who_is_not_registered_hears_all_of_the_city(city: CallCity) -> None:
    first, second = alert(city, "one"), alert(city, "two", "RHK")
    assert call(city, STRANGER)[0] == [digest(city, second), digest(city, first)]
    assert call(city, "anonymous")[0] == [digest(city, second), digest(city, first)]


def test_who_calls_back_and_listens_to_the_end_is_not_called_any_more(city: CallCity) -> None:
    alert(city, "one")
    call(city, HANA)
    [row] = city.deliveries()
    assert (row.outcome, row.due_at) == (Outcome.DELIVERED, None)


def test_who_hangs_up_before_the_end_has_not_heard_it(city: CallCity) -> None:
    alert(city, "one")
    city.network.households[HANA] = households.HANGS_UP
    call(city, HANA)
    [row] = city.deliveries()
    assert row.outcome is None and row.due_at is not None


def test_nobody_gets_credit_for_what_a_stranger_hears(city: CallCity) -> None:
    alert(city, "one")
    call(city, STRANGER)
    assert [row.outcome for row in city.deliveries()] == [None]


def test_without_an_alert_in_force_the_caller_is_told_so(city: CallCity) -> None:
    assert call(city, HANA) == ([], "現在、お知らせは、ありません。")


@pytest.mark.parametrize(("hours", "told"), [(23, 1), (25, 0)])
def test_an_alert_can_be_heard_for_a_day_after_its_end(city: CallCity, hours: int, told: int) -> None:
    dispatch = alert(city, "one")
    ended = city.site.clock.now() - timedelta(hours=hours)
    with writing(city.site.engine) as session:
        session.execute(update(DispatchRow).where(DispatchRow.id == dispatch).values(expires_at=ended))
    assert len(call(city, HANA)[0]) == told


def test_a_stopped_alert_is_not_played_but_its_correction_is(city: CallCity) -> None:
    dispatch = alert(city, "one")
    correction = issue.cancel(city.site, dispatch, factories.APPROVER, reason="まちがい", correct=True)
    assert correction is not None
    plan.plan(city.site, correction)
    assert call(city, HANA)[0] == [digest(city, correction)]


def test_an_inbound_call_that_the_network_did_not_sign_is_refused(city: CallCity) -> None:
    alert(city, "one")
    body = f"From={HANA.replace('+', '%2B')}&CallSid=CA1".encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded", "X-Twilio-Signature": "forged"}
    status, _, _ = city.answer("/callbacks/phone?step=inbound&heard=1", headers, body)
    assert status == 403
    assert [row.outcome for row in city.deliveries()] == [None]
