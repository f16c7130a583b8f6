"""A database that comes back from a backup: nothing of it goes out by itself, and new alerts do."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import alembic.config
import pytest
from alembic.script import ScriptDirectory

from alertd import backup as copies
from alertd import hold, plan, store
from alertd.backup import BackupFailed
from alertd.db import reading
from alertd.dispatch import State
from alertd.errors import MoveRefused, WrongInput
from alertd.relay import Relay
from alertd.report import report
from alertd.send import drain
from alertd.site import Site
from alertd.testing import FakeChannel
from alertd.testing.fake import FakeSettings
from alertd.watermark import Watermark
from alertd.worker import Looker
from tests import factories
from tests.factories import APPROVER, TRAINEE
from tests.flow.conftest import City
from tests.servers import postgres_programs


@pytest.fixture
def database_url(empty_database_url: str) -> str:
    """One of its own: a restored one has other tables than those that tests share."""
    return empty_database_url


@pytest.fixture(autouse=True)
def programs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{postgres_programs()}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture(autouse=True)
def versioned(city: City) -> None:
    """The tables of the tests are made without migrations; a real database knows its version."""
    config = alembic.config.Config()
    config.set_main_option("script_location", "alertd:migrations")
    newest = ScriptDirectory.from_config(config).get_current_head()
    with city.site.engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32) PRIMARY KEY)")
        connection.exec_driver_sql(f"INSERT INTO alembic_version VALUES ('{newest}')")


def under_way(city: City) -> tuple[int, int]:
    """Two alerts of three mails each: one approved, one planned."""
    factories.add_people(city.site, [f"a{n}@example.jp" for n in range(3)])
    numbers = [factories.submit(city.site, factories.make_alert(identifier=f"alert-{n}")) for n in range(2)]
    for number in numbers:
        factories.approve(city.site, number)
    plan.plan(city.site, numbers[1])
    return numbers[0], numbers[1]


def again(city: City) -> Site:
    """The same installation, as its programs find it after a start."""
    site = Site.open(city.site.config, city.clock)
    settings = city.site.settings["mail"]
    assert isinstance(settings, FakeSettings)
    site._channels["mail"] = FakeChannel("mail", settings)
    return site


@pytest.fixture
def restored(city: City, tmp_path: Path) -> Iterator[tuple[Site, int, int]]:
    """Backed up in the middle, everything sent, then restored."""
    approved, planned = under_way(city)
    copies.backup(city.site, tmp_path / "copy")
    plan.plan(city.site, approved)
    city.drain()
    assert len(city.heard()) == 6
    city.site.engine.dispose()
    held = copies.restore(city.site.config, tmp_path / "copy", lambda: "now")
    site = again(city)
    with reading(site.engine) as session:
        on = {row.name for row in store.alarms(session)}
    assert on == {f"held:{approved}", f"held:{planned}"}
    assert set(held) <= {approved, planned}
    yield site, approved, planned
    site.close()


def work(site: Site) -> None:
    """What relay and worker do when they start."""
    relay = Relay(site, lambda _: True)
    try:
        relay.tick()
    finally:
        relay.close()
    Looker(site).look("mail")


def test_nothing_that_was_under_way_goes_out_again_by_itself(restored, city: City):
    site, _, _ = restored
    work(site)
    assert len(city.heard()) == 6


def test_a_new_alert_goes_out_meanwhile(restored, city: City):
    site, _, _ = restored
    number = factories.submit(site, factories.make_alert(identifier="new"))
    factories.approve(site, number)
    work(site)
    assert len(city.heard()) == 9
    with reading(site.engine) as session:
        assert report(session, number).channels["mail"].outcomes["accepted"] == 3


def test_a_person_lets_it_go_on(restored, city: City):
    site, approved, planned = restored
    with pytest.raises(MoveRefused, match="role"):
        hold.release(site, planned, TRAINEE)
    hold.release(site, planned, APPROVER)
    hold.release(site, approved, APPROVER)
    with pytest.raises(MoveRefused, match="not held"):
        hold.release(site, planned, APPROVER)
    work(site)
    work(site)
    assert len(city.heard()) == 12
    with reading(site.engine) as session:
        assert store.alarms(session) == []
        assert report(session, approved).state in (State.SENDING, State.FINISHED)


@pytest.mark.parametrize("empty_database_url", ["sqlite"], indirect=True)
def test_an_old_file_that_somebody_copied_back_is_noticed_at_the_start(city: City, tmp_path: Path):
    _, planned = under_way(city)
    city.site.engine.dispose()
    there = Path(city.site.engine.url.database or "")
    shutil.copyfile(there, tmp_path / "old")
    plan_and_send(city, planned)
    city.site.engine.dispose()
    for rest in ("-wal", "-shm"):
        there.with_name(there.name + rest).unlink(missing_ok=True)
    shutil.copyfile(tmp_path / "old", there)
    site = again(city)
    Looker(site).look("mail")
    assert len(city.heard()) == 3, "the three of before"
    with reading(site.engine) as session:
        row = store.dispatch(session, planned)
        assert row is not None and hold.is_held(row)
        assert not Watermark(site.config.storage).is_ahead_of(session), "it is noticed once"
    site.close()


def plan_and_send(city: City, number: int) -> None:
    drain(city.site, "mail", threading.Event())
    with reading(city.site.engine) as session:
        Watermark(city.site.config.storage).keep(session, city.clock.now())
    assert len(city.heard()) == 3


def test_a_database_that_went_on_is_not_held(city: City):
    _, planned = under_way(city)
    with reading(city.site.engine) as session:
        Watermark(city.site.config.storage).keep(session, city.clock.now())
    city.drain()
    assert hold.look(city.site) == []
    assert city.report(planned).channels["mail"].outcomes["accepted"] == 3


def test_a_copy_overwrites_nothing_and_a_strange_file_is_refused(city: City, tmp_path: Path):
    copies.backup(city.site, tmp_path / "copy")
    assert (tmp_path / "copy").stat().st_mode & 0o777 == 0o600
    with pytest.raises(BackupFailed, match="is there already"):
        copies.backup(city.site, tmp_path / "copy")
    (tmp_path / "strange").write_bytes(
        b"hello" if city.site.engine.dialect.name == "sqlite" else b"SQLite format 3\0"
    )
    with pytest.raises(WrongInput, match="not a backup of"):
        copies.restore(city.site.config, tmp_path / "strange", lambda: "now")


def test_a_sound_database_is_sound_and_a_damaged_one_is_not(city: City):
    under_way(city)
    assert copies.check(city.site).sound
    if city.site.engine.dialect.name != "sqlite":
        return
    city.site.engine.dispose()
    file = Path(city.site.engine.url.database or "")
    content = bytearray(file.read_bytes())
    at = content.rindex(b"alert-1")
    content[at - 400 : at] = b"\xff" * 400
    file.write_bytes(content)
    assert not copies.check(city.site).sound
