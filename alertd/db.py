"""The database: opened so that a commit is durable and a writer never meets a stale read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event, make_url
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Session

from alertd.clock import stopwatch
from alertd.errors import Problem, WrongConfiguration
from alertd.key_ring import KeyRing
from alertd.sealed import give_keys

#: how long a writer waits for another one, in seconds
BUSY = 30


def open_database(url: str, storage: Path | None = None) -> Engine:
    """The engine for a SQLAlchemy URL of SQLite or PostgreSQL; the keys of personal data lie in `storage`.

    Without it, what is encrypted can neither be read nor written.

    SQLite: write-ahead log, a commit is on disk before it returns, and every
    transaction begins IMMEDIATE: one that reads first and then writes cannot fail.
    PostgreSQL: statements and locks have time limits, so that a stuck one is noticed.
    Values stay out of error messages: those end in logs, and addresses are among them.
    """
    parsed = make_url(url)
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() == "sqlite":
        if parsed.database:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(
            parsed, hide_parameters=True, connect_args={"timeout": BUSY, "check_same_thread": False}
        )
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_immediate)
    elif parsed.get_backend_name() == "postgresql":
        if find_spec("psycopg") is None:
            raise WrongConfiguration(
                Problem(
                    "database.url", 'PostgreSQL needs the extra "postgres": pip install "alertd[postgres]"'
                )
            )
        options = (
            "-c statement_timeout=120000 -c lock_timeout=30000 -c idle_in_transaction_session_timeout=60000"
        )
        engine = create_engine(
            parsed,
            hide_parameters=True,
            pool_pre_ping=True,
            pool_size=10,
            connect_args={"options": options},
        )
    else:
        raise WrongConfiguration(
            Problem(
                "database.url",
                f"“{parsed.get_backend_name()}” is not supported; use sqlite:/// or postgresql://",
            )
        )
    if storage is not None:
        give_keys(engine, KeyRing(storage))
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-65536"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_immediate(connection: Connection) -> None:
    read_only = connection.get_execution_options().get("read_only", False)
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")


@contextmanager
def writing(engine: Engine) -> Iterator[Session]:
    """A session in one transaction: committed at the end, rolled back by an exception."""
    with Session(engine, expire_on_commit=False) as session, session.begin():
        yield session


@contextmanager
def reading(engine: Engine) -> Iterator[Session]:
    """A session that only reads: one snapshot, and it never waits for a writer."""
    options = {"isolation_level": "REPEATABLE READ"} if engine.dialect.name == "postgresql" else {}
    with Session(engine.execution_options(read_only=True, **options), expire_on_commit=False) as session:
        yield session


def upgrade(engine: Engine) -> None:
    """Brings the tables up to this version; may be called twice."""
    # here, because a worker that starts again after its death need not wait for this
    import alembic.command
    import alembic.config

    config = alembic.config.Config()
    config.set_main_option("script_location", "alertd:migrations")
    config.attributes["engine"] = engine
    alembic.command.upgrade(config, "head")


class DatabaseClock:
    """The clock of the database server, so that leases mean the same to every machine.

    Asked every ten seconds; in between this machine's steady clock carries it on.
    """

    _EVERY = 10.0

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._asked: tuple[float, datetime] | None = None

    def now(self) -> datetime:
        asked = self._asked
        if asked is None or stopwatch() - asked[0] > self._EVERY:
            before = stopwatch()
            with self._engine.connect() as connection:
                told: datetime = connection.exec_driver_sql("SELECT clock_timestamp()").scalar_one()
            asked = self._asked = ((before + stopwatch()) / 2, told.astimezone(UTC))
        return asked[1] + timedelta(seconds=stopwatch() - asked[0])
