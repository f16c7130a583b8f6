"""A furnished database: every table and no row, made once in each process and copied from then on."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

from sqlalchemy import Engine, create_engine, inspect
from sqlalchemy.pool import StaticPool
from sqlalchemy.util import LRUCache

from alertd.sealed import Fingerprint, Sealed
from alertd.tables import Base


def furnish(engine: Engine) -> None:
    """Gives an empty database its tables; one that has tables stays as it is.

    Quicker than the migrations; that they make the same tables is a test of its own. Statements
    that were compiled for one database are known to the next.
    """
    engine.update_execution_options(compiled_cache=_Compiled())
    _share_what_sessions_store()
    file = engine.url.database if engine.dialect.name == "sqlite" else None
    if file is not None and not Path(file).exists():
        with closing(sqlite3.connect(file)) as new:
            new.execute("PRAGMA synchronous=OFF")
            _tables().backup(new)
    elif not inspect(engine).has_table("alert"):
        Base.metadata.create_all(engine)


@cache
def _tables() -> sqlite3.Connection:
    """A database in memory: to make its tables takes a twentieth of a second, to copy them nothing."""
    engine = create_engine("sqlite://", poolclass=StaticPool)
    Base.metadata.create_all(engine)
    kept = engine.raw_connection().driver_connection
    assert isinstance(kept, sqlite3.Connection)
    return kept


@cache
def _share_what_sessions_store() -> None:
    """SQLAlchemy keeps the statements that store a session's rows with each table, by engine."""
    for mapper in Base.registry.mappers:
        mapper._compiled_cache = _Compiled()


class _Compiled(LRUCache[tuple[Any, ...], Any]):
    """What one engine has compiled; what does not depend on its keys is shared by all of its dialect's name."""

    __slots__ = ()
    _shared: ClassVar[dict[tuple[Any, ...], Any]] = {}

    def get(self, key, default=None):
        found = self._shared.get((key[0].name, *key[1:]))
        return super().get(key, default) if found is None else found

    def __setitem__(self, key, made):
        types = [*(one.type for one in made.binds.values()), *(one[3] for one in made._result_columns)]
        if any(isinstance(type, Sealed | Fingerprint) for type in types):
            super().__setitem__(key, made)
        else:
            self._shared[key[0].name, *key[1:]] = made
