"""Benchmark: how well the pace and the lines of a telephone account are used, and that they are never exceeded.

    python benchmarks/calls.py [--rate 30] [--lines 30] [--calls 600] [--speed 20] [--workers 2] [--json]

Real workers, relay and public side call the simulated telephone network; its own ledger is
counted. `utilisation` is what part of the limit that binds was used while calls waited: of
the pace (calls begun in a second) or of the lines (calls under way, on the average). Which
of them binds depends on `--speed`, the simulated seconds in a real one; the quicker, the
more a line's idle moment between two calls counts beside a call, which takes a minute in
earnest. `begun_too_fast` counts the seconds, from each call on, that saw more than the pace:
it must be 0. With `--rounds` all of it is
repeated and medians (of the maxima, the worst) are printed. Everything runs on 127.0.0.1.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from math import ceil
from pathlib import Path
from statistics import mean, median

from programs import running, seconds_until_done
from sink import free_port
from town import add_people, approve, open_town, operator, submit

from alertd.demo.telephone_network import ACCOUNT_SID, AUTH_TOKEN
from alertd.site import Site
from alertd.supervise import Program


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
    ledger, ports = folder / "calls.jsonl", [free_port() for _ in range(3)]
    network = [sys.executable, "-m", "alertd.demo.telephone_network", "--port", str(ports[0])]
    network += ["--ledger", str(ledger), "--speed", str(given.speed), "--per-second", "1000"]
    site = _site(folder, given, ports)
    try:
        add_people(site, given.calls, kind="voice")
        person = operator(site)
        telephones = Program(name="telephones", command=network)
        with running(site, telephones, ports=ports, workers=given.workers) as supervisor:
            dispatch = submit(site, person, 1, channel="phone")
            approve(site, person, dispatch)
            seconds_until_done(site, dispatch, supervisor)
    finally:
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
    begun, steps = sorted(created.values()), sorted(steps)
    # from when the lines are first full until nobody waits any more
    steady = begun[min(lines, len(begun) // 2) :]
    span = steady[-1] - steady[0]
    in_use = most = 0
    used = 0.0
    for (at, step), (after, _) in pairwise(steps):
        in_use += step
        most = max(most, in_use)
        used += in_use * max(0.0, min(after, steady[-1]) - max(at, steady[0]))
    per_second, lines_used = (len(steady) - 1) / span, used / span
    whole = ceil(rate)
    return {
        "calls": len(begun),
        "seconds": round(begun[-1] - begun[0], 1),
        "held_seconds": round(mean(held), 3),
        "begun_per_second": round(per_second, 2),
        "lines_in_use": round(lines_used, 2),
        "utilisation": round(max(per_second / rate, lines_used / lines), 3),
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
    token = folder / "token"
    token.write_text(AUTH_TOKEN)
    return open_town(
        folder,
        "",
        f"[web]\nport = {ports[1]}\npublic_port = {ports[2]}\n[channels.phone]\n"
        f'kind = "voice"\napi_url = "http://127.0.0.1:{ports[0]}"\naccount_sid = "{ACCOUNT_SID}"\n'
        f'auth_token_file = "{token}"\ncaller_id = "+81256000110"\nquiet_hours = []\nattempts = 1\n'
        f"calls_per_second = {given.rate}\nlines = {given.lines}\n",
    )


if __name__ == "__main__":
    main()
