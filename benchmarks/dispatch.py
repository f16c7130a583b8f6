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
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path

from sink import far_end
from town import add_people, approve, open_site, operator, submit

from alertd import broker, plan
from alertd.db import reading
from alertd.report import report
from alertd.site import Site
from alertd.supervise import Program, Supervisor
from alertd.worker import broker_url


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
        mail = f'host = "127.0.0.1"\nport = {port}\nsessions = 8'
        site = open_site(Path(folder), options.database, mail)
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


def _figures(site: Site, recipients: int, planned: int, runs: int) -> dict[str, object]:
    person = operator(site)
    add_people(site, recipients)
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
            dispatch = submit(site, person, run)
            begin = time.monotonic()
            approve(site, person, dispatch)
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
    add_people(site, max(0, planned - recipients), first=recipients)
    plans = []
    for run in range(runs):
        dispatch = submit(site, person, 1000 + run)
        approve(site, person, dispatch)
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
