"""Changed settings from the command line: shown key by key, confirmed by two people by their fingerprint."""

from __future__ import annotations

import json
from pathlib import Path

from alertd import settled
from alertd.config import load
from alertd.site import Site
from tests.cli.conftest import PASSWORD, Alertd


def _started(file: Path) -> None:
    """What a relay or a worker does with this file before it sends."""
    site = Site.open(load(file))
    try:
        settled.look(site)
    finally:
        site.close()


def test_what_changed_is_shown_masked_and_confirmed_by_two_people(alertd: Alertd, tmp_path: Path):
    for name, role in (("管理", "administer"), ("承認", "approve"), ("起案", "draft")):
        alertd("operator", "add", name, "--role", role, typed=f"{PASSWORD}\n")
    file, secret = tmp_path / "alertd.toml", tmp_path / "password.txt"
    _started(file)
    assert "is confirmed" in alertd("config", "changes").err
    secret.write_text("hunter2")
    more = 'tls = "tls"\nusername = "bosai"\npassword_file = "password.txt"\n'
    file.write_text(file.read_text() + more)
    _started(file)

    shown = alertd("config", "changes")
    assert '[channels.mail]\n  password: - -> "••• (' in shown.out and "hunter2" not in shown.out
    assert "mail would send Actual to 0 contacts" in shown.out and "【訓練】" in shown.out
    assert "real alerts over mail wait" in shown.err
    told = json.loads(alertd("config", "changes", "--json").out)
    assert told["holds"] == ["mail"] and told["dry_run"][0]["status"] == "Exercise"

    def confirm(seen: str, name: str) -> str:
        return alertd("config", "confirm", seen, "--as", name, typed=f"{PASSWORD}\n").err

    assert "not those that you were shown" in confirm("00000000", "管理")
    assert "is needed" in confirm(told["fingerprint"], "起案")
    assert "another person" in confirm(told["fingerprint"], "管理")

    def alone(reason: str) -> str:
        command = ("config", "alone", told["fingerprint"], "--reason", reason, "--as", "承認")
        return alertd(*command, typed=f"{PASSWORD}\n").err

    assert "at least 5 characters" in alone("急ぐ")
    assert "must still confirm" in alone("堤防が決壊した")
    assert "confirmed" in confirm(told["fingerprint"], "承認")
    assert json.loads(alertd("config", "changes", "--json").out)["sections"] == []
    assert alertd("config", "confirm", "x").code == 2
