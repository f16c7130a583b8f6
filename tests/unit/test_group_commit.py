"""The group commit: few transactions, nothing lost, and a bad entry harms itself only."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from alertd.errors import NotFound
from alertd.group_commit import AT_ONCE, GroupCommit


def test_what_comes_while_one_is_written_is_written_together() -> None:
    groups: list[list[int]] = []
    first, go_on = threading.Event(), threading.Event()

    def write(entries: Sequence[int]) -> None:
        groups.append(list(entries))
        first.set()
        assert go_on.wait(20)

    together: GroupCommit[int] = GroupCommit(write)
    with ThreadPoolExecutor(121) as pool:
        done = [pool.submit(together.add, 0)]
        assert first.wait(20)
        done += [pool.submit(together.add, n) for n in range(1, 121)]
        while len(together._waiting) < 120:
            threading.Event().wait(0.01)
        go_on.set()
        for one in done:
            one.result(20)
    assert sorted(n for group in groups for n in group) == list(range(121))
    assert [len(group) for group in groups] == [1, AT_ONCE, AT_ONCE, 20]


def test_a_bad_entry_harms_itself_only() -> None:
    written: list[int] = []
    first, go_on = threading.Event(), threading.Event()

    def write(entries: Sequence[int]) -> None:
        first.set()
        assert go_on.wait(20)
        if 13 in entries:
            raise NotFound("13")
        written.extend(entries)

    together: GroupCommit[int] = GroupCommit(write)
    with ThreadPoolExecutor(21) as pool:
        done = [pool.submit(together.add, n) for n in range(1)]
        assert first.wait(20)
        done += [pool.submit(together.add, n) for n in range(1, 21)]
        while len(together._waiting) < 20:
            threading.Event().wait(0.01)
        go_on.set()
        with pytest.raises(NotFound):
            done[13].result(20)
        for one in done[:13] + done[14:]:
            one.result(20)
    assert sorted(written) == [n for n in range(21) if n != 13]
