"""Life lines: dead is whose process is gone, and nobody else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from alertd import lifeline
from alertd.lifeline import Dead, LifeLine, dead
from tests.servers import ROOT

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
_HOLDS = """
import sys, time
from pathlib import Path
from alertd.lifeline import LifeLine
line = LifeLine.hold(Path(sys.argv[1]), "owner", "mail")
print("holds", flush=True)
time.sleep(60)
"""


@contextmanager
def sender(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds a life line."""
    command = [sys.executable, "-c", _HOLDS, str(folder)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "holds\n"
            yield process
        finally:
            process.kill()


def test_who_was_killed_is_dead_and_told_of_once(tmp_path: Path) -> None:
    with sender(tmp_path) as process:
        assert list(dead(tmp_path, NOW)) == []
        os.kill(process.pid, signal.SIGSTOP)
        assert list(dead(tmp_path, NOW)) == [], "who stands still is not dead"
        process.kill()
        process.wait()
        assert list(dead(tmp_path, NOW)) == [Dead("owner", "mail")]
        assert list(dead(tmp_path, NOW)) == []


def test_who_is_done_is_not_dead(tmp_path: Path) -> None:
    line = LifeLine.hold(tmp_path, "owner", "mail")
    assert line is not None
    assert list(dead(tmp_path, NOW)) == [], "not in its own process either"
    line.let_go()
    line.let_go()
    assert list(dead(tmp_path, NOW)) == []
    assert list(tmp_path.iterdir()) == []


def test_a_death_that_could_not_be_seen_to_is_told_of_again(tmp_path: Path) -> None:
    (tmp_path / "owner").write_bytes(b"%b\nmail" % (lifeline.boot() or b""))
    telling = dead(tmp_path, NOW)
    assert next(telling) == Dead("owner", "mail")
    assert list(dead(tmp_path, NOW)) == [], "somebody is seeing to it"
    telling.close()  # type: ignore[attr-defined]
    assert list(dead(tmp_path, NOW)) == [Dead("owner", "mail")]


def test_a_life_line_of_another_machine_tells_nothing_and_goes_after_a_day(tmp_path: Path) -> None:
    path = tmp_path / "owner"
    path.write_bytes(b"00000000-0000-0000-0000-000000000000\nmail")
    written = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    assert list(dead(tmp_path, written + timedelta(hours=23))) == []
    assert path.exists()
    assert list(dead(tmp_path, written + timedelta(hours=25))) == []
    assert not path.exists()


def test_one_that_is_being_made_is_nobodys_death(tmp_path: Path) -> None:
    (tmp_path / ".owner").write_bytes(b"%b\nmail" % (lifeline.boot() or b""))
    assert list(dead(tmp_path, NOW)) == []


@pytest.mark.parametrize("folder", ["missing", "file/below"])
def test_where_no_life_line_can_be_kept_nobody_is_told_of(tmp_path: Path, folder: str) -> None:
    (tmp_path / "file").touch()
    assert list(dead(tmp_path / folder, NOW)) == []
    if folder != "missing":
        assert LifeLine.hold(tmp_path / folder, "owner", "mail") is None
