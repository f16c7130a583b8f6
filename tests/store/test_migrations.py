"""The migrations make the very tables that the code declares."""

from __future__ import annotations

from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from alertd.db import open_database, upgrade
from alertd.tables import Base

#: what `ddl_if` keeps to SQLite, which alembic does not look at
ONLY_ON_SQLITE = {"fk_delivery_dispatch_id", "fk_delivery_recipient_id", "fk_delivery_contact_id"}


def test_the_migrations_make_the_declared_tables(empty_database_url: str) -> None:
    engine = open_database(empty_database_url)
    upgrade(engine)
    upgrade(engine)
    absent = ONLY_ON_SQLITE if engine.dialect.name == "postgresql" else set()

    def wanted(_object: Any, name: str | None, _kind: str, reflected: bool, _other: Any) -> bool:
        return reflected or name not in absent

    options = {"compare_type": True, "include_object": wanted}
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, Base.metadata) == []
    engine.dispose()
