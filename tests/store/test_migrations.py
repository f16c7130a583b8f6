"""The migrations make the very tables that the code declares."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from alertd.db import open_database, upgrade
from alertd.tables import Base


def test_the_migrations_make_the_declared_tables(empty_database_url: str) -> None:
    engine = open_database(empty_database_url)
    upgrade(engine)
    upgrade(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
    engine.dispose()
