"""Airings from approval to the station's ledger: in order, taken off when they must be, and always given back."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import update

from alertd.air_again import air_again
from alertd.airing import AiringState
from alertd.alert import Severity, Status
from alertd.channel import Reason
from alertd.db import writing
from alertd.demo.station import QUEUE
from alertd.demo.station_player import Fault
from alertd.errors import MoveRefused, NotFound
from alertd.tables import ContactRow
from tests import factories
from tests.flow.air_city import AT_ONCE
from tests.flow.station_city import StationCity, station_city


@pytest.fixture
def city(tmp_path: Path):
    with station_city(tmp_path, f"sqlite:///{tmp_path / 'alertd.db'}") as opened:
        yield opened


@pytest.fixture
def slow_city(tmp_path: Path):
    """Its alerts last long enough to be cut into on a busy machine."""
    with station_city(tmp_path, f"sqlite:///{tmp_path / 'alertd.db'}", seconds=3.0) as opened:
        yield opened


def test_an_airing_is_seen_to_go_on_and_to_be_given_back(city: StationCity) -> None:
    with city.working():
        dispatch = city.air()
        city.wait_for(lambda: city.on_air(dispatch))
        (going,) = city.airings(dispatch)
        assert (going.state, going.released_at) == (AiringState.ON_AIR, None)
        city.wait_for(lambda: city.over(dispatch))
    (over,) = city.airings(dispatch)
    assert (over.state, over.over) == (AiringState.RELEASED, True)
    assert over.on_air_at is not None and (over.on_air_at - over.requested_at).total_seconds() < 1
    assert city.tally(dispatch).outcomes["delivered"] == 1


def test_level_4_cuts_into_level_3_and_a_notice_which_follow_in_their_order(slow_city: StationCity) -> None:
    """Two workers; the ledger of the station is the judge."""
    city = slow_city
    level_3, notice, level_4 = map(city.written, (Severity.MODERATE, Severity.MINOR, Severity.SEVERE))
    with city.working(workers=2):
        city.let_go(level_3)
        city.wait_for(lambda: city.on_air(level_3))
        city.let_go(notice)
        city.let_go(level_4)
        asked = city.site.clock.now()
        city.wait_for(lambda: city.over(notice, level_3, level_4), within=40)
    assert city.order() == [
        (city.identifier(level_3), False),
        (city.identifier(level_4), True),
        (city.identifier(level_3), True),
        (city.identifier(notice), True),
    ]
    (cut_in,) = city.airings(level_4)
    assert cut_in.on_air_at is not None and cut_in.on_air_at - asked < AT_ONCE
    assert [one.state for one in city.airings(level_3)] == [AiringState.PREEMPTED, AiringState.RELEASED]
    keys = [entry["key"] for entry in city.ledger()]
    assert len(set(keys)) == len(keys), "the station can tell a repeat from a double"


def test_a_drill_rehearses_the_cutting_in(slow_city: StationCity) -> None:
    city = slow_city
    level_3, level_4 = (city.written(one, Status.EXERCISE) for one in (Severity.MODERATE, Severity.SEVERE))
    with city.working():
        city.let_go(level_3)
        city.wait_for(lambda: city.on_air(level_3))
        city.let_go(level_4)
        city.wait_for(lambda: city.on_air(level_4))
    assert city.order()[0] == (city.identifier(level_3), False)


def test_what_is_not_so_urgent_waits_for_its_turn(city: StationCity) -> None:
    notice, level_3 = map(city.written, (Severity.MINOR, Severity.MODERATE))
    with city.working():
        city.let_go(notice)
        city.wait_for(lambda: city.on_air(notice))
        city.let_go(level_3)
        city.wait_for(lambda: city.over(notice, level_3))
    assert city.order() == [(city.identifier(notice), True), (city.identifier(level_3), True)]


def test_what_is_real_cuts_into_every_drill_and_no_drill_into_what_is_real(slow_city: StationCity) -> None:
    city = slow_city
    drill, other = (city.written(Severity.EXTREME, Status.EXERCISE) for _ in range(2))
    real = city.written(Severity.SEVERE)
    with city.working():
        city.let_go(drill)
        city.wait_for(lambda: city.on_air(drill))
        city.let_go(real)
        city.wait_for(lambda: city.on_air(real))
        city.let_go(other)
        city.wait_for(lambda: city.over(drill, real, other), within=40)
    cut, second, *rest = city.order()
    assert cut == (city.identifier(drill), False)
    assert second == (city.identifier(real), True)
    assert sorted(rest) == sorted([(city.identifier(drill), True), (city.identifier(other), True)])


def test_a_stop_takes_it_off_the_air_and_airs_the_correction(city: StationCity) -> None:
    with city.working():
        wrong = city.air(Severity.SEVERE)
        city.wait_for(lambda: city.on_air(wrong))
        correction = city.cancel(wrong, correct=True)
        assert correction is not None
        city.wait_for(lambda: city.over(wrong) and city.over(correction))
    assert city.order() == [(city.identifier(wrong), False), (city.identifier(correction), True)]
    (cut,) = city.airings(wrong)
    assert cut.state is AiringState.TRUNCATED
    assert city.audited("airing.taken_off") == 1
    assert "operator" in (cut.detail or "") or "cut short" in (cut.detail or "")


def test_an_end_signal_follows_what_is_cut_short(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'alertd.db'}"
    with station_city(tmp_path, url, end_signal="D0") as city, city.working():
        wrong = city.air(Severity.SEVERE)
        city.wait_for(lambda: city.on_air(wrong))
        city.cancel(wrong, correct=False)
        city.wait_for(lambda: city.over(wrong))
        (first, second) = city.ledger()
    assert (first["complete"], second["complete"]) == (False, True)
    assert second["key"] == f"{first['key']}-end"


def test_one_transmitter_airs_an_alert_once_though_two_entries_of_the_list_name_it(
    tmp_path: Path, database_url: str
) -> None:
    with station_city(tmp_path, database_url, seconds=0.5) as city:
        factories.add_people(city.site, ["other"], kind="fm")
        dispatch = city.air()
        with writing(city.site.engine) as session:
            session.execute(update(ContactRow).values(address=QUEUE, address_key=QUEUE))
        with city.working(workers=2):
            city.wait_for(lambda: city.over(dispatch))
        assert [whole for _, whole in city.order()] == [True]
        said = city.tally(dispatch).outcomes
        assert (said["delivered"], said["cancelled"]) == (1, 1)


@pytest.mark.parametrize("fault", [Fault.STUCK, Fault.MUTE])
def test_the_watchdog_gives_back_what_its_dead_sender_cannot(tmp_path: Path, fault: Fault) -> None:
    """Nobody but the relay is left, and no worker answers its ring."""
    url = f"sqlite:///{tmp_path / 'alertd.db'}"
    with station_city(tmp_path, url, seconds=0.6, lease=60, margin=0.5, on_air_within=0.5) as city:
        city.station.fault = fault
        dispatch = city.air()
        abandoned = city.begin_and_die()
        (held,) = city.airings(dispatch)
        assert held.released_at is None
        with city.working(workers=0):
            city.wait_for(lambda: city.airings(dispatch)[0].released_at is not None, within=6)
        (over,) = city.airings(dispatch)
        assert over.released_at is not None and over.released_at - over.ends_by < AT_ONCE
        assert over.state in (AiringState.TRUNCATED, AiringState.UNKNOWN)
        abandoned.close()
    assert [whole for _, whole in city.order()] == ([False] if fault is Fault.STUCK else [])


def test_a_station_that_does_not_give_the_air_back_raises_an_alarm(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'alertd.db'}"
    with station_city(tmp_path, url, seconds=0.6, lease=60, margin=0.3, on_air_within=0.3) as city:
        dispatch = city.air()
        abandoned = city.begin_and_die()
        city.station.fault = Fault.FROZEN
        with city.working(workers=0):
            city.wait_for(lambda: "airing:fm" in city.alarms())
            assert city.airings(dispatch)[0].released_at is None
            city.station.fault = None
            city.wait_for(lambda: "airing:fm" not in city.alarms())
        assert city.airings(dispatch)[0].released_at is not None
        abandoned.close()


def test_a_transmitter_rests_between_two_airings(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'alertd.db'}"
    with station_city(tmp_path, url, seconds=0.3, gap=1.0) as city, city.working():
        one, other = city.air(), city.air()
        city.wait_for(lambda: city.over(one, other))
        first, second = city.ledger()
    rested = datetime.fromisoformat(second["start"]) - datetime.fromisoformat(first["end"])
    assert rested.total_seconds() >= 1.0


def test_a_sound_that_is_too_long_is_never_aired(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'alertd.db'}"
    with station_city(tmp_path, url, longest=1.0) as city, city.working():
        dispatch = city.air()
        city.wait_for(lambda: city.over(dispatch))
        assert city.ledger() == []
    assert city.tally(dispatch).reasons == {Reason.REFUSED: 1}


def test_only_a_person_lets_a_doubtful_airing_go_out_once_more(city: StationCity) -> None:
    city.station.fault = Fault.SKIP
    with city.working():
        dispatch = city.air()
        city.wait_for(lambda: city.over(dispatch))
        assert city.tally(dispatch).outcomes["unknown"] == 1
        city.station.fault = None
        with pytest.raises(MoveRefused, match="role"):
            air_again(city.site, dispatch, "fm", factories.WRITER)
        assert air_again(city.site, dispatch, "fm", factories.APPROVER) == 1
        with pytest.raises(NotFound):
            air_again(city.site, dispatch, "fm", factories.APPROVER)
        city.wait_for(lambda: city.tally(dispatch).outcomes["delivered"] == 1)
    assert [whole for _, whole in city.order()] == [False, True]
    first, second = (entry["key"] for entry in city.ledger())
    assert second == f"{first}-1"
