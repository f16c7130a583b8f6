"""Benchmark: what an alert costs as its audience grows, from a thousand to a million.

    python benchmarks/scale.py [--sizes 1000 10000 100000 1000000] [--workers 1 2]
                               [--databases sqlite postgresql] [--seconds 60] [--json] [--write]

For each database and size: the seconds to plan (approved → every delivery is there), one
claim of 500, one look at the tally; then so many workers send into Postfix's smtp-sink for
at most `--seconds`: of a million that is a slice, and is shown as one. Cost is processor
time of the workers and, on PostgreSQL, of the database server. Every step is a process of
its own, whose peak memory is told. PostgreSQL is a real one, started for this with fsync on.
`--write` puts table and charts into docs/scale.md and docs/pictures. All on 127.0.0.1.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

from burden import Burden
from growth import Point, markdown, write
from programs import postgres
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from sink import far_end
from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session
from town import add_people, approve, open_site, operator, submit

from alertd import config, plan, store
from alertd.db import reading, writing
from alertd.dispatch import Person
from alertd.report import report
from alertd.send import drain
from alertd.site import Site
from alertd.tables import DeliveryRow

#: connections to the mail server, shared by the workers
SESSIONS = 8
#: deliveries of the claim that is timed
CLAIM = 500
#: looks and claims that are timed; the median is shown
LOOKS = 7
#: seconds that a step is expected to take: per recipient to move in and be planned, per mail, and always
_MOVING_IN, _PLANNING, _SENDING, _ALWAYS = 5e-5, 5e-5, 5e-4, 5.0


def main() -> None:
    """Runs the benchmark and prints its figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000, 1_000_000])
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2], help="workers that send at once")
    parser.add_argument("--databases", nargs="+", default=["sqlite", "postgresql"])
    parser.add_argument("--seconds", type=float, default=60, help="sending ends after so long (default 60)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--write", action="store_true", help="put table and charts into the docs")
    parser.add_argument("--step", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        print(json.dumps(_step(*options.step)))
        return
    points = list(_measured(options))
    if options.write:
        write(points)
    print(json.dumps([asdict(point) for point in points], indent=2) if options.json else markdown(points))


def _measured(options: argparse.Namespace) -> Iterator[Point]:
    sizes = sorted(options.sizes)
    sent = sum(min(size * _SENDING, options.seconds) + _ALWAYS for size in sizes) * len(options.workers)
    planned = sum(size * _PLANNING + _ALWAYS for size in sizes) * len(options.workers)
    of_one = sent + planned + sizes[-1] * _MOVING_IN
    columns = (TextColumn("{task.description:40}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress, far_end() as (port, _):
        bar = progress.add_task("", total=of_one * len(options.databases))
        for database in options.databases:
            server = postgres() if database == "postgresql" else nullcontext(("", None))
            with server as (url, process), tempfile.TemporaryDirectory(prefix="alertd-scale-") as folder:
                mail = f'host = "127.0.0.1"\nport = {port}\nsessions = {{sessions}}'
                town = Town(Path(folder), url, mail, process)
                try:
                    for size in sizes:
                        for workers in options.workers:
                            progress.update(
                                bar, description=f"{database}: {size:,} people, {workers} workers"
                            )
                            yield town.point(database, size, workers, options.seconds)
                            steps = (size * _PLANNING, min(size * _SENDING, options.seconds), 2 * _ALWAYS)
                            progress.advance(bar, sum(steps))
                finally:
                    town.close()


class Town:
    """One town that grows, and what each alert to all of it costs."""

    def __init__(self, folder: Path, database: str, mail: str, server: int | None) -> None:
        self._folder, self._database, self._mail, self._server = folder, database, mail, server
        self._site: Site | None = None
        self._person: Person | None = None
        self._people = self._alerts = 0

    def point(self, database: str, size: int, workers: int, seconds: float) -> Point:
        """An alert to so many people, from its approval on."""
        site = self._open(workers)
        if self._person is None:
            self._person = operator(site)
        if size > self._people:
            add_people(site, size - self._people, first=self._people)
            self._people = size
            _settle(site)
        self._alerts += 1
        dispatch = submit(site, self._person, self._alerts)
        approve(site, self._person, dispatch)
        burden = Burden(self._server)
        try:
            before = burden.cpu_seconds()
            planned = self._go("plan", dispatch)
            plan_cpu = planned["cpu_seconds"] + burden.cpu_seconds() - before
            looked = self._go("look", dispatch)
            before = burden.cpu_seconds()
            runs = self._together(workers, seconds)
            server_cpu = burden.cpu_seconds() - before
        finally:
            burden.close()
        mails, cpu = sum(int(run["mails"]) for run in runs), sum(run["cpu_seconds"] for run in runs)
        _end(site, dispatch)
        return Point(
            database=database,
            recipients=size,
            workers=workers,
            planned=int(planned["planned"]),
            plan_s=round(planned["seconds"], 2),
            plan_cpu_s=round(plan_cpu, 2),
            plan_mb=round(planned["peak_mb"]),
            tally_ms=round(looked["tally_ms"], 1),
            claim_ms=round(looked["claim_ms"], 2),
            sent=mails,
            mails_per_second=round(mails / max(run["seconds"] for run in runs)),
            worker_ms_per_mail=round(1000 * cpu / mails, 3),
            database_ms_per_mail=round(1000 * server_cpu / mails, 3),
            worker_mb=round(max(run["peak_mb"] for run in runs)),
            database_mb=round(burden.peak_mb),
        )

    def close(self) -> None:
        """Lets go of the database."""
        if self._site is not None:
            self._site.close()

    def _open(self, workers: int) -> Site:
        self.close()
        mail = self._mail.format(sessions=max(1, SESSIONS // workers))
        self._site = open_site(self._folder, self._database, mail)
        return self._site

    def _command(self, *step: object) -> list[str]:
        assert self._site is not None
        return [sys.executable, __file__, "--step", str(self._site.config.file), *map(str, step)]

    def _go(self, *step: object) -> dict[str, float]:
        done = subprocess.run(self._command(*step), check=True, stdout=subprocess.PIPE, text=True)
        answer: dict[str, float] = json.loads(done.stdout)
        return answer

    def _together(self, workers: int, seconds: float) -> list[dict[str, float]]:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        command = self._command("send", seconds)
        senders = [subprocess.Popen(command, **pipes) for _ in range(workers)]  # type: ignore[call-overload]
        for sender in senders:
            assert sender.stdout.readline() == "ready\n"
        for sender in senders:
            sender.stdin.write("go\n")
            sender.stdin.flush()
        runs = [json.loads(sender.communicate()[0]) for sender in senders]
        return [run for run in runs if run["mails"]]


def _step(file: str, what: str, *words: str) -> dict[str, float]:
    """What a process of its own does, and what it took."""
    site = Site.open(config.load(Path(file)))
    try:
        if what == "send":
            site.channel("mail")
            print("ready", flush=True)
            sys.stdin.readline()
        with _timed() as figures:
            match what:
                case "plan":
                    figures["planned"] = plan.plan(site, int(words[0]))
                case "look":
                    figures |= _looks(site, int(words[0]))
                case "send":
                    stop = threading.Event()
                    end = threading.Timer(float(words[0]), stop.set)
                    end.start()
                    figures["mails"] = drain(site, "mail", stop)
                    end.cancel()
        return figures
    finally:
        site.close()


@contextmanager
def _timed() -> Iterator[dict[str, float]]:
    figures: dict[str, float] = {}
    began, before = time.monotonic(), time.process_time()
    yield figures
    figures["seconds"], figures["cpu_seconds"] = time.monotonic() - began, time.process_time() - before
    # getrusage would tell the memory of the parent too, as it was when this process began
    peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line)
    figures["peak_mb"] = int(peak.split()[1]) / 1024


def _looks(site: Site, dispatch: int) -> dict[str, float]:
    tallies, claims = [], []
    for _ in range(LOOKS + 1):
        began = time.monotonic()
        with reading(site.engine) as session:
            report(session, dispatch)
        tallies.append(time.monotonic() - began)
        with site.engine.connect() as connection, connection.begin() as transaction:
            now = site.clock.now()
            until = now + timedelta(seconds=8)
            with Session(connection) as session:
                began = time.monotonic()
                claimed = store.claim(
                    session, "mail", "bench", handed=False, limit=CLAIM, now=now, until=until
                )
                claims.append(time.monotonic() - began)
                assert claimed
            transaction.rollback()
    # the first of each fills the caches and does not count
    return {
        "tally_ms": 1000 * statistics.median(tallies[1:]),
        "claim_ms": 1000 * statistics.median(claims[1:]),
    }


def _settle(site: Site) -> None:
    """What autovacuum would do a minute later."""
    with site.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))


def _end(site: Site, dispatch: int) -> None:
    """What a slice has left is sent no more, and does not stand in the way of the next one."""
    open_ones = (DeliveryRow.dispatch_id == dispatch, DeliveryRow.due_at.is_not(None))
    with reading(site.engine) as session:
        if not session.scalar(select(func.count()).where(*open_ones)):
            return
    with writing(site.engine) as session:
        if site.engine.dialect.name == "postgresql":
            session.execute(text("SET LOCAL statement_timeout = 0"))
        session.execute(
            update(DeliveryRow)
            .where(*open_ones)
            .values(due_at=None, owner=None, claimed_until=None)
            .execution_options(synchronize_session=False)
        )


if __name__ == "__main__":
    main()
