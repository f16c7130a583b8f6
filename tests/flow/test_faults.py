"""Faults of the machine below: no memory for the broker, strange words in it, a full disk, clocks, names."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from kombu.entity import Queue
from sqlalchemy.exc import OperationalError

from alertd import config, plan
from alertd.channel import Target
from alertd.clock import stopwatch
from alertd.config import Config
from alertd.db import reading
from alertd.dispatch import State
from alertd.errors import ChannelUnavailable
from alertd.registry import open_channel
from alertd.tables import DispatchRow
from alertd.testing import FakeChannel, FakeFarEnd
from alertd.worker import bell, celery_app, queue
from tests import factories
from tests.chaos.nemesis import NONSENSE
from tests.flow.conftest import City, MakeCity
from tests.servers import Server, ask_valkey, running_valkey

HOUR = timedelta(hours=1)


@pytest.fixture
def valkey() -> Iterator[Server]:
    """A broker that may be filled."""
    with running_valkey() as server:
        yield server


def led_to(server: Server, folder: Path) -> Config:
    """A configuration whose broker is this one."""
    file = folder / "alertd.toml"
    file.write_text(f'storage = "var"\n[broker]\nurl = "{server.url}"\n')
    return config.load(file)


def test_a_broker_without_memory_is_one_that_does_not_take_the_ring(valkey: Server, tmp_path: Path) -> None:
    ring = bell(led_to(valkey, tmp_path))
    assert ring("mail")
    ask_valkey(valkey.folder / "valkey.sock", b"CONFIG SET maxmemory 1\r\n")
    began = stopwatch()
    assert not ring("mail"), "the relay would believe that somebody looks"
    assert stopwatch() - began < 5.0


def test_nonsense_in_the_broker_keeps_no_ring_from_being_heard(valkey: Server, tmp_path: Path) -> None:
    settings = led_to(valkey, tmp_path)
    ring = bell(settings)
    path = valkey.folder / "valkey.sock"
    for piece in NONSENSE:
        ask_valkey(path, f"LPUSH alertd_{queue('mail')} '{piece}'\r\n".encode())
    assert ring("mail")
    rung: list[Sequence[object]] = []
    with celery_app(settings).connection_for_read() as line:
        consumer = line.Consumer([Queue(queue("mail"))], callbacks=[lambda body, _: rung.append(body[0])])
        with consumer:
            while not any(rung):
                line.drain_events(timeout=5)
    assert list(rung[-1]) == ["mail"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_full_disk_refuses_the_approval_and_nothing_is_lost_when_there_is_room_again(
    tmp_path: Path, database_url: str
) -> None:
    far_end = FakeFarEnd(tmp_path / "far_end")
    settings = far_end.settings()
    with small_disk(tmp_path / "disk") as disk:
        site = factories.make_site(
            tmp_path,
            f"sqlite:///{disk / 'alertd.db'}",
            {"mail": settings},
            {"mail": FakeChannel("mail", settings)},
        )
        try:
            factories.add_people(site, [f"p{n}@example.jp" for n in range(20)])
            number = factories.submit(site)
            filler = disk / "filler"
            with pytest.raises(OSError, match="No space"), filler.open("wb", buffering=0) as file:
                while True:
                    file.write(b"x" * 4096)
            with pytest.raises(OperationalError):
                for _ in range(50):  # the log of SQLite may have some room of its own
                    factories.approve(site, number)
            with reading(site.engine) as session:
                assert session.get_one(DispatchRow, number).state is State.SUBMITTED
            filler.unlink()
            factories.approve(site, number)
            plan.plan(site, number)
            City(site, far_end, site.clock).drain()  # type: ignore[arg-type]
            assert len(far_end.heard()) == 20
        finally:
            site.close()


@contextmanager
def small_disk(place: Path) -> Iterator[Path]:
    """A disk of 4 MB."""
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m,mode=755", "tmpfs", str(place)]
    if subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("a small disk can be mounted by root only")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("jump", [-HOUR, HOUR], ids=["back", "ahead"])
@pytest.mark.parametrize("when", ["approved", "planned", "sent"])
def test_a_clock_that_jumps_loses_and_doubles_nothing(
    make_city: MakeCity, jump: timedelta, when: str
) -> None:
    city = make_city(attempts=5, retry_after=(1.0,))
    people = [f"p{n}@example.jp" for n in range(30)] + ["once-busy@example.jp"]
    factories.add_people(city.site, people)
    number = factories.submit(city.site)
    factories.approve(city.site, number)
    if when == "approved":
        city.clock.advance(jump)
    plan.plan(city.site, number)
    if city.report(number).state is State.SUBMITTED:
        # as after an hour of silence: an old approval has lapsed, the operators are told, and approve again
        factories.approve(city.site, number)
        plan.plan(city.site, number)
    if when == "planned":
        city.clock.advance(jump)
    city.drain()
    if when == "sent":
        city.clock.advance(jump)
    for _ in range(3):
        city.drain()
        city.tick()
        city.clock.advance(HOUR)
    assert Counter(heard.address for heard in city.heard()) == Counter(people)
    assert city.report(number).state is State.FINISHED


def test_a_name_that_leads_nowhere_is_an_outage_and_no_fault_of_the_address(tmp_path: Path) -> None:
    file = tmp_path / "alertd.toml"
    file.write_text(
        'storage = "var"\n[channels.mail]\nkind = "email"\nhost = "relay.invalid"\n'
        'sender = "bosai@sanjo.example.jp"\ncarries = ["Exercise"]\n'
    )
    channel = open_channel("mail", config.load(file).channels["mail"])
    target = Target(
        key="k",
        attempt=1,
        address="a@example.jp",
        answer_url="https://alertd.example.jp/a",
        stop_url="https://alertd.example.jp/s",
    )
    try:
        with pytest.raises(ChannelUnavailable):
            list(channel.send(FakeFarEnd.plain, [target]))
    finally:
        channel.close()
