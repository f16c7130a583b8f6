"""A rehearsal: a drill of the whole demo city on simulated far ends, its hours as minutes, on a bad day.

Nobody is reached. What goes wrong on a bad day: the station falls silent after the first
message, one area has no power for its telephones, lines are engaged, mailboxes are full
or gone, and the telephone network loses replies.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import yaml

from alertd import operators, store
from alertd.clock import stopwatch
from alertd.db import reading, writing
from alertd.demo import run
from alertd.demo.city import people
from alertd.drill import arm, first_due, schedule
from alertd.drill.file import read
from alertd.drill.scenario import Part, Scenario, Step
from alertd.errors import AlertdError, NotFound
from alertd.site import Site
from alertd.store import drills
from alertd.supervise import Supervisor
from alertd.zones import zones

#: a step is sent for so long at least, however fast the rehearsal goes
_LEAST_LIFE = timedelta(seconds=90)
#: until everything is up and every sound is made, in seconds
_READY_WITHIN = 600.0
#: between the arming and the first message
_LEAD = timedelta(seconds=12)
#: every so-manieth mailbox is full, and every so-manieth is gone
_FULL, _GONE = 17, 23


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What is rehearsed, and how bad the day is."""

    scenario: Scenario
    #: the drill's hours pass so many times as fast
    speed: float
    recipients: int
    bad_day: bool
    #: the name of the area without power
    dark: str
    folder: Path


@contextmanager
def rehearsed(wishes: Wishes, say: Callable[[str], None]) -> Iterator[tuple[Site, int]]:
    """The site and the occurrence after the drill has ended; all far ends are still there inside the block.

    1. The demo city comes up, with its far ends as bad as the day is.
    2. One operator schedules the drill, another arms it.
    3. It takes place, and is waited for. Operators may sign in meanwhile, watch, correct and stop.
    """
    folder = wishes.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    troubles = _troubles(wishes, folder) if wishes.bad_day else {}
    wanted = run.Wishes(recipients=wishes.recipients, folder=folder, troubles=troubles)
    with run.running(wanted, say) as demo:
        for name, password in demo.passwords.items():
            say(f"sign in as {name} with the password {password}")
        say(f"console {demo.site.config.console_url}")
        if wishes.bad_day:
            say(
                f"a bad day: {wishes.dark} without power, the station falls silent after the first message, "
                "engaged lines, full mailboxes"
            )
        demo.supervisor.wait_ready(within=run.READY_WITHIN, stop=threading.Event())
        number = _scheduled(demo.site, hastened(wishes.scenario, wishes.speed), say)
        _watch(demo.site, number, demo.supervisor, say, bad_day=wishes.bad_day)
        yield demo.site, number


def hastened(scenario: Scenario, speed: float) -> Scenario:
    """The same drill, once, with its times so many times as close; without the day before."""
    document = {
        "name": scenario.name,
        "title": dict(scenario.title),
        "time": "09:00",
        "goal": {
            "percent": scenario.goal.percent,
            "within": _written(max(scenario.goal.within / speed, timedelta(seconds=10))),
        },
        "announce": [
            {"before": _written(-step.after / speed), **_whom(step)}
            for step in scenario.steps
            if step.part is Part.ANNOUNCEMENT and step.after is not None
        ],
        "steps": [
            {
                "at": f"T+{_written(step.after / speed)}",
                "template": step.template,
                "values": dict(step.values),
                "siren": "yes" if step.siren else "no",
                "life": _written(max(step.life / speed, _LEAST_LIFE)),
                **_whom(step),
            }
            for step in scenario.steps
            if step.part is Part.STEP and step.after is not None
        ],
        "abort": {"channels": list(scenario.steps[-1].channels)} if scenario.steps[-1].channels else {},
    }
    return read(yaml.safe_dump(document, allow_unicode=True, sort_keys=False))


def _whom(step: Step) -> dict[str, list[str]]:
    found = {"audience": list(map(str, step.meant))}
    if step.areas:
        found["areas"] = list(step.areas)
    if step.channels:
        found["channels"] = list(step.channels)
    return found


def _written(length: timedelta) -> str:
    return f"{max(0, round(length.total_seconds()))}s"


def _troubles(wishes: Wishes, folder: Path) -> Mapping[str, Sequence[str]]:
    """The words that make the far ends as bad as the day is."""
    code = next((zone.code for zone in zones() if zone.name == wishes.dark), None)
    if code is None:
        raise NotFound(
            f"there is no area “{wishes.dark}”; there are: {'、'.join(zone.name for zone in zones())}"
        )
    city = people(wishes.recipients)
    dark = [
        contact.address
        for person in city
        if person.area == code
        for contact in person.contacts
        if contact.kind == "voice"
    ]
    file = folder / "dark.txt"
    file.write_text("\n".join(dark))
    boxes = [contact.address for person in city for contact in person.contacts if contact.kind == "email"]
    full = [f"rcpt/{address}=452 4.2.2 Mailbox full" for address in boxes[::_FULL]]
    gone = [f"rcpt/{address}=550 5.1.1 No such mailbox" for address in boxes[1::_GONE]]
    return {
        "phone": ["--dark", str(file), "--fault", "too_many=0.1", "--fault", "reply_lost=0.02"],
        "mail": [word for fault in (*full, *gone)[:400] for word in ("--fault", fault)],
    }


def _scheduled(site: Site, scenario: Scenario, say: Callable[[str], None]) -> int:
    """Scheduled by one, prepared by the relay, armed by another, and brought forward to now."""
    with reading(site.engine) as session:
        drafter = operators.person(operators.by_name(session, run.DRAFTER))
        approver = operators.person(operators.by_name(session, run.APPROVER))
    start = site.clock.now() + timedelta(minutes=30)
    number = schedule.schedule(site, scenario, drafter, once_at=start)
    say(f"drill {number}: making the words and sounds of {len(scenario.steps)} messages …")
    pause, deadline = threading.Event(), stopwatch() + _READY_WITHIN
    while True:
        with reading(site.engine) as session:
            row = drills.occurrence(session, number)
        if row is not None and row.prepared_at is not None:
            break
        if row is None or row.why or stopwatch() > deadline:
            raise AlertdError(f"the drill could not be prepared: {row.why if row else 'it is gone'}")
        pause.wait(0.5)
    _bring_forward(site, number)
    with reading(site.engine) as session:
        steps = arm.armable(drills.steps(session, number), site.clock.now())
        seen = arm.arming_hash(steps, drills.step_dispatches(session, number))
    arm.arm(site, number, approver, seen=seen)
    say(f"armed by {run.APPROVER}")
    return number


def _bring_forward(site: Site, number: int) -> None:
    """The first message is due in a moment: nobody waits half an hour for a rehearsal."""
    with writing(site.engine) as session:
        row = drills.occurrence(session, number, lock=True)
        assert row is not None
        steps = drills.steps(session, number)
        by = site.clock.now() + _LEAD - first_due(steps)
        row.starts_at += by
        for step in steps:
            step.due_at = step.due_at + by if step.due_at is not None else None
        for dispatch in drills.step_dispatches(session, number).values():
            dispatch.expires_at += by


def _watch(
    site: Site, number: int, supervisor: Supervisor, say: Callable[[str], None], *, bad_day: bool
) -> None:
    """Until the drill has ended; the station dies after the first step of a bad day."""
    pause = threading.Event()
    told: set[int] = set()
    silent = not bad_day
    while True:
        with reading(site.engine) as session:
            row = drills.occurrence(session, number)
            steps = drills.steps(session, number)
            headlines = {
                step.id: store.artefacts(session, dispatch.id)[0].headline
                for step in steps
                if (dispatch := drills.step_dispatches(session, number).get(step.id)) is not None
            }
        for step in steps:
            if step.fired_at is not None and step.id not in told:
                told.add(step.id)
                say(f"{_clock(step.fired_at)}  {headlines[step.id]}")
                if not silent and step.part == Part.STEP:
                    silent = True
                    os.killpg(supervisor.pid("far-end-fm"), signal.SIGKILL)
                    say("the station has fallen silent")
        if row is None or row.ended_at is not None:
            say(f"ended: {row.ending if row is not None else 'gone'}")
            return
        pause.wait(0.5)


def _clock(moment: datetime) -> str:
    return f"{moment:%H:%M:%S}Z"
