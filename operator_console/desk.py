"""The desk on screen: what waits for a person, the sheet to read out, and the ticks at its start and end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from fastapi import Response
from fastapi.responses import RedirectResponse
from sqlalchemy.orm import Session

from alertd import desk, store
from alertd.db import reading
from alertd.dispatch import Role, State
from alertd.sheet import BOX, Facts, ReadOut, Sheet, Text, pdf
from alertd.store.tasks import Task, ended_tasks, open_tasks
from alertd.tables import ArtefactRow
from operator_console.page import channel_name, moment, page
from operator_console.stored import Stored, stored
from operator_console.visit import Visit, Visited

#: who may tick
TICKS = frozenset({Role.SEND, Role.APPROVE})
#: how long what is done stays on the page
_KEPT = timedelta(hours=24)
#: characters of a note that are kept
LONGEST_NOTE = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One task on the page."""

    task: Task
    channel: str
    overdue: bool
    #: its alert was stopped meanwhile
    stopped: bool


def show(visit: Visited) -> Response:
    """GET /desk; and /desk/now, by which the page keeps itself up to date."""
    site, channels = visit.site, desk.channels(visit.site)
    with reading(site.engine) as session:
        waiting = open_tasks(session, channels)
        ended = ended_tasks(session, channels, visit.now - _KEPT)
    return page(
        visit,
        "desk.html",
        there=bool(channels),
        waiting=_lines(visit, waiting),
        ended=_lines(visit, ended),
        ticks=visit.may(*TICKS),
    )


def _lines(visit: Visit, tasks: Sequence[Task]) -> list[Line]:
    site = visit.site
    return [
        Line(
            task=task,
            channel=channel_name(visit.language, task.channel, site.settings.get(task.channel)),
            overdue=desk.overdue(site, task, visit.now),
            stopped=task.open and task.state is State.CANCELLED,
        )
        for task in tasks
    ]


def sheet(delivery: int, visit: Visited) -> Response:
    """GET /desk/N: the words to read out, with the buttons."""
    return _sheet(visit, delivery)


def _sheet(visit: Visit, delivery: int, *, problem: str | None = None, status: int = 200) -> Response:
    with reading(visit.site.engine) as session:
        task = desk.task(session, visit.site, delivery)
        dispatch = stored(session, visit.site, task.dispatch_id)
        words = _words(session, task)
    return page(
        visit,
        "desk_sheet.html",
        status=status,
        line=_lines(visit, [task])[0],
        dispatch=dispatch,
        words=words,
        ticks=visit.may(*TICKS),
        problem=problem,
    )


def paper(delivery: int, visit: Visited) -> Response:
    """GET /desk/N.pdf: the same to take along, with room for the times."""
    with reading(visit.site.engine) as session:
        task = desk.task(session, visit.site, delivery)
        dispatch = stored(session, visit.site, task.dispatch_id)
        words = _words(session, task)
    made = pdf(_paper(visit, task, dispatch, words))
    headers = {"Content-Disposition": f'inline; filename="task-{delivery}.pdf"'}
    return Response(made, media_type="application/pdf", headers=headers)


def _paper(visit: Visit, task: Task, dispatch: Stored, words: ArtefactRow | None) -> Sheet:
    say, city = visit.say, visit.site.config.city
    blank = "　　　：　　　"
    areas = (
        say("The whole city (everybody in the register)") if dispatch.everybody else "、".join(dispatch.areas)
    )
    facts = [
        (say("Who does it"), f"{task.name}　{task.address}"),
        (say("Where"), areas or task.area_name),
        (say("Given at"), moment(task.given_at)),
        (say("Holds until"), moment(task.expires_at)),
        (f"{BOX} {say('Started')}", blank),
        (f"{BOX} {say('Done')}", blank),
        (f"{BOX} {say('Could not be done')}", say("Why:")),
    ]
    name = city.name if visit.language == "ja" else city.name_en
    return Sheet(
        title=task.headline,
        blocks=[
            Facts(facts),
            ReadOut(words.text if words is not None else task.headline),
            Text(say("Please report start and end to the desk: %(telephone)s", telephone=city.telephone)),
        ],
        status=task.status,
        foot=say("%(city)s, task %(number)s, made %(time)s", city=name, number=task.delivery_id,
                 time=moment(visit.now)),
        language=visit.language,
    )  # fmt: skip


def _words(session: Session, task: Task) -> ArtefactRow | None:
    """The approved words of a task."""
    made = store.artefacts(session, task.dispatch_id)
    mine = [one for one in made if one.channel == task.channel]
    return next((one for one in mine if one.language == task.language), mine[0] if mine else None)


def start(delivery: int, visit: Visited) -> Response:
    """POST /desk/N/start: somebody sets out."""
    return _ticked(lambda: desk.start(visit.site, delivery, visit.operator))


def finish(delivery: int, visit: Visited) -> Response:
    """POST /desk/N/finish: done."""
    note = visit.field("note")[:LONGEST_NOTE]
    return _ticked(lambda: desk.finish(visit.site, delivery, visit.operator, note))


def give_up(delivery: int, visit: Visited) -> Response:
    """POST /desk/N/give-up: could not be done, and why."""
    why = visit.field("note")[:LONGEST_NOTE]
    if not why:
        return _sheet(
            visit, delivery, problem=visit.say("Please write why it could not be done."), status=422
        )
    return _ticked(lambda: desk.give_up(visit.site, delivery, visit.operator, why))


def _ticked(tick: Callable[[], None]) -> Response:
    tick()
    return RedirectResponse("/desk", 303)
