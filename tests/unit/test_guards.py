"""The guards are where `python -m tests.guards` takes them out; that each is noticed, it shows itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.guards import GUARDS, Guard
from tests.guards.security import SECURITY

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("guard", (*GUARDS, *SECURITY), ids=lambda guard: guard.name)
def test_the_guard_is_in_its_place_and_its_tests_are_there(guard: Guard):
    assert (ROOT / guard.file).read_text(encoding="utf-8").count(guard.there) == 1
    assert all((ROOT / test).exists() for test in guard.tests)
