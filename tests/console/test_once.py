"""What is costly to make is made once."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from operator_console.once import once


def test_twenty_threads_that_ask_together_have_it_made_once():
    made: list[str] = []
    together = threading.Barrier(20)

    @once
    def costly(name: str) -> object:
        made.append(name)
        time.sleep(0.01)
        return object()

    def ask(nth: int) -> object:
        together.wait()
        return costly("ja" if nth % 2 else "en")

    with ThreadPoolExecutor(20) as threads:
        assert len(set(threads.map(ask, range(20)))) == 2
    assert sorted(made) == ["en", "ja"]


def test_what_could_not_be_made_is_asked_for_again():
    tries: list[str] = []

    @once
    def costly(name: str) -> str:
        tries.append(name)
        return str(1 / (len(tries) - 1))

    with pytest.raises(ZeroDivisionError):
        costly("ja")
    assert costly("ja") == "1.0"
