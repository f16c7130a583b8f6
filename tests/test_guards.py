"""The guards can be taken out: each stands where its list says, and no threat is without one."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from tests.guards import GUARDS, Guard
from tests.guards.__main__ import EVERY

ROOT = Path(__file__).resolve().parent.parent
#: the guards without which the promise does not hold, by what they are called there
PROMISE = {
    "the lease is a fence": "who has lost its lease records nothing",
    "the hash is checked": "what was approved is what is sent",
    "the status is checked": "a channel carries only what it may",
    "the approver is checked": "the author does not approve",
    "BEGIN IMMEDIATE": "a writer begins as a writer",
    "the hand-over is marked": "a hand-over is marked before it begins",
}
#: threats of docs/security.md that no single line stands against
WITHOUT: dict[int, str] = {}


@pytest.mark.parametrize("guard", EVERY, ids=lambda guard: guard.name)
def test_a_guard_stands_where_its_list_says(guard: Guard) -> None:
    text = (ROOT / guard.file).read_text(encoding="utf-8")
    assert text.count(guard.there) == 1, "it has moved; name the line that does its work now"
    assert guard.there != guard.without
    assert guard.tests and all((ROOT / test).exists() for test in guard.tests)
    if guard.file.endswith(".py"):
        compile(text.replace(guard.there, guard.without), guard.file, "exec")


def test_no_two_guards_have_one_name() -> None:
    assert not [name for name, times in Counter(guard.name for guard in EVERY).items() if times > 1]


def test_what_the_promise_rests_on_is_among_them() -> None:
    assert set(PROMISE.values()) <= {guard.name for guard in GUARDS}


def test_every_threat_has_a_guard_that_can_be_taken_out() -> None:
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    threats = {int(number) for number in re.findall(r"^\| S(\d+) \|", page, re.MULTILINE)}
    guarded = {int(found[1]) for guard in EVERY if (found := re.match(r"S(\d+) ", guard.name))}
    assert threats == guarded | set(WITHOUT) and guarded.isdisjoint(WITHOUT)
