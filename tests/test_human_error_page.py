"""The page about human error: no rule and no case is missing, and every test and module that it names is there."""

from __future__ import annotations

import re
from pathlib import Path

from tests.named_test import is_there

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "human-error.md").read_text(encoding="utf-8")
INCIDENTS = "tests/console/test_incidents.py"


def test_every_rule_has_its_measure_and_tests_that_are_there():
    rows = re.findall(r"^\| H(\d+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", PAGE, re.M)
    assert [int(number) for number, *_ in rows] == list(range(1, 29))
    for number, _, measure, tests in rows:
        named = re.findall(r"`(tests/[^`]+::test_\w+)`", tests)
        assert named, f"H{number} names no test"
        assert [name for name in named if not is_there(name)] == [], f"H{number}"
        modules = re.findall(r"`((?:alertd|operator_console|tts|channels)/[\w./]*)`", measure)
        assert modules, f"H{number} names no module"
        assert [path for path in modules if not (ROOT / path).exists()] == [], f"H{number}"


def test_every_case_of_elsewhere_has_its_test_and_every_such_test_its_case():
    named = re.findall(rf"^\| [^|]+ \| `{INCIDENTS}::(test_\w+)` \|$", PAGE, re.M)
    there = re.findall(r"^def (test_\w+)\(", (ROOT / INCIDENTS).read_text(encoding="utf-8"), re.M)
    assert named == there
    assert len(named) == 24
