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


def test_workers_of_a_machine_have_connections_and_lanes_together(tmp_path: Path) -> None:
    file = tmp_path / "alertd.toml"
    file.write_text(
        '[channels.mail]\nkind = "email"\nhost = "127.0.0.1"\nsender = "bosai@sanjo.example.jp"\nsessions = 5\n'
        'lanes.docomo = { domains = ["docomo.ne.jp"], sessions = 2, per_second = 10 }\n'
        "[worker]\nprocesses = 2\n"
    )
    found = config.load(file)
    commands = [one.command for one in programs(found, file) if one.name.startswith("worker")]
    assert [command[-2:] for command in commands] == [["--of", "2"]] * 2
    mail = config.shared(found, 2).channels["mail"].model_dump()
    assert (mail["sessions"], mail["lanes"]["docomo"]["sessions"]) == (3, 1)
    assert mail["lanes"]["docomo"]["per_second"] == 5
    assert config.shared(found, 1).channels["mail"] == found.channels["mail"]
