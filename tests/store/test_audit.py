"""The audit trail: whatever is changed in it, taken out or cut off is found."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, select, update

from alertd import anchor, audit
from alertd.anchor import Anchors
from alertd.audit import Head
from alertd.db import reading, writing
from alertd.errors import WrongInput
from alertd.site import Site
from alertd.tables import AuditRow
from tests import factories

NOW = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)


@pytest.fixture
def site(tmp_path: Path, database_url: str) -> Iterator[Site]:
    made = factories.make_site(tmp_path, database_url, {}, {})
    with writing(made.engine) as session:
        for number in range(5):
            audit.note(
                session,
                at=NOW + timedelta(seconds=number),
                actor="承認",
                action="dispatch.approved",
                subject=f"dispatch:{number}",
                detail={"reason": "誤配信", "counts": {"mail": number, "calls": 1.5}, "none": None},
            )
    yield made
    made.close()


def rows(site: Site) -> int:
    with reading(site.engine) as session:
        return audit.head(session).rows


def verdict(site: Site, *anchors: Head) -> int | None:
    with reading(site.engine) as session:
        finding = anchor.verify(session, anchors)[1]
    return finding.row if finding else None


def test_a_trail_that_nobody_touched_fits(site: Site):
    heads: list[Head] = []
    with reading(site.engine) as session:
        assert audit.verify(session, heads.append) is None
        assert audit.head(session) == heads[-1]
    assert verdict(site, *heads) is None
    assert len(heads) == rows(site) >= 5


@pytest.mark.parametrize(
    "column", ["at", "actor", "action", "subject", "detail", "previous_hash", "entry_hash"]
)
def test_a_changed_value_is_found_in_its_row(site: Site, column: str):
    with writing(site.engine) as session:
        row = session.get_one(AuditRow, 2)
        value = getattr(row, column)
        changed = {
            "at": NOW + timedelta(microseconds=1),
            "detail": {"other": 1},
            "previous_hash": "1" * 64,
            "entry_hash": "2" * 64,
        }.get(column, f"{value}.")
        factories.as_its_owner(session)
        session.execute(update(AuditRow).where(AuditRow.id == 2).values({column: changed}))
    assert verdict(site) == 2


def test_every_byte_that_is_changed_is_found(tmp_path: Path):
    url = f"sqlite:///{tmp_path / 'bytes.db'}"
    site = factories.make_site(tmp_path, url, {}, {})
    with writing(site.engine) as session:
        audit.note(session, at=NOW, actor="a", action="b", subject="c:1", detail={"n": 1, "w": "誤 x"})
        number = audit.head(session).rows
    raw = sqlite3.connect(tmp_path / "bytes.db")
    tried = 0
    for column in ("actor", "action", "subject", "detail", "previous_hash", "entry_hash"):
        (value,) = raw.execute(f"SELECT {column} FROM audit WHERE id = ?", (number,)).fetchone()
        for place in range(len(value)):
            wrong = value[:place] + chr(ord(value[place]) ^ 1) + value[place + 1 :]
            raw.execute(f"UPDATE audit SET {column} = ? WHERE id = ?", (wrong, number))
            raw.commit()
            assert verdict(site) == number, (column, place)
            tried += 1
        raw.execute(f"UPDATE audit SET {column} = ? WHERE id = ?", (value, number))
        raw.commit()
    assert verdict(site) is None
    assert tried > 150
    raw.close()
    site.close()


def test_a_row_that_is_taken_out_is_found(site: Site):
    with writing(site.engine) as session:
        factories.as_its_owner(session)
        session.execute(delete(AuditRow).where(AuditRow.id == 3))
    assert verdict(site) == 3


def test_a_row_that_was_written_anew_with_its_own_hash_does_not_fit_the_next(site: Site):
    with writing(site.engine) as session:
        row = session.get_one(AuditRow, 2)
        written = audit._written(row.detail)
        sealed = audit._entry_hash(2, row.at, "forger", row.action, row.subject, written, row.previous_hash)
        factories.as_its_owner(session)
        anew = {"actor": "forger", "entry_hash": sealed}
        session.execute(update(AuditRow).where(AuditRow.id == 2).values(anew))
    assert verdict(site) == 3, "the row itself fits"


def test_an_end_that_was_cut_off_is_found_by_the_anchor_and_by_nothing_else(site: Site):
    with reading(site.engine) as session:
        head = audit.head(session)
    for last in range(head.rows - 1, 0, -1):
        with writing(site.engine) as session:
            factories.as_its_owner(session)
            session.execute(delete(AuditRow).where(AuditRow.id > last))
        assert verdict(site) is None
        assert verdict(site, head) == last + 1


def test_a_trail_written_anew_from_the_beginning_is_found_by_the_anchor(site: Site):
    with reading(site.engine) as session:
        head = audit.head(session)
        old = session.scalars(select(AuditRow).order_by(AuditRow.id)).all()
    with writing(site.engine) as session:
        factories.as_its_owner(session)
        session.execute(delete(AuditRow))
        for row in old:
            audit.note(session, at=row.at, actor="forger", action=row.action, subject=row.subject)
    assert verdict(site) is None
    assert verdict(site, head) == head.rows


def test_an_anchor_is_written_when_the_trail_has_grown_and_not_more_than_once_a_minute(
    site: Site, tmp_path: Path
):
    file = tmp_path / "other-disk" / "anchors.jsonl"
    anchors = Anchors(file)
    for seconds in (0, 30, 61, 130):
        with writing(site.engine) as session:
            anchors.keep(session, NOW + timedelta(seconds=seconds))
            if seconds == 30:
                audit.note(session, at=NOW, actor="a", action="b", subject="c:1")
    heads = anchor.read(file)
    assert [head.rows for head in heads] == [rows(site) - 1, rows(site)]
    assert verdict(site, *heads) is None


def test_a_file_that_cannot_be_written_does_not_stop_the_relay(site: Site, tmp_path: Path, caplog):
    (tmp_path / "file").write_text("")
    anchors = Anchors(tmp_path / "file" / "anchors.jsonl")
    with reading(site.engine) as session:
        anchors.keep(session, NOW)
    assert "cannot write the anchor" in caplog.text


def test_a_file_that_is_no_list_of_anchors_is_refused_by_line(tmp_path: Path):
    file = tmp_path / "anchors.jsonl"
    file.write_text('{"rows": 1, "head": "ab"}\nhello\n')
    with pytest.raises(WrongInput, match="line 2"):
        anchor.read(file)
