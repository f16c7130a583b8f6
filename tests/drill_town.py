"""A drill town: sections for drills beside live ones, people, a clock that is moved, and any number of relays."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from alertd import issue, plan, store
from alertd.alert import Severity, Status
from alertd.audience import Audience
from alertd.channel import Medium
from alertd.db import reading, writing
from alertd.dispatch import Person, State
from alertd.drill import arm, fire
from alertd.drill import schedule as scheduling
from alertd.drill.file import read
from alertd.drill.watch import DrillWatch
from alertd.send import drain
from alertd.site import Site
from alertd.store import drills
from alertd.tables import DispatchRow, DrillStepRow, MembershipRow, OccurrenceRow
from alertd.testing import FakeChannel, FakeFarEnd, FixedClock
from tests import factories
from tests.factories import APPROVER, WRITER

#: two messages, an announcement the day before and one ten minutes before
SCENARIO = """\
name: flood-test
title: {ja: 水害訓練, en: Flood drill}
time: "10:00"
audience: everybody
channels: [drill-mail]
goal: {percent: 95, within: 10m}
announce:
  - at: day before 17:00
  - before: 10m
steps:
  - at: T
    template: flood-3
    values: {river: 五十嵐川}
    areas: [嵐南]
  - at: T+30m
    template: flood-4
    values: {river: 五十嵐川, shelters: 第一中学校}
    areas: [嵐南]
"""
#: the same without announcements: one message
SHORT = """\
name: short-test
title: {ja: 連絡訓練}
time: "10:00"
audience: everybody
channels: [drill-mail]
steps:
  - at: T
    template: water-outage
    values: {reason: 水道管の破損}
"""
RECURRING = SHORT.replace('time: "10:00"', 'time: "10:00"\nrule: every Monday')


@dataclass
class Town:
    """A site with `drill-mail` for drills and `live-mail` for real alerts, each with a far end of its own."""

    site: Site
    clock: FixedClock
    drill_end: FakeFarEnd
    live_end: FakeFarEnd
    _watches: list[DrillWatch] = field(default_factory=list)

    @classmethod
    def open(
        cls,
        folder: Path,
        database_url: str,
        *,
        start: datetime = factories.START,
        people: int = 3,
        mixed: bool = False,
    ) -> Town:
        """A town at `start` (10:00 in Japan on a Monday)."""
        drill_end, live_end = FakeFarEnd(folder / "drill_end"), FakeFarEnd(folder / "live_end")
        drill = (Status.EXERCISE, Status.TEST)
        settings = {
            "drill-mail": drill_end.settings(carries=drill, attempts=2, retry_after=(1.0,)),
            "drill-fm": drill_end.settings(carries=drill, medium=Medium.BROADCAST, kind="fm"),
            "live-mail": live_end.settings(carries=(Status.ACTUAL,)),
            "live-fm": live_end.settings(carries=(Status.ACTUAL,), medium=Medium.BROADCAST, kind="fm"),
        }
        if mixed:
            settings["both-mail"] = live_end.settings(carries=tuple(Status)[:2])
        clock = FixedClock(start)
        site = factories.make_site(
            folder,
            database_url,
            settings,
            {name: FakeChannel(name, found) for name, found in settings.items()},
            clock=clock,
        )
        factories.add_people(site, [f"a{n}@example.jp" for n in range(people)])
        staff = factories.add_people(site, ["staff@example.jp"], area="IGR")
        keen = factories.add_people(site, ["keen@example.jp"], area="RHK", language="en")
        with writing(site.engine) as session:
            session.add(MembershipRow(recipient_id=staff[0], group_name=site.config.drill.staff_group))
            session.add(MembershipRow(recipient_id=keen[0], group_name=site.config.drill.subscribers_group))
        return cls(site, clock, drill_end, live_end)

    def close(self) -> None:
        """Ends the relays and lets the site go."""
        for watch in self._watches:
            watch.close()
        self.site.close()

    # what people do

    def schedule(
        self,
        scenario: str = SCENARIO,
        *,
        after: timedelta | None = timedelta(hours=48),
        person: Person = WRITER,
    ) -> int:
        """Schedules a drill so long from now; None = by its own rule."""
        once = self.clock.now() + after if after is not None else None
        return scheduling.schedule(self.site, read(scenario), person, once_at=once)

    def arm(self, number: int, person: Person = APPROVER) -> int:
        """Arms what is due within a day, as it is shown."""
        return arm.arm(self.site, number, person, seen=self.seen(number))

    def seen(self, number: int) -> str:
        """What who arms is shown."""
        with reading(self.site.engine) as session:
            steps = arm.armable(drills.steps(session, number), self.clock.now())
            return arm.arming_hash(steps, drills.step_dispatches(session, number))

    def stop(self, number: int, person: Person = APPROVER, *, series: bool = False) -> None:
        """Stops a drill."""
        fire.stop(self.site, number, person, reason="雨", series=series)

    def real_alert(
        self, *, severity: Severity = Severity.SEVERE, life: timedelta = timedelta(hours=6)
    ) -> int:
        """A real alert to everybody over the live section, let go by two people."""
        now = self.clock.now()
        alert = factories.make_alert(
            identifier=f"real-{now:%Y%m%d%H%M%S}",
            status=Status.ACTUAL,
            severity=severity,
            sent=now.replace(microsecond=0),
            life=life,
        )
        number = issue.submit(
            self.site,
            issue.Submission(
                alert=alert, audience=Audience(everybody=True), channels=("live-mail",), anew="別の災害です"
            ),
            WRITER,
        )
        factories.approve(self.site, number)
        return number

    # what machines do

    def watch(self) -> DrillWatch:
        """One more relay."""
        made = DrillWatch(self.site)
        self._watches.append(made)
        return made

    def look(self, *, send: bool = True) -> None:
        """One look of one relay, its slow work done too; then everything that is due is sent."""
        self.tend()
        fire.fire_due(self.site)
        if send:
            self.send()

    def tend(self) -> None:
        """What takes a relay time: next occurrences, words and sounds, the looks before a start."""
        watch = self._watches[0] if self._watches else self.watch()
        watch.work()

    def send(self) -> None:
        """Plans what was let go, hands it over, and finishes what is final."""
        self.plan()
        self.hand_over()
        self.finish()

    def plan(self) -> None:
        """Makes the deliveries of what was let go."""
        with reading(self.site.engine) as session:
            approved = [row.id for row in store.dispatches_in(session, State.APPROVED)]
        for number in approved:
            plan.plan(self.site, number)

    def hand_over(self) -> None:
        """Workers send over every section that has something."""
        with reading(self.site.engine) as session:
            going = [row.channels for row in store.dispatches_in(session, State.SENDING)]
        for name in sorted({name for channels in going for name in channels}):
            drain(self.site, name, threading.Event())

    def finish(self) -> None:
        """A relay finishes what is final."""
        with reading(self.site.engine) as session:
            going = [row.id for row in store.dispatches_in(session, State.SENDING)]
        for number in going:
            with writing(self.site.engine) as session:
                row = store.dispatch(session, number, lock=True)
                if row is not None and not store.something_due(session, number):
                    row.state, row.finished_at = State.FINISHED, self.clock.now()

    def go_to(self, moment: datetime, *, step: timedelta = timedelta(minutes=10)) -> None:
        """Moves the clock on to that moment, looking as often as `step`."""
        while self.clock.now() < moment:
            self.clock.advance(min(step, moment - self.clock.now()))
            self.look()

    # what is seen

    def occurrence(self, number: int) -> OccurrenceRow:
        with reading(self.site.engine) as session:
            row = drills.occurrence(session, number)
            assert row is not None
            return row

    def steps(self, number: int) -> list[DrillStepRow]:
        with reading(self.site.engine) as session:
            return list(drills.steps(session, number))

    def dispatches(self, number: int) -> list[DispatchRow]:
        """Of every message, in their order."""
        with reading(self.site.engine) as session:
            found = drills.step_dispatches(session, number)
            return [found[step.id] for step in drills.steps(session, number) if step.id in found]

    def heard(self) -> list[str]:
        """First lines of what arrived at the drill's far end, as often as it did, for one recipient."""
        return [
            one.text.splitlines()[2]
            for one in self.drill_end.heard()
            if one.address == "a0@example.jp" and one.text
        ]
