"""Benchmark: how fast an alert is planned and goes out by mail, every mail tracked.

    python benchmarks/dispatch.py [--recipients 20000] [--plan 100000] [--runs 3] [--database URL] [--json]

Prints the time to plan (`--plan` deliveries), the seconds from approval to the first
hand-over, tracked mails per second (claim → reply to the final dot → receipt committed)
and the peak memory of the worker: medians over the runs. The far end is Postfix's
smtp-sink where it is installed, else the simulated SMTP server of the demo.
Everything runs on 127.0.0.1.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from sqlalchemy import String, cast, insert, update

from alertd import broker, config, issue, operators, plan
from alertd.alert import Area, Status
from alertd.audience import Audience
from alertd.db import reading, upgrade, writing
from alertd.dispatch import Person, Role
from alertd.recipient import RecipientKind
from alertd.report import report
from alertd.site import Site
from alertd.supervise import Program, Supervisor
from alertd.tables import AreaRow, ContactRow, RecipientRow
from alertd.template import fill, template
from alertd.worker import broker_url

ROOT = Path(__file__).resolve().parent.parent
_CHUNK = 5000


def main() -> None:
    """Runs the benchmark and prints its figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--recipients", type=int, default=20_000, help="mails in one run (default 20000)")
    parser.add_argument("--plan", type=int, default=100_000, help="deliveries to plan (default 100000)")
    parser.add_argument("--runs", type=int, default=3, help="runs; the median is printed (default 3)")
    parser.add_argument("--database", default="", help="SQLAlchemy URL of an empty database; default: SQLite")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="alertd-bench-") as folder, far_end() as (port, sink):
        site = _site(Path(folder), options.database, port)
        try:
            figures = _figures(site, options.recipients, options.plan, options.runs)
        finally:
            site.close()
    figures = {"far_end": sink, "database": options.database.partition(":")[0] or "sqlite", **figures}
    if options.json:
        print(json.dumps(figures, indent=2))
        return
    for name, value in figures.items():
        print(f"{name:32} {value}")


@contextmanager
def far_end() -> Iterator[tuple[int, str]]:
    """An SMTP server that takes everything: (port, name)."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    unpacked = ROOT / ".cache" / "postfix" / "usr"
    sink = shutil.which("smtp-sink") or str(unpacked / "sbin" / "smtp-sink")
    environment = dict(os.environ)
    if Path(sink).exists():
        environment["LD_LIBRARY_PATH"] = str(unpacked / "lib" / "postfix")
        user = ["-u", "nobody"] if os.geteuid() == 0 else []
        command, name = [sink, *user, f"127.0.0.1:{port}", "256"], "smtp-sink"
    else:
        command, name = [sys.executable, "-m", "alertd.demo.smtp_server", "--port", str(port)], "simulated"
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait(lambda: _listens(port))
        yield port, name
    finally:
        process.terminate()
        process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0


def _wait(condition: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise SystemExit("a program did not start in time")
        time.sleep(0.05)


def _site(folder: Path, database: str, port: int) -> Site:
    file = folder / "alertd.toml"
    file.write_text(
        f'[database]\nurl = "{database}"\n[approval]\nexercise = 1\n[channels.mail]\nkind = "email"\n'
        f'host = "127.0.0.1"\nport = {port}\nsender = "bosai@sanjo.example.jp"\nsessions = 8\n'
    )
    site = Site.open(config.load(file))
    upgrade(site.engine)
    return site


def _people(site: Site, number: int) -> None:
    """Invented recipients of the area BENCH."""
    with writing(site.engine) as session:
        session.merge(AreaRow(code="BENCH", name="嵐南", name_en="Rannan", households=number))
    now = site.clock.now()
    for begin in range(0, number, _CHUNK):
        part = range(begin, min(begin + _CHUNK, number))
        with writing(site.engine) as session:
            people = session.scalars(
                insert(RecipientRow).returning(RecipientRow.id, sort_by_parameter_order=True),
                [
                    {
                        "name": f"三条 {n}",
                        "kana": "",
                        "kind": RecipientKind.PERSON,
                        "area": "BENCH",
                        "language": "ja",
                        "needs_support": False,
                        "active": True,
                        "created_at": now,
                    }
                    for n in part
                ],
            ).all()
            session.execute(
                insert(ContactRow),
                [
                    {
                        "recipient_id": person,
                        "kind": "email",
                        "address": f"person{n}@example.jp",
                        "preference": 1,
                        "active": True,
                    }
                    for person, n in zip(people, part, strict=True)
                ],
            )


def _submit(site: Site, person: Person, number: int) -> int:
    now = site.clock.now().replace(microsecond=0)
    alert = fill(
        template("flood-4"),
        {"river": "五十嵐川", "shelters": "第一中学校"},
        city=site.config.city,
        status=Status.EXERCISE,
        identifier=f"bench.{number}",
        sent=now,
        expires=now + timedelta(hours=6),
        areas=(Area(description="嵐南"),),
    )
    submission = issue.Submission(
        alert=alert, audience=Audience(areas=("BENCH",)), channels=("mail",), template="flood-4"
    )
    return issue.submit(site, submission, person)


def _approve(site: Site, person: Person, dispatch: int) -> None:
    with reading(site.engine) as session:
        seen = report(session, dispatch).content_hash
    issue.approve(site, dispatch, person, seen=seen)


def _figures(site: Site, recipients: int, planned: int, runs: int) -> dict[str, object]:
    with writing(site.engine) as session:
        row = operators.add(
            session,
            site.clock,
            name="bench",
            password="a benchmark needs no secret",
            roles=[Role.DRAFT, Role.APPROVE, Role.SEND],
        )
        person = operators.person(row)
    _people(site, recipients)
    rates, firsts = [], []
    supervisor = Supervisor(site.config.storage / "log")
    here = [sys.executable, "-m", "alertd", "--config", str(site.config.file)]
    command = broker.command(site.config.broker_socket)
    if command is not None:
        supervisor.start(Program(name="broker", command=command))
    supervisor.start(Program(name="worker", command=[*here, "worker"]))
    supervisor.start(Program(name="relay", command=[*here, "relay"]))
    try:
        for run in range(-1, runs):  # the first one warms the programs up and does not count
            dispatch = _submit(site, person, run)
            begin = time.monotonic()
            _approve(site, person, dispatch)
            while True:
                time.sleep(0.1)
                with reading(site.engine) as session:
                    found = report(session, dispatch)
                if found.final:
                    break
                supervisor.tend()
            seconds = time.monotonic() - begin
            assert found.channels["mail"].outcomes["accepted"] == recipients, found.channels
            assert found.first_at is not None and found.approved_at is not None
            if run >= 0:
                firsts.append((found.first_at - found.approved_at).total_seconds())
                rates.append(recipients / seconds)
    finally:
        supervisor.stop()
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    _people(site, max(0, planned - recipients))
    with writing(site.engine) as session:
        session.execute(
            update(ContactRow).values(address=cast(ContactRow.id, String) + "." + ContactRow.address)
        )
    plans = []
    for run in range(runs):
        dispatch = _submit(site, person, 1000 + run)
        _approve(site, person, dispatch)
        begin = time.monotonic()
        made = plan.plan(site, dispatch)
        plans.append(time.monotonic() - begin)
    return {
        "recipients": recipients,
        "runs": runs,
        "mails_per_second": round(statistics.median(rates)),
        "approval_to_first_hand_over_s": round(statistics.median(firsts), 3),
        "peak_mb": round(peak),
        "planned": made,
        "plan_s": round(statistics.median(plans), 2),
        "broker": broker_url(site.config).partition(":")[0],
    }


if __name__ == "__main__":
    main()
