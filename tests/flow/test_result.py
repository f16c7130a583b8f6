"""What an alert came to and what was known when, on both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest

from alertd import plan
from alertd.audience import Audience
from alertd.db import reading
from alertd.replay import frame, frames
from alertd.result import result
from tests import factories
from tests.flow.conftest import City, MakeCity


@pytest.fixture
def city(make_city: MakeCity) -> City:
    """Three in one area and one in another, two of whom cannot be reached; sent after 7.36 s."""
    city = make_city(attempts=1)
    factories.add_people(city.site, ["refused@example.jp", "p1@example.jp", "p2@example.jp"])
    factories.add_people(city.site, ["refused@b.example.jp"], area="RHK")
    number = factories.submit(city.site, audience=Audience(areas=("RNN", "RHK")))
    factories.approve(city.site, number)
    city.clock.advance(timedelta(seconds=7.36))
    plan.plan(city.site, number)
    city.drain()
    return city


def test_times_count_from_the_approval_to_a_tenth_of_a_second(city: City) -> None:
    with reading(city.site.engine) as session:
        found = result(session, 1)
    assert (found.pace.planned, found.pace.reached) == (4, 2)
    assert found.pace.seconds == {0: 7.3, 50: 7.3, 90: None, 95: None, 99: None}
    second, percent = found.pace.curve[-1]
    assert second == pytest.approx(7.3) and percent == 50.0


def test_areas_and_channels_add_up_to_the_tally(city: City) -> None:
    tally = city.mail(1)
    with reading(city.site.engine) as session:
        found = result(session, 1)
    assert sum(area.planned for area in found.areas) == tally.planned == 4
    assert sum(area.reached for area in found.areas) == found.by_channel["mail"].reached == 2
    assert {area.area for area in found.areas} == {"RNN", "RHK"}


def test_the_replay_ends_with_what_the_board_shows(city: City) -> None:
    with reading(city.site.engine) as session:
        *_, last = frames(session, 1)
        before = frame(session, 1, factories.START)
    assert last.channels["mail"].outcomes == city.mail(1).outcomes
    assert before.channels["mail"].planned == 0
