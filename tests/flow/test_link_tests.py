"""Link tests: the relay tries every far end by itself, and knows when it last gave a sign of life."""

from __future__ import annotations

from datetime import timedelta

from alertd import link_test, store
from alertd.channel import ChannelSettings
from alertd.db import reading
from alertd.errors import ChannelMisconfigured, ChannelUnavailable
from alertd.rounds import Rounds
from alertd.testing import FakeChannel, FakeFarEnd, FixedClock
from tests import factories

EVERY = timedelta(seconds=300)


class Heard:
    """A far end that can be tried; what is wrong with it, and how often it was."""

    def __init__(self) -> None:
        self.fault: Exception | None = None
        self.tried = 0


class Tried(FakeChannel):
    """A channel with a probe."""

    far: Heard

    def probe(self) -> str:
        self.far.tried += 1
        if self.far.fault is not None:
            raise self.far.fault
        return "alive"


class Mute:
    """A channel that cannot be tried without being heard."""

    Settings = ChannelSettings

    def __init__(self, name, settings) -> None:
        self._inner = FakeChannel(name, settings)
        self.traits = self._inner.traits

    def send(self, message, targets):
        return self._inner.send(message, targets)

    def close(self) -> None:
        self._inner.close()


def town(tmp_path, database_url):
    settings = FakeFarEnd(tmp_path / "far_end").settings()
    far = Heard()
    kind = type("Here", (Tried,), {"far": far})
    clock = FixedClock(factories.START)
    channels = {"mail": kind("mail", settings), "radio": Mute("radio", settings)}
    site = factories.make_site(
        tmp_path, database_url, dict.fromkeys(channels, settings), channels, clock=clock
    )
    return site, clock, far


def told(site):
    with reading(site.engine) as session:
        alarms = [row.name for row in store.alarms(session)]
        return link_test.links(session, ["mail", "radio"]), alarms


def test_every_far_end_is_tried_by_itself_and_its_age_is_known(tmp_path, database_url):
    site, clock, far = town(tmp_path, database_url)
    try:
        rounds = Rounds(site)
        (mail, _), _ = told(site)
        assert (mail.tried_at, mail.alive_at, mail.trouble) == (None, None, None)
        for _ in range(3):
            rounds.go()
        assert far.tried == 1, "once in its time, however often the relay goes round"
        (mail, radio), alarms = told(site)
        assert (mail.alive_at, mail.trouble, alarms) == (factories.START, None, [])
        # what cannot be tried without being heard has given no sign of life
        assert (radio.alive_at, radio.trouble) == (None, None)

        far.fault = ChannelUnavailable("the relay is gone")
        clock.advance(EVERY)
        rounds.go()
        (mail, _), alarms = told(site)
        assert (mail.alive_at, mail.trouble) == (factories.START, "the relay is gone")
        assert alarms == ["link:mail"]

        far.fault = ChannelMisconfigured("the password is wrong")
        clock.advance(EVERY)
        rounds.go()
        (mail, _), alarms = told(site)
        assert "a person must act" in (mail.trouble or "")

        far.fault = None
        clock.advance(EVERY)
        rounds.go()
        (mail, _), alarms = told(site)
        assert (mail.alive_at, mail.trouble, alarms) == (clock.now(), None, [])
        rounds.close()
    finally:
        site.close()


def test_two_relays_try_a_far_end_once(tmp_path, database_url):
    site, _, far = town(tmp_path, database_url)
    try:
        assert link_test.try_link(site, "mail") is True
        assert link_test.try_link(site, "mail") is None
        assert far.tried == 1
    finally:
        site.close()
