"""The supervisor: starts programs, restarts those that die, and leaves none behind.

Each program is a process group of its own, so that the terminal's Ctrl-C reaches the
supervisor alone; and it ends when the supervisor dies, even by kill -9 (Linux:
PR_SET_PDEATHSIG, which follows the thread that started it: start from the main one).
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from alertd.clock import stopwatch
from alertd.errors import AlertdError

log = logging.getLogger(__name__)

#: seconds until a dead program is started again: the first time, and at most
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0
#: a program that has lived so long starts with the first pause again, in seconds
STEADY = 30.0
#: after so many seconds of asking, programs are killed
PATIENCE = 2.0

# Runs in the child before the program: asks the kernel for SIGTERM at the parent's death.
_LEASH = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGTERM)
if os.getppid() != int(sys.argv[1]):
    sys.exit("the supervisor is gone")
os.execv(sys.argv[2], sys.argv[2:])
"""


class NotReady(AlertdError):
    """A program did not come up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What is to run: `command[0]` is a path; `ready` tells whether it does its work."""

    name: str
    command: Sequence[str]
    ready: Callable[[], bool] = lambda: True


@dataclass(slots=True)
class _Child:
    program: Program
    process: subprocess.Popen[bytes]
    started_at: float
    #: seconds until the next start, should it die now
    pause: float = FIRST_PAUSE
    #: it is dead, and is to be started at this time
    start_at: float | None = None


class Supervisor:
    """Runs programs until `stop`; their output goes to `folder/NAME.log`. Not for threads.

    `tend` does one round and is called several times a second.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._children: list[_Child] = []

    def start(self, program: Program) -> None:
        """Starts one program; programs are stopped in the opposite order."""
        self._children.append(_Child(program, self._open(program), stopwatch()))

    def wait_ready(self, *, within: float, stop: threading.Event) -> None:
        """Returns when every program is ready, or at `stop`. Raises NotReady with the end of its log."""
        deadline = stopwatch() + within
        for child in self._children:
            while not stop.is_set() and not child.program.ready():
                if child.process.poll() is not None:
                    raise NotReady(
                        f"{child.program.name} ended at its start: {self._last_words(child.program)}"
                    )
                if stopwatch() > deadline:
                    raise NotReady(
                        f"{child.program.name} is not ready after {within:.0f} s: {self._last_words(child.program)}"
                    )
                stop.wait(0.05)

    def tend(self) -> None:
        """Starts again what has died, after a pause that grows with every death."""
        now = stopwatch()
        for child in self._children:
            if child.start_at is None:
                code = child.process.poll()
                if code is None:
                    continue
                if now - child.started_at > STEADY:
                    child.pause = FIRST_PAUSE
                child.start_at = now + child.pause
                log.warning("%s ended with %s; starting it again", child.program.name, code)
            if now >= child.start_at:
                child.process, child.started_at, child.start_at = self._open(child.program), now, None
                child.pause = min(child.pause * 2, LONGEST_PAUSE)

    def pid(self, name: str) -> int:
        """The process number of a program, for tests that kill it."""
        return next(child.process.pid for child in self._children if child.program.name == name)

    def stop(self) -> None:
        """Asks every program to end, the latest first, and kills those that do not; may be called twice."""
        running = [child.process for child in reversed(self._children) if child.process.poll() is None]
        for process in running:
            _signal(process, signal.SIGTERM)
        deadline = stopwatch() + PATIENCE
        for process in running:
            try:
                process.wait(max(0.05, deadline - stopwatch()))
            except subprocess.TimeoutExpired:
                _signal(process, signal.SIGKILL)
                process.wait()
        self._children.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _open(self, program: Program) -> subprocess.Popen[bytes]:
        leash = [sys.executable, "-I", "-S", "-c", _LEASH, str(os.getpid())]
        with (self._folder / f"{program.name}.log").open("ab") as output:
            return subprocess.Popen(
                [*leash, *program.command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                process_group=0,
            )

    def _last_words(self, program: Program) -> str:
        file = self._folder / f"{program.name}.log"
        lines = file.read_text(errors="replace").strip().splitlines()[-5:]
        return f"see {file}" + "".join(f"\n  {line}" for line in lines)


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Signals the program and what it has started."""
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return
