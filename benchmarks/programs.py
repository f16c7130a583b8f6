"""The programs of an installation, as they run in a city, around a measurement."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sink import listens, wait

from alertd import broker
from alertd.clock import stopwatch
from alertd.db import reading
from alertd.report import report
from alertd.site import Site
from alertd.supervise import Program, Supervisor
from tests.servers import running_postgres


@contextmanager
def running(site: Site, *others: Program, ports: Sequence[int], workers: int = 1) -> Iterator[Supervisor]:
    """Broker, console with public side, workers and relay, and these others; all of `ports` answer."""
    here = [sys.executable, "-m", "alertd", "--config", str(site.config.file)]
    supervisor = Supervisor(site.config.storage / "log")
    command = broker.command(site.config.broker_socket)
    programs = [*others]
    if command is not None:
        programs.append(Program(name="broker", command=command))
    programs.append(Program(name="web", command=[*here, "web"]))
    programs += [Program(name=f"worker-{number}", command=[*here, "worker"]) for number in range(workers)]
    programs.append(Program(name="relay", command=[*here, "relay"]))
    try:
        for program in programs:
            supervisor.start(program)
        wait(lambda: all(map(listens, ports)), 60)
        yield supervisor
    finally:
        supervisor.stop()


def seconds_until_done(site: Site, dispatch: int, supervisor: Supervisor) -> float:
    """From now until nothing of a dispatch is due any more."""
    began = stopwatch()
    while True:
        threading.Event().wait(0.1)
        with reading(site.engine) as session:
            if report(session, dispatch).final:
                return stopwatch() - began
        supervisor.tend()


#: how docker-compose.yml runs it, for a machine with two cores and four gigabytes
POSTGRES = ("shared_buffers=512MB", "max_wal_size=4GB", "jit=off")


@contextmanager
def postgres() -> Iterator[tuple[str, int]]:
    """A PostgreSQL that keeps what it has committed over a power cut: URL of an empty database, process."""
    with running_postgres(POSTGRES) as server:
        assert server.process is not None
        yield server.url, server.process.pid
