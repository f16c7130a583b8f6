"""Takes each guard out in turn and looks whether a test notices: `python -m tests.guards [--list] [WORD …]`.

Works on copies of this folder, several at once. A line as soon as each is known, a table for the
docs at the end. Exit code 1 when a guard can be taken out unnoticed. The tests run on SQLite: what
a guard is worth shows there, in half the time.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from tests.guards import GUARDS, Guard
from tests.guards.security import SECURITY
from tests.guards.trust import TRUST

EVERY = (*GUARDS, *SECURITY, *TRUST)
ROOT = Path(__file__).resolve().parents[2]
#: what is not copied
_LEFT = shutil.ignore_patterns(".git", ".venv", ".cache", "var", "__pycache__", ".*_cache")
#: tests that have not ended after so many seconds hang without the guard, and that is noticed
_LONGEST = 240
_HANGS = "the tests do not end"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of the tests without a guard."""

    guard: Guard
    #: None = they all pass
    failure: str | None
    seconds: float


def judged(guards: Sequence[Guard], copies: Sequence[Path]) -> Iterator[Verdict]:
    """A verdict on each guard, in the order in which they are known; one guard at a time in each copy."""
    free: SimpleQueue[Path] = SimpleQueue()
    for copy in copies:
        free.put(copy)

    def judge(guard: Guard) -> Verdict:
        copy, began = free.get(), time.monotonic()
        try:
            return Verdict(guard, noticed(guard, copy), time.monotonic() - began)
        finally:
            free.put(copy)

    with ThreadPoolExecutor(len(copies)) as pool:
        try:
            for future in as_completed([pool.submit(judge, guard) for guard in guards]):
                yield future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def noticed(guard: Guard, copy: Path) -> str | None:
    """The test that fails without the guard; None when none does."""
    file = copy / guard.file
    text = file.read_text(encoding="utf-8")
    if text.count(guard.there) != 1:
        sys.exit(f"{guard.file} has “{guard.there.strip()}” {text.count(guard.there)} times, not once")
    file.write_text(text.replace(guard.there, guard.without), encoding="utf-8")
    try:
        return first_failure(copy, guard.tests)
    finally:
        file.write_text(text, encoding="utf-8")


def first_failure(copy: Path, tests: Iterable[str]) -> str | None:
    """The first of these tests that fails."""
    try:
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "pytest",
                "-x",
                "-q",
                "-p",
                "no:cacheprovider",
                "-k",
                "not postgres",
                *tests,
            ],
            cwd=copy,
            env={**os.environ, "PYTHONPATH": str(copy)},
            capture_output=True,
            text=True,
            timeout=_LONGEST,
        )
    except subprocess.TimeoutExpired:
        return _HANGS
    if done.returncode == 0:
        return None
    failed = [line for line in done.stdout.splitlines() if re.match(r"(FAILED|ERROR) tests/", line)]
    if failed:
        return failed[0].split()[1]
    sys.exit(f"pytest ended with {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")


@contextmanager
def _copies(number: int) -> Iterator[list[Path]]:
    with tempfile.TemporaryDirectory(prefix="alertd-guards-") as folder:
        copies = [Path(folder) / f"copy-{nth}" for nth in range(number)]
        for copy in copies:
            shutil.copytree(ROOT, copy, ignore=_LEFT, symlinks=True)
        yield copies


def _sound(guards: Sequence[Guard], copy: Path) -> None:
    """Every test passes as it is, or it would prove nothing."""
    every = sorted({test for guard in guards for test in guard.tests})
    for test in every:
        if failure := first_failure(copy, [test]):
            sys.exit(f"with every guard in its place {failure} fails; mend that first")
    print(f"{len(every)} files of tests pass with every guard in its place", flush=True)


def main() -> int:
    """Prints one line for each guard, and a table."""
    parser = argparse.ArgumentParser(prog="python -m tests.guards", description=__doc__)
    parser.add_argument("words", nargs="*", help="only guards whose name has one of these words in it")
    parser.add_argument("--list", action="store_true", help="say what guards there are")
    parser.add_argument("--jobs", type=int, default=2, help="copies that are tried at once (default 2)")
    parser.add_argument(
        "--trusting", action="store_true", help="do not try first that all tests pass as it is"
    )
    chosen = parser.parse_args()
    wanted = [
        guard for guard in EVERY if not chosen.words or any(word in guard.name for word in chosen.words)
    ]
    if chosen.list:
        print("\n".join(f"{guard.name} ({guard.file})" for guard in wanted))
        return 0
    found: list[Verdict] = []
    began = time.monotonic()
    with _copies(min(chosen.jobs, len(wanted)) or 1) as copies:
        if not chosen.trusting:
            _sound(wanted, copies[0])
        for number, one in enumerate(judged(wanted, copies), 1):
            found.append(one)
            word = "ok  " if one.failure else "MISS"
            print(
                f"{number:3} of {len(wanted)}  {word}  {one.guard.name}: "
                f"{one.failure or 'no test notices'}  ({one.seconds:.0f} s)",
                flush=True,
            )
    print("\n| without this guard … | in | … this test fails |\n|---|---|---|")
    for one in sorted(found, key=lambda one: wanted.index(one.guard)):
        print(
            f"| {one.guard.name} | `{one.guard.file}` | {f'`{one.failure}`' if one.failure else '**none**'} |"
        )
    unnoticed = sum(one.failure is None for one in found)
    minutes = (time.monotonic() - began) / 60
    print(f"\n{unnoticed} of {len(wanted)} guards can be taken out unnoticed ({minutes:.0f} minutes)")
    return 1 if unnoticed else 0


if __name__ == "__main__":
    sys.exit(main())
