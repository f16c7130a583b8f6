"""The migrations make the very tables that the code declares."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import alembic.command
import alembic.config
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import func, inspect, select, text

from alertd import backup, plan
from alertd.db import open_database, upgrade, writing
from alertd.tables import Base, DeliveryRow
from alertd.testing import FakeChannel, FakeFarEnd
from tests import factories

#: what `ddl_if` keeps to SQLite, which alembic does not look at
ONLY_ON_SQLITE = {
    "fk_delivery_dispatch_id",
    "fk_delivery_recipient_id",
    "fk_delivery_contact_id",
    "fk_receipt_delivery_id",
}


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


def test_an_older_postgres_with_deliveries_keeps_them_and_is_looked_through(
    postgres_url: str, tmp_path: Path
) -> None:
    engine = open_database(postgres_url, tmp_path)
    upgrade(engine)
    settings = FakeFarEnd(tmp_path / "far_end").settings()
    mail = {"mail": FakeChannel("mail", settings)}
    site = factories.make_site(tmp_path, postgres_url, {"mail": settings}, mail)
    factories.add_people(site, ["a@example.jp", "b@example.jp"])
    number = factories.submit(site)
    factories.approve(site, number)
    assert plan.plan(site, number) == 2
    older = alembic.config.Config()
    older.set_main_option("script_location", "alertd:migrations")
    older.attributes["engine"] = engine
    alembic.command.downgrade(older, "0020")
    assert [one["name"] for one in inspect(engine).get_foreign_keys("delivery")] == ["fk_delivery_contact_id"]
    upgrade(engine)
    assert inspect(engine).get_foreign_keys("delivery") == []
    with writing(engine) as session:
        assert session.scalar(select(func.count()).select_from(DeliveryRow)) == 2
    assert backup.check(site).sound
    with writing(engine) as session:
        session.execute(text("DELETE FROM contact WHERE id = (SELECT max(id) FROM contact)"))
    assert backup.check(site).damage == ("1 deliveries without their contact",)
    site.close()
    engine.dispose()
