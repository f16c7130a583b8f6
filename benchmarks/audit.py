"""How long the proof of the audit trail takes: a trail of a million rows, verified as `alertd audit verify` does.

    python benchmarks/audit.py [--rows 1000000] [--database URL] [--json]

The rows are written in bulk with the engine's own hashes; then every one is checked, and one
byte in the middle is changed to see that it is found.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from datetime import UTC, datetime, timedelta

from sqlalchemy import insert, update

from alertd import anchor, audit
from alertd.audit import Head
from alertd.db import open_database, reading, upgrade, writing
from alertd.tables import AuditRow

_START = datetime(2026, 11, 23, tzinfo=UTC)
_CHUNK = 10_000


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--database", default="", help="an empty PostgreSQL database; default: SQLite")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(options.database or f"sqlite:///{folder}/audit.db", options.rows)
    if options.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:16} {value}")


def measure(url: str, rows: int) -> dict[str, object]:
    """Writes, verifies and tampers; the figures."""
    engine = open_database(url)
    try:
        upgrade(engine)
        head = Head(0, audit.BEGINNING)
        while head.rows < rows:
            with writing(engine) as session:
                chunk, head = _chunk(head, min(_CHUNK, rows - head.rows))
                session.execute(insert(AuditRow), chunk)
        started, used = time.perf_counter(), time.process_time()
        with reading(engine) as session:
            found, finding = anchor.verify(session, [head])
        seconds, cpu = time.perf_counter() - started, time.process_time() - used
        assert finding is None and found == head, finding
        with writing(engine) as session:
            session.execute(update(AuditRow).where(AuditRow.id == rows // 2).values(actor="somebody else"))
        with reading(engine) as session:
            _, finding = anchor.verify(session, [head])
        assert finding is not None and finding.row == rows // 2
    finally:
        engine.dispose()
    return {
        "database": engine.dialect.name,
        "rows": rows,
        "seconds": round(seconds, 2),
        "cpu_seconds": round(cpu, 2),
        "rows_per_second": round(rows / seconds),
        "changed_row": rows // 2,
        "found_row": finding.row,
    }


def _chunk(head: Head, number: int) -> tuple[list[dict[str, object]], Head]:
    rows: list[dict[str, object]] = []
    for _ in range(number):
        at = _START + timedelta(milliseconds=head.rows)
        row = audit.chained(
            head,
            at=at,
            actor="承認",
            action="dispatch.approved",
            subject=f"dispatch:{head.rows}",
            detail={"reason": "河川の水位が上がっている", "counts": {"mail": head.rows, "calls": 12}},
        )
        rows.append(row)
        head = Head(head.rows + 1, str(row["entry_hash"]))
    return rows, head


if __name__ == "__main__":
    main()
