"""kill -9 in the middle of an airing and of calls: nobody hears it twice, nobody is called twice."""

from __future__ import annotations

import time
from collections.abc import Callable

from sqlalchemy import select

from alertd.alert import Status
from alertd.clock import stopwatch
from alertd.db import reading
from alertd.tables import DeliveryRow
from tests.chaos.judge import judge
from tests.chaos.layout import Population, Timing
from tests.chaos.nemesis import Fault, Kind, Nemesis
from tests.chaos.run import wait_until_final
from tests.chaos.town import Town, running
from tests.nursery import Nursery


def wait_for(town: Town, what: Callable[[], bool], nemesis: Nemesis) -> None:
    """Until something is so, for at most 30 seconds."""
    deadline = stopwatch() + 30
    while not what():
        assert stopwatch() < deadline, town.log("worker")
        nemesis.tend()
        time.sleep(0.02)


def handed_over(town: Town, number: int, channel: str) -> bool:
    """Whether a hand-over on the channel has begun and is not over."""
    with reading(town.site.engine) as session:
        found = session.scalar(
            select(DeliveryRow.id)
            .where(
                DeliveryRow.dispatch_id == number,
                DeliveryRow.channel == channel,
                DeliveryRow.handed_at.is_not(None),
                DeliveryRow.due_at.is_not(None),
            )
            .limit(1)
        )
    return found is not None


def test_nobody_hears_it_twice_or_is_called_twice_when_senders_die(nursery: Nursery) -> None:
    """All is killed while the station airs it; the worker twice more while calls are being placed."""
    with running(
        Population(mail=0, phone=60, fm=1, radio=0), timing=Timing(reconcile=2), nursery=nursery
    ) as town:
        town.wait_for_worker()
        nemesis = Nemesis(town)
        number = town.approve(Status.ACTUAL)
        wait_for(town, lambda: handed_over(town, number, "fm"), nemesis)
        wait_for(town, lambda: created(town) >= 5, nemesis)
        assert town.heard("fm") == 0, "the airing is over before the blow"
        nemesis.strike(Fault(Kind.POWER, 0.0, 0.2))
        for calls in (10, 30):
            wait_for(town, lambda least=calls: created(town) >= least, nemesis)  # type: ignore[misc]
            nemesis.strike(Fault(Kind.WORKER, 0.0, 0.2))
        wait_until_final(town, nemesis, number, within=60)
        verdict = judge(town, nemesis.struck)
        tally = town.report(number)
        airings = town.ledger("fm")
    assert verdict.broken == []
    assert (verdict.lost, verdict.double_calls, verdict.double_airings) == (0, 0, 0)
    assert [airing["complete"] for airing in airings] == [True]
    said = tally.channels["fm"].outcomes
    assert said["delivered"] + said["unknown"] == 1
    assert sum(tally.channels["phone"].outcomes.values()) == 60


def created(town: Town) -> int:
    """How many calls there have been."""
    return sum(entry["event"] == "created" for entry in town.ledger("phone"))
