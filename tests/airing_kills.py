"""Workers that are killed or frozen in the middle of airings, judged by the station's own ledger.

The long run: python -m tests.airing_kills --seeds 50 --json
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from alertd.alert import Severity
from alertd.city import City
from alertd.clock import stopwatch
from alertd.config import Approval, Config, Web, Worker
from alertd.demo.station_player import Fault
from alertd.send import drain
from alertd.settings import read_settings
from alertd.site import Site
from channels.fm_settings import FmSettings
from tests.flow.station_city import StationCity, station_city

#: of a worker's claims, seconds
LEASE = 1.0
#: of each alert, seconds
SOUND = 1.5
#: how late the watchdog may be on a busy machine, seconds
LATE = 3.0
_SECTION = {"margin": 2, "on_air_within": 1, "timeout": 2}


@dataclass(slots=True)
class Toll:
    """What so many blows in the middle of airings came to."""

    blows: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    #: a transmitter that had the same airing twice
    double_airings: int = 0
    #: transmitters that were given back after the watchdog's time, or never
    held_too_long: int = 0
    #: airings that are said to be whole and were not
    false_words: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    #: longest from the last moment that was allowed until it was given back, seconds; below 0 = before
    latest_release: float = -999.0

    def as_json(self) -> dict[str, object]:
        """The figures by name."""
        told = {name: getattr(self, name) for name in self.__slots__}
        return told | {"kinds": dict(self.kinds), "outcomes": dict(self.outcomes)}


class Workers:
    """Worker processes of one installation, one after the other: the next one waits already."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.now = _go(_ready(self._started()))
        self._spare = self._started()

    def ready(self) -> None:
        """Waits until the next worker could begin at once."""
        self._spare = _ready(self._spare)

    def strike(self, kind: str) -> None:
        """Kills the worker, or freezes it until well after its leases; another one takes its place."""
        struck = self.now
        struck.send_signal(signal.SIGKILL if kind == "killed" else signal.SIGSTOP)
        self.now = _go(self._spare)
        if kind == "killed":
            struck.wait()
            _close(struck)
        else:
            threading.Event().wait(LEASE * 2)
            struck.send_signal(signal.SIGCONT)
            threading.Event().wait(0.3)
            struck.kill()
            struck.wait()
            _close(struck)
        self._spare = self._started()

    def close(self) -> None:
        for process in (self.now, self._spare):
            process.kill()
            process.wait()
            _close(process)

    def _started(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.airing_kills", "--worker", str(self._folder)]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _ready(process: subprocess.Popen[str]) -> subprocess.Popen[str]:
    assert process.stdout is not None
    assert process.stdout.readline(), "a worker did not start"
    return process


def _go(process: subprocess.Popen[str]) -> subprocess.Popen[str]:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()
    return process


def run(seeds: range, folder: Path) -> Toll:
    """One airing and one blow in the middle of it for each seed."""
    toll = Toll()
    url = f"sqlite:///{folder / 'alertd.db'}"
    with station_city(folder, url, seconds=SOUND, lease=LEASE, **_SECTION) as city:
        with city.working(workers=0), _workers(folder) as workers:
            for seed in seeds:
                _one(seed, city, workers, toll)
        toll.double_airings = sum(times - 1 for times in Counter(e["key"] for e in city.ledger()).values())
    return toll


def _one(seed: int, city: StationCity, workers: Workers, toll: Toll) -> None:
    chance = random.Random(seed)
    kind = chance.choice(["killed", "killed", "killed", "frozen"])
    stuck = chance.random() < 0.2
    workers.ready()
    city.station.fault = Fault.STUCK if stuck else None
    dispatch = city.air(Severity.SEVERE)
    city.wait_for(lambda: city.airings(dispatch), within=30)
    threading.Event().wait(chance.uniform(0.0, SOUND * 0.9))
    workers.strike(kind)
    city.wait_for(lambda: city.over(dispatch) and all(o.over for o in city.airings(dispatch)), within=60)
    city.station.fault = None
    toll.blows += 1
    toll.kinds[f"{kind}, station stuck" if stuck else kind] += 1
    for one in city.airings(dispatch):
        assert one.released_at is not None
        late = (one.released_at - one.ends_by).total_seconds()
        toll.latest_release = max(toll.latest_release, late)
        toll.held_too_long += late > LATE
    (outcome,) = (name for name, count in city.tally(dispatch).outcomes.items() if count)
    toll.outcomes[outcome] += 1
    aired = [entry for entry in city.ledger() if entry["key"] == _key(city, dispatch)]
    toll.false_words += outcome == "delivered" and not any(entry["complete"] for entry in aired)


def _key(city: StationCity, dispatch: int) -> str:
    from alertd.messages import DELIVERY
    from alertd.token import seal

    (one, *_) = city.airings(dispatch)
    return seal(city.site.secret, DELIVERY, one.delivery_id)


@contextmanager
def _workers(folder: Path) -> Iterator[Workers]:
    workers = Workers(folder)
    try:
        yield workers
    finally:
        workers.close()


def _close(process: subprocess.Popen[str]) -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()


def _work(folder: Path) -> None:
    """What a worker process does: waits for its turn, then looks again and again."""
    table = {
        "kind": "fm",
        "socket": str(folder / "s"),
        "carries": ["Actual", "Exercise", "Test"],
        "gap": 0.2,
        **_SECTION,
    }
    config = Config(
        file=None,
        city=City(),
        storage=folder / "var",
        database_url=f"sqlite:///{folder / 'alertd.db'}",
        broker_url="embedded",
        web=Web(),
        approval=Approval(),
        worker=Worker(lease=LEASE, patience=10),
        channels={"fm": read_settings(FmSettings, table, "channels.fm")},
    )
    site = Site.open(config)
    site.channel("fm")
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    stop = threading.Event()
    parent = os.getppid()
    while not stop.wait(0.05) and os.getppid() == parent:
        drain(site, "fm", stop)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.worker:
        _work(chosen.worker)
        return
    began = stopwatch()
    with tempfile.TemporaryDirectory() as folder:
        toll = run(range(chosen.first, chosen.first + chosen.seeds), Path(folder))
    told = toll.as_json() | {"seconds": round(stopwatch() - began, 1)}
    lines = "\n".join(f"{name}: {what}" for name, what in told.items())
    sys.stdout.write((json.dumps(told) if chosen.json else lines) + "\n")
    sys.exit(bool(toll.double_airings or toll.held_too_long or toll.false_words))


if __name__ == "__main__":
    main()
