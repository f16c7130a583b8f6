"""The drill workspace with live sections beside it, and everything that operators, machines and chance do in it.

Each action is a method; what the rules refuse is refused and the world goes on. The live
far ends have the same people as the drill's, and must hear nothing, whatever happens.
"""

from __future__ import annotations

import random
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import select

from alertd import issue
from alertd.alert import Severity, Status
from alertd.audience import Audience
from alertd.db import reading, writing
from alertd.dispatch import Move, Person, State
from alertd.drill import CHECKS, arm, armed, fire
from alertd.drill import schedule as scheduling
from alertd.drill.file import read
from alertd.errors import AlertdError
from alertd.store import drills
from alertd.tables import AlertRow, ArtefactRow, DispatchRow, OccurrenceRow, OperatorRow
from tests import factories
from tests.drill_town import SHORT, Town
from tests.drill_witness import Witness

PEOPLE = (factories.WRITER, factories.APPROVER, factories.BOTH, factories.TRAINEE)
CHANNELS = ("drill-mail", "drill-fm", "live-mail", "live-fm", "both-mail", "nowhere")
AUDIENCES = (
    Audience(everybody=True),
    Audience(areas=("RNN",)),
    Audience(areas=("IGR", "RHK")),
    Audience(groups=("職員",)),
    Audience(groups=("訓練参加者",)),
)
_TEMPLATES = (
    ("water-outage", "{reason: 水道管の破損}"),
    ("flood-4", "{river: 五十嵐川, shelters: 第一中学校}"),
)
_ADVANCES = (1, 1, 1, 5, 5, 30, 30, 55, 60, 290, 600, 3600, 86400, -30, -600, -3600)


class Seen(NamedTuple):
    """A dispatch as somebody sees it on the screen."""

    id: int
    alert_id: int
    content_hash: str


class World:
    """One small city for some thousand actions; `chance` makes them repeatable."""

    def __init__(self, folder: Path, chance: random.Random) -> None:
        file = folder / "alertd.db"
        self.town = Town.open(folder, f"sqlite:///{file}", people=1, mixed=True)
        self._glance = sqlite3.connect(file, isolation_level=None)
        self.chance = chance
        self.done: Counter[str] = Counter()
        self.witness = Witness(self.town)
        self.refused = 0
        self._made = 0

    def close(self) -> None:
        """Lets everything go."""
        self._glance.close()
        self.town.close()

    # what people do

    def schedule(self) -> None:
        """A drill over any sections, for anybody, soon or never."""
        chosen = self.chance.sample(CHANNELS, self.chance.choice((1, 1, 2)))
        if self.chance.random() < 0.6:
            chosen = ["drill-mail"]
        template, values = self.chance.choice(_TEMPLATES)
        meant = self.chance.choice(("everybody", "everybody", "staff", "subscribers", "[staff, subscribers]"))
        announce = "announce:\n  - before: 10m\n" if self.chance.random() < 0.3 else ""
        text = (
            f"name: chaos\ntitle: {{ja: 訓練}}\ntime: '10:00'\naudience: {meant}\n"
            f"channels: [{', '.join(chosen)}]\nsiren: {self.chance.choice(('yes', 'no'))}\n{announce}"
            f"steps:\n  - at: T\n    template: {template}\n    values: {values}\n"
        )
        start = self.now + timedelta(seconds=self.chance.choice((30, 60, 600, 900, 3600, 90000)))
        self._try(lambda: scheduling.schedule(self.town.site, read(text), self._person(), once_at=start))

    def arm(self) -> None:
        """Somebody arms a drill, with what is shown or with something else."""
        number = self._occurrence()
        if number is not None:
            seen = self.town.seen(number) if self.chance.random() < 0.9 else "0" * 64
            self._try(lambda: arm.arm(self.town.site, number, self._person(), seen=seen))

    def stop(self) -> None:
        """Somebody stops a drill."""
        number = self._occurrence()
        if number is not None:
            self._try(lambda: fire.stop(self.town.site, number, self._person(), reason="雨"))

    def submit(self) -> None:
        """Somebody hands a drill in by hand, over any sections."""
        self._made += 1
        status = self.chance.choice((Status.EXERCISE, Status.EXERCISE, Status.TEST, Status.ACTUAL))
        person = self._person()
        if status is Status.ACTUAL:
            person = factories.TRAINEE  # whoever else hands a real alert in means it
        alert = factories.make_alert(
            identifier=f"chaos-{self._made}",
            status=status,
            severity=self.chance.choice(list(Severity)),
            sent=self.now.replace(microsecond=0),
        )
        submission = issue.Submission(
            alert=alert,
            audience=self.chance.choice(AUDIENCES),
            channels=self.chance.sample(CHANNELS[:4], self.chance.choice((1, 1, 2))),
            life_threat=self.chance.random() < 0.5,
        )
        self._try(lambda: issue.submit(self.town.site, submission, person))

    def approve(self) -> None:
        """Somebody approves, or sends alone, whatever waits, with what is shown or not."""
        row = self._dispatch(State.SUBMITTED)
        if row is not None:
            seen = row.content_hash if self.chance.random() < 0.9 else "0" * 64
            person = self._person()
            if self.chance.random() < 0.8:
                self._try(lambda: issue.approve(self.town.site, row.id, person, seen=seen))
            else:
                self._try(
                    lambda: issue.let_go(
                        self.town.site, row.id, person, Move.OVERRIDE, seen=seen, reason="川が氾濫"
                    )
                )

    def cancel(self) -> None:
        """Somebody stops a dispatch and corrects it."""
        row = self._dispatch()
        if row is not None:
            correct = self.chance.random() < 0.7
            self._try(
                lambda: issue.cancel(self.town.site, row.id, self._person(), reason="誤り", correct=correct)
            )

    # what machines do

    def wait(self) -> None:
        """Time passes; sometimes the clock is put back."""
        self.town.clock.advance(timedelta(seconds=self.chance.choice(_ADVANCES)))

    def come_near(self) -> None:
        """Time passes until a drill's next moment."""
        number = self._occurrence()
        if number is not None:
            moment = self.town.occurrence(number).starts_at - timedelta(
                seconds=self.chance.choice((3600, 600, 60, 0, 0, 0, -300))
            )
            self.town.clock.advance(moment - self.now)

    def carry_on(self) -> None:
        """Everybody does the next right thing for the latest drill, so that many do take place."""
        number = self._occurrence(newest=True)
        row = self.town.occurrence(number) if number is not None else None
        if row is None or number is None or row.ended_at is not None:
            after = timedelta(seconds=self.chance.choice((90, 900, 4000)))
            self._try(lambda: self.town.schedule(SHORT, after=after))
        elif row.prepared_at is None:
            self.tend()
        elif not all(armed(step) for step in self.town.steps(number)):
            self._try(lambda: self.town.arm(number, self.chance.choice(PEOPLE[1:3])))
        else:
            self._next_moment(row)

    def _next_moment(self, row: OccurrenceRow) -> None:
        with reading(self.town.site.engine) as session:
            checked = drills.checks(session, row.id)
            states = {one.state for one in drills.step_dispatches(session, row.id).values()}
        passed = [minutes for minutes in CHECKS if row.starts_at - timedelta(minutes=minutes) <= self.now]
        if State.APPROVED in states:
            self.plan()
        elif State.SENDING in states:
            self.chance.choice((self.hand_over, self.finish))()
        elif passed and min(passed) not in checked:
            self.tend()
        elif row.starts_at <= self.now:
            self.fire()
        else:
            coming = [row.starts_at - timedelta(minutes=minutes) for minutes in (*CHECKS, 0)]
            self.town.clock.advance(min(moment for moment in coming if moment > self.now) - self.now)

    def look(self) -> None:
        """A relay looks at everything; what it let go is sent over every section that has something."""
        self.town.look()

    def tend(self) -> None:
        """A relay prepares and checks."""
        self.town.tend()

    def fire(self) -> None:
        """A relay lets go what is due, and ends what must end."""
        fire.fire_due(self.town.site)

    def plan(self) -> None:
        """A relay makes deliveries of what was let go."""
        self.town.plan()

    def hand_over(self) -> None:
        """Workers send what is due."""
        self.town.hand_over()

    def finish(self) -> None:
        """A relay finishes what is final."""
        self.town.finish()

    # what chance and malice do

    def go_down(self) -> None:
        """A far end falls silent or comes back."""
        end = self.chance.choice((self.town.drill_end, self.town.live_end))
        end.go_down() if self.chance.random() < 0.4 else end.come_up()

    def real_alert(self) -> None:
        """A real alert is in force in the city; its own way out is not ours to watch."""
        self._made += 1
        now = self.now
        with writing(self.town.site.engine) as session:
            document = AlertRow(
                identifier=f"real-{self._made}", sender="x@y", sent=now, status=Status.ACTUAL,
                msg_type="Alert", headline="避難指示", document=b"<alert/>", created_at=now,
            )  # fmt: skip
            session.add(document)
            session.flush()
            session.add(
                DispatchRow(
                    alert_id=document.id, state=State.FINISHED, priority=1, audience={"everybody": True},
                    channels=[], counts={}, content_hash="", audience_hash="", submitted_by=1,
                    expires_at=now + timedelta(minutes=self.chance.choice((1, 60))), submitted_at=now,
                    approved_by=2, approved_at=now, finished_at=now,
                )
            )  # fmt: skip

    def tamper(self) -> None:
        """Somebody writes into the database: sections, audience, status, words, state of a drill."""
        row = self._dispatch()
        if row is None:
            return
        what = self.chance.choice(("channels", "audience", "status", "words", "hash", "operator"))
        with writing(self.town.site.engine) as session:
            stored = session.get_one(DispatchRow, row.id)
            if what == "channels":
                stored.channels = [self.chance.choice(("live-mail", "live-fm"))]
                stored.counts = dict.fromkeys(stored.channels, 3)
            elif what == "audience":
                stored.audience = {"everybody": True}
            elif what == "status":
                session.get_one(AlertRow, stored.alert_id).status = Status.ACTUAL
            elif what == "words":
                made = session.scalars(select(ArtefactRow).where(ArtefactRow.dispatch_id == row.id)).first()
                if made is not None:
                    made.text = made.text.replace("訓練", "")
                    self.witness.tampered.add(made.id)
            elif what == "hash":
                stored.content_hash = "0" * 64
            else:
                operator = session.get_one(OperatorRow, self.chance.choice(PEOPLE).id)
                operator.active = not operator.active

    # private steps

    @property
    def now(self) -> datetime:
        return self.town.clock.now()

    def _person(self) -> Person:
        return self.chance.choice(PEOPLE)

    def _occurrence(self, *, newest: bool = False) -> int | None:
        found = self._ask("SELECT id FROM drill_occurrence ORDER BY id DESC LIMIT 4")
        if not found:
            return None
        number: int = found[0][0] if newest else self.chance.choice(found)[0]
        return number

    def _dispatch(self, state: State | None = None) -> Seen | None:
        found = self._ask(
            "SELECT id, alert_id, content_hash FROM dispatch WHERE content_hash != ''"
            " AND state = coalesce(?, state) ORDER BY id DESC LIMIT 5",
            state and state.value,
        )
        return Seen(*self.chance.choice(found)) if found else None

    def _ask(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """What chance needs to know, past the engine, so that it costs next to nothing."""
        return self._glance.execute(query, values).fetchall()

    def _try(self, deed: Callable[[], object]) -> None:
        before = self.refused
        self.refused += 1
        with suppress(AlertdError):
            deed()
            self.refused = before


#: every action with its weight
ACTIONS: dict[str, int] = {
    "carry_on": 35, "schedule": 8, "arm": 80, "stop": 6, "submit": 40, "approve": 200, "cancel": 60,
    "wait": 230, "come_near": 65, "look": 1, "tend": 8, "fire": 25, "plan": 40, "hand_over": 30,
    "finish": 20, "go_down": 80, "real_alert": 1, "tamper": 20,
}  # fmt: skip


def act(world: World, name: str) -> None:
    """One action."""
    getattr(world, name)()
    world.done[name] += 1
