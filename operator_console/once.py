"""Once: what is costly to make is made once, however many threads ask for it at the same moment.

`functools.cache` has each thread that finds nothing make its own: twenty boards that open
together read the catalogue twenty times.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import wraps
from typing import TypeVar

Made = TypeVar("Made")


def once(make: Callable[[str], Made]) -> Callable[[str], Made]:
    """`make`, called once for each name and kept; it may ask for another name meanwhile."""
    made: dict[str, Made] = {}
    guard = threading.RLock()

    @wraps(make)
    def kept(name: str) -> Made:
        if name not in made:
            with guard:
                if name not in made:
                    made[name] = make(name)
        return made[name]

    return kept
