"""The guard of a drill's messages: all that must be so before one goes out, looked at anew each time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy.orm import Session

from alertd import cap, maintenance, marks, operators, papers, people, store
from alertd.alert import Status
from alertd.audience import Audience, audience_hash
from alertd.channel import Probes
from alertd.db import reading
from alertd.dispatch import Circumstances, Move, State, move
from alertd.drill import ARMED_FOR
from alertd.drill.arm import arming_hash
from alertd.drill.hindrance import hindrance
from alertd.drill.submission import section_problem
from alertd.errors import AlertdError, MoveRefused, WrongAlert
from alertd.plan import GROWTH, SLACK
from alertd.render import Words
from alertd.site import Site
from alertd.store import drills
from alertd.tables import AlertRow, DispatchRow, DrillStepRow, OccurrenceRow, OperatorRow


def problems(session: Session, site: Site, occurrence: OccurrenceRow, now: datetime) -> list[str]:
    """What keeps the messages that are still to come from going out; none = nothing does."""
    if occurrence.prepared_at is None:
        return [occurrence.why or "its words and sounds are not ready"]
    found = [standing] if (standing := hindrance(session, now)) is not None else []
    dispatches = drills.step_dispatches(session, occurrence.id)
    for step in drills.steps(session, occurrence.id):
        if step.fired_at is None:
            said = step_problems(session, site, step, dispatches.get(step.id))
            found += [f"message {step.position + 1}: {sentence}" for sentence in said]
    return list(dict.fromkeys(found))


def step_problems(session: Session, site: Site, step: DrillStepRow, row: DispatchRow | None) -> Iterator[str]:
    """What keeps one message from going out."""
    if row is None:
        yield "it is not there"
        return
    document = session.get_one(AlertRow, row.alert_id)
    if row.state is not State.SUBMITTED:
        yield f"it is {row.state}, no longer waiting"
        return
    yield from _arming(session, site, step, row, document)
    yield from _content(session, row, document)
    yield from _audience(session, site, row)


def unreachable(site: Site, occurrence_id: int) -> list[str]:
    """The sections of messages still to come whose far end or credentials do not answer.

    Asks over the network; no transaction is open meanwhile.
    """
    with reading(site.engine) as session:
        waiting = {step.id for step in drills.steps(session, occurrence_id) if step.fired_at is None}
        names = {
            name
            for number, row in drills.step_dispatches(session, occurrence_id).items()
            if number in waiting
            for name in row.channels
        }
    found = []
    for name in sorted(names):
        try:
            maintenance.admit(site)
            channel = site.channel(name)
            if isinstance(channel, Probes):
                channel.probe()
        except AlertdError as error:
            found.append(f"channel {name}: {error}")
    return found


def _arming(
    session: Session, site: Site, step: DrillStepRow, row: DispatchRow, document: AlertRow
) -> Iterator[str]:
    if step.armed_at is None or step.armed_by is None:
        yield "nobody has armed it"
        return
    if step.due_at is not None and step.due_at - step.armed_at > ARMED_FOR:
        yield "it was armed more than 24 hours before; arm it again"
    if step.armed_hash != arming_hash([step], {step.id: row}):
        yield "it is not what was armed"
    operator = session.get_one(OperatorRow, step.armed_by)
    if not operator.active:
        yield f"{operator.name}, who armed it, has left"
        return
    try:
        circumstances: Circumstances = papers.circumstances(site, row, document)
        move(circumstances, Move.ARM, operators.person(operator))
    except MoveRefused as error:
        yield str(error)


def _content(session: Session, row: DispatchRow, document: AlertRow) -> Iterator[str]:
    if papers.stored_hash(session, row, document) != row.content_hash:
        yield "its words or sounds are not those that were handed in"
    try:
        alert = cap.parse(document.document)
        if alert.status is not Status.EXERCISE or document.status is not Status.EXERCISE:
            yield f"its status is {alert.status}, not Exercise"
        for made in store.artefacts(session, row.id):
            words = Words(headline=made.headline, text=made.text, short_text=made.short_text, script=None)
            marks.gate(words, Status.EXERCISE, made.language)
    except WrongAlert as error:
        yield str(error)


def _audience(session: Session, site: Site, row: DispatchRow) -> Iterator[str]:
    audience = Audience.from_json(row.audience)
    if row.audience_hash != audience_hash(audience, row.counts):
        yield "its audience is not the one that was handed in"
        return
    lines = []
    for name in row.channels:
        if name not in site.settings:
            yield f"channel “{name}” is no longer there"
        elif (problem := section_problem(site, name)) is not None:
            yield problem
        else:
            lines.append(site.line(name))
    counts = people.count(session, audience, lines)
    if lines and not sum(counts.values()):
        yield "nobody would be reached any more"
    for name, number in counts.items():
        handed_in = row.counts.get(name, 0)
        if number > GROWTH * handed_in and number > handed_in + SLACK:
            yield f"its audience on {name} has more than doubled since it was handed in"
