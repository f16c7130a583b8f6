"""Fuzzing by command: `python3 dev.py fuzz [--seconds 60] [NAME …]`; every reader of what strangers send.

With atheris installed (`pip install atheris`, 130 MB), coverage leads half of the time; otherwise
hypothesis has all of it. Exit code 1 at the first crash, with the document that does it.
"""

from __future__ import annotations

import argparse
import importlib.util
import logging
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings

from tests.fuzz import READERS, documents, try_out

#: what libFuzzer calls the documents that it keeps
_FOUND = ("crash-", "timeout-", "oom-", "leak-")


def main() -> int:
    parser = argparse.ArgumentParser(prog="dev.py fuzz", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *READERS], metavar="NAME", help=", ".join(READERS))
    parser.add_argument("--seconds", type=float, default=60.0, help="for each reader (default 60)")
    options = parser.parse_args()
    logging.disable()
    led = importlib.util.find_spec("atheris") is not None
    failed = 0
    for name in options.names or READERS:
        seconds = options.seconds / 2 if led else options.seconds
        tried, crash = fuzz(name, seconds)
        print(f"{name:12} {tried:>9} documents  {'CRASHED' if crash else 'ok'}", flush=True)
        if crash is not None:
            for one in getattr(crash, "exceptions", (crash,)):
                print(f"  {type(one).__name__}: {one}\n  {' '.join(getattr(one, '__notes__', ()))}")
            failed = 1
        if led:
            tried, trouble = guided(name, seconds)
            print(f"{name:12} {tried:>9} by coverage  {'CRASHED' if trouble else 'ok'}", flush=True)
            if trouble:
                print(trouble)
                failed = 1
    return failed


def fuzz(name: str, seconds: float) -> tuple[int, Exception | None]:
    """How many documents a reader was given in that time, and what it crashed with."""
    until = time.monotonic() + seconds
    tried = 0

    @settings(
        max_examples=10**9,
        deadline=None,
        database=None,
        derandomize=False,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.target, Phase.shrink),
    )
    @given(documents(name))
    def one(document: bytes) -> None:
        nonlocal tried
        if time.monotonic() > until:
            raise TimeoutError
        tried += 1
        try_out(name, document)

    try:
        one()
    except TimeoutError:
        return tried, None
    except Exception as crash:  # noqa: BLE001 - whatever it is, it is what was looked for
        return tried, crash
    return tried, None


def guided(name: str, seconds: float) -> tuple[int, str]:
    """How many documents coverage led to in that time, and what was found; empty = nothing."""
    with tempfile.TemporaryDirectory(prefix="alertd-fuzz-") as corpus:
        done = subprocess.run(
            [sys.executable, "-m", "tests.fuzz.guided", name, str(max(1, round(seconds))), corpus],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        tried = re.search(r"number_of_executed_units: (\d+)", done.stdout)
        found = [path.read_bytes() for path in Path(corpus).glob("*-*") if path.name.startswith(_FOUND)]
    trouble = "" if done.returncode == 0 else f"{done.stdout[-3000:]}\n{found}"
    return int(tried[1]) if tried else 0, trouble


if __name__ == "__main__":
    sys.exit(main())
