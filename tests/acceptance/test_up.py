"""`alertd up`: everything comes up by one command and goes down with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving import free_port


def children(pid: int) -> list[int]:
    found = []
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            text = status.read_text()
        except OSError:
            continue
        if f"\nPPid:\t{pid}\n" in text and "\nState:\tZ" not in text:
            found.append(int(status.parent.name))
    return found


def runs(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A configuration in a folder whose path is too long for a socket."""
    deep = tmp_path / ("a-long-name-" * 8)
    deep.mkdir()
    (deep / "alertd.toml").write_text(
        f"""
        storage = "var"
        [web]
        port = {free_port()}
        public_port = {free_port()}
        [worker]
        processes = 2
        [channels.mail]
        kind = "email"
        host = "127.0.0.1"
        sender = "bosai@sanjo.example.jp"
        """
    )
    return deep


@pytest.fixture
def up(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """The supervisor, when everything is ready."""
    with subprocess.Popen(
        [sys.executable, "-m", "alertd", "up"], cwd=folder, stderr=subprocess.PIPE, text=True, bufsize=1
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("ready:"):
                break
        else:
            pytest.fail("it did not come up")
        yield process
        if process.poll() is None:
            process.send_signal(signal.SIGINT)


def test_everything_comes_up_answers_and_goes_down_when_it_is_told_to(
    up: subprocess.Popen[str], folder: Path
):
    port = (folder / "alertd.toml").read_text().split("public_port = ")[1].split()[0]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=10) as answer:
        assert answer.status == 200
    running = children(up.pid)
    assert len(running) == 5  # broker, relay, two workers, web
    up.send_signal(signal.SIGINT)
    # how long it takes says more of what else the machine does than of us
    up.wait(10)
    assert up.returncode == 0
    assert not any(runs(pid) for pid in running)


def test_nothing_survives_a_supervisor_that_was_killed_and_it_can_start_again(
    up: subprocess.Popen[str], folder: Path
):
    running = children(up.pid)
    second = subprocess.run(
        [sys.executable, "-m", "alertd", "up"], cwd=folder, capture_output=True, text=True, timeout=60
    )
    assert second.returncode == 1
    assert "another `alertd up` is running" in second.stderr
    os.kill(up.pid, signal.SIGKILL)
    up.wait()
    deadline = time.monotonic() + 20
    while any(runs(pid) for pid in running):
        assert time.monotonic() < deadline, "children are left"
        time.sleep(0.05)
