"""The pulse of a program: a row in the database whose time says when a relay or a worker was last alive."""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from alertd.db import writing
from alertd.site import Site
from alertd.tables import PulseRow

log = logging.getLogger(__name__)

#: between two beats, in seconds
EVERY = 5.0
#: a program that has not been alive for so long is dead
DEAD = timedelta(seconds=30)
#: a process that has been dead for so long is forgotten
FORGOTTEN = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Life:
    """When a program was last alive, anywhere, and how many processes of it are."""

    at: datetime
    alive: int


def beat(site: Site, programs: Sequence[str]) -> None:
    """Notes that this process is alive as these programs. A database that takes nothing stops no program."""
    now = site.clock.now()
    process = f"{_machine()}:{os.getpid()}"
    try:
        with writing(site.engine) as session:
            for program in programs:
                session.merge(PulseRow(program=program, process=process, at=now))
            session.execute(
                delete(PulseRow)
                .where(PulseRow.at < now - FORGOTTEN)
                .execution_options(synchronize_session=False)
            )
    except SQLAlchemyError as error:
        log.warning("the pulse of %s cannot be noted: %s", ", ".join(programs), error.__class__.__name__)


def lives(session: Session, now: datetime) -> Mapping[str, Life]:
    """Every program that was seen within a day, on whatever machine."""
    rows = session.execute(
        select(
            PulseRow.program,
            func.max(PulseRow.at, type_=PulseRow.at.type),
            func.count().filter(PulseRow.at > now - DEAD),
        ).group_by(PulseRow.program)
    )
    return {program: Life(at, alive) for program, at, alive in rows}


def alive_here(session: Session, now: datetime) -> frozenset[str]:
    """The programs that are alive on this machine, or in this container."""
    here = PulseRow.process.startswith(f"{_machine()}:", autoescape=True)
    return frozenset(session.scalars(select(PulseRow.program).where(here, PulseRow.at > now - DEAD)))


def _machine() -> str:
    return socket.gethostname()[:80]


def of_worker(channel: str) -> str:
    """The name under which a worker beats for one of its channels."""
    return f"worker.{channel}"


class Pulse:
    """Beats in a thread of its own until it is closed."""

    def __init__(self, site: Site, programs: Sequence[str]) -> None:
        self._site, self._programs = site, tuple(programs)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._go, name="pulse", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stops; may be called twice."""
        self._stop.set()
        self._thread.join()

    def _go(self) -> None:
        while True:
            beat(self._site, self._programs)
            if self._stop.wait(EVERY):
                return
