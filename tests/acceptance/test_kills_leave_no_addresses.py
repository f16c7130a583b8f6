"""A database that fails in the middle leaves nobody's address in the logs."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from alertd.db import open_database, writing


def test_an_error_of_the_database_does_not_tell_the_values(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'alertd.db'}")
    try:
        with pytest.raises(OperationalError) as caught, writing(engine) as session:
            session.execute(text("INSERT INTO nowhere VALUES (:address)"), {"address": "p1@example.jp"})
        assert "p1@example.jp" not in str(caught.value)
    finally:
        engine.dispose()
