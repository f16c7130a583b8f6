"""A failpoint: a process dies right before, or right after, a chosen commit of its own.

Nothing of this is in the product: the points are where its sessions commit, all of them, also
those that are written tomorrow. A point is known by its number and told by the verb that commits.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Engine, event
from sqlalchemy.orm import Session


class Side(StrEnum):
    """On which side of the commit the process dies."""

    BEFORE = "before"
    AFTER = "after"


@dataclass(frozen=True, slots=True)
class Death:
    """A process that died at a commit: whose commit it was."""

    verb: str


def die_at(number: int, side: Side, engine: Engine, work: Callable[[], object]) -> Death | None:
    """Does work in a process of its own that dies at its commit of that number, counted from 1.

    None when the work was done with fewer commits. Raises AssertionError when it failed by itself.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _work(number, side, engine, work, writing)
    os.close(writing)
    with open(reading, encoding="utf-8") as pipe:
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    word, _, verb = said.partition(" ")
    assert word in ("died", "done") and os.waitstatus_to_exitcode(status) == 0, "the work failed"
    return Death(verb) if word == "died" else None


def _work(number: int, side: Side, engine: Engine, work: Callable[[], object], tell: int) -> None:
    """In the child: never returns."""
    # connections belong to the parent
    engine.dispose(close=False)
    commits = 0

    def commit(_: Session) -> None:
        nonlocal commits
        commits += 1
        if commits == number:
            os.write(tell, f"died {_verb()}".encode())
            os._exit(0)

    event.listen(Session, f"{side}_commit", commit)
    try:
        work()
        os.write(tell, b"done")
    finally:
        # without a word when it failed; its own words are on standard error
        if sys.exc_info()[0] is not None:
            traceback.print_exc()
        os._exit(0)


def _verb() -> str:
    """The function of the product that commits, as `module.function`."""
    frame = sys._getframe()
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if module.startswith("alertd.") and module != "alertd.db":
            return f"{module.removeprefix('alertd.')}.{frame.f_code.co_name}"
        frame = frame.f_back  # type: ignore[assignment]
    return "?"
