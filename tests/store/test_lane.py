"""The lane: what all workers together may begin."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alertd import lane
from alertd.channel import Pace
from alertd.db import open_database, writing
from alertd.lane import AHEAD, MARGIN, in_a_slice
from alertd.tables import Base
from tests.factories import START


@given(st.one_of(st.integers(1, 200).map(float), st.floats(0.05, 200)))
def test_slices_at_their_distance_never_fill_a_second_beyond_the_pace(per_second: float) -> None:
    size = in_a_slice(per_second)
    every = size / (per_second * MARGIN)
    begins = [n * every for n in range(int(2 / every) + 3)]
    most = max(sum(size for other in begins if begin <= other < begin + 1) for begin in begins[:3])
    assert most <= max(1, -(-per_second // 1))


@pytest.mark.parametrize("per_second", [1.0, 2.5, 13.0, 30.0])
def test_workers_that_come_and_go_never_begin_more_than_the_pace(tmp_path: Path, per_second: float) -> None:
    """Each worker is a connection of its own, comes at its own time, and remembers nothing."""
    url = f"sqlite:///{tmp_path / 'alertd.db'}"
    engines = [open_database(url) for _ in range(3)]
    Base.metadata.create_all(engines[0])
    chance = random.Random(per_second)
    begun: list[float] = []
    now = START
    for _ in range(120):
        now += timedelta(seconds=chance.expovariate(8.0 * max(1.0, per_second / 10)))
        with writing(chance.choice(engines)) as session:
            row = lane.lane(session, "phone")
            allowed = lane.allowance(session, row, Pace(per_second), chance.randint(1, 40), now)
            if allowed.number:
                lane.spend(row, Pace(per_second), allowed)
            assert allowed.begin <= now + timedelta(seconds=AHEAD) or not allowed.number
        begun += [(allowed.begin - START).total_seconds()] * allowed.number
    for engine in engines:
        engine.dispose()
    most = max(sum(begin <= moment < begin + 1 for moment in begun) for begin in begun)
    assert most <= -(-per_second // 1)


def test_a_pace_that_the_channel_keeps_has_one_drain_and_a_silence_before_the_next(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'alertd.db'}")
    Base.metadata.create_all(engine)
    pace, lease = Pace(30.0, kept=True), timedelta(seconds=8)
    with writing(engine) as session:
        row = lane.lane(session, "phone")
        assert lane.own(row, "first", START, START + lease)
        assert lane.allowance(session, row, pace, 200, START).number == 15
        assert not lane.own(row, "second", START + timedelta(seconds=7), START + 2 * lease)
        left = START + timedelta(seconds=7.5)
        lane.leave(row, "first", pace, left)
        assert lane.own(row, "second", left, left + lease)
        # the second process does not know what the first one began in the last second
        assert lane.allowance(session, row, pace, 200, left).number == 0
        after = lane.allowance(session, row, pace, 200, left + timedelta(seconds=1))
        assert (after.number, after.begin) == (15, left + timedelta(seconds=1))
    engine.dispose()
