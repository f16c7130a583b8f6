"""A far end that is asked too often: no attempt is lost, and when it takes nothing for long a person is told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

import pytest

from alertd import plan, store
from alertd.channel import Message, Outcome, Reason, Receipt, Target
from alertd.db import reading
from alertd.errors import ChannelBusy
from alertd.lane import BUSY_FOR
from alertd.link_test import links
from alertd.testing import FakeChannel
from alertd.testing.fake import FakeSettings
from tests import factories
from tests.flow.conftest import City, MakeCity


class Hurried(FakeChannel):
    """Takes nothing as long as it is `too_often`, and says so by a pause or of each target."""

    too_often, asks_for_a_pause = True, False

    def send(self, message: Message, targets: Sequence[Target], /) -> Iterator[Receipt]:
        if self.too_often and self.asks_for_a_pause:
            raise ChannelBusy("wait", 10)
        if self.too_often:
            return iter(
                [
                    Receipt(key=one.key, outcome=Outcome.DEFERRED, reason=Reason.RATE_LIMITED)
                    for one in targets
                ]
            )
        return super().send(message, targets)


@pytest.fixture(params=[True, False], ids=["pause", "each"])
def hurried(make_city: MakeCity, request: pytest.FixtureRequest) -> tuple[City, Hurried]:
    """A city of three, whose far end is asked too often."""
    city = make_city(attempts=2, retry_after_reason={Reason.RATE_LIMITED: 10.0})
    settings = city.site.settings["mail"]
    assert isinstance(settings, FakeSettings)
    channel = Hurried("mail", settings)
    channel.asks_for_a_pause = request.param
    city.site._channels["mail"] = channel
    factories.add_people(city.site, [f"{n}@example.jp" for n in range(3)])
    dispatch = factories.submit(city.site)
    factories.approve(city.site, dispatch)
    plan.plan(city.site, dispatch)
    return city, channel


def alarms(city: City) -> dict[str, timedelta]:
    """What is on, and for how long it has been so."""
    with reading(city.site.engine) as session:
        return {one.name: city.clock.now() - one.raised_at for one in store.alarms(session)}


def asked_for(city: City, seconds: int) -> None:
    """Looks every eleven seconds for so long."""
    for _ in range(0, seconds, 11):
        city.drain()
        city.clock.advance(timedelta(seconds=11))


def test_a_far_end_that_is_asked_too_often_for_ever_is_an_alarm_with_its_age(
    hurried: tuple[City, Hurried],
) -> None:
    city, channel = hurried
    asked_for(city, 50)
    assert alarms(city) == {}, "a moment of it is nobody's fault"
    asked_for(city, 70)
    age = alarms(city)["busy:mail"]
    assert timedelta(seconds=120) < age < timedelta(seconds=140)
    with reading(city.site.engine) as session:
        assert links(session, ["mail"])[0].trouble is not None
    channel.too_often = False
    asked_for(city, 22)
    assert alarms(city) == {}
    assert city.mail(1).outcomes["accepted"] == 3, "and no attempt was lost"


def test_two_moments_of_it_on_one_day_are_not_one_long_one(hurried: tuple[City, Hurried]) -> None:
    city, _ = hurried
    asked_for(city, 30)
    city.clock.advance(timedelta(minutes=10))
    asked_for(city, 30)
    assert alarms(city) == {}
    assert timedelta(seconds=30) < BUSY_FOR
