"""Benchmark: what an attack on the public pages costs the alert that goes out meanwhile.

    python benchmarks/flood.py [--recipients 20000] [--rate 200] [--slow 50] [--runs 3] [--json]

An alert goes out by mail without and with a flood: `--rate` requests a second to the public
pages (forms, made-up links, forged callbacks), `--slow` connections that send a byte a second,
and bodies of a gigabyte. Prints mails a second of both, what was answered, and how much the
web program grew. Everything runs on 127.0.0.1.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from pathlib import Path

from programs import running, seconds_until_done
from sink import far_end, free_port
from town import add_people, approve, open_site, operator, submit

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
    options = parser.parse_args()
    if options.flood:
        asyncio.run(_Flood(options.flood, options.rate, options.slow).run())
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
    flooded: list[float] = []
    answers: Counter[str] = Counter()
    with running(site, ports=(console, public)) as supervisor:

        def go(number: int) -> float:
            dispatch = submit(site, person, number)
            approve(site, person, dispatch)
            return options.recipients / seconds_until_done(site, dispatch, supervisor)

        go(0)  # warms the programs up and does not count
        web = _web(site)
        before = _resident(web)
        for run in range(1, options.runs + 1):
            calm.append(go(2 * run))
            command = [sys.executable, __file__, "--flood", str(public)]
            command += ["--rate", str(options.rate), "--slow", str(options.slow)]
            with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as flood:
                threading.Event().wait(2)
                flooded.append(go(2 * run + 1))
                told, _ = flood.communicate("\n")
            answers.update(json.loads(told))
        grown = _resident(web) - before
    return {
        "mails_per_second_calm": round(statistics.median(calm)),
        "mails_per_second_flooded": round(statistics.median(flooded)),
        "slowed_percent": round(100 * (1 - statistics.median(flooded) / statistics.median(calm)), 1),
        "answers": dict(sorted(answers.items())),
        "server_errors": sum(count for status, count in answers.items() if status.startswith("5")),
        "web_grown_mb": round(grown / 1024, 1),
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


def _resident(process: int) -> int:
    """Its memory in KB."""
    status = Path(f"/proc/{process}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))


class _Flood:
    """The attacker; ends when a line comes on standard input, and prints what was answered."""

    def __init__(self, port: int, rate: int, slow: int) -> None:
        self._port, self._rate, self._slow = port, rate, slow
        self._answers: Counter[str] = Counter()
        self._over = asyncio.Event()

    async def run(self) -> None:
        """Until it is told to end."""
        loop = asyncio.get_running_loop()
        loop.add_reader(sys.stdin, self._over.set)
        others = [asyncio.create_task(self._crawl()) for _ in range(self._slow)]
        others += [asyncio.create_task(self._pour(head)) for head in (_HUGE, _CHUNKED)]
        asked: set[asyncio.Task[None]] = set()
        begin, number = loop.time(), 0
        while not self._over.is_set():
            while number < (loop.time() - begin) * self._rate:
                task = asyncio.create_task(self._ask(_ASKED[number % len(_ASKED)]))
                asked.add(task)
                task.add_done_callback(asked.discard)
                number += 1
            await asyncio.sleep(0.005)
        await asyncio.wait(asked, timeout=10) if asked else None
        for task in others:
            task.cancel()
        print(json.dumps(self._answers))

    async def _ask(self, request: bytes) -> None:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
            writer.write(request)
            line = await asyncio.wait_for(reader.readline(), 10)
            writer.close()
        except (OSError, TimeoutError):
            self._answers["none"] += 1
            return
        self._answers[line.split()[1].decode() if len(line.split()) > 1 else "none"] += 1

    async def _crawl(self) -> None:
        """A byte a second; when the server has enough, anew."""
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self._port)
                for byte in (
                    b"POST /register HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n" + b"a" * 1000
                ):
                    writer.write(bytes([byte]))
                    await writer.drain()
                    await asyncio.sleep(1)
            except OSError:
                await asyncio.sleep(1)

    async def _pour(self, head: bytes) -> None:
        """A gigabyte, until the server hangs up; then once more a second later."""
        while True:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
                writer.write(head)
                for _ in range(16_384):
                    writer.write(_CHUNK)
                    await writer.drain()
                    await asyncio.sleep(0.005)  # the others of the flood have their turn
                    if reader.at_eof():
                        break
                writer.close()
            except OSError:
                pass
            await asyncio.sleep(1)


if __name__ == "__main__":
    main()
