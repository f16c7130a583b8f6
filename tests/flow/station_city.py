"""A site whose channel `fm` airs over a simulated station, with relay and workers as threads."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from sqlalchemy import select

from alertd import issue, plan, send, store
from alertd.airing import Airing, airings
from alertd.alert import Severity, Status
from alertd.channel import Receipt
from alertd.clock import stopwatch
from alertd.db import reading
from alertd.demo.station import QUEUE, SimulatedStation
from alertd.messages import Messages
from alertd.relay import Relay
from alertd.report import ChannelTally, report
from alertd.send import drain
from alertd.settings import read_settings
from alertd.site import Site
from alertd.speech import AudioFormat, Script, Sound
from alertd.tables import AuditRow
from channels.fm import FmChannel
from channels.fm_settings import FmSettings
from tests import factories


class Tones:
    """A synthesizer that makes a tone of its own for every script; without words it is short."""

    def __init__(self, folder: Path, seconds: float) -> None:
        self._folder, self._seconds = folder, seconds

    def speak(self, script: Script, format: AudioFormat) -> Sound:
        seconds = self._seconds if len(script.parts) > 1 else 0.4
        name = hashlib.sha256(repr((script.parts, script.language)).encode()).hexdigest()
        times = np.arange(round(seconds * format.rate)) / format.rate
        tone = 0.2 * np.sin(2 * np.pi * (300 + int(name[:4], 16) % 900) * times)
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{name}.wav"
        soundfile.write(path, np.stack([tone] * format.channels, axis=1), format.rate, "PCM_24")
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        return Sound(digest=digest, path=path, seconds=seconds, format=format, voice="tone", reading="ん")

    def reading(self, script: Script) -> str:
        return "ん"

    def close(self) -> None:
        pass


@dataclass
class StationCity:
    """A running installation in this process with one station."""

    site: Site
    station: SimulatedStation

    def written(self, severity: Severity, status: Status = Status.ACTUAL) -> int:
        """A dispatch to the station that waits for its approval."""
        now = self.site.clock.now().replace(microsecond=0)
        identifier = f"sanjo.{severity}.{status}.{stopwatch()}"
        alert = factories.make_alert(identifier=identifier, severity=severity, status=status, sent=now)
        return factories.submit(self.site, alert, channels=("fm",))

    def let_go(self, dispatch: int) -> int:
        """Approved and planned."""
        factories.approve(self.site, dispatch)
        plan.plan(self.site, dispatch)
        return dispatch

    def air(self, severity: Severity = Severity.MINOR, status: Status = Status.ACTUAL) -> int:
        """An approved and planned dispatch to the station."""
        return self.let_go(self.written(severity, status))

    def cancel(self, dispatch: int, *, correct: bool) -> int | None:
        return issue.cancel(self.site, dispatch, factories.APPROVER, reason="まちがい", correct=correct)

    def airings(self, dispatch: int) -> list[Airing]:
        with reading(self.site.engine) as session:
            return airings(session, dispatch)

    def tally(self, dispatch: int) -> ChannelTally:
        with reading(self.site.engine) as session:
            return report(session, dispatch).channels["fm"]

    def ledger(self) -> list[Any]:
        return list(self.station.ledger.entries("airing"))

    def order(self) -> list[tuple[str, bool]]:
        """What was put on the air: identifier or key, and whether to its end."""
        return [
            (entry["fields"].get("alertd_identifier", entry["key"]), entry["complete"])
            for entry in self.ledger()
        ]

    def wait_for(self, what: Callable[[], object], within: float = 20.0) -> None:
        """Until something is so."""
        deadline = stopwatch() + within
        while not what():
            assert stopwatch() < deadline, (self.order(), "not so in time")
            threading.Event().wait(0.02)

    def on_air(self, dispatch: int) -> bool:
        return any(one.on_air_at is not None for one in self.airings(dispatch))

    def over(self, *dispatches: int) -> bool:
        """Whether all that is known of these is final."""
        return all(self.tally(one).open == 0 and self.tally(one).planned for one in dispatches)

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

    def audited(self, action: str) -> int:
        """How often that is in the audit trail."""
        with reading(self.site.engine) as session:
            return len(session.scalars(select(AuditRow).where(AuditRow.action == action)).all())

    def alarms(self) -> set[str]:
        with reading(self.site.engine) as session:
            return {row.name for row in store.alarms(session)}

    @contextmanager
    def working(self, workers: int = 1) -> Iterator[None]:
        """A relay and so many workers, each as a thread that looks again and again."""
        stop = threading.Event()
        relay = Relay(self.site, lambda _: True)

        def work() -> None:
            while not stop.wait(0.05):
                drain(self.site, "fm", stop)

        threads = [threading.Thread(target=relay.run, args=(stop,))]
        threads += [threading.Thread(target=work) for _ in range(workers)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stop.set()
            for thread in threads:
                thread.join(timeout=20)


@contextmanager
def station_city(
    folder: Path, database_url: str, *, seconds: float = 1.2, lease: float = 2.0, **section: object
) -> Iterator[StationCity]:
    """One station whose alerts last so long."""
    with SimulatedStation(folder / "s", ledger=folder / "ledger.jsonl") as station:
        table = {
            "kind": "fm",
            "socket": str(station.socket_path),
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
        site._synthesizer = Tones(folder / "tones", seconds)
        factories.add_people(site, [QUEUE], kind="fm")
        try:
            yield StationCity(site, station)
        finally:
            site.close()


#: how soon an airing is taken off after the word that wants it
AT_ONCE = timedelta(seconds=2.5)
