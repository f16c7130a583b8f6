"""Benchmark: how well the pace and the lines of a telephone account are used, and that they are never exceeded.

    python benchmarks/calls.py [--rate 30] [--lines 30] [--calls 600] [--speed 20] [--workers 2] [--json]

Real workers, relay and public side call the simulated telephone network; its own ledger is
counted. Which limit binds depends on `--speed`, the simulated seconds in a real one: at
most `lines` calls of `held_seconds` each can be under way, so `allowed_per_second` is the
smaller of the pace and `lines / held_seconds`. `utilisation` is the calls begun in a second
after the first `lines` of them, as a part of that. `begun_too_fast` counts the seconds, from
each call on, that saw more than the pace: it must be 0. With `--rounds` all of it is
repeated and medians (of the maxima, the worst) are printed. Everything runs on 127.0.0.1.
"""

from __future__ import annotations

import argparse
import json
import socket
import sys
import tempfile
import threading
from collections.abc import Sequence
from datetime import datetime, timedelta
from math import ceil
from pathlib import Path
from statistics import mean, median

from sqlalchemy import insert

from alertd import broker, config, issue, operators
from alertd.alert import Area, Status
from alertd.audience import Audience
from alertd.clock import stopwatch
from alertd.db import reading, upgrade, writing
from alertd.demo.telephone_network import ACCOUNT_SID, AUTH_TOKEN
from alertd.dispatch import Role
from alertd.recipient import RecipientKind
from alertd.report import report
from alertd.site import Site
from alertd.supervise import Program, Supervisor
from alertd.tables import AreaRow, ContactRow, RecipientRow
from alertd.template import fill, template


def main() -> None:
    """Runs the benchmark and prints its figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rate", type=float, default=30.0, help="calls begun in a second (default 30)")
    parser.add_argument("--lines", type=int, default=30, help="calls under way at a time (default 30)")
    parser.add_argument("--calls", type=int, default=600, help="households (default 600)")
    parser.add_argument("--speed", type=float, default=20.0, help="simulated seconds in a real one")
    parser.add_argument("--workers", type=int, default=2, help="worker processes (default 2)")
    parser.add_argument("--rounds", type=int, default=1, help="how often (default 1)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    given = parser.parse_args()
    rounds = []
    for _ in range(given.rounds):
        with tempfile.TemporaryDirectory(prefix="alertd-bench-") as folder:
            rounds.append(_figures(Path(folder), given))
    figures = {name: _together(name, [one[name] for one in rounds]) for name in rounds[0]}
    if given.json:
        print(json.dumps(figures, indent=2))
        return
    for name, value in figures.items():
        print(f"{name:32} {value}")


def _together(name: str, values: Sequence[float]) -> float:
    """The median; of what must not be exceeded, the worst."""
    return max(values) if name.startswith(("most", "begun_too_fast")) else median(values)


def _figures(folder: Path, given: argparse.Namespace) -> dict[str, float]:
    ledger, ports = folder / "calls.jsonl", _free_ports(3)
    site = _site(folder, given, ports)
    here = [sys.executable, "-m", "alertd", "--config", str(site.config.file)]
    supervisor = Supervisor(site.config.storage / "log")
    network = [sys.executable, "-m", "alertd.demo.telephone_network", "--port", str(ports[0])]
    network += ["--ledger", str(ledger), "--speed", str(given.speed), "--per-second", "1000"]
    supervisor.start(Program(name="telephones", command=network))
    command = broker.command(site.config.broker_socket)
    if command is not None:
        supervisor.start(Program(name="broker", command=command))
    supervisor.start(Program(name="web", command=[*here, "web"]))
    for number in range(given.workers):
        supervisor.start(Program(name=f"worker-{number}", command=[*here, "worker"]))
    supervisor.start(Program(name="relay", command=[*here, "relay"]))
    pause = threading.Event()
    try:
        for port in ports:
            began = stopwatch()
            while not _listens(port):
                if stopwatch() - began > 30:
                    raise SystemExit("a program did not start in time")
                pause.wait(0.05)
        dispatch = _send(site, given.calls)
        while True:
            pause.wait(1.0)
            with reading(site.engine) as session:
                if report(session, dispatch).final:
                    break
            supervisor.tend()
    finally:
        supervisor.stop()
        site.close()
    return {"rate": given.rate, "lines": given.lines, **_counted(ledger, given.rate, given.lines)}


def _counted(ledger: Path, rate: float, lines: int) -> dict[str, float]:
    """What the network's ledger says of the calls."""
    created: dict[str, float] = {}
    held: list[float] = []
    steps: list[tuple[float, int]] = []
    for entry in map(json.loads, ledger.read_text().splitlines()):
        at = datetime.fromisoformat(entry["at"]).timestamp()
        if entry["event"] == "created":
            created[entry["sid"]] = at
            steps.append((at, 1))
        elif entry["event"] == "ended":
            held.append(at - created[entry["sid"]])
            steps.append((at, -1))
    begun = sorted(created.values())
    in_use = most = 0
    for _, step in sorted(steps):
        in_use += step
        most = max(most, in_use)
    allowed = min(rate, lines / mean(held))
    steady = begun[lines:] if len(begun) > 2 * lines else begun
    per_second = (len(steady) - 1) / (steady[-1] - steady[0])
    whole = ceil(rate)
    return {
        "calls": len(begun),
        "seconds": round(begun[-1] - begun[0], 1),
        "held_seconds": round(mean(held), 3),
        "allowed_per_second": round(allowed, 2),
        "begun_per_second": round(per_second, 2),
        "utilisation": round(per_second / allowed, 3),
        "most_in_one_second": _most_within(begun, 1.0),
        "most_in_ten_seconds": _most_within(begun, 10.0),
        "begun_too_fast": sum(
            after - before < 1.0 for before, after in zip(begun, begun[whole:], strict=False)
        ),
        "most_lines": most,
    }


def _most_within(moments: Sequence[float], seconds: float) -> int:
    most = end = 0
    for begin, moment in enumerate(moments):
        while end < len(moments) and moments[end] < moment + seconds:
            end += 1
        most = max(most, end - begin)
    return most


def _site(folder: Path, given: argparse.Namespace, ports: Sequence[int]) -> Site:
    token, file = folder / "token", folder / "alertd.toml"
    token.write_text(AUTH_TOKEN)
    file.write_text(
        f"[web]\nport = {ports[1]}\npublic_port = {ports[2]}\n[approval]\nexercise = 1\n[channels.phone]\n"
        f'kind = "voice"\napi_url = "http://127.0.0.1:{ports[0]}"\naccount_sid = "{ACCOUNT_SID}"\n'
        f'auth_token_file = "{token}"\ncaller_id = "+81256000110"\nquiet_hours = []\nattempts = 1\n'
        f"calls_per_second = {given.rate}\nlines = {given.lines}\n"
    )
    site = Site.open(config.load(file))
    upgrade(site.engine)
    return site


def _send(site: Site, calls: int) -> int:
    now = site.clock.now()
    with writing(site.engine) as session:
        row = operators.add(
            session,
            site.clock,
            name="bench",
            password="a benchmark needs no secret",
            roles=[Role.DRAFT, Role.APPROVE, Role.SEND],
        )
        person = operators.person(row)
        session.add(AreaRow(code="BENCH", name="嵐南", name_en="Rannan", households=calls))
        people = session.scalars(
            insert(RecipientRow).returning(RecipientRow.id, sort_by_parameter_order=True),
            [
                {
                    "name": f"三条 {n}",
                    "kana": "",
                    "kind": RecipientKind.HOUSEHOLD,
                    "area": "BENCH",
                    "language": "ja",
                    "needs_support": False,
                    "active": True,
                    "created_at": now,
                }
                for n in range(calls)
            ],
        ).all()
        session.execute(
            insert(ContactRow),
            [
                {
                    "recipient_id": number,
                    "kind": "voice",
                    "address": f"+81256{200000 + n}",
                    "preference": 1,
                    "active": True,
                }
                for n, number in enumerate(people)
            ],
        )
    sent = now.replace(microsecond=0)
    alert = fill(
        template("flood-4"),
        {"river": "五十嵐川", "shelters": "第一中学校"},
        city=site.config.city,
        status=Status.EXERCISE,
        identifier="bench.calls",
        sent=sent,
        expires=sent + timedelta(hours=6),
        areas=(Area(description="嵐南"),),
    )
    submission = issue.Submission(
        alert=alert, audience=Audience(areas=("BENCH",)), channels=("phone",), template="flood-4"
    )
    dispatch = issue.submit(site, submission, person)
    with reading(site.engine) as session:
        seen = report(session, dispatch).content_hash
    issue.approve(site, dispatch, person, seen=seen)
    return dispatch


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
