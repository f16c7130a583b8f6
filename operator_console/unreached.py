"""The unreached: by neighbourhood association, on screen, on paper and as CSV; and what came of the visits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from fastapi import Response
from fastapi.responses import RedirectResponse

from alertd import sheet
from alertd import unreached as missed
from alertd import visit as door
from alertd.db import reading, writing
from alertd.dispatch import Role, State
from alertd.errors import MoveRefused, WrongAudience
from alertd.resend import resend
from alertd.taking import Visit as Result
from alertd.unreached import Place
from operator_console.door_list import MOST, door_csv, door_sheet
from operator_console.page import channel_name, page
from operator_console.personal import ENTERS, SEES
from operator_console.refusal import refusal
from operator_console.stored import stored
from operator_console.visit import Visit, Visited

#: people on one page: what a form of results can hold
PAGE = 50
#: results that are shown once more, so that a slip is seen
LATEST = 20
#: characters of a note that are kept
LONGEST_NOTE = 500


@dataclass(frozen=True, slots=True)
class Choice:
    """Whom the visitor wants to see: an association of an area, or everybody (None)."""

    area: str | None
    association: str | None

    @property
    def query(self) -> str:
        """The same as the query of a URL."""
        chosen = {"area": self.area, "association": self.association}
        return urlencode({name: value for name, value in chosen.items() if value is not None})

    def has(self, place: Place) -> bool:
        """Whether this is the place that was chosen."""
        return (self.area, self.association) == (place.area, place.association)


def show(number: int, visit: Visited) -> Response:
    """GET /alerts/N/unreached?area=…&association=…&after=RECIPIENT"""
    return _page(visit, number)


def enter(number: int, visit: Visited) -> Response:
    """POST /alerts/N/unreached: the results of one sheet, as `result:RECIPIENT` and `note:RECIPIENT`.

    A row without a result is left as it is. Either all are entered or none.
    """
    try:
        entered = {
            int(name.partition(":")[2]): Result(visit.field(name))
            for name in visit.form
            if name.startswith("result:") and visit.field(name)
        }
    except ValueError:
        entered = {}
    if not entered:
        problem = visit.say("No result was chosen. Nothing was entered.")
        return _page(visit, number, problem=problem, status=422)
    with writing(visit.site.engine) as session:
        for recipient, result in sorted(entered.items()):
            way = door.way_to(session, number, recipient)
            note = visit.field(f"note:{recipient}")[:LONGEST_NOTE]
            door.visited(session, visit.site, way, visit.operator, result, note, visit.now)
    return RedirectResponse(f"/alerts/{number}/unreached?{_choice(visit).query}", 303)


def again(number: int, visit: Visited) -> Response:
    """POST /alerts/N/resend: the same words to exactly these people, for a second person to approve."""
    try:
        new = resend(visit.site, number, visit.operator)
    except WrongAudience:
        return _page(visit, number, problem=visit.say("Everybody has been reached."), status=409)
    except MoveRefused as error:
        return _page(visit, number, problem=refusal(visit, error), status=409)
    return RedirectResponse(f"/alerts/{new}", 303)


def paper(number: int, visit: Visited) -> Response:
    """GET /alerts/N/unreached.pdf: A4, a page of its own for each association."""
    site, choice = visit.site, _choice(visit)
    with reading(site.engine) as session:
        dispatch = stored(session, site, number)
        people = missed.unreached(
            session, number, area=choice.area, association=choice.association, limit=MOST
        )
    made = door_sheet(visit, dispatch, people, _channels(visit, dispatch.row.channels))
    return Response(
        sheet.pdf(made, site.config.paper.font),
        media_type="application/pdf",
        headers={"Content-Disposition": f'inline; filename="unreached-{number}.pdf"'},
    )


def spreadsheet(number: int, visit: Visited) -> Response:
    """GET /alerts/N/unreached.csv"""
    site, choice = visit.site, _choice(visit)
    with reading(site.engine) as session:
        dispatch = stored(session, site, number)
        people = missed.unreached(
            session, number, area=choice.area, association=choice.association, limit=MOST
        )
    return Response(
        door_csv(visit, people, _channels(visit, dispatch.row.channels)),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="unreached-{number}.csv"'},
    )


def _choice(visit: Visit) -> Choice:
    return Choice(visit.query.get("area"), visit.query.get("association"))


def _channels(visit: Visit, names: list[str]) -> Mapping[str, str]:
    return {name: channel_name(visit.language, name, visit.site.settings.get(name)) for name in names}


def _page(visit: Visit, number: int, *, problem: str | None = None, status: int = 200) -> Response:
    after, choice = visit.query.get("after", ""), _choice(visit)
    start = int(after) if after.isascii() and after.isdigit() and len(after) <= 18 else None
    with reading(visit.site.engine) as session:
        dispatch = stored(session, visit.site, number)
        places = missed.places(session, number)
        people = missed.unreached(
            session,
            number,
            area=choice.area,
            association=choice.association,
            after=start,
            limit=PAGE + 1,
        )
        latest = door.visits(session, number, LATEST)
    return page(
        visit,
        "unreached.html",
        status=status,
        dispatch=dispatch,
        places=places,
        choice=choice,
        people=people[:PAGE],
        channels=_channels(visit, dispatch.row.channels),
        following=people[PAGE - 1].recipient_id if len(people) > PAGE else None,
        start=start,
        latest=latest,
        results=tuple(Result),
        problem=problem,
        may_resend=visit.may(Role.DRAFT, Role.TRAINEE)
        and dispatch.row.state in (State.SENDING, State.FINISHED)
        and dispatch.row.corrects_id is None,
        enters=visit.may(*ENTERS),
        sees_addresses=visit.may(*SEES),
    )
