"""The demo, end to end: real programs, real protocols, simulated far ends."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


def test_a_drill_reaches_all_four_channels_and_the_far_ends_agree(tmp_path: Path):
    command = [sys.executable, "-m", "alertd", "demo", "--once", "--json", "--recipients", "40"]
    done = subprocess.run([*command, "--folder", str(tmp_path)], capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["status"] == "Exercise"
    assert told["state"] == "finished"
    assert set(told["channels"]) == {"fm", "radio", "phone", "mail"}
    for name, tally in told["channels"].items():
        counted = sum(number for key, number in tally.items() if key not in ("planned", "reasons", "answers"))
        assert counted == tally["planned"] > 0, name
        assert tally["pending"] == tally["deferred"] == 0, name
    assert told["planned"] == sum(tally["planned"] for tally in told["channels"].values())
    assert told["channels"]["fm"]["delivered"] == 1
    assert told["channels"]["radio"]["accepted"] == 12
    assert told["channels"]["phone"]["acknowledged"] > 0
    assert told["ground_truth"] and all(row["tally"] == row["ledger"] for row in told["ground_truth"])
    assert told["wrong"] == []

    assert "デモデータ — 実在の発令ではありません" in done.stderr
    for secret in ("alertd.toml", "secret", "telephone-token"):
        assert (tmp_path / secret).stat().st_mode & 0o077 == 0
    passwords = [
        line.rpartition(" ")[2] for line in done.stderr.splitlines() if line.startswith("sign in as")
    ]
    assert len(passwords) == 2
    for log in (tmp_path / "log").glob("*.log"):
        text = log.read_text(errors="replace")
        assert "Traceback" not in text, text
        assert "@example.jp" not in text
        assert "+81256" not in text
        assert not any(password in text for password in passwords)
