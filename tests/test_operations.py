"""What lies in docs/operations names what there is: figures, commands, paths, settings."""

from __future__ import annotations

import configparser
import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from alertd import pulse
from alertd.alert import Status
from alertd.db import reading, writing
from alertd.metrics import metrics
from alertd.store import raise_alarm
from alertd.tables import ChannelStateRow
from alertd.testing import FakeChannel, FakeFarEnd
from tests import factories

HERE = Path(__file__).resolve().parent.parent / "docs" / "operations"
UNITS = sorted(HERE.glob("*.service"))
RUNBOOK = (HERE / "README.md").read_text(encoding="utf-8")
_NAME = re.compile(r"\balertd_\w+")
#: where the units put the program
_PROGRAM = "/opt/alertd/.venv/bin/alertd"


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> Iterator[set[str]]:
    """Every figure of an installation in which something of everything has happened, with its values."""
    folder = tmp_path_factory.mktemp("site")
    far_end = FakeFarEnd(folder / "far_end")
    settings = far_end.settings(carries=(Status.ACTUAL,))
    site = factories.make_site(
        folder,
        f"sqlite:///{folder / 'alertd.db'}",
        {"mail": settings},
        {"mail": FakeChannel("mail", settings)},
    )
    now = site.clock.now()
    pulse.beat(site, ["relay"])
    with writing(site.engine) as session:
        raise_alarm(session, "channel:mail", "silent", now)
        session.add(ChannelStateRow(channel="mail", looked_at=now, succeeded_at=now))
    with reading(site.engine) as session:
        text = metrics(session, site)
    yield set(re.findall(r"^# TYPE (\w+)", text, re.MULTILINE))
    site.close()


def test_every_figure_in_the_rules_and_on_the_dashboard_exists(names: set[str]) -> None:
    for file in ("alerts.yml", "dashboard.json"):
        wanted = set(_NAME.findall((HERE / file).read_text(encoding="utf-8")))
        assert wanted and wanted <= names, (file, wanted - names)


def test_every_figure_is_on_the_dashboard(names: set[str]) -> None:
    assert names <= set(_NAME.findall((HERE / "dashboard.json").read_text(encoding="utf-8")))


def test_every_rule_has_its_place_in_the_runbook() -> None:
    rules: dict[str, Any] = yaml.safe_load((HERE / "alerts.yml").read_text(encoding="utf-8"))
    for rule in rules["groups"][0]["rules"]:
        assert rule["alert"] in re.findall(r"Alertd\w+", RUNBOOK), rule["alert"]
        assert rule["labels"]["severity"] in ("page", "warn") and rule["annotations"]["summary"]


def test_no_two_panels_of_the_dashboard_lie_on_each_other() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in json.loads((HERE / "dashboard.json").read_text(encoding="utf-8"))["panels"]:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken and place["x"] + place["w"] <= 24, panel["title"]
        taken |= cells


def _commands() -> list[tuple[str, ...]]:
    found = set()
    for unit in UNITS:
        for line in re.findall(rf"^Exec\w+={_PROGRAM} (.+)$", unit.read_text("utf-8"), re.MULTILINE):
            found.add(_verb(line))
    for line in re.findall(
        r"\balertd ((?:alert|audit|channel|db|doctor|metrics|relay|worker)\b[^`\n#]*)", RUNBOOK
    ):
        found.add(_verb(line))
    return sorted(found)


def _verb(line: str) -> tuple[str, ...]:
    words = shlex.split(line)
    return tuple(words[:2] if words[0] in ("alert", "audit", "channel", "db") else words[:1])


@pytest.mark.parametrize("command", _commands(), ids=" ".join)
def test_every_command_of_the_units_and_the_runbook_exists(command: tuple[str, ...]) -> None:
    from typer.testing import CliRunner

    from alertd.cli.app import app

    done = CliRunner().invoke(app, [*command, "--help"])
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_has_the_rights_that_it_needs_and_no_others(unit: Path) -> None:
    found = configparser.RawConfigParser(strict=False)
    found.optionxform = str  # type: ignore[assignment,method-assign]
    found.read_string(unit.read_text(encoding="utf-8"))
    service = found["Service"]
    assert service["User"] == "alertd" and service["NoNewPrivileges"] == "yes"
    assert service["ProtectSystem"] == "strict" and service["CapabilityBoundingSet"] == ""
    writes = service.get("ReadWritePaths", "") + " /var/lib/" + service.get("StateDirectory", "")
    assert "/var/lib/alertd" in writes
    assert service["Environment"] == "ALERTD_CONFIG=/etc/alertd/alertd.toml"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not on this machine")
def test_systemd_understands_the_units(tmp_path: Path) -> None:
    for file in (*UNITS, *HERE.glob("*.timer")):
        text = file.read_text(encoding="utf-8").replace(_PROGRAM, sys.executable)
        (tmp_path / file.name).write_text(text, encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", *map(str, sorted(tmp_path.iterdir()))], capture_output=True, text=True
    )
    assert done.returncode == 0 and not done.stderr, done.stderr
