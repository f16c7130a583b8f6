"""One person in one dispatch: everything that was tried, what was said, and what came of a visit."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import Response
from fastapi.responses import RedirectResponse
from sqlalchemy import select
from sqlalchemy.orm import Session

from alertd import store
from alertd import visit as door
from alertd.db import reading, writing
from alertd.errors import NotFound
from alertd.recipient import RecipientKind
from alertd.tables import AreaRow, ContactRow, DeliveryRow, OperatorRow, ReceiptRow, RecipientRow, TakingRow
from alertd.taking import Visit as Result
from operator_console import details
from operator_console.page import channel_name, page
from operator_console.personal import ENTERS, SEES
from operator_console.stored import stored
from operator_console.visit import Visit, Visited

#: who can be visited; stations and loudspeakers cannot
_HAVE_A_DOOR = (RecipientKind.PERSON, RecipientKind.HOUSEHOLD, RecipientKind.ORGANISATION)
#: characters of a note that are kept
LONGEST_NOTE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way to the person: the delivery, where to, what was said of it, and who went there."""

    delivery: DeliveryRow
    address: str
    holder: str
    receipts: tuple[ReceiptRow, ...]
    taking: TakingRow | None
    taker: str | None


def show(number: int, recipient: int, visit: Visited) -> Response:
    """GET /alerts/N/people/M"""
    return _page(visit, number, recipient)


def visited(number: int, recipient: int, visit: Visited) -> Response:
    """POST /alerts/N/people/M: what came of a visit."""
    try:
        result = Result(visit.field("result"))
    except ValueError:
        problem = visit.say("Please choose what came of the visit.")
        return _page(visit, number, recipient, problem=problem, status=422)
    with writing(visit.site.engine) as session:
        delivery = door.way_to(session, number, recipient)
        note = visit.field("note")[:LONGEST_NOTE]
        door.visited(session, visit.site, delivery, visit.operator, result, note, visit.now)
    return RedirectResponse(f"/alerts/{number}/people/{recipient}", 303)


def ways(session: Session, dispatch_id: int, recipient: int) -> tuple[Way, ...]:
    """Every way that was planned to this person, in the order of planning. Raises NotFound."""
    rows = session.execute(
        select(DeliveryRow, ContactRow.address, ContactRow.holder, TakingRow, OperatorRow.name)
        .join(ContactRow, ContactRow.id == DeliveryRow.contact_id)
        .outerjoin(TakingRow, TakingRow.delivery_id == DeliveryRow.id)
        .outerjoin(OperatorRow, OperatorRow.id == TakingRow.taken_by)
        .where(DeliveryRow.dispatch_id == dispatch_id, DeliveryRow.recipient_id == recipient)
        .order_by(DeliveryRow.id)
    ).all()
    if not rows:
        raise NotFound(f"dispatch {dispatch_id} has nobody of the number {recipient}")
    return tuple(
        Way(
            delivery=row,
            address=address,
            holder=holder,
            receipts=tuple(store.receipts(session, row.id)),
            taking=taking,
            taker=taker,
        )
        for row, address, holder, taking, taker in rows
    )


def _page(
    visit: Visit, number: int, recipient: int, *, problem: str | None = None, status: int = 200
) -> Response:
    site = visit.site
    with reading(site.engine) as session:
        dispatch = stored(session, site, number)
        found = ways(session, number, recipient)
        row = session.get_one(RecipientRow, recipient)
        area = session.get(AreaRow, row.area)
    return page(
        visit,
        "person.html",
        status=status,
        dispatch=dispatch,
        recipient=row,
        area=area.name if area is not None else row.area,
        ways=found,
        channels={
            name: channel_name(visit.language, name, site.settings.get(name))
            for name in {way.delivery.channel for way in found}
        },
        problem=problem,
        detail=details.said,
        results=tuple(Result),
        enters=visit.may(*ENTERS) and row.kind in _HAVE_A_DOOR,
        lives=row.kind in _HAVE_A_DOOR,
        sees_addresses=visit.may(*SEES),
    )
