"""Backup, restore and check of the database. What a backup holds open is held back wherever it is restored.

SQLite is copied while it is in use. PostgreSQL is dumped and restored by its own programs,
`pg_dump` and `pg_restore`, which must be on the PATH. The password goes by the environment.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import exists, func, inspect, make_url, select, table, text
from sqlalchemy.orm import Session

from alertd import anchor, hold
from alertd.audit import Head
from alertd.clock import SystemClock
from alertd.config import Config
from alertd.db import open_database, reading, upgrade, writing
from alertd.errors import AlertdError, Problem, WrongInput, WrongSecret
from alertd.rotation import check_keys
from alertd.site import Site
from alertd.tables import ContactRow, DeliveryRow, DispatchRow, ReceiptRow, RecipientRow
from alertd.watermark import Watermark, mark

#: pages of SQLite that are copied between two looks at the progress
_PAGES = 2000
#: how every SQLite file begins
_SQLITE = b"SQLite format 3\x00"

Progress = Callable[[int, int], None]


class BackupFailed(AlertdError):
    """The database could not be copied or brought back; the message says why."""


@dataclass(frozen=True, slots=True)
class Health:
    """What a check found."""

    #: sentences of the database itself; empty = it is sound
    damage: Sequence[str]
    audit: Head
    finding: anchor.Finding | None

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.damage and self.finding is None


def backup(site: Site, file: Path, progress: Progress = lambda done, total: None) -> None:
    """Writes a copy of the database, readable by its owner only; the file appears when it is whole.

    Raises BackupFailed.
    """
    if file.exists():
        raise BackupFailed(f"{file} is there already; give another name")
    draft = file.with_name(f".{file.name}.part")
    draft.unlink(missing_ok=True)
    os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        if site.engine.dialect.name == "sqlite":
            _copy(Path(site.engine.url.database or ""), draft, progress)
            _hold_in(draft)
        else:
            _run(site.config, "pg_dump", "--format=custom", f"--file={draft}")
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)


def restore(config: Config, file: Path, now: Callable[[], str]) -> list[int]:
    """Brings a backup in place of the database; everything it holds open is held. Returns those dispatches.

    Nothing else may be running. An SQLite file that is there is kept beside it under a
    name with the time, `now()`. Raises BackupFailed or WrongInput.
    """
    try:
        with file.open("rb") as opened:
            beginning = opened.read(16)
    except OSError as error:
        raise WrongInput(Problem("file", f"cannot read {file}: {error.strerror}")) from error
    engine = open_database(config.database_url, config.storage)
    sqlite = engine.dialect.name == "sqlite"
    if (beginning == _SQLITE) != sqlite:
        kind = "SQLite" if sqlite else "PostgreSQL"
        raise WrongInput(
            Problem("file", f"{file} is not a backup of a {kind} database, which [database] names")
        )
    if sqlite:
        engine.dispose()
        _put_in_place(file, Path(engine.url.database or ""), now())
        engine = open_database(config.database_url, config.storage)
    else:
        _run(config, "pg_restore", "--clean", "--if-exists", "--no-owner", "--single-transaction", str(file))
    try:
        upgrade(engine)
        site = Site.open(config)
        try:
            check_keys(site)
            with writing(site.engine) as session:
                held = hold.everything(session, site.clock.now())
                present = mark(session)
            Watermark(config.storage).write(present)
        finally:
            site.close()
    finally:
        engine.dispose()
    return held


def check(site: Site) -> Health:
    """Looks at every page of the database, every row of the audit trail, and whether the keys fit."""
    damage: list[str] = []
    try:
        check_keys(site)
    except WrongSecret as error:
        damage.append(f"keys: {error}")
    known = site.config.audit.anchors
    with reading(site.engine) as session:
        if site.engine.dialect.name == "sqlite":
            for pragma in ("integrity_check", "foreign_key_check"):
                found = [
                    " ".join(str(value) for value in row) for row in session.execute(text(f"PRAGMA {pragma}"))
                ]
                damage += [f"{pragma}: {line}" for line in found if line != "ok"]
        else:
            for name in inspect(site.engine).get_table_names():
                session.execute(select(func.count()).select_from(table(name)))
            damage += _without_what_they_name(session)
        heads = anchor.read(known) if known is not None and known.exists() else []
        head, finding = anchor.verify(session, heads)
    return Health(tuple(damage), head, finding)


def _without_what_they_name(session: Session) -> list[str]:
    """Deliveries and receipts of which something is not there: PostgreSQL does not look when they are made."""
    found = []
    for column, named in (
        (DeliveryRow.contact_id, ContactRow),
        (DeliveryRow.recipient_id, RecipientRow),
        (DeliveryRow.dispatch_id, DispatchRow),
        (ReceiptRow.delivery_id, DeliveryRow),
    ):
        whose = column.class_
        lost = select(func.count()).select_from(whose).where(~exists().where(named.id == column))
        if number := session.scalar(lost):
            what = "receipts" if whose is ReceiptRow else "deliveries"
            found.append(f"{number} {what} without their {named.__tablename__}")
    return found


def _copy(source: Path, target: Path, progress: Progress) -> None:
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new, pages=_PAGES, progress=lambda _, left, total: progress(total - left, total))


def _hold_in(file: Path) -> None:
    """A copy is born held, so that it does no harm wherever somebody puts it."""
    engine = open_database(f"sqlite:///{file}")
    try:
        with writing(engine) as session:
            hold.everything(session, SystemClock().now())
    finally:
        engine.dispose()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")


def _put_in_place(file: Path, target: Path, suffix: str) -> None:
    draft = target.with_name(f".{target.name}.restoring")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, draft)
    draft.chmod(0o600)
    if target.exists():
        with closing(sqlite3.connect(target, isolation_level=None)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        target.replace(target.with_name(f"{target.name}.before-{suffix}"))
    for rest in ("-wal", "-shm"):
        target.with_name(target.name + rest).unlink(missing_ok=True)
    draft.replace(target)


def _run(config: Config, program: str, *arguments: str) -> None:
    url = make_url(config.database_url)
    found = shutil.which(program)
    if found is None:
        raise BackupFailed(f"{program} is not there; install PostgreSQL's client programs")
    environment = {**os.environ, **({"PGPASSWORD": url.password} if url.password else {})}
    place = {"--host": url.host or url.query.get("host"), "--port": url.port, "--username": url.username}
    options = [f"{name}={value}" for name, value in place.items() if value]
    done = subprocess.run(
        [found, *options, f"--dbname={url.database}", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BackupFailed(f"{program} failed: {done.stderr.strip()[-500:]}")
