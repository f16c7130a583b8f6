"""Takes each guard out in turn and looks whether a test notices: `python -m tests.guards [--list] [WORD …]`.

Works on a copy of this folder. A line as soon as each is known, a table for the docs at the end.
Exit code 1 when a guard can be taken out unnoticed. The tests run on SQLite: what a guard is
worth shows there, in half the time.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from tests.guards import GUARDS, Guard
from tests.guards.security import SECURITY

ROOT = Path(__file__).resolve().parents[2]
#: what is not copied
_LEFT = shutil.ignore_patterns(".git", ".venv", ".cache", "var", "__pycache__", ".*_cache")


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
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-k", "not postgres", *tests],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
    )
    failed = [line for line in done.stdout.splitlines() if line.startswith("FAILED ")]
    if done.returncode not in (0, 1):
        sys.exit(done.stdout[-2000:] + done.stderr[-2000:])
    return failed[0].split()[1] if failed else None


def main() -> int:
    """Prints one line for each guard, and a table."""
    parser = argparse.ArgumentParser(prog="python -m tests.guards", description=__doc__)
    parser.add_argument("words", nargs="*", help="only guards whose name has one of these words in it")
    parser.add_argument("--list", action="store_true", help="say what guards there are")
    parser.add_argument(
        "--trusting", action="store_true", help="do not try first that all tests pass as it is"
    )
    chosen = parser.parse_args()
    wanted = [
        guard
        for guard in (*GUARDS, *SECURITY)
        if not chosen.words or any(word in guard.name for word in chosen.words)
    ]
    if chosen.list:
        print("\n".join(f"{guard.name} ({guard.file})" for guard in wanted))
        return 0
    found: list[tuple[Guard, str | None]] = []
    with tempfile.TemporaryDirectory(prefix="alertd-guards-") as folder:
        copy = Path(folder) / "copy"
        shutil.copytree(ROOT, copy, ignore=_LEFT, symlinks=True)
        every = sorted({test for guard in wanted for test in guard.tests})
        if not chosen.trusting and (failure := first_failure(copy, every)):
            sys.exit(f"with every guard in its place {failure} fails; mend that first")
        for number, guard in enumerate(wanted, 1):
            began = time.monotonic()
            test = noticed(guard, copy)
            found.append((guard, test))
            verdict = f"{'ok  ' if test else 'MISS'}  {guard.name}: {test or 'no test notices'}"
            print(f"{number:2} of {len(wanted)}  {verdict}  ({time.monotonic() - began:.0f} s)", flush=True)
    print("\n| without this guard … | in | … this test fails |\n|---|---|---|")
    for guard, test in found:
        print(f"| {guard.name} | `{guard.file}` | {f'`{test}`' if test else '**none**'} |")
    unnoticed = sum(test is None for _, test in found)
    print(f"\n{unnoticed} of {len(wanted)} guards can be taken out unnoticed")
    return 1 if unnoticed else 0


if __name__ == "__main__":
    sys.exit(main())
