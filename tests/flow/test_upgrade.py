"""An upgrade does not stop a dispatch: programs of the old version go on with newer tables."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from sqlalchemy import text

from alertd import migrations, plan
from tests import factories
from tests.flow.conftest import City

VERSIONS = sorted((Path(next(iter(migrations.__path__))) / "versions").glob("0*.py"))
#: the first migration since which programs of two versions run side by side
SINCE = "0017"
#: what a program that does not know of it would stumble over
TAKES_AWAY = {
    "drop_table",
    "drop_column",
    "rename_table",
    "create_unique_constraint",
    "create_check_constraint",
}


TABLES = ("alert", "artefact", "channel_state", "contact", "delivery", "dispatch", "receipt")


def test_what_a_newer_version_adds_does_not_stop_an_older_one(city: City) -> None:
    factories.add_people(city.site, [f"a{n}@example.jp" for n in range(30)])
    _all(city, "ADD COLUMN newer VARCHAR(16)", "ADD COLUMN counted INTEGER NOT NULL DEFAULT 0")
    try:
        number = factories.submit(city.site)
        factories.approve(city.site, number)
        plan.plan(city.site, number)
        assert city.drain() == city.mail(number).outcomes["accepted"] == 30
    finally:
        # the tables outlive the test
        _all(city, "DROP COLUMN newer", "DROP COLUMN counted")


def _all(city: City, *changes: str) -> None:
    with city.site.engine.begin() as connection:
        for table in TABLES:
            for change in changes:
                connection.execute(text(f"ALTER TABLE {table} {change}"))


@pytest.mark.parametrize(
    "file", [file for file in VERSIONS if file.name >= SINCE], ids=lambda file: file.stem
)
def test_a_migration_only_adds(file: Path) -> None:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    (upgrade,) = (node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "upgrade")
    calls = [node for node in ast.walk(upgrade) if isinstance(node, ast.Call)]
    assert not TAKES_AWAY & {call.func.attr for call in calls if isinstance(call.func, ast.Attribute)}
    for call in calls:
        if isinstance(call.func, ast.Attribute) and call.func.attr == "add_column":
            told = ast.unparse(call)
            assert "nullable=False" not in told or "server_default" in told, told
