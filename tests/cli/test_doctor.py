"""`alertd doctor`: what is missing before the day is named with its remedy."""

from __future__ import annotations

import json
import platform
from pathlib import Path

from alertd.demo.smtp_server import SimulatedSmtpServer
from alertd.interpreter import is_slow
from tests.cli.conftest import PASSWORD, Alertd


def signs(alertd: Alertd) -> dict[str, dict[str, str]]:
    return {sign["what"]: sign for sign in json.loads(alertd("doctor", "--json").out)}


def test_a_new_installation_is_told_what_it_lacks(alertd: Alertd, mail_server: SimulatedSmtpServer):
    found = alertd("doctor")
    assert found.code == 1
    assert "→ alertd operator add NAME --role draft" in found.out
    assert "→ alertd recipient import FILE.csv" in found.out
    told = signs(alertd)
    assert told["channel mail"]["grade"] == "well" and told["database"]["grade"] == "well"


def test_when_everything_is_there_it_is_well(alertd: Alertd, tmp_path: Path):
    alertd("operator", "add", "起案", "--role", "draft", typed=PASSWORD + "\n")
    for name in ("承認", "承認2"):
        alertd("operator", "add", name, "--role", "approve", typed=PASSWORD + "\n")
    (tmp_path / "list.csv").write_text("受付番号,氏名,メール,地区\n1,三条太郎,taro@example.jp,嵐南\n")
    alertd("recipient", "import", "list.csv")
    assert alertd("doctor").code == 0
    told = signs(alertd)
    assert told["operators"]["finding"] == "1 write, 2 approve"
    assert told["second factor"]["grade"] == "worry"
    assert platform.python_version() in told["python"]["finding"]
    assert ("optimised" in told["python"]["finding"]) == is_slow()
    assert alertd("doctor", "--strict").code == 1


def test_what_is_broken_is_ill(alertd: Alertd, tmp_path: Path, mail_server: SimulatedSmtpServer):
    alertd("recipient", "export", "list.csv")
    (tmp_path / "var" / "secret").chmod(0o644)
    mail_server.close()
    told = signs(alertd)
    assert told["secret"]["grade"] == "ill" and "chmod 600" in told["secret"]["remedy"]
    assert told["channel mail"]["grade"] == "ill"
