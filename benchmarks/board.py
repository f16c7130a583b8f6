"""Benchmark: the board of an alert with a million deliveries, and what twenty open boards cost the dispatch.

    python benchmarks/board.py [--deliveries 1000000] [--moving 30000] [--boards 20] [--runs 3]
                               [--database URL] [--json]

Prints how long the server takes to count everything for the first look at a board, for an
update of an open one after some more receipts, for the fragment that is sent to each
browser, for the board as a page and for the first page (milliseconds, median and worst),
and by how much the mails per second of a dispatch under way are fewer while so many boards
of it are open: runs without and with boards take turns. The far end is
Postfix's smtp-sink where it is installed, else the simulated SMTP server of the demo.
Everything runs on 127.0.0.1.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx
from programs import running
from sink import far_end, free_port
from sqlalchemy import bindparam, func, select, text
from town import add_people, approve, open_site, operator, submit

from alertd import plan
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
    parser.add_argument("--moving", type=int, default=30_000, help="of them still to send (default 30000)")
    parser.add_argument("--boards", type=int, default=20, help="open boards (default 20)")
    parser.add_argument(
        "--runs", type=int, default=3, help="pairs of runs with and without boards (default 3)"
    )
    parser.add_argument("--database", default="", help="SQLAlchemy URL of an empty database; default: SQLite")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="alertd-bench-") as folder, far_end() as (port, sink):
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
    alone, watched, shown = [], [], []
    part = options.moving
    with running(site, ports=ports) as supervisor:
        _sent(site, dispatch)  # the first part warms the programs up and does not count
        for _ in range(options.runs):
            alone.append(part / _again(site, dispatch, part))
            with _Open(ports[0], dispatch, options.boards) as boards:
                watched.append(part / _again(site, dispatch, part))
            shown.append(boards.events)
            supervisor.tend()
    before, after = statistics.median(alone), statistics.median(watched)
    return {
        "boards": options.boards,
        "mails_per_second": round(before),
        "mails_per_second_watched": round(after),
        "slower_percent": round(100 * (before - after) / before, 1),
        "updates_shown": sum(shown),
    }


def _again(site: Site, dispatch: int, part: int) -> float:
    """The seconds in which the moving part goes out once more."""
    with writing(site.engine) as session:
        ids = select(DeliveryRow.id).where(DeliveryRow.dispatch_id == dispatch).order_by(DeliveryRow.id)
        last = session.scalar(ids.offset(part - 1).limit(1))
        session.execute(
            text(
                "UPDATE delivery SET outcome = NULL, reason = NULL, standing = -1, attempt = 0, spared = 0,"
                " handed_at = NULL, due_at = :now WHERE dispatch_id = :dispatch AND id <= :last"
            ).bindparams(bindparam("now", type_=Instant())),
            {"now": site.clock.now(), "dispatch": dispatch, "last": last},
        )
        session.execute(
            text("UPDATE dispatch SET state = 'sending', finished_at = NULL WHERE id = :dispatch"),
            {"dispatch": dispatch},
        )
    return _sent(site, dispatch)


def _sent(site: Site, dispatch: int) -> float:
    began = time.monotonic()
    open_ones = select(func.count()).where(
        DeliveryRow.dispatch_id == dispatch, DeliveryRow.due_at.is_not(None)
    )
    while True:
        time.sleep(0.1)
        with reading(site.engine) as session:
            if not session.scalar(open_ones):
                return time.monotonic() - began


class _Open:
    """So many browsers with the board open; counts what they are sent."""

    def __init__(self, port: int, dispatch: int, number: int) -> None:
        self._address, self._dispatch, self._number = f"http://127.0.0.1:{port}", dispatch, number
        self._stop = threading.Event()
        self.events = 0

    def __enter__(self) -> _Open:
        with httpx.Client(base_url=self._address, headers={"Origin": self._address}, timeout=30) as browser:
            answer = browser.post(
                "/sign-in", data={"name": "bench", "password": "a benchmark needs no secret"}
            )
            assert answer.status_code == 303, answer.text
            cookies = dict(browser.cookies)
        self._threads = [
            threading.Thread(target=self._watch, args=(cookies,), daemon=True) for _ in range(self._number)
        ]
        for thread in self._threads:
            thread.start()
        time.sleep(1.0)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(5)

    def _watch(self, cookies: dict[str, str]) -> None:
        with httpx.Client(base_url=self._address, cookies=cookies, timeout=40) as browser:
            while not self._stop.is_set():
                with browser.stream("GET", f"/alerts/{self._dispatch}/events") as answer:
                    for line in answer.iter_lines():
                        self.events += line.startswith("event: tally") or line.startswith("event:tally")
                        if self._stop.is_set():
                            return
                self._stop.wait(0.5)


if __name__ == "__main__":
    main()
