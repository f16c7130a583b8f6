"""What `alertd up` starts on one machine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from alertd import config
from alertd.up import MOST_WORKERS, programs


def _workers(folder: Path, section: str) -> list[str]:
    file = folder / "alertd.toml"
    file.write_text(f'[broker]\nurl = "redis://127.0.0.1:1"\n{section}')
    return [one.name for one in programs(config.load(file), file) if one.name.startswith("worker")]


def test_every_processor_has_a_worker_up_to_four(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    number = min(os.cpu_count() or 1, MOST_WORKERS)
    assert len(_workers(tmp_path, "")) == number
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    assert len(_workers(tmp_path, "")) == MOST_WORKERS


def test_the_configuration_says_how_many_workers(tmp_path: Path) -> None:
    assert _workers(tmp_path, "[worker]\nprocesses = 3\n") == ["worker", "worker-2", "worker-3"]
