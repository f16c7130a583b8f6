"""Death at every commit of approving, planning, claiming, handing over, recording and cancelling."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import select

from alertd import issue, plan
from alertd.alert import Status
from alertd.channel import InDoubt
from alertd.db import reading
from alertd.dispatch import State
from alertd.tables import AuditRow, DispatchRow
from alertd.testing.fake import FakeSettings, ledger
from tests import factories
from tests.failpoint import Side, die_at
from tests.flow.conftest import City, MakeCity
from tests.flow.test_stream_flow import StreamingChannel

#: longer than a lease, and than the time that a streaming sender's journal is waited for
LATER = timedelta(seconds=40)
PEOPLE, GROUP = 4, 2
#: more commits than any walk has
MANY = 60


def submitted(city: City, number: int) -> tuple[int, str]:
    """A real alert of its own that nobody has approved yet."""
    identifier = f"sanjo.failpoint.{number}"
    alert = factories.make_alert(identifier=identifier, status=Status.ACTUAL, sent=city.clock.now())
    return factories.submit(city.site, alert), identifier


def state(city: City, dispatch: int) -> State:
    with reading(city.site.engine) as session:
        return session.get_one(DispatchRow, dispatch).state


def times_heard(city: City, identifier: str) -> Counter[str]:
    """How often each person heard an alert."""
    lines = ledger(city.far_end.folder)
    return Counter(str(line["address"]) for line in lines if line["identifier"] == identifier)


def steps(city: City, dispatch: int) -> Counter[str]:
    with reading(city.site.engine) as session:
        of = select(AuditRow.action).where(AuditRow.subject == f"dispatch:{dispatch}")
        return Counter(session.scalars(of).all())


def walk(city: City, dispatch: int, *, relay: bool) -> None:
    """The whole way of an alert, from its approval; to its end where there is a relay."""
    factories.approve(city.site, dispatch)
    plan.plan(city.site, dispatch)
    city.drain()
    if relay:
        city.tick()


def go_on(city: City, dispatch: int) -> None:
    """What those do who are started again, until nothing of a dispatch is open."""
    plan.plan(city.site, dispatch)
    for _ in range(4):
        city.drain()
        if not city.mail(dispatch).open:
            break
        city.clock.advance(LATER)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("policy", "streams", "doubles"),
    [
        (InDoubt.RESEND, False, 2 * GROUP),
        (InDoubt.RESEND, True, 1),
        (InDoubt.ASK, False, 0),
        (InDoubt.HOLD, False, 0),
    ],
    ids=["groups", "stream", "asked", "held"],
)
@pytest.mark.parametrize("side", list(Side))
def test_death_at_any_commit_loses_nothing_and_keeps_every_word(
    make_city: MakeCity, policy: InDoubt, streams: bool, doubles: int, side: Side
) -> None:
    city = make_city(in_doubt=policy, batch_size=GROUP)
    settings = city.site.settings["mail"]
    assert isinstance(settings, FakeSettings)
    if streams:
        city.site._channels["mail"] = StreamingChannel("mail", settings)
    factories.add_people(city.site, [f"p{n}@example.jp" for n in range(PEOPLE)])
    relay = policy is InDoubt.RESEND and not streams
    deaths: set[str] = set()
    for number in range(1, MANY):
        dispatch, identifier = submitted(city, number)
        death = die_at(number, side, city.site.engine, partial(walk, city, dispatch, relay=relay))
        if death is None:
            break
        deaths.add(death.verb)
        where = f"{side} commit {number}, {death.verb}"
        if state(city, dispatch) is State.SUBMITTED:
            # the operator was not told that it goes out, and it does not
            plan.plan(city.site, dispatch)
            city.drain()
            assert not times_heard(city, identifier), where
            factories.approve(city.site, dispatch)
        go_on(city, dispatch)
        if relay:
            city.tick()
            assert state(city, dispatch) is State.FINISHED, where
            assert steps(city, dispatch)["dispatch.finished"] == 1, where
        heard, tally = times_heard(city, identifier), city.mail(dispatch).outcomes
        assert tally["accepted"] + tally["delivered"] + tally["unknown"] == PEOPLE, f"{where}: {tally}"
        assert len(heard) + tally["unknown"] >= PEOPLE, f"{where}: lost"
        assert tally["unknown"] == 0 or policy is InDoubt.HOLD, where
        assert heard.total() - len(heard) <= doubles, where
        once = steps(city, dispatch)
        assert once["dispatch.approved"] == once["dispatch.planned"] == 1, where
    sends = {"stream"} if streams else {"send._claim", "send._turn"}
    for verb in {"issue.let_go", "plan."} | sends | ({"relay._conclude"} if relay else set()):
        assert any(point.startswith(verb) for point in deaths), f"nobody died in {verb}: {deaths}"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("side", list(Side))
def test_death_at_any_commit_of_a_stop_leaves_it_undone_or_done(make_city: MakeCity, side: Side) -> None:
    city = make_city(batch_size=GROUP, attempts=5, retry_after=(3600.0,))
    reached = [f"p{n}@example.jp" for n in range(3)]
    factories.add_people(city.site, [*reached, "busy@example.jp"])
    deaths = 0
    for number in range(1, MANY):
        dispatch, identifier = submitted(city, number)
        city.send(dispatch)

        def stop(dispatch: int = dispatch) -> None:
            issue.cancel(city.site, dispatch, factories.APPROVER, reason="誤報", correct=True)

        death = die_at(number, side, city.site.engine, stop)
        if death is None:
            break
        deaths += 1
        where = f"{side} commit {number}, {death.verb}"
        done = state(city, dispatch) is State.CANCELLED
        city.tick()
        city.drain()
        if not done or not corrected(city, identifier):
            assert not corrected(city, identifier), where
            stop()
            city.tick()
            city.drain()
        assert state(city, dispatch) is State.CANCELLED, where
        assert steps(city, dispatch)["dispatch.cancelled"] == 1, where
        assert times_heard(city, identifier) == Counter(reached), where
        assert corrected(city, identifier) == Counter(reached), where
        assert city.mail(dispatch).outcomes["cancelled"] == 1, where
    assert deaths


def corrected(city: City, identifier: str) -> Counter[str]:
    """How often each person heard that an alert does not hold."""
    lines = ledger(city.far_end.folder)
    return Counter(str(line["address"]) for line in lines if line["references"] == [identifier])
