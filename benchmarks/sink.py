"""Postfix's mail programs for benchmarks: smtp-sink takes everything, smtp-source sends as fast as it can.

Where Postfix is neither installed nor unpacked by dev.py, the simulated SMTP server of the
demo is the far end, and there is no smtp-source to compare with.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_UNPACKED = ROOT / ".cache" / "postfix" / "usr"


def program(name: str) -> str | None:
    """The path of one of Postfix's programs; None = it is not there."""
    unpacked = _UNPACKED / "sbin" / name
    return shutil.which(name) or (str(unpacked) if unpacked.exists() else None)


def environment() -> dict[str, str]:
    """The environment in which an unpacked program finds its libraries."""
    libraries = _UNPACKED / "lib" / "postfix"
    return {**os.environ, "LD_LIBRARY_PATH": str(libraries)} if libraries.exists() else dict(os.environ)


@contextmanager
def far_end(options: Sequence[str] = ()) -> Iterator[tuple[int, str]]:
    """An SMTP server that takes everything: (port, name); `options` are smtp-sink's."""
    port, sink = free_port(), program("smtp-sink")
    if sink is not None:
        user = ["-u", "nobody"] if os.geteuid() == 0 else []
        command, name = [sink, *user, *options, f"127.0.0.1:{port}", "256"], "smtp-sink"
    else:
        command, name = [sys.executable, "-m", "alertd.demo.smtp_server", "--port", str(port)], "simulated"
    with running(command, port):
        yield port, name


@contextmanager
def running(command: Sequence[str], port: int) -> Iterator[None]:
    """A program that listens at a port of 127.0.0.1, ended with the block."""
    process = subprocess.Popen(
        command, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait(lambda: listens(port))
        yield
    finally:
        process.terminate()
        process.wait()


def source(port: int, *, mails: int, sessions: int, size: int, recipients: int = 1) -> float | None:
    """The seconds that smtp-source takes over kept connections; None = it is not there."""
    command = program("smtp-source")
    if command is None:
        return None
    begin = time.monotonic()
    words = [command, "-d", "-m", str(mails), "-s", str(sessions), "-l", str(size), "-r", str(recipients)]
    words += ["-f", "bosai@sanjo.example.jp", "-t", "person@example.jp", f"127.0.0.1:{port}"]
    subprocess.run(words, env=environment(), check=True)
    return time.monotonic() - begin


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens at now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def listens(port: int) -> bool:
    """Whether anything listens there."""
    with socket.socket() as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0


def wait(condition: Callable[[], bool], seconds: float = 20) -> None:
    """Waits until it is so; gives up after a while."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise SystemExit("a program did not start in time")
        time.sleep(0.05)
