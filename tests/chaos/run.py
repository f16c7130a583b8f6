"""One run: a town, a dispatch after the other, blows by the schedule, and the judge's verdict."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

from alertd.alert import Status
from tests.chaos.judge import Verdict, judge
from tests.chaos.layout import Population, Timing
from tests.chaos.nemesis import Fault, Kind, Nemesis, schedule
from tests.chaos.town import Town, running
from tests.nursery import Nursery


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run is made of; the same plan strikes in the same way."""

    recipients: int
    faults: int
    seed: int
    database: str
    #: mean seconds between two blows
    interval: float = 0.8
    #: the longest that a patient blow waits for mails to flow again, in seconds
    recovery: float = 15.0
    #: see `Timing.reconcile`
    reconcile: float = 10.0
    #: seconds until a dispatch after the last blow must be finished
    patience: float = 240.0

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """A database that is not a server of our own is not crashed."""
        return tuple(kind for kind in Kind if kind is not Kind.DATABASE or self.database == "postgres")

    @property
    def timing(self) -> Timing:
        """The mail server is slow enough that the blows fall while mails are under way."""
        sessions = 8
        delay = self.faults * self.interval * sessions / self.recipients / 2
        return Timing(sessions=sessions, mail_delay=round(min(delay, 0.1), 4), reconcile=self.reconcile)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a run came to."""

    plan: Plan
    verdict: Verdict
    #: how often each blow was dealt
    struck: Mapping[str, int]
    dispatches: int
    seconds: float

    def as_json(self) -> dict[str, object]:
        """The result as JSON values."""
        found = self.verdict
        return {
            "seed": self.plan.seed,
            "database": self.plan.database if "@" not in self.plan.database else "url",
            "recipients": self.plan.recipients,
            "faults": sum(self.struck.values()),
            "dispatches": self.dispatches,
            "deliveries": found.deliveries,
            "lost": found.lost,
            "doubles": found.doubles,
            "sender_deaths": found.sender_deaths,
            "double_calls": found.double_calls,
            "double_airings": found.double_airings,
            "slowest_recovery": round(found.slowest_recovery, 1),
            "slowest_after": found.slowest_after,
            "slowest_of_many": round(found.slowest_of_many, 1),
            "seconds": round(self.seconds, 1),
            "struck": dict(self.struck),
            "broken": found.broken,
        }


def run(plan: Plan, say: Callable[[str], None] = lambda _: None, *, nursery: Nursery | None = None) -> Result:
    """Runs a plan to its verdict; programs start in a moment where there is a `nursery`.

    Alerts follow each other, real ones and drills in turn, until every blow is dealt;
    each begins when the one before is finished.
    """
    started = time.monotonic()
    population = Population(mail=plan.recipients)
    with running(population, database=plan.database, timing=plan.timing, nursery=nursery) as town:
        town.wait_for_worker()
        nemesis = Nemesis(town)
        blows = schedule(plan.seed, plan.faults, interval=plan.interval, kinds=plan.kinds)
        while True:
            status = Status.EXERCISE if len(town.dispatches) % 2 else Status.ACTUAL
            number = town.approve(status)
            begun = time.monotonic()
            while blows and not _final(town, number):
                _let_go_on(town, nemesis, blows[0], number, plan.recovery)
                if not _final(town, number):
                    nemesis.strike(blows.pop(0))
            if not blows:
                break
            say(
                f"dispatch {number} ({status}) took {time.monotonic() - begun:.1f} s; {len(blows)} blows left"
            )
        nemesis.rest()
        wait_until_final(town, nemesis, number, within=plan.patience)
        verdict = judge(town, nemesis.struck)
        if verdict.broken:
            for name in town.programs:
                say(f"--- the end of what {name} said:\n{town.log(name)[-2000:]}")
        return Result(
            plan=plan,
            verdict=verdict,
            struck=Counter(blow.fault.kind.value for blow in nemesis.struck),
            dispatches=len(town.dispatches),
            seconds=time.monotonic() - started,
        )


def wait_until_final(town: Town, nemesis: Nemesis, number: int, *, within: float) -> None:
    """Returns when a dispatch is finished, or its time is over: then the judge will say so."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline and not _final(town, number):
        _tend_for(nemesis, 0.2)


def _let_go_on(town: Town, nemesis: Nemesis, blow: Fault, number: int, recovery: float) -> None:
    """The peace before a blow."""
    before = town.heard("mail")
    deadline = time.monotonic() + recovery
    _tend_for(nemesis, blow.after)
    while blow.patient and town.heard("mail") == before and time.monotonic() < deadline:
        if _final(town, number):
            return
        _tend_for(nemesis, 0.1)


def _tend_for(nemesis: Nemesis, seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        nemesis.tend()
        time.sleep(0.05)


def _final(town: Town, number: int) -> bool:
    try:
        return town.report(number).final
    except SQLAlchemyError:
        return False
