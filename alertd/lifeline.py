"""The life line of a sender: a file that is locked for as long as its process lives.

The kernel keeps the lock and lets go of it in the moment in which the process ends, however
that comes. So everybody on the same machine who shares the folder, in other containers too,
sees surely who is dead: no guess by time, by a process number that may be another's by now,
or by silence. A process that stands still keeps its lock. What was written under another
boot, or on another machine, tells nothing here.
"""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO, Self

#: life lines that are being made
_UNREADY = "."
#: those of another boot are removed after so long
_FORGOTTEN = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Dead:
    """A sender whose process is gone."""

    owner: str
    channel: str


class LifeLine:
    """One sender's own life line."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self._file, self._path = file, path

    @classmethod
    def hold(cls, folder: Path, owner: str, channel: str) -> Self | None:
        """A new one; None where none can be kept: the death of this sender is seen when its lease lapses."""
        here = boot()
        if here is None:
            return None
        path = folder / owner
        draft = folder / f"{_UNREADY}{owner}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            file = draft.open("xb")
        except OSError:
            return None
        try:
            file.write(b"%b\n%b" % (here, channel.encode()))
            file.flush()
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # nobody sees it before it is locked: a life line that is not is a dead sender's
            draft.rename(path)
            return cls(file, path)
        except OSError:
            file.close()
            draft.unlink(missing_ok=True)
            return None

    def let_go(self) -> None:
        """Its sender is done, and lives; may be called twice."""
        self._path.unlink(missing_ok=True)
        self._file.close()


def dead(folder: Path, now: datetime) -> Iterator[Dead]:
    """Every sender of this folder that has died on this machine since it booted.

    Its life line is removed when the caller comes back for the next one, and stays when the
    caller fails. Meanwhile nobody else is told of it.
    """
    here = boot()
    if here is None:
        return
    for path in _life_lines(folder):
        with contextlib.suppress(OSError, UnicodeDecodeError), path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            there, _, channel = file.read().partition(b"\n")
            if there == here:
                yield Dead(path.name, channel.decode())
            elif path.stat().st_mtime > (now - _FORGOTTEN).timestamp():
                continue
            path.unlink(missing_ok=True)


def boot() -> bytes | None:
    """What tells this run of this machine from every other; None where nothing does."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_bytes().strip()
    except OSError:
        return None


def _life_lines(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if not path.name.startswith(_UNREADY)]
    except OSError:
        return []
