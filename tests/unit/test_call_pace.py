"""The pace of calls as the far end counts them, whatever the way there does to them."""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from alertd.clock import stopwatch
from channels.call_pace import CallPace


def begun(pace: CallPace, calls: int, *, seed: int, way: float) -> list[float]:
    """When so many calls began at a far end to which the way takes up to `way` seconds, and back."""
    chance, moments, guard = random.Random(seed), [], threading.Lock()

    def call() -> None:
        with guard:
            there, back = chance.random() * way, chance.random() * way
        with pace.turn():
            threading.Event().wait(there)
            with guard:
                moments.append(stopwatch())
            threading.Event().wait(back)

    with ThreadPoolExecutor(25) as pool:
        for one in [pool.submit(call) for _ in range(calls)]:
            one.result()
    return sorted(moments)


@pytest.mark.parametrize(("per_second", "way"), [(1.0, 0.1), (2.5, 0.1), (30.0, 0.06), (30.0, 0.4)])
def test_no_second_at_the_far_end_sees_more_than_the_pace(per_second: float, way: float) -> None:
    moments = begun(CallPace(per_second), max(3, int(2.5 * per_second)), seed=1, way=way)
    most = max(sum(one <= other < one + 1.0 for other in moments) for one in moments)
    assert most <= -(-per_second // 1)


def test_what_came_late_is_made_up_for_within_the_second() -> None:
    pace = CallPace(20.0)
    began = stopwatch()
    begun(pace, 20, seed=1, way=0.001)
    assert stopwatch() - began < 0.5, "the first second's calls need not wait for each other"
    begun(pace, 20, seed=1, way=0.001)
    threading.Event().wait(began + 1.9 - stopwatch())
    begun(pace, 20, seed=1, way=0.001)
    assert stopwatch() - began < 2.6


def test_a_call_without_a_reply_holds_its_place_for_a_while_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("channels.call_pace.LATEST", 0.2)
    pace, reply = CallPace(10.0), threading.Event()
    with ThreadPoolExecutor(10) as pool:

        def call() -> None:
            with pace.turn():
                reply.wait(20)

        lost = [pool.submit(call) for _ in range(10)]
        began = stopwatch()
        begun(pace, 1, seed=1, way=0.0)
        assert 1.1 < stopwatch() - began < 3.0
        reply.set()
        for one in lost:
            one.result()
