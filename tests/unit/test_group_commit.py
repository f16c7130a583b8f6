"""The group commit: few transactions, nothing lost, and a bad entry harms itself only."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import pytest

from alertd.clock import stopwatch
from alertd.errors import NotFound
from alertd.group_commit import AT_ONCE, GroupCommit


class Book:
    """What is written, group by group; the first group waits for `go_on`."""

    def __init__(self, trouble: Exception | None = None) -> None:
        self.groups: list[list[int]] = []
        self.began, self.go_on = threading.Event(), threading.Event()
        self._trouble = trouble

    def write(self, entries: Sequence[int]) -> None:
        self.began.set()
        assert self.go_on.wait(20)
        if self._trouble is not None and 13 in entries:
            raise self._trouble
        self.groups.append(list(entries))

    async def with_a_crowd(self, numbers: Sequence[int]) -> list[BaseException | None]:
        """The first number alone; the others come while it is being written."""
        together: GroupCommit[int] = GroupCommit(self.write, soonest=0.0, latest=0.0)
        first = asyncio.create_task(together.add(numbers[:1]))
        assert await asyncio.to_thread(self.began.wait, 20)
        others = [asyncio.create_task(together.add([number])) for number in numbers[1:]]
        await asyncio.sleep(0.02)
        assert not any(one.done() for one in (first, *others)), "it is done when it is committed, not before"
        self.go_on.set()
        async with asyncio.timeout(20):
            return list(await asyncio.gather(first, *others, return_exceptions=True))


def test_what_comes_while_one_is_written_is_written_together() -> None:
    book, numbers = Book(), range(2 * AT_ONCE + 21)
    assert asyncio.run(book.with_a_crowd(numbers)) == [None] * len(numbers)
    assert [n for group in book.groups for n in group] == list(numbers)
    assert [len(group) for group in book.groups] == [1, AT_ONCE, AT_ONCE, 20]


def test_a_crowd_leaves_the_database_to_others_between_its_groups() -> None:
    groups: list[int] = []

    async def crowd() -> float:
        together: GroupCommit[int] = GroupCommit(lambda entries: groups.append(len(entries)), latest=0.05)
        start = stopwatch()
        await together.add([0])
        assert stopwatch() - start < 0.05, "what comes alone is written at once"
        waiting = []
        while stopwatch() - start < 0.2:
            waiting.append(asyncio.create_task(together.add([1])))
            await asyncio.sleep(0.001)
        await asyncio.gather(*waiting)
        return stopwatch() - start

    seconds = asyncio.run(crowd())
    # a busy machine begins a group late, and the next one not earlier for it
    assert 2 <= len(groups) <= seconds / 0.05 + 1
    assert sum(groups) > 2 * len(groups)


def test_nothing_is_left_running_when_nothing_waits() -> None:
    """Something left behind would keep the process from ending."""

    async def twice() -> None:
        together: GroupCommit[int] = GroupCommit(lambda entries: None, soonest=0.01)
        for _ in range(2):
            await together.add([1])
            await asyncio.sleep(0.05)
            assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(twice())


def test_who_no_longer_waits_stops_nobody() -> None:
    written: list[int] = []

    async def one_goes_away() -> None:
        together: GroupCommit[int] = GroupCommit(written.extend, soonest=0.0)
        gone = asyncio.create_task(together.add([1]))
        await asyncio.sleep(0)
        gone.cancel()
        await together.add([2])

    asyncio.run(one_goes_away())
    assert written == [1, 2]


@pytest.mark.parametrize("trouble", [NotFound("13"), KeyError("13")])
def test_a_bad_entry_harms_itself_only(trouble: Exception) -> None:
    book = Book(trouble)
    told = asyncio.run(book.with_a_crowd(range(21)))
    assert told.pop(13) is trouble
    assert told == [None] * 20
    assert sorted(n for group in book.groups for n in group) == [n for n in range(21) if n != 13]
