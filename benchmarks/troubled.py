"""Benchmark: what an absent broker, a frozen broker and a long notice cost an alert.

    python benchmarks/troubled.py [--recipients 20000] [--postgres] [--json]

Sends one dispatch as usual, and one without a broker (the relay sends by itself): seconds until
95 % are handed over, and their ratio. Freezes the broker while a dispatch goes out, and looks at
the console's first page 200 times: the 99th percentile. Approves a dispatch of the highest
urgency to a few in the middle of a notice to all: seconds to its first and last mail, and how many
of the notice went out between them. Everything runs on 127.0.0.1.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import httpx
from programs import postgres, running, seconds_until_done
from sink import far_end, free_port
from sqlalchemy import func, select, update
from town import add_people, approve, open_site, operator, submit

from alertd import issue
from alertd.alert import Area, Status
from alertd.audience import Audience
from alertd.channel import Outcome
from alertd.clock import stopwatch
from alertd.db import reading, writing
from alertd.dispatch import Person
from alertd.site import Site
from alertd.tables import AreaRow, DeliveryRow, ReceiptRow, RecipientRow
from alertd.template import fill, template

#: how many are told of what is urgent
FEW = 1000
LOOKS = 200
#: after so many seconds a worker listens, also on a busy machine
STARTED = 15


def main() -> None:
    """Runs the benchmark and prints its figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--recipients", type=int, default=20_000, help="mails (default 20000)")
    parser.add_argument("--postgres", action="store_true", help="on PostgreSQL; default: SQLite")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    figures: dict[str, object] = {
        "recipients": options.recipients,
        "database": "postgresql" if options.postgres else "sqlite",
    }
    normal = _alone(options.recipients, postgres=options.postgres, broker=True)
    absent = _alone(options.recipients, postgres=options.postgres, broker=False)
    figures |= {
        "normal_95_percent_s": round(normal, 2),
        "without_broker_95_percent_s": round(absent, 2),
        "ratio": round(absent / normal, 2),
    }
    with _town(options.recipients, postgres=options.postgres, broker=True) as (site, ports):
        figures |= _frozen(site, ports)
    with _town(options.recipients, postgres=options.postgres, broker=True) as (site, ports):
        figures |= _urgent(site, ports, options.recipients)
    if options.json:
        print(json.dumps(figures, indent=2))
        return
    for name, value in figures.items():
        print(f"{name:32} {value}")


@contextmanager
def _town(recipients: int, *, postgres: bool, broker: bool) -> Iterator[tuple[Site, list[int]]]:
    """A furnished town; without a broker its URL leads to a port where nobody listens."""
    with (
        tempfile.TemporaryDirectory(prefix="alertd-bench-") as folder,
        far_end() as (port, _),
        _database(postgres) as url,
    ):
        ports = [free_port(), free_port()]
        mail = f'host = "127.0.0.1"\nport = {port}\nsessions = 8\n'
        mail += f"[web]\nport = {ports[0]}\npublic_port = {ports[1]}"
        if not broker:
            mail += f'\n[broker]\nurl = "redis://127.0.0.1:{free_port()}/0"'
        site = open_site(Path(folder), url, mail)
        try:
            add_people(site, recipients)
            yield site, ports
        finally:
            site.close()


@contextmanager
def _database(on_postgres: bool) -> Iterator[str]:
    if not on_postgres:
        yield ""
        return
    with postgres() as (url, _):
        yield url


def _alone(recipients: int, *, postgres: bool, broker: bool) -> float:
    """Seconds from an approval until 95 % were handed over."""
    with _town(recipients, postgres=postgres, broker=broker) as (site, ports):
        person = operator(site)
        dispatch = submit(site, person, 0)
        with running(site, ports=ports) as supervisor:
            threading.Event().wait(STARTED)
            begun = site.clock.now()
            approve(site, person, dispatch)
            seconds_until_done(site, dispatch, supervisor)
        times = _accepted(site, dispatch)
        assert len(times) == recipients, "somebody was left out, or reached twice"
        return (times[int(0.95 * recipients) - 1] - begun).total_seconds()


def _frozen(site: Site, ports: list[int]) -> dict[str, object]:
    """The console while the broker takes connections and answers nothing, and a dispatch goes out."""
    person = operator(site)
    dispatch = submit(site, person, 0)
    with running(site, ports=ports) as supervisor:
        threading.Event().wait(STARTED)
        os.kill(supervisor.pid("broker"), signal.SIGSTOP)
        try:
            began = stopwatch()
            approve(site, person, dispatch)
            approval = stopwatch() - began
            address = f"http://127.0.0.1:{ports[0]}"
            with httpx.Client(base_url=address, headers={"Origin": address}, timeout=30) as client:
                sign_in = {"name": "bench", "password": "a benchmark needs no secret"}
                assert client.post("/sign-in", data=sign_in).status_code == 303
                times = []
                for _ in range(LOOKS):
                    began = stopwatch()
                    client.get("/").raise_for_status()
                    times.append(stopwatch() - began)
            seconds_until_done(site, dispatch, supervisor)
        finally:
            os.kill(supervisor.pid("broker"), signal.SIGCONT)
    return {
        "frozen_approval_ms": round(1000 * approval),
        "frozen_page_p99_ms": round(1000 * statistics.quantiles(times, n=100)[98]),
        "frozen_all_sent": len(_accepted(site, dispatch)),
    }


def _urgent(site: Site, ports: list[int], recipients: int) -> dict[str, object]:
    """An alert of the highest urgency to a few, approved in the middle of a notice to the others."""
    person = operator(site)
    with writing(site.engine) as session:
        session.add(AreaRow(code="FEW", name="嵐北", name_en="Ranhoku", households=FEW))
        session.flush()
        few = select(RecipientRow.id).order_by(RecipientRow.id).limit(FEW).scalar_subquery()
        session.execute(update(RecipientRow).where(RecipientRow.id.in_(few)).values(area="FEW"))
    notice, urgent = submit(site, person, 0), _submit_urgent(site, person)
    with running(site, ports=ports) as supervisor:
        approve(site, person, notice)
        while len(_accepted(site, notice)) < 0.1 * recipients:
            threading.Event().wait(0.1)
        begun = site.clock.now()
        approve(site, person, urgent)
        seconds_until_done(site, urgent, supervisor)
        seconds_until_done(site, notice, supervisor)
    times, others = _accepted(site, urgent), _accepted(site, notice)
    assert (len(times), len(others)) == (FEW, recipients - FEW), "somebody was left out, or reached twice"
    return {
        "urgent_first_s": round((times[0] - begun).total_seconds(), 2),
        "urgent_last_s": round((times[-1] - begun).total_seconds(), 2),
        "notice_meanwhile": sum(times[0] < at < times[-1] for at in others),
        "notice_after": sum(at >= times[-1] for at in others),
    }


def _submit_urgent(site: Site, person: Person) -> int:
    now = site.clock.now().replace(microsecond=0)
    alert = fill(
        template("flood-5"),
        {"river": "五十嵐川"},
        city=site.config.city,
        status=Status.EXERCISE,
        identifier="bench.urgent",
        sent=now,
        expires=now + timedelta(hours=6),
        areas=(Area(description="嵐北"),),
    )
    audience = Audience(areas=("FEW",))
    return issue.submit(
        site,
        issue.Submission(alert=alert, audience=audience, channels=("mail",), template="flood-5"),
        person,
    )


def _accepted(site: Site, dispatch: int) -> list[datetime]:
    """When each mail of a dispatch was taken over, in order."""
    first = func.min(ReceiptRow.received_at)
    with reading(site.engine) as session:
        return list(
            session.scalars(
                select(first)
                .join(DeliveryRow, DeliveryRow.id == ReceiptRow.delivery_id)
                .where(DeliveryRow.dispatch_id == dispatch, ReceiptRow.outcome == Outcome.ACCEPTED)
                .group_by(ReceiptRow.delivery_id)
                .order_by(first)
            )
        )


if __name__ == "__main__":
    main()
