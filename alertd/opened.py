"""Opened columns: names, readings and addresses that a search has decrypted, kept in memory for the next one.

They are kept by blocks of recipients. A block serves only while its mark is the one that
the database gives now, and the mark holds every seal: a change, a new key or an erasure
ends it, so that nobody erased is in memory any more when the next search begins.
"""

from __future__ import annotations

import threading
from array import array
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

#: letters that one process keeps: those of 250,000 recipients with their numbers, in 40 MB
MOST = 12_000_000
#: between two texts; one that has it is not kept
_BETWEEN = "\0"


@dataclass(frozen=True, slots=True)
class _Kept:
    """One column of one block."""

    mark: bytes
    numbers: array[int]
    texts: str


class Opened:
    """What has been opened, by column and block. Safe from several threads."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._guard = threading.Lock()
        self._kept: dict[tuple[str, int], _Kept] = {}
        self._letters = 0

    def keeps(self, column: str) -> bool:
        """Whether anything of a column is kept."""
        with self._guard:
            return any(key[0] == column for key in self._kept)

    def forget_others(self, columns: Collection[str], marks: Mapping[int, bytes]) -> None:
        """Keeps the blocks of these columns only that have these marks."""
        with self._guard:
            for key, kept in list(self._kept.items()):
                if key[0] in columns and marks.get(key[1]) != kept.mark:
                    self._drop(key)

    def having(
        self,
        column: str,
        block: int,
        mark: bytes,
        read: Callable[[], Sequence[tuple[int, str]]],
        text: str,
        *,
        whole: bool = False,
    ) -> set[int]:
        """The numbers of those whose column has this text in it, or is it when `whole`.

        What is not kept is read, and kept while there is room.
        """
        kept = self._kept.get((column, block))
        if kept is None or kept.mark != mark:
            rows = read()
            joined = _BETWEEN.join(said for _, said in rows)
            kept = _Kept(mark, array("q", (number for number, _ in rows)), joined)
            if joined.count(_BETWEEN) != len(rows) - 1:
                return {number for number, said in rows if (text == said if whole else text in said)}
            self._keep((column, block), kept)
        if text not in kept.texts:
            return set()
        found = zip(kept.numbers, kept.texts.split(_BETWEEN), strict=True)
        return {number for number, said in found if (text == said if whole else text in said)}

    def _keep(self, key: tuple[str, int], new: _Kept) -> None:
        with self._guard:
            self._drop(key)
            if self._letters + len(new.texts) <= self._most:
                self._kept[key] = new
                self._letters += len(new.texts)

    def _drop(self, key: tuple[str, int]) -> None:
        old = self._kept.pop(key, None)
        if old is not None:
            self._letters -= len(old.texts)
