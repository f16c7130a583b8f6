"""A commit whose reply is lost: the database has it, the sender does not know, and writes it again."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path

from alertd import plan, store
from alertd.clock import SystemClock
from alertd.db import reading, writing
from alertd.send import drain
from alertd.site import Site
from alertd.tables import DeliveryRow
from alertd.testing import FakeChannel, FakeFarEnd
from tests import factories


def test_a_mark_that_is_made_twice_counts_as_one_attempt(tmp_path: Path, database_url: str) -> None:
    far_end = FakeFarEnd(tmp_path / "far_end")
    settings = far_end.settings()
    channels = {"mail": FakeChannel("mail", settings)}
    site = factories.make_site(tmp_path, database_url, {"mail": settings}, channels, clock=SystemClock())
    try:
        delivery = planned(site)
        now = site.clock.now()
        until = now + timedelta(seconds=30)
        with writing(site.engine) as session:
            store.claim(session, "mail", "me", handed=False, limit=1, now=now, until=until)
        for _ in range(2):
            with writing(site.engine) as session:
                assert store.mark_handed(session, "me", [delivery], now) == {delivery}
        assert attempt(site, delivery) == 1, (
            "its receipt will speak of attempt 1, and be taken for a stale one"
        )
        with writing(site.engine) as session:
            store.unmark(session, "me", [delivery], now)
        drain(site, "mail", threading.Event())
        assert attempt(site, delivery) == 1
        assert len(list(far_end.heard())) == 1
    finally:
        site.close()


def planned(site: Site) -> int:
    """One delivery, approved and planned."""
    factories.add_people(site, ["p@example.jp"])
    dispatch = factories.submit(site)
    factories.approve(site, dispatch)
    plan.plan(site, dispatch)
    return 1


def attempt(site: Site, delivery: int) -> int:
    """Hand-overs begun so far."""
    with reading(site.engine) as session:
        return session.get_one(DeliveryRow, delivery).attempt
