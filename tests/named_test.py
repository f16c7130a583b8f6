"""A test that a page names, as `tests/flow/test_halt.py::test_…`: whether it is there."""

from __future__ import annotations

from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent


def is_there(named: str) -> bool:
    """Whether the file exists and has the test; one of a class may be inherited."""
    path, *names = named.split("::")
    file = _ROOT / path
    return file.exists() and (len(names) != 1 or f"def {names[0]}(" in file.read_text(encoding="utf-8"))
