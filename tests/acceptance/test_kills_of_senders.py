"""kill -9 in the middle of a dispatch: nothing is lost, doubles are few, and nobody has to help."""

from __future__ import annotations

import time

import pytest

from alertd import store
from alertd.alert import Status
from alertd.db import reading
from alertd.relay import NOBODY_LOOKS
from tests.chaos.judge import DOUBLES_PER_DEATH, Verdict, judge
from tests.chaos.layout import Population, Timing
from tests.chaos.nemesis import Fault, Kind, Nemesis
from tests.chaos.run import Plan, run, wait_until_final
from tests.chaos.town import Town, running
from tests.nursery import Nursery

#: of every blow: struck at once, and away for as long as a supervisor takes
AWAY = 0.2


def strike(town: Town, nemesis: Nemesis, kind: Kind, *, when: int, channel: str = "mail") -> None:
    """Deals a blow when so many effects have been heard."""
    deadline = time.monotonic() + 45
    while town.heard(channel) < when and time.monotonic() < deadline:
        nemesis.tend()
        time.sleep(0.01)
    assert town.heard(channel) >= when, f"{town.heard(channel)} of {when}; worker: {town.log('worker')}"
    nemesis.strike(Fault(kind, 0.0, AWAY))


def finish(town: Town, nemesis: Nemesis, number: int) -> Verdict:
    """Waits for the end of a dispatch, and judges."""
    wait_until_final(town, nemesis, number, within=60)
    verdict = judge(town, nemesis.struck)
    logs = "\n".join(f"--- {name}\n{town.log(name)[-3000:]}" for name in town.programs)
    assert verdict.broken == [], logs
    return verdict


@pytest.mark.parametrize(
    ("database", "mails", "calls", "lease"),
    # leases that outlive the test: what a dead sender held must not wait for them
    [("sqlite", 900, 0, 300), ("postgres", 900, 4, 3)],
    ids=["sqlite", "postgres"],
)
def test_worker_relay_and_broker_may_be_killed_in_the_middle(
    database: str, mails: int, calls: int, lease: int, nursery: Nursery
) -> None:
    population = Population(mail=mails, phone=calls, fm=0, radio=0)
    timing = Timing(mail_delay=0.05, sessions=8, reconcile=2, lease=lease)
    with running(population, database=database, timing=timing, nursery=nursery) as town:
        town.wait_for_worker()
        nemesis = Nemesis(town)
        number = town.approve(Status.ACTUAL)
        strike(town, nemesis, Kind.WORKER, when=mails // 6)
        strike(town, nemesis, Kind.RELAY, when=mails // 3)
        strike(town, nemesis, Kind.BROKER, when=mails // 2)
        strike(town, nemesis, Kind.WORKER, when=mails * 2 // 3)
        assert town.heard("mail") < mails, "the last blow came too late to prove anything"
        verdict = finish(town, nemesis, number)
    assert (verdict.lost, verdict.double_calls, verdict.double_airings) == (0, 0, 0)
    assert 1 <= verdict.sender_deaths <= 3
    assert verdict.doubles <= DOUBLES_PER_DEATH * verdict.sender_deaths
    assert verdict.slowest_recovery < 10


def test_without_a_broker_everything_goes_out_and_somebody_is_told(nursery: Nursery) -> None:
    population = Population(mail=300, phone=0)
    with running(population, absent=["broker"], nursery=nursery) as town:
        number = town.approve(Status.EXERCISE)
        nemesis = Nemesis(town)
        alarms = set()
        deadline = time.monotonic() + 45
        while not town.report(number).final and time.monotonic() < deadline:
            nemesis.tend()
            with reading(town.site.engine) as session:
                alarms |= {alarm.name for alarm in store.alarms(session)}
            time.sleep(0.1)
        verdict = finish(town, nemesis, number)
    assert NOBODY_LOOKS in alarms
    assert (verdict.lost, verdict.doubles) == (0, 0)


def test_a_short_chaos_keeps_every_promise(nursery: Nursery) -> None:
    """As `python3 dev.py chaos`, with blows that follow each other faster."""
    pace = {"interval": 0.8, "recovery": 2, "reconcile": 2}
    result = run(Plan(recipients=1200, faults=20, seed=20261123, database="sqlite", **pace), nursery=nursery)
    assert result.verdict.broken == []
    assert sum(result.struck.values()) == 20
    assert result.verdict.lost == 0
