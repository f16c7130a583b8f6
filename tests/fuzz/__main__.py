"""Fuzzing by command: `python3 dev.py fuzz [--seconds 60] [NAME …]`; every reader of what strangers send.

With atheris installed, coverage leads it; otherwise hypothesis alone. Exit code 1 at the first
crash, with the document that does it.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from importlib import import_module

from hypothesis import HealthCheck, Phase, given, settings

from tests.fuzz import READERS, documents, try_out


def main() -> int:
    parser = argparse.ArgumentParser(prog="dev.py fuzz", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *READERS], metavar="NAME", help=", ".join(READERS))
    parser.add_argument("--seconds", type=float, default=60.0, help="for each reader (default 60)")
    options = parser.parse_args()
    logging.disable()
    failed = 0
    for name in options.names or READERS:
        tried, crash = fuzz(name, options.seconds)
        print(f"{name:12} {tried:>9} documents  {'CRASHED' if crash else 'ok'}", flush=True)
        if crash is not None:
            for one in getattr(crash, "exceptions", (crash,)):
                print(f"  {type(one).__name__}: {one}\n  {' '.join(getattr(one, '__notes__', ()))}")
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
        guided = _guided(one, until)
        if not guided:
            one()
    except TimeoutError:
        return tried, None
    except Exception as crash:  # noqa: BLE001 - whatever it is, it is what was looked for
        return tried, crash
    return tried, None


def _guided(one: object, until: float) -> bool:
    """Led by coverage, when atheris is there."""
    try:
        atheris = import_module("atheris")
    except ImportError:
        return False
    seconds = max(1, int(until - time.monotonic()))
    atheris.Setup([sys.argv[0], f"-max_total_time={seconds}"], one.hypothesis.fuzz_one_input)  # type: ignore[attr-defined]
    atheris.Fuzz()
    return True


if __name__ == "__main__":
    sys.exit(main())
