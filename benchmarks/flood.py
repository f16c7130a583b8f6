"""Benchmark: what an attack on the public pages costs the alert that goes out meanwhile.

    python benchmarks/flood.py [--recipients 20000] [--rate 200] [--slow 50] [--runs 3] [--json]

An alert goes out by mail alone, and with two floods: one from a single network (127.0.0.0/24),
and one in which each request comes from another network (127.x.y.0/24, 62,500 of them). Both are
`--rate` requests a second on new connections (a sixth each: the form, made-up links, sounds that
are not there, health, forged callbacks, letters that are asked for), `--slow` connections that
send a byte a second, and bodies of a gigabyte. Prints mails a second of each, what was answered,
what attacker and web program took of a core, and how much the web program grew. Everything,
the attacker too, runs on this machine and 127.0.0.0/8; what it takes of the cores is in
`slowed_percent`, and taken out of `slowed_percent_were_the_attacker_elsewhere`.
"""

from __future__ import annotations

import argparse
import json
import os
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from programs import running, seconds_until_done
from sink import far_end, free_port
from town import add_people, approve, open_site, operator, submit

from alertd.clock import stopwatch
from alertd.site import Site

_FORM = b"address=flood%40example.jp"
#: what strangers ask for, over and over
_ASKED = (
    b"GET /register HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /stop/1-AAAAAAAAAAAAAAAA HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /audio/" + b"0" * 64 + b".wav HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
    b"POST /callbacks/mail HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\na=b",
    b"POST /register HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    b"Content-Length: %d\r\n\r\n%s" % (len(_FORM), _FORM),
)
_HUGE = b"POST /register HTTP/1.1\r\nHost: x\r\nContent-Length: 1073741824\r\n\r\n"
_CHUNKED = b"POST /register HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
_CHUNK = b"10000\r\n" + b"x" * 65536 + b"\r\n"


def main() -> None:
    """Runs the benchmark and prints its figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--recipients", type=int, default=20_000, help="mails in one run (default 20000)")
    parser.add_argument("--rate", type=int, default=200, help="requests a second (default 200)")
    parser.add_argument("--slow", type=int, default=50, help="slow connections (default 50)")
    parser.add_argument("--runs", type=int, default=3, help="runs of each kind; medians (default 3)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--flood", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--many", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.flood:
        _Flood(options.flood, options.rate, options.slow, many=options.many).run()
        return
    console, public = free_port(), free_port()
    with tempfile.TemporaryDirectory(prefix="alertd-bench-") as folder, far_end() as (port, sink):
        more = f'host = "127.0.0.1"\nport = {port}\nsessions = 8\n[web]\nport = {console}\npublic_port = {public}'
        site = open_site(Path(folder), "", more)
        try:
            figures = _figures(site, options, console, public)
        finally:
            site.close()
    figures = {"far_end": sink, "recipients": options.recipients, "rate": options.rate, **figures}
    print(json.dumps(figures) if options.json else "\n".join(f"{k:26} {v}" for k, v in figures.items()))


def _figures(site: Site, options: argparse.Namespace, console: int, public: int) -> dict[str, object]:
    person = operator(site)
    add_people(site, options.recipients)
    calm: list[float] = []
    floods = {"one_network": _Measured(), "many_networks": _Measured()}
    with running(site, ports=(console, public)) as supervisor:

        def go(number: int) -> float:
            dispatch = submit(site, person, number)
            approve(site, person, dispatch)
            return options.recipients / seconds_until_done(site, dispatch, supervisor)

        go(0)  # warms the programs up and does not count
        web = _web(site)
        before = _resident(web)
        for run in range(1, options.runs + 1):
            calm.append(go(3 * run))
            for number, (name, measured) in enumerate(floods.items(), 1):
                command = [sys.executable, __file__, "--flood", str(public)]
                command += ["--rate", str(options.rate), "--slow", str(options.slow)]
                command += ["--many"] if name == "many_networks" else []
                with subprocess.Popen(
                    command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
                ) as flood:
                    assert flood.stdout is not None
                    flood.stdout.readline()  # it has begun
                    threading.Event().wait(1)
                    began, busy = stopwatch(), _cpu_seconds(web)
                    measured.rates.append(go(3 * run + number))
                    measured.web.append((_cpu_seconds(web) - busy) / (stopwatch() - began))
                    told = json.loads(flood.communicate("\n")[0])
                measured.answers.update(told["answers"])
                measured.attacker.append(told["core"])
        grown = _resident(web) - before
    alone = statistics.median(calm)
    return {
        "mails_per_second_calm": round(alone),
        **{name: measured.figures(alone) for name, measured in floods.items()},
        "web_grown_mb": round(grown / 1024, 1),
    }


@dataclass(slots=True)
class _Measured:
    """What was seen of one kind of flood, run by run."""

    rates: list[float] = field(default_factory=list)
    #: cores, from 0 to 2
    web: list[float] = field(default_factory=list)
    attacker: list[float] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)

    def figures(self, alone: float) -> dict[str, object]:
        """The medians; `alone` is the rate without a flood."""
        rate, attacker = statistics.median(self.rates), statistics.median(self.attacker)
        left = alone * (1 - attacker / (os.cpu_count() or 1))
        return {
            "mails_per_second": round(rate),
            "slowed_percent": round(100 * (1 - rate / alone), 1),
            "slowed_percent_were_the_attacker_elsewhere": round(100 * (1 - rate / left), 1),
            "web_percent_of_a_core": round(100 * statistics.median(self.web), 1),
            "attacker_percent_of_a_core": round(100 * attacker, 1),
            "answers": dict(sorted(self.answers.items())),
            "server_errors": sum(n for status, n in self.answers.items() if status.startswith("5")),
        }


def _web(site: Site) -> int:
    """The process id of the web program of this installation."""
    config = str(site.config.file)
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
            except OSError:
                continue
            if config in words and "web" in words:
                return int(folder.name)
    raise LookupError("the web program does not run")


def _cpu_seconds(process: int) -> float:
    """What it has computed for, in seconds."""
    words = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def _resident(process: int) -> int:
    """Its memory in KB."""
    status = Path(f"/proc/{process}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))


class _Flood:
    """The attacker; ends when a line comes on standard input, and prints what was answered.

    One thread, plain sockets and no look at what has not come for longer than a tick, so that it
    takes little of the cores that it shares with its victim.
    """

    #: between two looks at what is to be sent, in seconds
    _TICK = 0.02
    #: what the slow ones send, a byte a second
    _SLOWLY = b"POST /register HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n" + b"a" * 1000

    def __init__(self, port: int, rate: int, slow: int, *, many: bool) -> None:
        self._port, self._rate, self._slow, self._many = port, rate, slow, many
        self._answers: Counter[str] = Counter()
        self._told = False
        self._selector = selectors.DefaultSelector()

    def run(self) -> None:
        """Until it is told to end."""
        print("begun", flush=True)
        begin, busy, number, seconds = stopwatch(), time.process_time(), 0, 0
        slow: list[socket.socket | None] = [None] * self._slow
        huge: dict[bytes, socket.socket | None] = {_HUGE: None, _CHUNKED: None}
        self._selector.register(sys.stdin, selectors.EVENT_READ)
        while not self._told:
            passed = stopwatch() - begin
            while number < passed * self._rate:
                self._ask(number)
                number += 1
            if passed > seconds:
                seconds += 1
                slow = [self._send(one, self._SLOWLY[seconds % 1000 :][:1]) for one in slow]
                huge = {head: one or self._send(None, head) for head, one in huge.items()}
            huge = {head: one and self._send(one, _CHUNK) for head, one in huge.items()}
            time.sleep(self._TICK)
            self._read(0)
        core = (time.process_time() - busy) / (stopwatch() - begin)
        self._selector.unregister(sys.stdin)
        for _ in range(100):
            if not self._selector.get_map():
                break
            self._read(0.1)
        self._answers["none"] += len(self._selector.get_map())
        print(json.dumps({"answers": self._answers, "core": core}))

    def _ask(self, number: int) -> None:
        """One request on a connection of its own."""
        here = f"127.{1 + number // 250 % 250}.{number % 250}.1" if self._many else "127.0.0.1"
        one = self._send(None, _ASKED[number % len(_ASKED)], here)
        if one is None:
            self._answers["none"] += 1
        else:
            self._selector.register(one, selectors.EVENT_READ)

    def _send(self, one: socket.socket | None, data: bytes, here: str = "127.0.0.1") -> socket.socket | None:
        """Sends, on a new connection when there is none; None when the server has hung up."""
        try:
            if one is None:
                one = socket.socket()
                one.settimeout(10)
                one.bind((here, 0))
                one.connect(("127.0.0.1", self._port))
                one.settimeout(0)
            one.send(data)
        except BlockingIOError:
            pass
        except OSError:
            if one is not None:
                one.close()
            return None
        return one

    def _read(self, wait: float) -> None:
        """Counts the answers that have come."""
        for key, _ in self._selector.select(wait):
            if key.fileobj is sys.stdin:
                self._told = True
                continue
            one = cast(socket.socket, key.fileobj)
            try:
                line = one.recv(4096)
            except OSError:
                line = b""
            self._answers[line[9:12].decode() or "none"] += 1
            self._selector.unregister(one)
            one.close()


if __name__ == "__main__":
    main()
