"""The forecast of how long calls take."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alertd.eta import Calling, eta


def minutes(calls: int, **how: object) -> tuple[float, float]:
    told = eta(calls, Calling(**{"per_second": 30.0, **how}))  # type: ignore[arg-type]
    return told.first_round.total_seconds() / 60, told.all_rounds.total_seconds() / 60


@pytest.mark.parametrize(
    ("calls", "lines", "first", "all_rounds"),
    [
        (200, 10, 20, 31),
        (200, 30, 7, 10),
        (200, 60, 3, 5),
        (800, 10, 79, 123),
        (800, 30, 26, 41),
        (800, 60, 13, 21),
        (2000, 10, 197, 307),
        (2000, 30, 66, 102),
        (2000, 60, 33, 51),
    ],
)
def test_the_forecast_is_the_table_of_practice(calls: int, lines: int, first: int, all_rounds: int) -> None:
    assert minutes(calls, lines=lines) == pytest.approx((first, all_rounds), abs=0.7)


def test_a_slow_pace_stretches_the_round() -> None:
    assert minutes(600, lines=300, per_second=1.0)[0] == pytest.approx(10)


def test_a_single_call_takes_as_long_as_a_call() -> None:
    assert minutes(1, lines=30)[0] == pytest.approx(59 / 60)


def test_nobody_to_call_takes_no_time() -> None:
    assert minutes(0, lines=10) == (0, 0)


def test_the_last_round_cannot_begin_before_its_pauses() -> None:
    first, everything = minutes(10, lines=60, pauses=(180.0, 300.0))
    assert everything == pytest.approx(8 + first, abs=0.1)


@given(st.integers(0, 5000), st.integers(1, 200), st.integers(1, 200))
def test_more_lines_never_take_longer(calls: int, lines: int, more: int) -> None:
    assert minutes(calls, lines=lines + more)[1] <= minutes(calls, lines=lines)[1] + 1e-6
