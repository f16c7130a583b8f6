"""Benchmark: how soon an alert falls silent after the click, and how soon those who were reached are told.

    python benchmarks/stop.py [--recipients 20000] [--database URL] [--json]

Stops the mail channel of a dispatch in full flow and prints the seconds from the click to
the last hand-over (its receipt, which comes after it). Lets it go on, calls the alert off
when all have it, and prints the seconds from that click to the first corrected mail, to
95 % of them and to the last. The far end is Postfix's smtp-sink where it is installed,
else the simulated SMTP server of the demo. Everything runs on 127.0.0.1.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import threading
from datetime import datetime
from pathlib import Path

from programs import running, seconds_until_done
from sink import far_end, free_port
from sqlalchemy import func, select
from town import add_people, approve, open_site, operator, submit

from alertd import halt, issue
from alertd.channel import Outcome
from alertd.db import reading
from alertd.site import Site
from alertd.tables import DeliveryRow, ReceiptRow

#: the part of the mails after which the alert is stopped
FLOW = 0.2


def main() -> None:
    """Runs the benchmark and prints its figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--recipients", type=int, default=20_000, help="mails (default 20000)")
    parser.add_argument("--database", default="", help="SQLAlchemy URL of an empty database; default: SQLite")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="alertd-bench-") as folder, far_end() as (port, sink):
        web, public = free_port(), free_port()
        mail = f'host = "127.0.0.1"\nport = {port}\nsessions = 8\n[web]\nport = {web}\npublic_port = {public}'
        site = open_site(Path(folder), options.database, mail)
        try:
            figures = _figures(site, options.recipients, [web, public])
        finally:
            site.close()
    figures = {"far_end": sink, "database": options.database.partition(":")[0] or "sqlite", **figures}
    if options.json:
        print(json.dumps(figures, indent=2))
        return
    for name, value in figures.items():
        print(f"{name:32} {value}")


def _figures(site: Site, recipients: int, ports: list[int]) -> dict[str, object]:
    person = operator(site)
    add_people(site, recipients)
    dispatch = submit(site, person, 0)
    with running(site, ports=ports) as supervisor:
        approve(site, person, dispatch)
        while len(_accepted(site, dispatch)) < FLOW * recipients:
            threading.Event().wait(0.05)
        clicked = site.clock.now()
        halt.halt(site, dispatch, person, ["mail"], reason="benchmark")
        answered = site.clock.now()
        threading.Event().wait(4)
        before = _accepted(site, dispatch)
        halt.go_on(site, dispatch, person, ["mail"], reason="benchmark")
        seconds_until_done(site, dispatch, supervisor)
        assert len(_accepted(site, dispatch)) == recipients, "somebody was left out, or reached twice"
        wrong_at = site.clock.now()
        correction = issue.cancel(site, dispatch, person, reason="benchmark", correct=True)
        assert correction is not None
        seconds_until_done(site, correction, supervisor)
        told = _accepted(site, correction)
    assert len(told) == recipients, f"{len(told)} of {recipients} were told"
    return {
        "recipients": recipients,
        "sent_when_stopped": sum(at <= clicked for at in before),
        "stop_answered_s": _since(clicked, answered),
        "last_hand_over_after_stop_s": _since(clicked, max(before)),
        "handed_over_after_stop": sum(at > clicked for at in before),
        "first_correction_s": _since(wrong_at, told[0]),
        "correction_95_percent_s": _since(wrong_at, told[int(0.95 * len(told)) - 1]),
        "last_correction_s": _since(wrong_at, told[-1]),
    }


def _accepted(site: Site, dispatch: int) -> list[datetime]:
    """When each mail of a dispatch was taken over, in order."""
    with reading(site.engine) as session:
        return list(
            session.scalars(
                select(func.min(ReceiptRow.received_at))
                .join(DeliveryRow, DeliveryRow.id == ReceiptRow.delivery_id)
                .where(DeliveryRow.dispatch_id == dispatch, ReceiptRow.outcome == Outcome.ACCEPTED)
                .group_by(ReceiptRow.delivery_id)
                .order_by(func.min(ReceiptRow.received_at))
            )
        )


def _since(begin: datetime, end: datetime) -> float:
    return round(max(0.0, (end - begin).total_seconds()), 2)


if __name__ == "__main__":
    main()
