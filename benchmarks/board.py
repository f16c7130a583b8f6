"""Benchmark: the board of an alert with a million deliveries, and what twenty open boards cost the dispatch.

    python benchmarks/board.py [--deliveries 1000000] [--moving 60000] [--boards 20] [--runs 3]
                               [--postgres] [--json]

Prints how long the server takes to count everything for the first look at a board, for an
update of an open one after some more receipts, for the fragment that is sent to each
browser, for the board as a page and for the first page (milliseconds, median and worst),
and by how much the mails per second of a dispatch under way are fewer while so many boards
of it are open.

For that, `moving` of the deliveries go out again and again, without and with boards in turns, and
the median of each counts. The boards are opened at the moment at which the part becomes due, so
that their first looks, which count everything, are within the time that is measured; the part
takes a quarter of a minute and more, as what is measured is a dispatch under way and not its
first second. `web_cpu_seconds` is what the console took of one processor in a run with boards.
The browsers are only sockets in this process: real ones run elsewhere. The far end is Postfix's
smtp-sink where it is installed, else the simulated SMTP server of the demo. Everything runs on
127.0.0.1.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

from burden import Burden
from onlookers import Onlookers
from programs import postgres, running
from sink import far_end, free_port
from sqlalchemy import bindparam, select, text, update
from town import add_people, approve, open_site, operator, submit

from alertd import plan, store
from alertd.clock import stopwatch
from alertd.db import reading, writing
from alertd.dispatch import Person
from alertd.running_tally import RunningTallies
from alertd.site import Site
from alertd.tables import DeliveryRow, Instant
from operator_console import alerts
from operator_console.board import Boards
from operator_console.page import fragment
from operator_console.tally import Snapshot, shown, snapshot
from operator_console.visit import Visit

#: looks that are timed
LOOKS = 7


def main() -> None:
    """Runs the benchmark and prints its figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--deliveries", type=int, default=1_000_000, help="of the alert (default 1000000)")
    parser.add_argument("--moving", type=int, default=60_000, help="of them still to send (default 60000)")
    parser.add_argument("--boards", type=int, default=20, help="open boards (default 20)")
    parser.add_argument(
        "--runs", type=int, default=3, help="pairs of runs with and without boards (default 3)"
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--postgres", action="store_true", help="on a PostgreSQL started for this; default: SQLite"
    )
    where.add_argument("--database", default="", help="SQLAlchemy URL of an empty database")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    with ExitStack() as started:
        if options.postgres:
            options.database, _ = started.enter_context(postgres())
        folder = started.enter_context(tempfile.TemporaryDirectory(prefix="alertd-bench-"))
        port, sink = started.enter_context(far_end())
        web, public = free_port(), free_port()
        mail = f'host = "127.0.0.1"\nport = {port}\nsessions = 8\n[web]\nport = {web}\npublic_port = {public}'
        site = open_site(Path(folder), options.database, mail)
        try:
            figures = _figures(site, options, [web, public])
        finally:
            site.close()
    figures = {"far_end": sink, "database": options.database.partition(":")[0] or "sqlite", **figures}
    if options.json:
        print(json.dumps(figures, indent=2))
        return
    for name, value in figures.items():
        print(f"{name:32} {value}")


def _figures(site: Site, options: argparse.Namespace, ports: list[int]) -> dict[str, object]:
    person = operator(site)
    add_people(site, options.moving)
    dispatch = submit(site, person, 0)
    approve(site, person, dispatch)
    plan.plan(site, dispatch)
    began = time.monotonic()
    _crowd(site, dispatch, options.deliveries - options.moving)
    built = time.monotonic() - began
    looks = _looks(site, person, dispatch)
    rates = _rates(site, dispatch, options, ports) if options.runs else {}
    return {
        "deliveries": options.deliveries,
        "recipients": options.deliveries,
        "built_s": round(built),
        **looks,
        **rates,
    }


_PEOPLE = """
INSERT INTO recipient (id, name, kana, kind, area, association, street, language, needs_support, active, created_at)
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :number)
SELECT :first + i, 'x', '', 'person', 'CROWD', '', '', 'ja', false, true, :now FROM n
"""
_CONTACTS = """
INSERT INTO contact (id, recipient_id, kind, address, address_key, holder, preference, active)
SELECT id, id, 'email', 'x', '', '', 1, true FROM recipient WHERE id > :first
"""
#: most have arrived, some were deferred and failed, as on a bad night
_DELIVERIES = """
INSERT INTO delivery (dispatch_id, recipient_id, contact_id, channel, language, priority, attempt, spared,
                      standing, outcome, reason)
SELECT :dispatch, id, id, 'mail', 'ja', 6, 1, 0, 1100,
       CASE id % 20 WHEN 0 THEN 'failed' WHEN 1 THEN 'delivered' WHEN 2 THEN 'acknowledged' ELSE 'accepted' END,
       CASE id % 20 WHEN 0 THEN CASE id % 3 WHEN 0 THEN 'bad_address' ELSE 'refused' END END
FROM recipient WHERE id > :first
"""
_RECEIPTS = """
INSERT INTO receipt (delivery_id, attempt, outcome, reason, received_at)
SELECT id, 1, outcome, reason, :now FROM delivery WHERE dispatch_id = :dispatch AND outcome IS NOT NULL
"""
_CHOSEN = "dispatch_id = :dispatch AND outcome = 'accepted' AND id % 300 = :turn"
#: some of all, in turns, are now known to have arrived: 3,000 of a million
_ARRIVED = (
    f"INSERT INTO receipt (delivery_id, attempt, outcome, received_at)"
    f" SELECT id, 1, 'delivered', :now FROM delivery WHERE {_CHOSEN}",
    f"UPDATE delivery SET outcome = 'delivered' WHERE {_CHOSEN}",
)


def _crowd(site: Site, dispatch: int, number: int) -> None:
    """So many deliveries more, of which everything is known."""
    with writing(site.engine) as session:
        first = session.scalar(text("SELECT max(id) FROM contact")) or 0
        first = max(first, session.scalar(text("SELECT max(id) FROM recipient")) or 0)
        if site.engine.dialect.name == "postgresql":
            session.execute(text("SET LOCAL statement_timeout = 0"))
        values = {"first": first, "number": number, "dispatch": dispatch, "now": site.clock.now()}
        for statement in (_PEOPLE, _CONTACTS, _DELIVERIES, _RECEIPTS):
            clause = text(statement)
            names = set(clause._bindparams)
            if "now" in names:
                clause = clause.bindparams(bindparam("now", type_=Instant()))
            session.execute(clause, {name: values[name] for name in names})
    with site.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))


def _looks(site: Site, person: Person, dispatch: int) -> dict[str, object]:
    def visit(path: str) -> Visit:
        return Visit(
            site=site, path=path, person=person, csrf="-", language="ja", now=site.clock.now(),
            query={}, form={}, client="127.0.0.1", token=None,
        )  # fmt: skip

    boards = Boards(site)

    running = RunningTallies()

    def look() -> None:
        with reading(site.engine) as session:
            snapshot(session, site, dispatch)

    def update() -> Snapshot:
        values = {"dispatch": dispatch, "turn": len(took) + 3, "now": site.clock.now()}
        with writing(site.engine) as session:
            for statement in _ARRIVED:
                clause = text(statement)
                times = [bindparam("now", type_=Instant())] if ":now" in statement else []
                names = set(clause._bindparams)
                session.execute(clause.bindparams(*times), {name: values[name] for name in names})
        began = stopwatch()
        with reading(site.engine) as session:
            now = snapshot(session, site, dispatch, running)
        took.append(1000 * (stopwatch() - began))
        return now

    took: list[float] = []
    now = [update() for _ in range(LOOKS + 1)][-1]
    drawn = visit(f"/alerts/{dispatch}")
    found: dict[str, object] = {
        "update_ms": round(statistics.median(took[1:]), 1),
        "update_worst_ms": round(max(took[1:]), 1),
    }
    for name, what in (
        ("tally", look),
        ("fragment", lambda: fragment(drawn, "_tally.html", **shown(drawn, now))),
        ("board_page", lambda: boards.show(dispatch, visit(f"/alerts/{dispatch}"))),
        ("first_page", lambda: alerts.show(visit("/"))),
    ):
        median, worst = _timed(what)
        found[f"{name}_ms"], found[f"{name}_worst_ms"] = median, worst
    return found


def _timed(what: Callable[[], object]) -> tuple[float, float]:
    """The median and the worst of some runs after the first, in milliseconds."""
    what()
    times = []
    for _ in range(LOOKS):
        began = stopwatch()
        what()
        times.append((stopwatch() - began) * 1000)
    return round(statistics.median(times), 1), round(max(times), 1)


def _rates(site: Site, dispatch: int, options: argparse.Namespace, ports: list[int]) -> dict[str, object]:
    """Mails per second without and with open boards, in turns, so that both meet the same machine."""
    alone, watched, burdens, updates = [], [], [], 0
    part = options.moving
    with running(site, ports=ports) as supervisor:
        _seconds_to_send(site, dispatch)  # the first part warms the programs up and does not count
        web = Burden(supervisor.pid("web"))
        for turn in range(options.runs + 1):
            _take_back(site, dispatch, part)
            onlookers = Onlookers(ports[0], dispatch, options.boards)
            before = web.cpu_seconds()
            _let_go(site, dispatch)
            with onlookers:
                rate = part / _seconds_to_send(site, dispatch)
            if turn:  # so do the first boards
                watched.append(rate)
                burdens.append(web.cpu_seconds() - before)
                updates += onlookers.updates
                _take_back(site, dispatch, part)
                _let_go(site, dispatch)
                alone.append(part / _seconds_to_send(site, dispatch))
            supervisor.tend()
        web.close()
    before, after = statistics.median(alone), statistics.median(watched)
    return {
        "boards": options.boards,
        "mails_per_second": round(before),
        "mails_per_second_runs": [round(rate) for rate in alone],
        "mails_per_second_watched": round(after),
        "mails_per_second_watched_runs": [round(rate) for rate in watched],
        "slower_percent": round(100 * (before - after) / before, 1),
        "web_cpu_seconds": round(statistics.median(burdens), 2),
        "updates_shown": updates,
    }


def _take_back(site: Site, dispatch: int, part: int) -> None:
    """The moving part is as it was planned: nothing was said of it, and it is not due yet."""
    with writing(site.engine) as session:
        ids = select(DeliveryRow.id).where(DeliveryRow.dispatch_id == dispatch).order_by(DeliveryRow.id)
        last = session.scalar(ids.offset(part - 1).limit(1))
        later = site.clock.now() + timedelta(hours=1)
        for statement in (
            "DELETE FROM receipt WHERE delivery_id IN"
            " (SELECT id FROM delivery WHERE dispatch_id = :dispatch AND id <= :last)",
            "UPDATE delivery SET outcome = NULL, reason = NULL, standing = -1, attempt = 0, spared = 0,"
            " handed_at = NULL, turn = 0, due_at = :later WHERE dispatch_id = :dispatch AND id <= :last",
            "UPDATE dispatch SET state = 'sending', finished_at = NULL WHERE id = :dispatch",
        ):
            clause = text(statement)
            names = set(clause._bindparams)
            times = [bindparam("later", type_=Instant())] if "later" in names else []
            values = {"later": later, "dispatch": dispatch, "last": last}
            session.execute(clause.bindparams(*times), {name: values[name] for name in names})


def _let_go(site: Site, dispatch: int) -> None:
    """It is due now."""
    with writing(site.engine) as session:
        session.execute(
            update(DeliveryRow)
            .where(DeliveryRow.dispatch_id == dispatch, DeliveryRow.due_at.is_not(None))
            .values(due_at=site.clock.now())
        )


def _seconds_to_send(site: Site, dispatch: int) -> float:
    """From now until nothing of it is due any more."""
    began = stopwatch()
    while True:
        time.sleep(0.05)
        with reading(site.engine) as session:
            if not store.something_due(session, dispatch):
                return stopwatch() - began


if __name__ == "__main__":
    main()
