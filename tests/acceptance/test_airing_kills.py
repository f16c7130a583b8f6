"""A worker is killed, and one is frozen, in the middle of an airing (long run: python -m tests.airing_kills)."""

from __future__ import annotations

from pathlib import Path

from tests.airing_kills import run


def test_nothing_is_aired_twice_and_the_transmitter_is_given_back_in_time(tmp_path: Path) -> None:
    toll = run(range(2), tmp_path)
    assert set(toll.kinds) == {"killed", "frozen"}
    assert (toll.double_airings, toll.held_too_long, toll.false_words) == (0, 0, 0), toll.as_json()
