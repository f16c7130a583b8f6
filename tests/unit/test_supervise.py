"""The supervisor: programs come up, come back, and leave nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from alertd.supervise import FIRST_PAUSE, NotReady, Program, Supervisor

SLEEPER = [sys.executable, "-I", "-S", "-c", "import time; time.sleep(600)"]
STUBBORN = [
    sys.executable,
    "-I",
    "-S",
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)",
]


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    with Supervisor(tmp_path) as made:
        yield made


def until(fact: Callable[[], bool], *, seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def runs(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


def test_a_program_that_was_killed_is_started_again(supervisor: Supervisor):
    supervisor.start(Program(name="sleeper", command=SLEEPER))
    first = supervisor.pid("sleeper")
    os.kill(first, signal.SIGKILL)

    def again() -> bool:
        supervisor.tend()
        return supervisor.pid("sleeper") != first

    until(again)
    assert runs(supervisor.pid("sleeper"))


def test_a_program_that_dies_again_and_again_is_started_more_and_more_rarely(
    supervisor: Supervisor, tmp_path: Path
):
    command = [sys.executable, "-I", "-S", "-c", "print('born', flush=True)"]
    supervisor.start(Program(name="mayfly", command=command))
    end = time.monotonic() + 8 * FIRST_PAUSE
    while time.monotonic() < end:
        supervisor.tend()
        time.sleep(0.02)
    born = (tmp_path / "mayfly.log").read_text().count("born")
    assert 2 <= born <= 4  # at 0, 0.2, 0.6 and 1.4 s at the earliest


def test_stopping_takes_no_longer_than_three_seconds_even_from_a_stubborn_program(
    supervisor: Supervisor, tmp_path: Path
):
    supervisor.start(Program(name="stubborn", command=STUBBORN))
    supervisor.start(Program(name="sleeper", command=SLEEPER))
    until(lambda: "up" in (tmp_path / "stubborn.log").read_text())
    pids = [supervisor.pid("stubborn"), supervisor.pid("sleeper")]
    began = time.monotonic()
    supervisor.stop()
    assert time.monotonic() - began < 3.0
    assert not any(runs(pid) for pid in pids)


def test_nothing_survives_a_supervisor_that_is_killed(tmp_path: Path):
    script = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from alertd.supervise import Program, Supervisor\n"
        "supervisor = Supervisor(Path(sys.argv[1]))\n"
        f"supervisor.start(Program(name='sleeper', command={SLEEPER!r}))\n"
        "print(supervisor.pid('sleeper'), flush=True)\n"
        "time.sleep(600)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as parent:
        try:
            assert parent.stdout is not None
            child = int(parent.stdout.readline())
            until(lambda: b"time.sleep(600)\0" in Path(f"/proc/{child}/cmdline").read_bytes())
        finally:
            parent.kill()  # or a failure would wait for its 600 seconds
    until(lambda: not runs(child))


def test_a_program_that_ends_at_its_start_is_named_with_its_last_words(supervisor: Supervisor):
    command = [sys.executable, "-I", "-S", "-c", "raise SystemExit('port 25 is taken')"]
    supervisor.start(Program(name="web", command=command, ready=lambda: False))
    with pytest.raises(NotReady, match=r"(?s)web ended at its start.*port 25 is taken"):
        supervisor.wait_ready(within=15, stop=threading.Event())


def test_ctrl_c_of_the_terminal_reaches_the_supervisor_alone(supervisor: Supervisor):
    supervisor.start(Program(name="sleeper", command=SLEEPER))
    assert os.getpgid(supervisor.pid("sleeper")) != os.getpgid(0)
