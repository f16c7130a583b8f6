"""A site over fake channels, on SQLite and on PostgreSQL, with a clock that stands still."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from alertd import plan
from alertd.clock import Clock
from alertd.db import reading
from alertd.relay import Relay
from alertd.report import ChannelTally, Report, report
from alertd.send import drain
from alertd.site import Site
from alertd.testing import FakeChannel, FakeFarEnd, FixedClock
from alertd.testing.far_end import Heard
from tests import factories


@dataclass
class City:
    """A site, its far end and its clock, with the steps that tests take."""

    site: Site
    far_end: FakeFarEnd
    clock: FixedClock

    def send(self, dispatch_id: int) -> Report:
        """Approves, plans and drains once."""
        factories.approve(self.site, dispatch_id)
        plan.plan(self.site, dispatch_id)
        self.drain()
        return self.report(dispatch_id)

    def drain(self, channel: str = "mail") -> int:
        return drain(self.site, channel, threading.Event())

    def tick(self) -> None:
        """One look of a relay without a broker and without patience to step in."""
        relay = Relay(self.site, lambda _: True)
        try:
            relay.tick()
        finally:
            relay.close()

    def report(self, dispatch_id: int) -> Report:
        with reading(self.site.engine) as session:
            return report(session, dispatch_id)

    def mail(self, dispatch_id: int) -> ChannelTally:
        tally = self.report(dispatch_id).channels["mail"]
        assert sum(tally.outcomes.values()) == tally.planned
        return tally

    def heard(self) -> list[Heard]:
        return list(self.far_end.heard())


MakeCity = Callable[..., City]


@pytest.fixture
def make_city(tmp_path: Path, database_url: str) -> Iterator[MakeCity]:
    """Makes a city whose channel `mail` is a fake with these settings."""
    made: list[Site] = []

    def make(*, exercise: int = 2, clock: Clock | None = None, **changes: object) -> City:
        far_end = FakeFarEnd(tmp_path / "far_end")
        settings = far_end.settings(**changes)
        fixed = FixedClock(factories.START)
        site = factories.make_site(
            tmp_path,
            database_url,
            {"mail": settings},
            {"mail": FakeChannel("mail", settings)},
            clock=clock or fixed,
            exercise=exercise,
        )
        made.append(site)
        return City(site, far_end, fixed)

    yield make
    for site in made:
        site.close()


@pytest.fixture
def city(make_city: MakeCity) -> City:
    """A city with a plain fake channel."""
    return make_city()
