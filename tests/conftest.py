"""What all tests share: the servers, and a last word about what was not run."""

from __future__ import annotations

import gc
import os
import signal
import sys
import tempfile
import threading
from collections import Counter

import pytest

pytest_plugins = ["tests.servers"]

# code that was read is kept: the tests start hundreds of programs, and each would read all of it anew
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False


def _in_memory() -> str | None:
    """A folder in memory, where it has room for what all tests write and may hold programs."""
    try:
        found = os.statvfs("/dev/shm")
    except OSError:
        return None
    roomy = found.f_bavail * found.f_frsize > 4 << 30
    fit = roomy and not found.f_flag & os.ST_NOEXEC and os.access("/dev/shm", os.W_OK | os.X_OK)
    return "/dev/shm" if fit else None


# what tests write is thrown away: in memory, none of their many thousand commits waits for a disk
if "TMPDIR" not in os.environ and (found := _in_memory()):
    os.environ["TMPDIR"] = tempfile.tempdir = found

# who starts the tests in the background may have Ctrl-C ignored, and every program that they start would
# ignore it too: those that end by it would never end
if threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.default_int_handler)

# while everything is read, nothing becomes garbage: to look for it costs a sixth of the time
gc.disable()


def pytest_collection_finish() -> None:
    """From here on garbage is looked for, but not among what was read."""
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The types first: nothing else keeps a core for so long, and at the end the others would be idle."""
    items.sort(key=lambda item: item.name != "test_the_types_are_right")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says how many tests were skipped, and why, where nobody overlooks it."""
    reasons: Counter[str] = Counter()
    for report in terminalreporter.stats.get("skipped", []):
        text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        reasons[text.removeprefix("Skipped: ")] += 1
    if reasons:
        terminalreporter.section("not run", red=True)
    for reason, count in reasons.most_common():
        terminalreporter.line(f"{count} skipped: {reason}", red=True)
