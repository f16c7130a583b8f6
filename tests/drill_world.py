"""The drill workspace with live sections beside it, and everything that operators, machines and chance do in it.

Each action is a method; what the rules refuse is refused and the world goes on. The live
far ends have the same people as the drill's, and must hear nothing, whatever happens.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import select

from alertd import issue
from alertd.alert import Severity, Status
from alertd.audience import Audience
from alertd.db import reading, writing
from alertd.dispatch import Move, Person, State
from alertd.drill import arm as drill_arm
from alertd.drill import armed
from alertd.drill import fire as drill_fire
from alertd.drill import schedule as drill_schedule
from alertd.drill.file import read
from alertd.errors import AlertdError
from alertd.marks import has_marks, marks
from alertd.store import drills
from alertd.tables import AlertRow, ArtefactRow, DispatchRow, OccurrenceRow, OperatorRow
from tests import factories
from tests.drill_town import SHORT, Town

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


class World:
    """One small city for some thousand actions; `chance` makes them repeatable."""

    def __init__(self, folder: Path, chance: random.Random) -> None:
        self.town = Town.open(folder, f"sqlite:///{folder / 'alertd.db'}", people=1, mixed=True)
        self.chance = chance
        self.done: Counter[str] = Counter()
        self.refused = 0
        self.effects = 0
        self._read = 0
        self._keys: set[tuple[str, str]] = set()
        self._made = 0

    def close(self) -> None:
        """Looks for the last time and lets everything go."""
        self.look_at_the_world()
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
        self._try(lambda: drill_schedule.schedule(self.town.site, read(text), self._person(), once_at=start))

    def arm(self) -> None:
        """Somebody arms a drill, with what is shown or with something else."""
        number = self._occurrence()
        if number is not None:
            seen = self.town.seen(number) if self.chance.random() < 0.9 else "0" * 64
            self._try(lambda: drill_arm.arm(self.town.site, number, self._person(), seen=seen))

    def stop(self) -> None:
        """Somebody stops a drill."""
        number = self._occurrence()
        if number is not None:
            self._try(lambda: drill_fire.stop(self.town.site, number, self._person(), reason="雨"))

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
            self._try(
                lambda: self.town.schedule(
                    SHORT, after=timedelta(seconds=self.chance.choice((90, 900, 4000)))
                )
            )
        elif row.prepared_at is None:
            self.look()
        elif not all(armed(step) for step in self.town.steps(number)):
            self._try(lambda: self.town.arm(number, self.chance.choice(PEOPLE[1:3])))
        else:
            self._next_moment(row)

    def _next_moment(self, row: OccurrenceRow) -> None:
        for before in (3600, 600, 60, 0):
            moment = row.starts_at - timedelta(seconds=before)
            if moment > self.now:
                self.town.clock.advance(moment - self.now)
                break
        else:
            self.town.clock.advance(timedelta(seconds=20))
        self.look()

    def look(self) -> None:
        """A relay looks; what it let go is sent, over every section that has something."""
        self.town.look()

    def fire(self) -> None:
        """A relay looks and dies before it plans."""
        drill_fire.fire_due(self.town.site)

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
            elif what == "hash":
                stored.content_hash = "0" * 64
            else:
                operator = session.get_one(OperatorRow, self.chance.choice(PEOPLE).id)
                operator.active = not operator.active

    # what must hold

    def look_at_the_world(self) -> None:
        """No live far end has heard anything; every drill effect is marked at both ends, and is one."""
        heard = self.town.live_end.folder / "heard.jsonl"
        assert not heard.exists() or not heard.stat().st_size, heard.read_text()[:2000]
        ledger = self.town.drill_end.folder / "heard.jsonl"
        if not ledger.exists():
            return
        with ledger.open("rb") as file:
            file.seek(self._read)
            lines = file.readlines()
            self._read = file.tell()
        for line in lines:
            self._judge(json.loads(line))

    def _judge(self, effect: dict[str, str]) -> None:
        self.effects += 1
        status = Status(effect["status"])
        assert status in (Status.EXERCISE, Status.TEST), effect
        mine = marks(status, effect["language"])
        assert mine is not None
        text, word = effect["text"], "訓練" if status is Status.EXERCISE else "試験"
        begins, ends = text.splitlines()[0], text.rstrip().splitlines()[-1]
        assert word in begins and word in ends and has_marks(begins) and has_marks(ends), effect
        assert effect["headline"].startswith(mine.prefix), effect
        key = (effect["key"], str(effect["attempt"]))
        assert key not in self._keys, f"twice: {effect}"
        self._keys.add(key)

    # private steps

    @property
    def now(self) -> datetime:
        return self.town.clock.now()

    def _person(self) -> Person:
        return self.chance.choice(PEOPLE)

    def _occurrence(self, *, newest: bool = False) -> int | None:
        with reading(self.town.site.engine) as session:
            rows = session.scalars(select(OccurrenceRow.id).order_by(OccurrenceRow.id.desc()).limit(4)).all()
        if newest:
            return rows[0] if rows else None
        return self.chance.choice(rows) if rows else None

    def _dispatch(self, state: State | None = None) -> DispatchRow | None:
        query = select(DispatchRow).where(DispatchRow.content_hash != "")
        if state is not None:
            query = query.where(DispatchRow.state == state)
        with reading(self.town.site.engine) as session:
            rows = session.scalars(query.order_by(DispatchRow.id.desc()).limit(5)).all()
        return self.chance.choice(rows) if rows else None

    def _try(self, deed: Callable[[], object]) -> None:
        before = self.refused
        self.refused += 1
        with suppress(AlertdError):
            deed()
            self.refused = before


#: every action with its weight
ACTIONS: dict[str, int] = {
    "carry_on": 150, "schedule": 10, "arm": 150, "stop": 10, "submit": 40, "approve": 250, "cancel": 60,
    "wait": 150, "come_near": 40, "look": 30, "fire": 40, "go_down": 60, "real_alert": 1, "tamper": 20,
}  # fmt: skip


def act(world: World, name: str) -> None:
    """One action."""
    getattr(world, name)()
    world.done[name] += 1


def fired(world: World) -> int:
    """Messages of drills that went out in this world."""
    with reading(world.town.site.engine) as session:
        numbers = session.scalars(select(OccurrenceRow.id)).all()
        return sum(
            1 for number in numbers for step in drills.steps(session, number) if step.fired_at is not None
        )
