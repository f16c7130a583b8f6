"""A site whose channel `fm` airs over a simulated station, with relay and workers as threads."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alertd import send
from alertd.channel import Receipt
from alertd.demo.station import QUEUE, SimulatedStation
from alertd.messages import Messages
from alertd.settings import read_settings
from alertd.site import Site
from alertd.speech import Synthesizer
from channels.fm import FmChannel
from channels.fm_settings import FmSettings
from tests import factories
from tests.flow.air_city import AirCity, Tones


@dataclass
class StationCity(AirCity):
    """A running installation in this process with one station."""

    station: SimulatedStation

    def ledger(self) -> list[Any]:
        return list(self.station.ledger.entries("airing"))

    def order(self) -> list[tuple[str, bool]]:
        """What was put on the air: identifier or key, and whether to its end."""
        return [
            (entry["fields"].get("alertd_identifier", entry["key"]), entry["complete"])
            for entry in self.ledger()
        ]

    def begin_and_die(self) -> Generator[Receipt, None, None]:
        """Begins an airing as a worker does that dies then: nobody renews its lease, nobody goes on."""
        channel = self.site.channel("fm")
        claim = send._claim(self.site, "fm", "dead", channel.traits)
        (group,) = send._groups(self.site, "fm", "dead", Messages(self.site, "fm"), claim.fresh, 1)
        send._turn(self.site, "fm", "dead", channel.traits, None, group)
        going = channel.send(group.message, [target for _, target in group.targets.values()])
        assert isinstance(going, Generator)
        next(going)
        return going


@contextmanager
def station_city(
    folder: Path, database_url: str, *, seconds: float = 1.2, lease: float = 2.0, **section: object
) -> Iterator[StationCity]:
    """One simulated station whose alerts last so long."""
    with (
        SimulatedStation(folder / "s", ledger=folder / "ledger.jsonl") as station,
        fm_site(
            folder, database_url, station.socket_path, Tones(folder / "tones", seconds), lease, **section
        ) as site,
    ):
        yield StationCity(site, "fm", station)


@contextmanager
def fm_site(
    folder: Path, database_url: str, station: Path | None, voice: Synthesizer, lease: float, **section: object
) -> Iterator[Site]:
    """An installation whose channel `fm` airs over the station behind that socket."""
    table = {
        "kind": "fm",
        "socket": str(station),
        "carries": ["Actual", "Exercise", "Test"],
        "timeout": 1,
        "gap": 0.2,
        "margin": 5,
        **section,
    }
    settings = read_settings(FmSettings, table, "channels.fm")
    site = factories.make_site(
        folder, database_url, {"fm": settings}, {"fm": FmChannel("fm", settings)}, lease=lease
    )
    site._synthesizer = voice
    factories.add_people(site, [QUEUE], kind="fm")
    try:
        yield site
    finally:
        site.close()
