"""Takes each guard out in turn and looks whether a test notices: `python -m tests.guards [NAME]`.

Works on a copy of this folder. Exit code 1 when a guard can be taken out unnoticed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from tests.guards import GUARDS, Guard

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
        [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests],
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
    """Prints one line for each guard."""
    wanted = [
        guard for guard in GUARDS if not sys.argv[1:] or any(word in guard.name for word in sys.argv[1:])
    ]
    unnoticed = 0
    with tempfile.TemporaryDirectory(prefix="alertd-guards-") as folder:
        copy = Path(folder) / "copy"
        shutil.copytree(ROOT, copy, ignore=_LEFT, symlinks=True)
        if failure := first_failure(copy, sorted({test for guard in wanted for test in guard.tests})):
            sys.exit(f"with every guard in its place {failure} fails; mend that first")
        for guard in wanted:
            test = noticed(guard, copy)
            unnoticed += test is None
            print(f"{'ok  ' if test else 'MISS'}  {guard.name}: {test or 'no test notices'}", flush=True)
    print(f"{unnoticed} of {len(wanted)} guards can be taken out unnoticed")
    return 1 if unnoticed else 0


if __name__ == "__main__":
    sys.exit(main())
