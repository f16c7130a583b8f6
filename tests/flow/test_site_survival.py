"""The internet is gone: the air goes out, mail and calls wait until they may go or expire, the board says so."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from alertd import link_test, plan
from alertd.channel import Medium, Outcome
from alertd.db import reading
from alertd.demo.station import QUEUE, SimulatedStation
from alertd.dispatch import State
from alertd.errors import ChannelUnavailable
from alertd.recipient import RecipientKind
from alertd.relay import Relay
from alertd.report import Report, report
from alertd.send import drain
from alertd.settings import read_settings
from alertd.site import Site
from alertd.testing import FakeChannel, FakeFarEnd, FixedClock
from channels.fm import FmChannel
from channels.fm_settings import FmSettings
from channels.radio import RadioChannel
from channels.radio_settings import RadioSettings
from tests import factories
from tests.flow.air_city import Tones
from tests.station_sound import free_zones

NAMES = ("fm", "radio", "phone", "mail")


class Internet:
    """Whether there is any."""

    up = False


class OverTheInternet(FakeChannel):
    """A channel whose far end is beyond the internet."""

    def send(self, message, targets):
        if not Internet.up:
            raise ChannelUnavailable("no way to the far end")
        yield from super().send(message, targets)

    def probe(self) -> str:
        if not Internet.up:
            raise ChannelUnavailable("no way to the far end")
        return "alive"


@pytest.fixture
def station(tmp_path):
    """The community station on the local network."""
    with SimulatedStation(tmp_path / "s", speed=20) as station:
        yield station


@pytest.fixture
def site(tmp_path, database_url, station):
    Internet.up = False
    (zone,) = free_zones(1)
    fm = read_settings(
        FmSettings,
        {"kind": "fm", "socket": str(station.socket_path), "speed": 20, "simulated": True},
        "channels.fm",
    )
    radio = read_settings(
        RadioSettings, {"kind": "radio", "speed": 20, "simulated": True, "ttl": 0}, "channels.radio"
    )
    mail = FakeFarEnd(tmp_path / "mail").settings(kind="email")
    phone = FakeFarEnd(tmp_path / "phone").settings(kind="voice", medium=Medium.CALL)
    site = factories.make_site(
        tmp_path,
        database_url,
        {"fm": fm, "mail": mail, "phone": phone, "radio": radio},
        {
            "fm": FmChannel("fm", fm),
            "mail": OverTheInternet("mail", mail),
            "phone": OverTheInternet("phone", phone),
            "radio": RadioChannel("radio", radio),
        },
        clock=FixedClock(factories.START),
    )
    site._synthesizer = Tones(tmp_path / "tones", 0.5)
    factories.add_people(site, ["a@example.jp", "b@example.jp"], kind="email")
    factories.add_people(site, ["+81256000001"], kind="voice")
    factories.add_people(site, [zone], kind="radio", who=RecipientKind.LOUDSPEAKER)
    factories.add_people(site, [QUEUE], kind="fm")
    yield site
    site.close()


def told(site: Site, number: int) -> Report:
    with reading(site.engine) as session:
        return report(session, number)


def sent(site: Site) -> int:
    number = factories.submit(site, channels=NAMES)
    factories.approve(site, number)
    plan.plan(site, number)
    work(site)
    return number


def work(site: Site) -> None:
    for name in NAMES:
        drain(site, name, threading.Event())


def outcomes(site: Site, number: int) -> dict[str, dict[str, int]]:
    tallies = told(site, number).channels
    assert all(sum(tally.outcomes.values()) == tally.planned for tally in tallies.values())
    return {name: {o: n for o, n in tally.outcomes.items() if n} for name, tally in tallies.items()}


def test_the_air_goes_out_and_the_others_wait_and_go_when_the_way_is_back(
    site: Site, station: SimulatedStation
) -> None:
    number = sent(site)
    assert [airing["complete"] for airing in station.ledger.entries("airing")] == [True]
    assert outcomes(site, number) == {
        "fm": {Outcome.DELIVERED: 1},
        "radio": {Outcome.ACCEPTED: 1},
        "phone": {"pending": 1},
        "mail": {"pending": 2},
    }
    for name in NAMES:
        link_test.try_link(site, name)
    with reading(site.engine) as session:
        links = {link.channel: link for link in link_test.links(session, NAMES)}
    assert {name: link.trouble for name, link in links.items()} == {
        "fm": None,
        "radio": None,
        "phone": "no way to the far end",
        "mail": "no way to the far end",
    }
    assert (
        links["fm"].alive_at == links["radio"].alive_at == factories.START and links["mail"].alive_at is None
    )

    clock = site.clock
    assert isinstance(clock, FixedClock)
    for _ in range(6):  # two hours of nothing: nobody's attempts are used up
        clock.advance(timedelta(minutes=20))
        work(site)
    Internet.up = True
    clock.advance(timedelta(minutes=6))
    work(site)
    arrived = outcomes(site, number)
    assert arrived["mail"] == {Outcome.ACCEPTED: 2} and "pending" not in arrived["phone"]
    assert told(site, number).state in (State.SENDING, State.FINISHED)


def test_what_waited_in_vain_expires_and_is_never_sent_late(site: Site) -> None:
    number = sent(site)
    clock = site.clock
    assert isinstance(clock, FixedClock)
    clock.advance(timedelta(hours=7))
    relay = Relay(site, lambda _: True)
    relay.tick()
    relay.close()
    Internet.up = True
    work(site)
    assert outcomes(site, number) == {
        "fm": {Outcome.DELIVERED: 1},
        "radio": {Outcome.ACCEPTED: 1},
        "phone": {Outcome.EXPIRED: 1},
        "mail": {Outcome.EXPIRED: 2},
    }
