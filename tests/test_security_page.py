"""The page for the security officer: every threat has its line, and every test that it names is there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")


def test_every_threat_has_a_measure_and_a_test():
    rows = re.findall(r"^\| S(\d+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", PAGE, re.M)
    assert [int(number) for number, *_ in rows] == list(range(1, 37))
    assert all("`" in test or "rules" in test or "walk" in test for *_, test in rows)


def test_every_test_that_is_named_is_there():
    named = re.findall(r"`((?:tests/[\w/]+/)?test_\w+\.py|tests/[\w/]+/?)`", PAGE)
    assert len(named) > 40
    before = ""
    for name in named:
        path = ROOT / name if "/" in name else ROOT / Path(before).parent / name
        assert path.exists(), name
        before = name if "/" in name else before


def test_every_chapter_of_the_standard_is_answered():
    for number in range(1, 18):
        assert re.search(rf"^\| V{number}\b|, V{number}\b", PAGE, re.M), f"V{number}"


def test_what_the_page_calls_open_names_its_threats():
    open_points = PAGE.partition("## Open")[2].partition("\n## ")[0]
    assert all(re.search(r"\(S\d+", line) for line in open_points.splitlines() if line.startswith("*"))


def test_every_item_of_the_standard_names_a_test_that_is_there_or_a_reason():
    table = (ROOT / "docs" / "asvs.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d[^|]*) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", table, re.M)
    assert len(rows) == len({item for item, *_ in rows}) > 50
    assert {int(re.split(r"\D", item)[0]) for item, *_ in rows} | {10} == set(range(1, 18))
    for item, *_, last in rows:
        named = re.findall(r"`(tests/[\w/]+\.py)`", last)
        assert all((ROOT / name).exists() for name in named), item
        assert named or re.search(r"there is|open in security\.md", last), item
