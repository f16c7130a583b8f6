"""docker-compose.yml starts what there is: every command, channel, port and path is known."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from alertd.config import Web, load

ROOT = Path(__file__).resolve().parent.parent
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
OURS = {name: service for name, service in COMPOSE["services"].items() if "build" in service}


COMMANDS = sorted(
    {tuple(service["command"][: 2 if service["command"][0] == "db" else 1]) for service in OURS.values()}
)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_each_container_runs_a_command_that_exists(command: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "alertd", *command, "--help"], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr


def test_the_workers_serve_exactly_the_channels_of_the_built_in_configuration() -> None:
    served = [
        value
        for service in OURS.values()
        for option, value in itertools.pairwise(service["command"])
        if option == "--channel"
    ]
    assert sorted(served) == sorted(load(None).channels)


def test_the_published_ports_are_those_of_the_settings() -> None:
    ports = {int(entry.rsplit(":", 1)[1]) for entry in OURS["web"]["ports"]}
    assert ports == {Web().port, Web().public_port}


def test_the_image_copies_what_exists() -> None:
    for line in (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines():
        if line.startswith("COPY"):
            for source in line.split()[1:-1]:
                assert (ROOT / source).exists(), line


def test_no_container_of_ours_has_rights_that_it_does_not_need() -> None:
    for name, service in OURS.items():
        assert service["read_only"] and service["cap_drop"] == ["ALL"], name
