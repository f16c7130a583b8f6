"""PostgreSQL takes no more connections: who needs one waits, nothing ends, and all goes on when there is one."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import OperationalError

from alertd import grants, plan
from alertd.db import reading
from alertd.dispatch import State
from alertd.relay import Relay
from alertd.send import drain
from alertd.site import Site
from alertd.tables import DispatchRow
from alertd.testing import FakeChannel, FakeFarEnd, FixedClock
from tests import factories

#: connections that there are, and a role of the server of its own that they are counted for
MOST, ROLE = 6, "fewtown_app"


@pytest.fixture
def crowded(furnished_url: str) -> Iterator[str]:
    """The address of a database that takes few connections."""
    engine = create_engine(furnished_url)
    grants.carry_out(engine, grants.grantees("fewtown"))
    with engine.begin() as connection:
        connection.execute(text(f"ALTER ROLE {ROLE} CONNECTION LIMIT {MOST}"))
    yield furnished_url.replace("postgres@", f"{ROLE}@")
    engine.dispose()


def test_without_a_connection_a_relay_waits_and_then_goes_on(tmp_path: Path, crowded: str) -> None:
    far_end = FakeFarEnd(tmp_path / "far_end")
    settings = far_end.settings()
    channels = {"mail": FakeChannel("mail", settings)}
    clock = FixedClock(factories.START)
    site = factories.make_site(tmp_path, crowded, {"mail": settings}, channels, clock=clock)
    relay, stop = Relay(site, lambda _: True), threading.Event()
    ticking = threading.Thread(target=relay.run, args=(stop,))
    with closing(site), ExitStack() as others:
        factories.add_people(site, ["a0", "a1"])
        number = factories.submit(site)
        factories.approve(site, number)
        site.engine.dispose()
        url = make_url(crowded).set(drivername="postgresql").render_as_string(hide_password=False)
        for _ in range(MOST):
            others.enter_context(psycopg.connect(url))
        with pytest.raises(OperationalError, match="too many connections"):
            plan.plan(site, number)
        ticking.start()
        ticking.join(0.5)
        assert ticking.is_alive(), "a relay waits for a connection"
        others.close()
        deadline = time.monotonic() + 30
        while _state(site, number) is not State.SENDING:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        stop.set()
        ticking.join()
        drain(site, "mail", threading.Event())
        assert sorted(one.address for one in far_end.heard()) == ["a0", "a1"]


def _state(site: Site, number: int) -> State:
    with reading(site.engine) as session:
        return session.get_one(DispatchRow, number).state
