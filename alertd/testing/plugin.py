"""The pytest plugin for authors of channels: it comes with alertd, and nothing has to be imported.

`drill` sends one Exercise through the whole engine over a section of yours, and gives
the tally: what an operator would see on the board.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

# before the first import of the claims, so that a broken one shows what it compared
pytest.register_assert_rewrite("alertd.testing.contract")

#: section, addresses -> how many ended with which outcome
Drill = Callable[[Mapping[str, object], Sequence[str]], dict[str, int]]


@pytest.fixture
def drill(tmp_path: Path) -> Drill:
    """Sends one drill over a `[channels.NAME]` table to these addresses; returns the tally by outcome."""
    from alertd.testing.whole import send_drill  # the engine costs time, and most tests need none of it

    def send(section: Mapping[str, object], addresses: Sequence[str]) -> dict[str, int]:
        return send_drill(tmp_path / "site", section, addresses)

    return send
