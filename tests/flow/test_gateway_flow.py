"""Stations from order to answer-back: each its own outcome, the missing ones by name, the tally complete."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from alertd import issue, plan
from alertd.channel import Outcome, Reason
from alertd.config import Web
from alertd.db import reading
from alertd.demo.gateway import SimulatedGateway
from alertd.demo.gateway_station import Condition, Stations
from alertd.dispatch import State
from alertd.recipient import RecipientKind
from alertd.relay import Relay
from alertd.report import ChannelTally, report
from alertd.send import drain
from alertd.settings import read_settings
from alertd.site import Site
from alertd.speech import AudioFormat, Say, Script, Sound
from alertd.testing import FixedClock
from channels.gateway import GatewayChannel
from channels.gateway_settings import GatewaySettings
from operator_console.app import public_app
from tests import factories
from tests.serving import serving
from tests.station_sound import sound

SECRET = "gateway-secret-5309"
STATIONS = [f"RNN-{number:03}" for number in range(1, 31)]
TROUBLE = {
    "RNN-007": Condition.DEAD,
    "RNN-019": Condition.DEAD,
    "RNN-023": Condition.LOW_BATTERY,
    "RNN-028": Condition.FAULT,
}


class Tone:
    """A synthesizer that makes half a second of tone of everything."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def speak(self, script: Script, format: AudioFormat) -> Sound:
        return sound(self._folder, format, 0.5)

    def reading(self, script: Script) -> str:
        return " ".join(part.text for part in script.parts if isinstance(part, Say))

    def close(self) -> None:
        pass


@dataclass
class City:
    site: Site
    clock: FixedClock
    gateway: SimulatedGateway

    def send(self) -> int:
        number = factories.submit(self.site, channels=("gateway",))
        factories.approve(self.site, number)
        plan.plan(self.site, number)
        self.drain()
        return number

    def drain(self) -> None:
        drain(self.site, "gateway", threading.Event())

    def tally(self, number: int) -> ChannelTally:
        with reading(self.site.engine) as session:
            tally = report(session, number).channels["gateway"]
        assert sum(tally.outcomes.values()) == tally.planned == len(STATIONS)
        return tally

    def tick(self) -> None:
        relay = Relay(self.site, lambda _: True)
        try:
            relay.tick()
        finally:
            relay.close()


@pytest.fixture
def city(tmp_path: Path, database_url: str, request: pytest.FixtureRequest) -> Iterator[City]:
    """Thirty stations; the gateway tells by itself (`reports`), or begins after some seconds only (`slow`)."""
    clock = FixedClock(factories.START)
    (tmp_path / "secret").write_text(SECRET)
    stations = Stations("RNN-[0-9]{3}", dict(TROUBLE))
    asked = getattr(request, "param", "")
    reports, speed = asked == "reports", 0.03 if asked == "slow" else 50.0
    with ExitStack() as opened:
        gateway = opened.enter_context(
            SimulatedGateway(SECRET, stations, speed=speed, report=reports, clock=clock)
        )
        table = {"kind": "gateway", "url": gateway.url, "secret_file": str(tmp_path / "secret")}
        settings = read_settings(GatewaySettings, table, "channels.gateway")
        channel = GatewayChannel("gateway", settings, clock=clock)
        site = factories.make_site(
            tmp_path, database_url, {"gateway": settings}, {"gateway": channel}, clock=clock
        )
        opened.callback(site.close)
        site._synthesizer = Tone(tmp_path / "tone")
        factories.add_people(site, STATIONS, kind="gateway", who=RecipientKind.LOUDSPEAKER)
        if reports:
            url = opened.enter_context(serving(public_app(site)))
            site.config = replace(site.config, web=Web(public_url=url))
        yield City(site, clock, gateway)


def test_asked_stations_are_told_apart_and_the_tally_adds_up(city: City):
    number = city.send()
    assert city.tally(number).outcomes[Outcome.ACCEPTED] == 30
    assert city.gateway.wait_until_quiet(5)
    city.clock.advance(timedelta(seconds=31))
    city.drain()
    tally = city.tally(number)
    assert tally.outcomes[Outcome.DELIVERED] == 27
    assert tally.outcomes[Outcome.ACCEPTED] == 2
    assert tally.outcomes[Outcome.FAILED] == 1
    assert tally.reasons == {Reason.UNCONFIRMED: 2, Reason.OTHER: 1}
    assert tally.open == 0
    city.tick()
    with reading(city.site.engine) as session:
        assert report(session, number).state is State.FINISHED
    spoken = [str(entry["station"]) for entry in city.gateway.ledger.entries("spoken")]
    assert sorted(spoken) == [
        one for one in STATIONS if TROUBLE.get(one) not in (Condition.DEAD, Condition.FAULT)
    ]


@pytest.mark.parametrize("city", ["reports"], indirect=True)
def test_what_the_gateway_tells_by_itself_is_known_without_asking(city: City):
    number = city.send()
    assert city.gateway.wait_until_quiet(10)
    tally = city.tally(number)
    assert (tally.outcomes[Outcome.DELIVERED], tally.outcomes[Outcome.FAILED]) == (27, 1)
    # the two silent ones are still being waited for
    assert (tally.outcomes[Outcome.ACCEPTED], tally.open) == (2, 2)


def test_a_gateway_that_goes_away_leaves_stations_unconfirmed_and_never_delivered(city: City):
    number = city.send()
    city.gateway.__exit__(None, None, None)
    for wait in (31, 182):
        city.clock.advance(timedelta(seconds=wait))
        city.drain()
    tally = city.tally(number)
    assert tally.outcomes[Outcome.ACCEPTED] == 30
    assert (tally.reasons, tally.open) == ({Reason.UNCONFIRMED: 30}, 0)


@pytest.mark.parametrize("city", ["slow"], indirect=True)
def test_what_is_stopped_is_taken_off_where_it_has_not_been_spoken(city: City):
    number = city.send()
    issue.cancel(city.site, number, factories.BOTH, reason="誤報", correct=False)
    city.drain()
    tally = city.tally(number)
    assert (tally.outcomes[Outcome.CANCELLED], tally.open) == (30, 0)
    assert city.gateway.wait_until_quiet(40)
    assert city.gateway.ledger.entries("spoken") == []
