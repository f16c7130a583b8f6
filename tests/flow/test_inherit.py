"""Who inherits from a dead sender: at once what may go again, and never from one that lives."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import select

from alertd import lane, lifeline, plan
from alertd.channel import InDoubt
from alertd.db import reading, writing
from alertd.inherit import inherit
from alertd.tables import DeliveryRow
from tests import factories
from tests.failpoint import Side, die_at
from tests.flow.conftest import City, MakeCity
from tests.flow.test_in_doubt_flow import LEASE, take

OWNER = "dead"


def begin(city: City, number: int) -> int:
    factories.add_people(city.site, [f"p{n}@example.jp" for n in range(number)])
    dispatch = factories.submit(city.site)
    factories.approve(city.site, dispatch)
    plan.plan(city.site, dispatch)
    return dispatch


def dies(city: City, channel: str = "mail") -> None:
    """What is left of a sender whose process is gone."""
    folder: Path = city.site.keeper.life_lines
    folder.mkdir(parents=True, exist_ok=True)
    (folder / OWNER).write_bytes(b"%b\n%b" % (lifeline.boot() or b"", channel.encode()))


def leased(city: City) -> int:
    with reading(city.site.engine) as session:
        now = city.clock.now()
        return len(session.scalars(select(DeliveryRow.id).where(DeliveryRow.claimed_until > now)).all())


def test_what_a_dead_sender_had_only_leased_is_sent_at_once(city: City) -> None:
    dispatch = begin(city, 3)
    take(city, OWNER, hand=False)
    dies(city)
    assert inherit(city.site) == {"mail"}
    assert inherit(city.site) == set()
    city.drain()
    assert city.mail(dispatch).outcomes["accepted"] == 3
    assert len(city.heard()) == 3


def test_of_one_that_lives_nothing_is_inherited(city: City) -> None:
    begin(city, 3)
    with city.site.keeper.keeping("mail") as owner:
        take(city, owner, hand=False)
        assert inherit(city.site) == set()
        assert leased(city) == 3
        assert city.drain() == 0


@pytest.mark.parametrize(
    ("policy", "freed"), [(InDoubt.RESEND, True), (InDoubt.ASK, False), (InDoubt.HOLD, False)]
)
def test_a_far_end_that_is_asked_has_time_to_know(make_city: MakeCity, policy: InDoubt, freed: bool) -> None:
    city = make_city(in_doubt=policy)
    begin(city, 2)
    take(city, OWNER, hand=True)
    dies(city)
    inherit(city.site)
    assert leased(city) == (0 if freed else 2)
    city.clock.advance(LEASE)
    assert leased(city) == 0


def test_the_lane_of_a_dead_sender_is_free(city: City) -> None:
    begin(city, 1)
    with writing(city.site.engine) as session:
        now = city.clock.now()
        assert lane.own(lane.lane(session, "mail"), OWNER, now, now + LEASE)
    dies(city)
    inherit(city.site)
    with writing(city.site.engine) as session:
        assert lane.own(lane.lane(session, "mail"), "another", now, now + LEASE)


def test_a_channel_that_is_gone_from_the_settings_stops_nobody(city: City) -> None:
    dies(city, "withdrawn")
    assert inherit(city.site) == set()
    assert list(city.site.keeper.life_lines.iterdir()) == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("hand", [False, True], ids=["leased", "handed over"])
@pytest.mark.parametrize("side", list(Side))
def test_who_dies_while_inheriting_is_followed_by_another_and_nothing_is_lost(
    city: City, side: Side, hand: bool
) -> None:
    factories.add_people(city.site, [f"p{n}@example.jp" for n in range(3)])
    deaths = set()
    for number in range(1, 10):
        alert = factories.make_alert(identifier=f"sanjo.inherit.{number}")
        dispatch = factories.submit(city.site, alert)
        factories.approve(city.site, dispatch)
        plan.plan(city.site, dispatch)
        take(city, OWNER, hand=hand)
        dies(city)
        death = die_at(number, side, city.site.engine, partial(inherit, city.site))
        if death is not None:
            deaths.add(death.verb)
            assert inherit(city.site) == {"mail"}, "the next relay sees the same dead sender"
        city.drain()
        assert city.mail(dispatch).outcomes["accepted"] == 3, f"{side} commit {number}"
        assert len(city.heard()) == 3 * number, "once each, and without waiting for a lease"
        if death is None:
            break
    assert deaths == {"inherit.inherit"}
