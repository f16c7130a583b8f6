"""`alertd audit`: the record can be proved and handed out."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

from tests.cli.conftest import PASSWORD, Alertd


def test_the_record_is_proved_exported_and_a_change_in_it_is_named(alertd: Alertd, tmp_path: Path):
    alertd("operator", "add", "承認", "--role", "approve", typed=PASSWORD + "\n")
    anchor = alertd("audit", "anchor").out
    (tmp_path / "anchors.jsonl").write_text(anchor)

    proved = json.loads(alertd("audit", "verify", "--anchors", "anchors.jsonl", "--json").out)
    assert proved["intact"] and proved["anchors"] == 1 and proved["head"] == json.loads(anchor)["head"]

    lines = [json.loads(line) for line in alertd("audit", "export").out.splitlines()]
    assert [line["id"] for line in lines] == list(range(1, proved["rows"] + 1))
    assert lines[-1]["action"] == "operator.added"
    table = alertd("audit", "export", "--csv", "--subject", lines[-1]["subject"]).out
    assert table.startswith("\ufeffid,") and len(table.splitlines()) == 2

    with sqlite3.connect(tmp_path / "var" / "alertd.db") as database:
        for name in ("audit_not_changed", "audit_not_erased"):  # as who owns the file can
            database.execute(f"DROP TRIGGER {name}")
        database.execute("UPDATE audit SET action = 'nothing' WHERE id = ?", (proved["rows"],))
    found = alertd("audit", "verify")
    assert found.code == 1 and f"row {proved['rows']} was changed" in found.err

    with sqlite3.connect(tmp_path / "var" / "alertd.db") as database:
        database.execute("DELETE FROM audit WHERE id = ?", (proved["rows"],))
    assert alertd("audit", "verify").code == 0
    assert alertd("audit", "verify", "--anchors", "anchors.jsonl").code == 1
    database.close()
