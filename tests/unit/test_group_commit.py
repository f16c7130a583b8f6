"""The group commit: few transactions, nothing lost, and a bad entry harms itself only."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from itertools import pairwise

import pytest

from alertd.clock import stopwatch
from alertd.errors import NotFound
from alertd.group_commit import AT_ONCE, GroupCommit


def test_what_comes_while_one_is_written_is_written_together() -> None:
    groups: list[list[int]] = []
    first, go_on = threading.Event(), threading.Event()

    def write(entries: Sequence[int]) -> None:
        groups.append(list(entries))
        first.set()
        assert go_on.wait(20)

    together: GroupCommit[int] = GroupCommit(write, every=0.0)
    done = [together.add(0)]
    assert first.wait(20)
    done += [together.add(n) for n in range(1, 2 * AT_ONCE + 21)]
    assert not any(one.done() for one in done)
    go_on.set()
    for one in done:
        one.result(20)
    assert [n for group in groups for n in group] == list(range(2 * AT_ONCE + 21))
    assert [len(group) for group in groups] == [1, AT_ONCE, AT_ONCE, 20]


def test_a_crowd_leaves_the_database_to_others_between_its_groups() -> None:
    began: list[float] = []
    together: GroupCommit[int] = GroupCommit(lambda entries: began.append(stopwatch()), every=0.05)
    start = stopwatch()
    together.add(0).result(20)
    assert stopwatch() - start < 0.05, "what comes alone is written at once"
    done = []
    while stopwatch() - start < 0.2:
        done.append(together.add(1))
        threading.Event().wait(0.001)
    for one in done:
        one.result(20)
    assert all(after - before >= 0.045 for before, after in pairwise(began))


def test_who_no_longer_waits_stops_nobody() -> None:
    written: list[int] = []
    together: GroupCommit[int] = GroupCommit(written.extend, every=0.0)
    gone = together.add(1)
    gone.cancel()
    together.add(2).result(20)
    assert written == [1, 2]


@pytest.mark.parametrize("trouble", [NotFound("13"), KeyError("13")])
def test_a_bad_entry_harms_itself_only(trouble: Exception) -> None:
    written: list[int] = []
    first, go_on = threading.Event(), threading.Event()

    def write(entries: Sequence[int]) -> None:
        first.set()
        assert go_on.wait(20)
        if 13 in entries:
            raise trouble
        written.extend(entries)

    together: GroupCommit[int] = GroupCommit(write, every=0.0)
    done = [together.add(0)]
    assert first.wait(20)
    done += [together.add(n) for n in range(1, 21)]
    go_on.set()
    with pytest.raises(type(trouble)):
        done[13].result(20)
    for one in done[:13] + done[14:]:
        one.result(20)
    assert sorted(written) == [n for n in range(21) if n != 13]
