"""The town under test: a running installation with simulated far ends that keep ledgers."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import tempfile
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from alertd import config
from alertd.alert import Status
from alertd.audience import Audience
from alertd.db import reading
from alertd.report import Report, report
from alertd.site import Site
from tests import factories
from tests.chaos.layout import (
    Population,
    Timing,
    database_wire,
    edges,
    far_ends,
    free_ports,
    ledger_file,
    near_ends,
    programs,
    settle,
    write_configuration,
)
from tests.chaos.wire import Wire, carrying
from tests.nursery import Nursery
from tests.servers import ROOT, Server, running_postgres

#: what is sent: short, because it is also spoken
TEXT = "川から離れてください。"


@dataclass
class Town:
    """A running town: its programs by name, its site, its ledgers."""

    folder: Path
    site: Site
    population: Population
    programs: dict[str, Server]
    #: PostgreSQL, when it is ours to crash
    postgres: Server | None
    #: what was approved: number → status
    dispatches: dict[int, Status] = field(default_factory=dict)
    #: what the programs speak through, by what it leads to
    wires: dict[str, Wire] = field(default_factory=dict)

    def approve(self, status: Status) -> int:
        """One person submits an alert to everybody, another approves it; returns the dispatch."""
        now = self.site.clock.now().replace(microsecond=0)
        identifier = f"chaos.{len(self.dispatches) + 1}"
        alert = factories.make_alert(identifier=identifier, status=status, sent=now, text=TEXT)
        number = factories.submit(
            self.site, alert, channels=self.population.channels, audience=Audience(everybody=True)
        )
        self.dispatches[number] = status
        factories.approve(self.site, number)
        return number

    def report(self, number: int) -> Report:
        """The tally of a dispatch now."""
        with reading(self.site.engine) as session:
            return report(session, number)

    def ledger(self, channel: str) -> list[dict[str, Any]]:
        """What really happened at a channel's far end."""
        file = ledger_file(self.folder, channel)
        lines = file.read_text(encoding="utf-8").split("\n")[:-1] if file.exists() else []
        return [json.loads(line) for line in lines]

    def heard(self, channel: str) -> int:
        """How many lines a ledger has."""
        file = ledger_file(self.folder, channel)
        return file.read_bytes().count(b"\n") if file.exists() else 0

    def log(self, program: str) -> str:
        """What a program said."""
        return (self.programs[program].folder / "log").read_text(errors="replace")

    def tend(self, *, away: Collection[str] = ()) -> None:
        """Starts again what has died, as a supervisor would; but not what is `away`."""
        for name, server in self.programs.items():
            if server.process is not None and server.process.poll() is not None:
                server.process = None
            if server.process is None and name not in away:
                server.start()

    def wait_for_worker(self, *, within: float = 240.0) -> None:
        """Returns when the worker listens to the broker; raises TimeoutError."""
        deadline = time.monotonic() + within
        while "cmd=brpop" not in self.ask_broker("CLIENT LIST"):
            if time.monotonic() > deadline:
                raise TimeoutError(f"the worker does not come up: {self.log('worker')}")
            time.sleep(0.05)

    def ask_broker(self, command: str) -> str:
        """The broker's answer, as it comes; empty when it does not answer."""
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1.0)
            connection.connect(str(self.site.config.broker_socket))
            connection.sendall(f"{command}\r\n".encode())
            return connection.recv(65536).decode(errors="replace")
        return ""


@contextlib.contextmanager
def running(
    population: Population,
    *,
    database: str = "sqlite",
    timing: Timing | None = None,
    absent: Sequence[str] = (),
    nursery: Nursery | None = None,
) -> Iterator[Town]:
    """A town with everybody in it and every program started; nothing is approved yet.

    `database` is `sqlite`, `postgres` (a server of our own, which may be crashed) or the
    URL of an empty one; programs that are `absent` never run. With a `nursery` they start
    in a moment.
    """
    timing = timing or Timing()
    with contextlib.ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="chaos-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        postgres = stack.enter_context(running_postgres()) if database == "postgres" else None
        _share_sounds(folder)
        url = f"sqlite:///{folder}/alertd.db" if database == "sqlite" else database
        if postgres is not None:
            url = f"postgresql+psycopg://postgres@/postgres?host={database_wire(folder).parent}"
        near, ports = near_ends(), free_ports()
        for one in near.values():
            stack.callback(one.close)
        led = {f"{name}_wire": one.getsockname()[1] for name, one in near.items()}
        file = write_configuration(folder, {**ports, **led}, url, timing, population)
        for server in far_ends(folder, ports, timing, population, nursery):
            stack.callback(server.stop)
            server.start()
        settings = config.load(file)
        wires = stack.enter_context(carrying(edges(folder, near, ports, settings, postgres)))
        # the judge asks the database itself, whatever is wrong with the wire to it
        site = Site.open(replace(settings, database_url=postgres.url if postgres else url))
        stack.callback(site.close)
        settle(site, population, ports)
        town = Town(folder, site, population, {}, postgres, wires=wires)
        for server in programs(folder, file, site.config, population, nursery):
            if server.folder.name not in absent:
                stack.callback(server.kill)
                town.programs[server.folder.name] = server
        town.tend()
        yield town


def _share_sounds(folder: Path) -> None:
    """All towns say the same: a sound is made by the first and found by the others."""
    sounds = ROOT / ".cache" / "chaos-speech"
    sounds.mkdir(parents=True, exist_ok=True)
    storage = folder / "var"
    storage.mkdir()
    (storage / "speech").symlink_to(sounds)
