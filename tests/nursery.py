"""A nursery: a process that has read the product's code already, and becomes a program by forking.

What it starts is a process of its own, as if it had been started from a command line; only the
second and a half in which Python reads the code is spared. Tests that start dozens of programs use
it; runs whose times are figures do not.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

#: what all programs of the product read
_READ = (
    *("alertd.cli.app", "alertd.cli.worker", "alertd.cli.relay", "alertd.cli.web", "operator_console.app"),
    *("alertd.lane", "channels.email", "channels.voice", "channels.fm", "channels.radio", "aiosmtplib"),
    *("celery.apps.worker", "celery.concurrency.thread", "kombu.transport.redis", "psycopg", "uvicorn"),
)
#: prctl(2)
_PR_SET_PDEATHSIG = 1


class Child:
    """A program that was started by a nursery; what `subprocess.Popen` can do and the tests need."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._handle = os.pidfd_open(pid)
        self._over = False

    def poll(self) -> int | None:
        """None while it runs."""
        if not self._over and select.select([self._handle], [], [], 0)[0]:
            self._end()
        return 0 if self._over else None

    def wait(self, timeout: float | None = None) -> int:
        """Returns when it has ended; raises subprocess.TimeoutExpired."""
        if not self._over:
            if not select.select([self._handle], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0.0)
            self._end()
        return 0

    def send_signal(self, number: int) -> None:
        """Harmless when it has ended."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._handle, number)

    def kill(self) -> None:
        """kill -9."""
        self.send_signal(signal.SIGKILL)

    def _end(self) -> None:
        self._over = True
        os.close(self._handle)


class Nursery:
    """Starts programs of the product in a moment; they end with it."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line.makefile("rw", encoding="utf-8")

    @staticmethod
    def takes(command: Sequence[str]) -> bool:
        """Whether a command is `python -m MODULE …`."""
        return list(command[:2]) == [sys.executable, "-m"]

    def start(self, command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Child:
        """The command in a folder, with its words going to the file `log` there."""
        wish = {"words": list(command[2:]), "folder": str(folder), "environment": dict(environment)}
        self._line.write(json.dumps(wish) + "\n")
        self._line.flush()
        return Child(int(self._line.readline()))


@contextlib.contextmanager
def running_nursery() -> Iterator[Nursery]:
    """A nursery that ends with everything that it has started."""
    ours, theirs = socket.socketpair()
    command = [sys.executable, "-m", "tests.nursery", str(theirs.fileno())]
    with ours, subprocess.Popen(command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL) as process:
        theirs.close()
        found = Nursery(ours)
        try:
            yield found
        finally:
            found._line.close()
            process.kill()


def _serve(line: socket.socket) -> None:
    """Forks for each wish, until nobody is left to have any."""
    _end_with_parent()
    for name in _READ:
        importlib.import_module(name)
    gc.freeze()
    with line.makefile("rw", encoding="utf-8") as wishes:
        while wish := wishes.readline():
            # only now, so that a number is never somebody else's while its handle is being made
            with contextlib.suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            pid = os.fork()
            if pid == 0:
                line.close()
                _become(**json.loads(wish))
            wishes.write(f"{pid}\n")
            wishes.flush()


def _become(words: list[str], folder: str, environment: dict[str, str]) -> None:
    """Goes on as the program that is wished for, to its end."""
    _end_with_parent()
    log = os.open(Path(folder, "log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for number in (sys.stdout.fileno(), sys.stderr.fileno()):
        os.dup2(log, number)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = words
    runpy.run_module(words[0], run_name="__main__", alter_sys=True)
    sys.exit()


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
