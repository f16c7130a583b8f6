"""A telephone network that lies makes no call twice, leaves none open and no wrong last word."""

from __future__ import annotations

from pathlib import Path

from tests.calls_chaos import run


def test_no_call_is_made_twice_and_every_last_word_is_right(tmp_path: Path) -> None:
    verdict = run(tmp_path, calls=100, seed=7)
    assert (verdict.double_calls, verdict.unresolved, verdict.wrong) == (0, 0, 0), verdict.examples
    assert verdict.calls > 100, "some were called again"
    assert verdict.forged_refused > 0
