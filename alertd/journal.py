"""The journal: how far each hand-over of a sender has come, where the death of its process cannot lose it.

A sender marks hundreds of deliveries at once in the database and notes here, in a mapped
file, which of them has begun and what became of it, each the moment it is known. When it
dies, its successor on this machine reads that, and only what had begun and not ended is in
doubt. The file outlives the process and not the machine: one of another boot, or of
another machine, is not believed, and everything that was marked is in doubt.
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import secrets
import struct
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, Self

from alertd.channel import Outcome, Reason, Receipt
from alertd.lifeline import boot

#: header: who wrote it; its first byte: whether it may still be written
_MAGIC = b"alertd journal 2"
_HEADER = 128
#: state, attempt, delivery; then what became of it: outcome, reason, length of ref, length of detail, the words
_SLOT = struct.Struct("<BxxxIQ")
_BECAME = _SLOT.size
_SLOT_BYTES = 128
_WORDS = _SLOT_BYTES - _BECAME - 4
#: states of a slot: unused, marked in the database, begun, ended
_FREE, _MARKED, _BEGUN, _ENDED = range(4)
_TAKEN_OVER = 1
_OUTCOMES, _REASONS = tuple(Outcome), (None, *Reason)
#: outcome and reason as they are noted
_NOTED = {
    (outcome, reason): bytes((place, number))
    for place, outcome in enumerate(_OUTCOMES)
    for number, reason in enumerate(_REASONS)
}

#: a hand-over: delivery and attempt
HandOver = tuple[int, int]


class Journal:
    """One sender's own journal; locked while its process lives."""

    def __init__(self, file: BinaryIO, path: Path, slots: int) -> None:
        self._file, self._path = file, path
        self._map = mmap.mmap(file.fileno(), _HEADER + slots * _SLOT_BYTES)
        self._free = list(range(slots - 1, -1, -1))

    @classmethod
    def open(cls, folder: Path, channel: str, owner: str, slots: int) -> Self | None:
        """A new journal with so many slots; None when none can be kept here, for want of room or of Linux."""
        here = boot()
        if here is None:
            return None
        path = folder / f"{channel}.{owner}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            file = path.open("x+b")
        except OSError:
            return None
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            # real room on the disk: a page that cannot be written would kill the process
            os.posix_fallocate(file.fileno(), 0, _HEADER + slots * _SLOT_BYTES)
            file.write(b"\0" + _MAGIC + here)
            file.flush()
            return cls(file, path, slots)
        except OSError:
            file.close()
            path.unlink(missing_ok=True)
            return None

    @property
    def free(self) -> int:
        """How many hand-overs it has room for."""
        return len(self._free)

    def enter(self, delivery: int, attempt: int) -> int:
        """A slot for a hand-over that is about to be marked in the database."""
        slot = self._free.pop()
        _SLOT.pack_into(self._map, _HEADER + slot * _SLOT_BYTES, _MARKED, attempt, delivery)
        return slot

    def begin(self, slot: int) -> bool:
        """Its far end may have it from now on. False = somebody else has taken over."""
        self._map[_HEADER + slot * _SLOT_BYTES] = _BEGUN
        if self._map[0] != _TAKEN_OVER:
            return True
        self._map[_HEADER + slot * _SLOT_BYTES] = _MARKED
        return False

    def unended(self, slots: Iterable[int]) -> list[int]:
        """Those of these that have begun and not ended."""
        return [slot for slot in slots if self._map[_HEADER + slot * _SLOT_BYTES] == _BEGUN]

    def end(self, slot: int, receipt: Receipt) -> None:
        """What became of it; the words are cut to what fits."""
        ref = receipt.ref.encode() if receipt.ref else b""
        detail = receipt.detail.encode() if receipt.detail else b""
        if len(ref) + len(detail) > _WORDS:
            ref = ref[:_WORDS]
            detail = detail[: _WORDS - len(ref)]
        begin = _HEADER + slot * _SLOT_BYTES
        became = b"%b%c%c%b%b" % (_NOTED[receipt.outcome, receipt.reason], len(ref), len(detail), ref, detail)
        self._map[begin + _BECAME : begin + _BECAME + len(became)] = became
        # last of all: a state is never ahead of its words
        self._map[begin] = _ENDED

    def leave(self, slots: Collection[int]) -> None:
        """These are in the database now, or were never marked there."""
        for slot in slots:
            self._map[_HEADER + slot * _SLOT_BYTES] = _FREE
        self._free.extend(slots)

    def close(self) -> None:
        """Ends it; everything in it is in the database. May be called twice."""
        if not self._file.closed:
            self._path.unlink(missing_ok=True)
            self._map.close()
            self._file.close()

    def abandon(self) -> None:
        """Lets go of it as the death of the process would: it stays for the successor."""
        if not self._file.closed:
            self._map.close()
            self._file.close()


def kin(folder: Path) -> str:
    """What the names of all senders begin with that can read each other's journals here; made at the first call."""
    path = folder / "kin"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            draft = folder / f"kin.{secrets.token_hex(8)}"
            draft.write_text(f"{secrets.token_hex(4)}-")
            try:
                os.link(draft, path)  # the first one wins, and nobody reads half a name
            finally:
                draft.unlink()
        return path.read_text()
    except OSError:
        return ""


def read(folder: Path, channel: str, wanted: Collection[HandOver]) -> Mapping[HandOver, Receipt | None]:
    """What is surely known of these hand-overs, whose lease has lapsed; None = it surely never began.

    A journal with any of them is taken over: its sender, if it comes back, begins nothing
    more. What is not in the answer may have begun, and nobody knows what became of it.
    """
    found: dict[HandOver, tuple[int, Receipt | None]] = {}
    for path in _journals(folder, channel):
        with contextlib.suppress(OSError, ValueError), _mapped(path) as pages:
            ours = [one for one in _slots(pages) if one[1] in wanted]
            if not ours:
                continue
            pages[0] = _TAKEN_OVER
            for begin, hand_over in ours:
                state = pages[begin]
                receipt = _receipt(pages, begin) if state == _ENDED else None
                if state > found.get(hand_over, (_FREE, None))[0]:
                    found[hand_over] = (state, receipt)
    return {hand_over: receipt for hand_over, (state, receipt) in found.items() if state != _BEGUN}


def clear(folder: Path, channel: str) -> None:
    """Removes the journals of senders that are dead; for when no hand-over of theirs is open."""
    for path in _journals(folder, channel):
        with contextlib.suppress(OSError), path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink(missing_ok=True)


def _journals(folder: Path, channel: str) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if path.name.rpartition(".")[0] == channel]
    except OSError:
        return []


@contextlib.contextmanager
def _mapped(path: Path) -> Iterator[mmap.mmap]:
    """A journal of this boot of this machine, as it is now. Raises ValueError for any other."""
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as pages:
        head = _MAGIC + (boot() or b"?")
        if pages[1 : 1 + len(head)] != head:
            raise ValueError("not a journal of this boot")
        yield pages


def _slots(pages: mmap.mmap) -> list[tuple[int, HandOver]]:
    """Where each slot in use begins, and which hand-over it is of."""
    found = []
    for begin in range(_HEADER, len(pages), _SLOT_BYTES):
        state, attempt, delivery = _SLOT.unpack_from(pages, begin)
        if state != _FREE:
            found.append((begin, (delivery, attempt)))
    return found


def _receipt(pages: mmap.mmap, begin: int) -> Receipt:
    begin += _BECAME
    outcome, reason, ref, detail = pages[begin : begin + 4]
    words = pages[begin + 4 : begin + 4 + ref + detail]
    return Receipt(
        key="",
        outcome=_OUTCOMES[outcome],
        reason=_REASONS[reason],
        ref=words[:ref].decode("utf-8", "ignore") or None,
        detail=words[ref:].decode("utf-8", "ignore") or None,
    )
