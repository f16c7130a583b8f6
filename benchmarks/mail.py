"""Benchmark: tracked mails a second, beside Postfix's smtp-source and beside plain programs.

    python benchmarks/mail.py [--recipients 20000] [--runs 3] [--postgres] [--sessions 16] [--senders N]
                              [--rtt 20] [--large 100000] [--plain 1000] [--json]

One run sends a dispatch from the first claim to the last commit (claim → reply to the
final dot → receipt committed) in as many processes as `alertd up` starts workers on this
machine, which share `--sessions` connections, and right before it smtp-source
sends as many mails of the same size over as many kept connections to the same smtp-sink.
`ratio_to_smtp_source` is the median of ours ÷ smtp-source's, run by run. The same is done
beside one Celery task per recipient (`multiple_of_naive_celery`), through a delay of
`--rtt` milliseconds beside plain aiosmtplib (`multiple_of_aiosmtplib_at_rtt`), with one mail to up to
50 recipients (`grouped_ratio_to_smtp_source`), beside a tar pit among four relays
(`tar_pit_cost`), and once with `--large` recipients (`cost_growth`, `peak_mb`). 0 leaves a
part out. Everything runs on 127.0.0.1.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import aiosmtplib
from naive_celery import naive
from sink import far_end, free_port, running, source
from town import add_people, approve, open_site, operator, submit

from alertd import config, plan
from alertd.db import reading
from alertd.dispatch import Person
from alertd.report import report
from alertd.send import drain
from alertd.site import Site
from alertd.up import MOST_WORKERS


@dataclass(frozen=True, slots=True)
class Run:
    """What one dispatch cost its sender."""

    mails: int
    seconds: float
    cpu_seconds: float
    peak_mb: float

    @property
    def rate(self) -> float:
        """Mails a second."""
        return self.mails / self.seconds

    @property
    def cpu_ms(self) -> float:
        """Milliseconds of the processor for each mail, the database server's not counted."""
        return 1000 * self.cpu_seconds / self.mails


class Bench:
    """One town, whose relays and number of people change from part to part."""

    def __init__(self, folder: Path, options: argparse.Namespace) -> None:
        self._folder, self._options = folder, options
        self._site: Site | None = None
        self._person: Person | None = None
        self._people = self._dispatches = 0

    def open(self, section: str) -> Site:
        """The installation with this section of its mail channel."""
        if self._site is not None:
            self._site.close()
        self._site = open_site(self._folder, self._options.database, section)
        return self._site

    def send(self, section: str, people: int) -> Run:
        """One dispatch to so many people, sent by a process of its own."""
        site = self.open(section)
        if self._person is None:
            self._person = operator(site)
        if people > self._people:
            add_people(site, people - self._people, first=self._people)
            self._people = people
        self._dispatches += 1
        dispatch = submit(site, self._person, self._dispatches)
        approve(site, self._person, dispatch)
        plan.plan(site, dispatch)
        run = _together(site.config.file, self._options.senders)
        with reading(site.engine) as session:
            outcomes = report(session, dispatch).channels["mail"].outcomes
        assert outcomes["accepted"] == self._people, outcomes
        return run

    def close(self) -> None:
        """Lets go of the database."""
        if self._site is not None:
            self._site.close()


def _together(file: Path | None, number: int) -> Run:
    """So many processes that send at once, as one: what all have sent, the longest time, all that it cost."""
    command = [sys.executable, __file__, "--drain", str(file)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(command, **pipes) for _ in range(number)]  # type: ignore[call-overload]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    runs = [Run(**json.loads(process.communicate()[0])) for process in processes]
    return Run(
        sum(run.mails for run in runs),
        max(run.seconds for run in runs if run.mails),
        sum(run.cpu_seconds for run in runs),
        max(run.peak_mb for run in runs),
    )


def sender(file: Path) -> Run:
    """The process that sends: everything that is due, claim to commit; begins when it is told to."""
    site = Site.open(config.load(file))
    try:
        site.channel("mail")
        print("ready", flush=True)
        sys.stdin.readline()
        began, before = time.monotonic(), time.process_time()
        mails = drain(site, "mail", threading.Event())
        seconds, cpu = time.monotonic() - began, time.process_time() - before
    finally:
        site.close()
    return Run(mails, seconds, cpu, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def main() -> None:
    """Runs the benchmark and prints its figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--recipients", type=int, default=20_000, help="mails in one run (default 20000)")
    parser.add_argument("--runs", type=int, default=3, help="runs; medians are printed (default 3)")
    parser.add_argument("--sessions", type=int, default=16, help="connections at a time (default 16)")
    parser.add_argument(
        "--senders",
        type=int,
        default=min(os.cpu_count() or 1, MOST_WORKERS),
        help="processes that send, sharing the connections (default: as many workers as `alertd up` starts)",
    )
    parser.add_argument("--size", type=int, default=2700, help="bytes of smtp-source's mails (default 2700)")
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--postgres", action="store_true", help="on a PostgreSQL started for this; default: SQLite"
    )
    where.add_argument("--database", default="", help="SQLAlchemy URL of an empty database")
    parser.add_argument("--plain", type=int, default=1000, help="mails of the plain programs (default 1000)")
    parser.add_argument("--rtt", type=float, default=20, help="milliseconds of a round trip far away")
    parser.add_argument("--large", type=int, default=100_000, help="recipients of the large run")
    parser.add_argument(
        "--tar-pit", type=int, default=0, help="seconds that one of four relays takes for a mail"
    )
    parser.add_argument("--drain", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    if options.drain is not None:
        run = sender(options.drain)
        print(
            json.dumps({name: getattr(run, name) for name in ("mails", "seconds", "cpu_seconds", "peak_mb")})
        )
        return
    with ExitStack() as started:
        if options.postgres:
            from programs import postgres  # what it brings along is nothing that a sender needs

            options.database, _ = started.enter_context(postgres())
        folder = started.enter_context(tempfile.TemporaryDirectory(prefix="alertd-bench-"))
        bench = Bench(Path(folder), options)
        try:
            figures = _figures(bench, options)
        finally:
            bench.close()
    if options.json:
        print(json.dumps(figures, indent=2))
        return
    for name, value in figures.items():
        print(f"{name:32} {value}")


def _figures(bench: Bench, options: argparse.Namespace) -> dict[str, object]:
    figures: dict[str, object] = {
        "database": options.database.partition(":")[0] or "sqlite",
        "recipients": options.recipients,
        "sessions": options.sessions,
        "senders": options.senders,
        "runs": options.runs,
    }
    with far_end() as (port, name):
        figures["far_end"] = name
        figures |= _beside_source(bench, options, port)
        if options.plain:
            figures |= _beside_celery(options, port, figures["mails_per_second"])
            if options.rtt:
                figures |= _far_away(bench, options, port)
        if options.large:
            figures |= _large(bench, options, port, figures["cpu_ms_per_mail"])
    if options.tar_pit:
        figures |= _tar_pit(bench, options)
    return figures


def _section(options: argparse.Namespace, *ports: int, more: str = "") -> str:
    where = ", ".join(f'"127.0.0.1:{port}"' for port in ports)
    return f"relays = [{where}]\nsessions = {options.sessions // options.senders}\n{more}"


def _beside_source(bench: Bench, options: argparse.Namespace, port: int) -> dict[str, object]:
    """Personal and grouped mode, each beside smtp-source, run by run."""
    own, grouped, theirs = [], [], []
    for _ in range(options.runs):
        size = {"mails": options.recipients, "sessions": options.sessions, "size": options.size}
        seconds = source(port, **size)
        theirs.append(options.recipients / seconds if seconds else 0.0)
        own.append(bench.send(_section(options, port), options.recipients))
        grouped.append(
            bench.send(_section(options, port, more="recipients_per_mail = 50"), options.recipients)
        )
    median = statistics.median
    figures: dict[str, object] = {
        "mails_per_second": round(median(run.rate for run in own)),
        "cpu_ms_per_mail": round(median(run.cpu_ms for run in own), 3),
        "peak_mb": round(max(run.peak_mb for run in own)),
        "grouped_mails_per_second": round(median(run.rate for run in grouped)),
        "grouped_cpu_ms_per_mail": round(median(run.cpu_ms for run in grouped), 3),
    }
    if all(theirs):
        ratios = [run.rate / rate for run, rate in zip(own, theirs, strict=True)]
        of_groups = [run.rate / rate for run, rate in zip(grouped, theirs, strict=True)]
        figures["smtp_source_per_second"] = round(median(theirs))
        figures["ratio_to_smtp_source"] = round(median(ratios), 2)
        figures["grouped_ratio_to_smtp_source"] = round(median(of_groups), 2)
    return figures


def _beside_celery(options: argparse.Namespace, port: int, ours: object) -> dict[str, object]:
    rate = naive(port, recipients=options.plain, sessions=options.sessions, database=options.database)
    assert isinstance(ours, int)
    return {"naive_celery_per_second": round(rate), "multiple_of_naive_celery": round(ours / rate, 1)}


def _far_away(bench: Bench, options: argparse.Namespace, port: int) -> dict[str, object]:
    """The same over a way of `--rtt` milliseconds there and back, beside plain aiosmtplib."""
    away = free_port()
    proxy = str(Path(__file__).parent / "far_away.py")
    with running([sys.executable, proxy, str(away), str(port), str(options.rtt)], away):
        plain = asyncio.run(_aiosmtplib(away, options.plain, options.sessions, options.size))
        ours = bench.send(_section(options, away), options.recipients)
    return {
        "rtt_ms": options.rtt,
        "mails_per_second_at_rtt": round(ours.rate),
        "aiosmtplib_per_second_at_rtt": round(plain),
        "multiple_of_aiosmtplib_at_rtt": round(ours.rate / plain, 1),
    }


async def _aiosmtplib(port: int, mails: int, sessions: int, size: int) -> float:
    """Mails a second of plain aiosmtplib: finished bytes over as many kept connections."""
    body = b"From: <bosai@sanjo.example.jp>\r\n\r\n" + b"x" * 76 * (size // 76)

    async def share() -> None:
        async with aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False) as client:
            for number in range(mails // sessions):
                await client.sendmail("bosai@sanjo.example.jp", [f"person{number}@example.jp"], body)

    began = time.monotonic()
    await asyncio.gather(*(share() for _ in range(sessions)))
    return mails // sessions * sessions / (time.monotonic() - began)


def _large(bench: Bench, options: argparse.Namespace, port: int, usual: object) -> dict[str, object]:
    run = bench.send(_section(options, port), options.large)
    assert isinstance(usual, float)
    return {
        "large": options.large,
        "large_mails_per_second": round(run.rate),
        "large_cpu_ms_per_mail": round(run.cpu_ms, 3),
        "large_peak_mb": round(run.peak_mb),
        "cost_growth": round(run.cpu_ms / usual, 2),
    }


def _tar_pit(bench: Bench, options: argparse.Namespace) -> dict[str, object]:
    """Four relays, and the same with one of them taking `--tar-pit` seconds for every mail."""
    rates = []
    for slow in ([], ["-W", f".:{options.tar_pit}"]):
        with (
            far_end(slow) as (first, _),
            far_end() as (second, _),
            far_end() as (third, _),
            far_end() as (last, _),
        ):
            run = bench.send(_section(options, first, second, third, last), options.recipients)
            rates.append(run.rate)
    return {"tar_pit_s": options.tar_pit, "tar_pit_cost": round(1 - rates[1] / rates[0], 2)}


if __name__ == "__main__":
    main()
