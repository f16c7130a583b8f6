"""A broker that is not there holds nothing up."""

from __future__ import annotations

from pathlib import Path

from alertd import config
from alertd.clock import stopwatch
from alertd.worker import bell


def test_a_bell_without_a_broker_says_so_at_once(tmp_path: Path) -> None:
    file = tmp_path / "alertd.toml"
    file.write_text('storage = "var"\n')
    ring = bell(config.load(file))
    ring("mail")  # loads what Celery needs
    began = stopwatch()
    assert not ring("mail")
    assert stopwatch() - began < 1.0, "meanwhile no other channel is rung, and the relay waits to step in"
