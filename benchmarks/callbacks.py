"""Benchmark: how much mail slows down while the telephone network reports its calls.

    python benchmarks/callbacks.py [--mails 3000] [--per-second 500] [--calls 10000] [--json]

The same dispatch goes out by mail twice: alone, and while signed status callbacks of
`--calls` calls (four each) arrive at the public side at that pace. Prints both rates, the
slowdown in percent, and the callbacks a second that were answered. Everything runs on
127.0.0.1, with real workers, relay and public side.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
import sys
import tempfile
import threading
from datetime import timedelta
from pathlib import Path

import aiohttp
from sqlalchemy import insert, select, update

from alertd import broker, config, issue, messages, operators, plan
from alertd.alert import Area, Status
from alertd.audience import Audience
from alertd.clock import stopwatch
from alertd.db import reading, upgrade, writing
from alertd.demo.telephone_callbacks import signature
from alertd.demo.telephone_network import ACCOUNT_SID, AUTH_TOKEN
from alertd.dispatch import Person, Role
from alertd.recipient import RecipientKind
from alertd.report import report
from alertd.site import Site
from alertd.supervise import Program, Supervisor
from alertd.tables import AreaRow, ContactRow, DeliveryRow, RecipientRow
from alertd.template import fill, template

_EVENTS = ("initiated", "ringing", "in-progress", "busy")


def main() -> None:
    """Runs the benchmark and prints its figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mails", type=int, default=3000, help="mails in each dispatch (default 3000)")
    parser.add_argument("--calls", type=int, default=10_000, help="calls under way (default 10000)")
    parser.add_argument("--per-second", type=float, default=500.0, help="callbacks a second (default 500)")
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
    ports = _free_ports(3)
    site = _site(folder, ports)
    person = _people(site, given.mails, given.calls)
    requests = _calls_under_way(site, person)
    here = [sys.executable, "-m", "alertd", "--config", str(site.config.file)]
    supervisor = Supervisor(site.config.storage / "log")
    smtp = [sys.executable, "-m", "alertd.demo.smtp_server", "--port", str(ports[0])]
    supervisor.start(Program(name="smtp", command=smtp))
    command = broker.command(site.config.broker_socket)
    if command is not None:
        supervisor.start(Program(name="broker", command=command))
    for name in ("web", "worker", "relay"):
        supervisor.start(Program(name=name, command=[*here, name]))
    began = stopwatch()
    try:
        while not all(_listens(port) for port in ports):
            if stopwatch() - began > 60:
                raise SystemExit("a program did not start in time")
            threading.Event().wait(0.05)
        _mail(site, person, supervisor, "warm")
        alone = _mail(site, person, supervisor, "alone")
        stop, answered = threading.Event(), [0, 0.0]
        knocking = threading.Thread(
            target=lambda: asyncio.run(_knock(requests, given.per_second, stop, answered))
        )
        knocking.start()
        beside = _mail(site, person, supervisor, "beside")
        stop.set()
        knocking.join()
    finally:
        supervisor.stop()
        site.close()
    return {
        "mails": given.mails,
        "mails_per_second_alone": round(given.mails / alone, 1),
        "mails_per_second_beside": round(given.mails / beside, 1),
        "slower_percent": round(100 * (1 - alone / beside), 1),
        "callbacks_wanted_per_second": given.per_second,
        "callbacks_answered_per_second": round(answered[0] / answered[1], 1),
    }


async def _knock(
    requests: list[tuple[str, str]], per_second: float, stop: threading.Event, answered: list[float]
) -> None:
    """Posts the callbacks at their pace, as the telephone network does; counts the good answers."""
    began, waiting = stopwatch(), set()
    connector = aiohttp.TCPConnector(limit=64)
    async with aiohttp.ClientSession(connector=connector, trust_env=False) as session:

        async def post(url: str, form: dict[str, str]) -> None:
            headers = {"X-Twilio-Signature": signature(AUTH_TOKEN, url, form)}
            try:
                async with session.post(url, data=form, headers=headers) as response:
                    await response.read()
                    answered[0] += response.status == 200
            except (aiohttp.ClientError, TimeoutError):
                return

        for number, (url, sid) in enumerate(requests):
            if stop.is_set():
                break
            due = began + number / per_second
            await asyncio.sleep(max(0.0, due - stopwatch()))
            form = {"AccountSid": ACCOUNT_SID, "CallSid": sid, "CallStatus": _EVENTS[number % 4]}
            task = asyncio.create_task(post(url, form))
            waiting.add(task)
            task.add_done_callback(waiting.discard)
        answered[1] = stopwatch() - began
        for task in list(waiting):
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


def _calls_under_way(site: Site, person: Person) -> list[tuple[str, str]]:
    """A dispatch whose calls all ring; the URL and the name of the call for each callback."""
    dispatch = _begin(site, person, "calls", "phone")
    plan.plan(site, dispatch)
    now = site.clock.now()
    later = now + timedelta(hours=1)
    with writing(site.engine) as session:
        session.execute(update(DeliveryRow).values(attempt=1, handed_at=now, due_at=later))
        rows = session.execute(select(DeliveryRow.id, DeliveryRow.contact_id)).all()
    return [
        (f"{made.answer_url}&step=status&status=Exercise", f"CA{number:032x}")
        for number, contact in rows
        for made in [messages.target(site, "phone", number, 1, "", contact)]
        for _ in _EVENTS
    ]


def _mail(site: Site, person: Person, supervisor: Supervisor, name: str) -> float:
    """Seconds from the approval to the last mail."""
    dispatch, began = _begin(site, person, name, "mail"), stopwatch()
    while True:
        threading.Event().wait(0.1)
        with reading(site.engine) as session:
            if report(session, dispatch).final:
                return stopwatch() - began
        supervisor.tend()


def _begin(site: Site, person: Person, name: str, channel: str) -> int:
    sent = site.clock.now().replace(microsecond=0)
    alert = fill(
        template("flood-4"),
        {"river": "五十嵐川", "shelters": "第一中学校"},
        city=site.config.city,
        status=Status.EXERCISE,
        identifier=f"bench.{name}",
        sent=sent,
        expires=sent + timedelta(hours=6),
        areas=(Area(description="嵐南"),),
    )
    submission = issue.Submission(
        alert=alert, audience=Audience(areas=("BENCH",)), channels=(channel,), template="flood-4"
    )
    dispatch = issue.submit(site, submission, person)
    with reading(site.engine) as session:
        seen = report(session, dispatch).content_hash
    issue.approve(site, dispatch, person, seen=seen)
    return dispatch


def _site(folder: Path, ports: list[int]) -> Site:
    token, file = folder / "token", folder / "alertd.toml"
    token.write_text(AUTH_TOKEN)
    file.write_text(
        f"[web]\nport = {ports[1]}\npublic_port = {ports[2]}\n[approval]\nexercise = 1\n"
        f'[channels.mail]\nkind = "email"\nhost = "127.0.0.1"\nport = {ports[0]}\n'
        'sender = "bosai@sanjo.example.jp"\nsessions = 8\n'
        f'[channels.phone]\nkind = "voice"\naccount_sid = "{ACCOUNT_SID}"\n'
        f'api_url = "http://127.0.0.1:{ports[0]}"\nauth_token_file = "{token}"\n'
        'caller_id = "+81256000110"\nquiet_hours = []\n'
    )
    site = Site.open(config.load(file))
    upgrade(site.engine)
    return site


def _people(site: Site, mails: int, calls: int) -> Person:
    now = site.clock.now()
    contacts = [("email", f"p{n}@example.jp") for n in range(mails)]
    contacts += [("voice", f"+81256{200000 + n}") for n in range(calls)]
    with writing(site.engine) as session:
        row = operators.add(
            session,
            site.clock,
            name="bench",
            password="a benchmark needs no secret",
            roles=[Role.DRAFT, Role.APPROVE, Role.SEND],
        )
        session.add(AreaRow(code="BENCH", name="嵐南", name_en="Rannan", households=calls))
        for begin in range(0, len(contacts), 5000):
            part = contacts[begin : begin + 5000]
            people = session.scalars(
                insert(RecipientRow).returning(RecipientRow.id, sort_by_parameter_order=True),
                [
                    {
                        "name": f"三条 {begin + n}",
                        "kana": "",
                        "kind": RecipientKind.HOUSEHOLD,
                        "area": "BENCH",
                        "language": "ja",
                        "needs_support": False,
                        "active": True,
                        "created_at": now,
                    }
                    for n in range(len(part))
                ],
            ).all()
            session.execute(
                insert(ContactRow),
                [
                    {
                        "recipient_id": number,
                        "kind": kind,
                        "address": address,
                        "preference": 1,
                        "active": True,
                    }
                    for number, (kind, address) in zip(people, part, strict=True)
                ],
            )
        return operators.person(row)


def _free_ports(number: int) -> list[int]:
    sockets = [socket.socket() for _ in range(number)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]
    finally:
        for one in sockets:
            one.close()


def _listens(port: int) -> bool:
    with socket.socket() as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0


if __name__ == "__main__":
    main()
