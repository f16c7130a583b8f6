"""Benchmark: how much mail slows down while the telephone network reports its calls.

    python benchmarks/callbacks.py [--mails 10000] [--per-second 500] [--calls 10000] [--rounds 3] [--json]

The same dispatch goes out by mail alone, and while signed status callbacks of `--calls`
calls (four each) arrive at the public side at that pace; that is repeated, and the medians
are printed: both rates, the slowdown in percent, the callbacks a second that were answered
and how long an answer took. `missing` counts callbacks that were answered with 200 and
whose word is not in the database afterwards. Everything runs on 127.0.0.1, with real
workers, relay and public side; what knocks only writes bytes that were made before, so
that its own work takes little from the others.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from pathlib import Path
from statistics import median
from urllib.parse import urlencode

import uvloop
from programs import running, seconds_until_done
from sink import free_port
from sqlalchemy import select, update
from town import add_people, approve, open_town, operator, submit

from alertd import messages, plan
from alertd.channel import Outcome
from alertd.clock import stopwatch
from alertd.db import reading, writing
from alertd.demo.telephone_callbacks import signature
from alertd.demo.telephone_network import ACCOUNT_SID, AUTH_TOKEN
from alertd.dispatch import Person
from alertd.site import Site
from alertd.supervise import Program
from alertd.tables import DeliveryRow, ReceiptRow

#: of a call that nobody could take, and what each of them says
_EVENTS = {
    "initiated": Outcome.ACCEPTED,
    "ringing": Outcome.ACCEPTED,
    "in-progress": Outcome.ACCEPTED,
    "busy": Outcome.DEFERRED,
}


def main() -> None:
    """Runs the benchmark and prints its figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mails", type=int, default=10_000, help="mails in each dispatch (default 10000)")
    parser.add_argument("--calls", type=int, default=10_000, help="calls under way (default 10000)")
    parser.add_argument("--per-second", type=float, default=500.0, help="callbacks a second (default 500)")
    parser.add_argument("--rounds", type=int, default=3, help="alone and beside, so many times (default 3)")
    parser.add_argument("--database", default="", help="a PostgreSQL URL (default: SQLite)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="alertd-bench-") as folder:
        figures = _figures(Path(folder), given)
    if given.json:
        print(json.dumps(figures, indent=2))
        return
    for name, value in figures.items():
        print(f"{name:32} {value}")


def _figures(folder: Path, given: argparse.Namespace) -> dict[str, object]:
    ports = [free_port() for _ in range(3)]
    site = _site(folder, ports, given.database)
    person = operator(site)
    add_people(site, given.mails)
    add_people(site, given.calls, first=given.mails, kind="voice")
    knocks = _calls_under_way(site, person)
    smtp = [sys.executable, "-m", "alertd.demo.smtp_server", "--port", str(ports[0])]
    alone, beside, answers = [], [], []
    answered, seconds, rounds = 0, 0.0, count(1)
    try:
        with running(site, Program(name="smtp", command=smtp), ports=ports) as supervisor:

            def mailed() -> float:
                dispatch = submit(site, person, next(rounds))
                approve(site, person, dispatch)
                return given.mails / seconds_until_done(site, dispatch, supervisor)

            mailed()  # warms the programs up
            for _ in range(given.rounds):
                alone.append(mailed())
                knocker = Knocker(ports[2], knocks, given.per_second)
                knocker.start()
                beside.append(mailed())
                knocker.stop()
                answered, seconds = answered + knocker.good, seconds + knocker.seconds
                answers += knocker.answers
            missing = _missing(site, [knock for knock in knocks if knock.answered])
    finally:
        site.close()
    slower = [100 * (1 - b / a) for a, b in zip(alone, beside, strict=True)]
    return {
        "mails": given.mails,
        "mails_per_second_alone": round(median(alone), 1),
        "mails_per_second_beside": round(median(beside), 1),
        "slower_percent": round(median(slower), 1),
        "slower_percent_each": [round(one, 1) for one in slower],
        "callbacks_wanted_per_second": given.per_second,
        "callbacks_answered_per_second": round(answered / seconds, 1),
        "answer_ms_median": round(1000 * median(answers), 1),
        "answer_ms_95th": round(1000 * sorted(answers)[len(answers) * 95 // 100], 1),
        "answered": answered,
        "missing": missing,
    }


@dataclass(slots=True)
class Knock:
    """One callback, ready to be written to a connection, and what its answer must have left behind."""

    request: bytes
    delivery: int
    outcome: Outcome
    answered: bool = False


class Knocker:
    """Posts callbacks at their pace over connections that stay open, as the telephone network does."""

    _CONNECTIONS = 128

    def __init__(self, port: int, knocks: Sequence[Knock], per_second: float) -> None:
        self._port, self._knocks, self._per_second = port, knocks, per_second
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._knock)
        self.good, self.seconds = 0, 0.0
        self.answers: list[float] = []

    def start(self) -> None:
        """Begins, with callbacks that were not answered yet as long as there are any."""
        self._thread.start()

    def stop(self) -> None:
        """Ends when what was posted is answered."""
        self._stop.set()
        self._thread.join()

    def _knock(self) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._run())

    async def _run(self) -> None:
        queue: asyncio.Queue[tuple[float, Knock] | None] = asyncio.Queue()
        posting = [asyncio.create_task(self._post(queue)) for _ in range(self._CONNECTIONS)]
        fresh = [one for one in self._knocks if not one.answered] or list(self._knocks)
        began = stopwatch()
        for number, knock in enumerate(fresh):
            if self._stop.is_set():
                break
            due = began + number / self._per_second
            if due > stopwatch():
                await asyncio.sleep(due - stopwatch())
            queue.put_nowait((due, knock))
        self.seconds = stopwatch() - began
        for _ in posting:
            queue.put_nowait(None)
        await asyncio.gather(*posting)

    async def _post(self, queue: asyncio.Queue[tuple[float, Knock] | None]) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        while (given := await queue.get()) is not None:
            due, knock = given
            writer.write(knock.request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
            await reader.readexactly(length)
            knock.answered = head.startswith(b"HTTP/1.1 200")
            self.good += knock.answered
            self.answers.append(stopwatch() - due)
        writer.close()
        await writer.wait_closed()


def _missing(site: Site, answered: Sequence[Knock]) -> int:
    """How many answered callbacks have left no word in the database."""
    with reading(site.engine) as session:
        there = {(row.delivery_id, row.outcome) for row in session.scalars(select(ReceiptRow))}
    return sum((knock.delivery, knock.outcome) not in there for knock in answered)


def _calls_under_way(site: Site, person: Person) -> list[Knock]:
    """A dispatch whose calls all ring; the four callbacks of each call, call by call."""
    dispatch = submit(site, person, 0, channel="phone")
    approve(site, person, dispatch)
    plan.plan(site, dispatch)
    now = site.clock.now()
    later = now + timedelta(hours=1)
    with writing(site.engine) as session:
        session.execute(update(DeliveryRow).values(attempt=1, handed_at=now, turn=None, due_at=later))
        rows = session.execute(select(DeliveryRow.id, DeliveryRow.contact_id)).all()
    home = site.config.public_url
    made = []
    for number, contact in rows:
        target = messages.target(site, "phone", number, 1, "", contact)
        url = f"{target.answer_url}&step=status&status=Exercise"
        for event, outcome in _EVENTS.items():
            form = {"AccountSid": ACCOUNT_SID, "CallSid": f"CA{number:032x}", "CallStatus": event}
            body = urlencode(form).encode()
            head = (
                f"POST {url.removeprefix(home)} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                "Content-Type: application/x-www-form-urlencoded\r\n"
                f"X-Twilio-Signature: {signature(AUTH_TOKEN, url, form)}\r\n"
                f"Content-Length: {len(body)}\r\n\r\n"
            )
            made.append(Knock(head.encode() + body, number, outcome))
    return made


def _site(folder: Path, ports: Sequence[int], database: str) -> Site:
    token = folder / "token"
    token.write_text(AUTH_TOKEN)
    return open_town(
        folder,
        database,
        f"[web]\nport = {ports[1]}\npublic_port = {ports[2]}\n"
        f'[channels.mail]\nkind = "email"\nhost = "127.0.0.1"\nport = {ports[0]}\n'
        'sender = "bosai@sanjo.example.jp"\nsessions = 8\n'
        f'[channels.phone]\nkind = "voice"\naccount_sid = "{ACCOUNT_SID}"\n'
        f'api_url = "http://127.0.0.1:{ports[0]}"\nauth_token_file = "{token}"\n'
        # none of them is called again meanwhile
        'caller_id = "+81256000110"\nquiet_hours = []\nretry_after_reason = { busy = 3600 }\n',
    )


if __name__ == "__main__":
    main()
