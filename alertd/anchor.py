"""Anchors of the audit trail: its head, written down where whoever changes the database cannot reach.

A chain of hashes shows what was changed in it, and not that its end was cut off. An anchor is one
JSON line, `{"at": …, "rows": …, "head": …}`, in a file that is only ever added to (another disk, a
printer, a journal that is shipped elsewhere). Later the row of that number must have that hash.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy.orm import Session

from alertd import audit
from alertd.audit import Head
from alertd.errors import Problem, WrongInput

log = logging.getLogger(__name__)

#: what is written between two anchors could be cut off unseen
EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Finding:
    """What does not fit: the number of the row, and a sentence in either language."""

    row: int
    problem: str
    problem_ja: str


class Anchors:
    """Writes an anchor when the trail has grown, at most once in `EVERY`."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._last: tuple[datetime, Head] | None = None

    def keep(self, session: Session, now: datetime) -> None:
        """Called often. A file that cannot be written is told to the log, and tried again a minute later."""
        if self._last is not None and now - self._last[0] < EVERY:
            return
        head = audit.head(session)
        if head.rows and (self._last is None or head != self._last[1]):
            log.info("audit trail: %d rows, head %s", head.rows, head.entry_hash)
            if self._file is not None:
                try:
                    add(self._file, head, now)
                except OSError as error:
                    log.error("cannot write the anchor to %s: %s", self._file, error.strerror)
                    head = Head(-1, "")
        self._last = (now, head)


def add(file: Path, head: Head, now: datetime) -> None:
    """Adds one line, on disk when this returns. Raises OSError."""
    file.parent.mkdir(parents=True, exist_ok=True)
    line = json.dumps({"at": now.isoformat(timespec="seconds"), "rows": head.rows, "head": head.entry_hash})
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
    try:
        os.write(descriptor, line.encode() + b"\n")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read(file: Path) -> list[Head]:
    """The anchors in a file. Raises WrongInput that names the line."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise WrongInput(Problem("anchors", f"cannot read {file}: {error}")) from error
    heads = []
    for number, line in enumerate(lines, start=1):
        try:
            entry = json.loads(line)
            heads.append(Head(int(entry["rows"]), str(entry["head"])))
        except (ValueError, KeyError, TypeError) as error:
            raise WrongInput(Problem("anchors", f"{file}, line {number} is not an anchor")) from error
    return heads


def verify(session: Session, anchors: Iterable[Head]) -> tuple[Head, Finding | None]:
    """How far the trail fits, and the first thing that does not, in one pass over it."""
    wanted: dict[int, set[str]] = {}
    for anchor in anchors:
        wanted.setdefault(anchor.rows, set()).add(anchor.entry_hash)
    last = Head(0, audit.BEGINNING)
    rewritten: Head | None = None

    def seen(head: Head) -> None:
        nonlocal last, rewritten
        last = head
        if head.rows in wanted and rewritten is None and wanted[head.rows] != {head.entry_hash}:
            rewritten = head

    broken = audit.verify(session, seen)
    if rewritten is not None:
        return last, Finding(
            rewritten.rows,
            f"row {rewritten.rows} is not the one that was anchored: the trail was rewritten",
            f"{rewritten.rows}行目が控え（アンカー）と一致しません。記録が書き換えられています。",
        )
    if broken is not None:
        return last, Finding(
            broken,
            f"row {broken} was changed, taken out or put in; all before it is unchanged",
            f"{broken}行目が変更・削除・挿入されています。それより前は変更されていません。",
        )
    if wanted and max(wanted) > last.rows:
        return last, Finding(
            last.rows + 1,
            f"the trail ends at row {last.rows}, and row {max(wanted)} was anchored: its end was cut off",
            f"記録は{last.rows}行で終わっていますが、{max(wanted)}行目の控えがあります。末尾が切り取られています。",
        )
    return last, None
