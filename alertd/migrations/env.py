"""How Alembic reaches the database: by the engine that `alertd.db.upgrade` hands over."""

from __future__ import annotations

from alembic import context

from alertd.tables import Base

engine = context.config.attributes["engine"]
with engine.connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        transaction_per_migration=False,
    )
    with context.begin_transaction():
        context.run_migrations()
