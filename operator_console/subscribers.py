"""Subscribers of the mail list on screen: found, registered for somebody by the staff, and taken off."""

from __future__ import annotations

from fastapi import Response
from fastapi.responses import RedirectResponse

from alertd import address as addresses
from alertd import audit, people, subscribe, subscriber_list
from alertd.category import EVERYTHING, Category
from alertd.db import reading, writing
from alertd.dispatch import Role
from alertd.errors import NotFound, WrongInput, WrongRecipients
from alertd.language import NAMES as LANGUAGES
from alertd.store import subscriptions
from alertd.subscription import Cause, Choice, How
from alertd.tables import ContactRow, SubscriptionRow
from operator_console import download, labels
from operator_console.catalogue import mark
from operator_console.page import page
from operator_console.visit import Visit, Visited

#: who registers people and takes them off
REGISTERS = frozenset({Role.DRAFT, Role.ADMINISTER})
#: who may take the whole list with them
EXPORTS = frozenset({Role.ADMINISTER})
#: subscribers on one page
PAGE = 50
#: characters of what says where the signed form is kept
LONGEST_PAPER = 60
HOW = {
    How.PAGE: mark("on the public page"),
    How.MAIL: mark("by a blank mail"),
    How.STAFF: mark("by the staff"),
}


def show(visit: Visited) -> Response:
    """GET /subscribers?q=ADDRESS&after=CONTACT: addresses are stored encrypted, so only a whole one is found."""
    return _page(visit)


def register(visit: Visited) -> Response:
    """POST /subscribers: for somebody who signed a form; they get a letter about it."""
    paper = visit.field("paper")
    if not 3 <= len(paper) <= LONGEST_PAPER:
        return _page(visit, problem=visit.say("Say where the signed form is kept."), status=422)
    try:
        address = addresses.email(visit.field("address"))
        choice = _choice(visit)
        subscribe.register(visit.site, address, choice, by=visit.operator.name, paper=paper)
    except (WrongInput, WrongRecipients) as error:
        return _page(visit, problem=" ".join(visit.problem(one) for one in error.problems), status=422)
    return _page(visit, done=visit.say("Registered. A mail tells them, with a link to change and to stop."))


def stop(number: int, visit: Visited) -> Response:
    """POST /subscribers/N/stop: at once, also in the middle of a dispatch."""
    with reading(visit.site.engine) as session:
        found = session.get(ContactRow, number)
        if found is None or session.get(SubscriptionRow, number) is None:
            raise NotFound(f"there is no subscriber {number}")
    subscribe.leave(visit.site, number, Cause.STAFF, by=visit.operator.name)
    return RedirectResponse("/subscribers", 303)


def spreadsheet(visit: Visited) -> Response:
    """GET /subscribers.csv: everybody who is registered; in the audit trail."""
    with writing(visit.site.engine) as session:
        names = {row.code: row.name for row in people.areas(session)}
        document = subscriber_list.write(subscriptions.subscribers(session), areas=names)
        audit.note(
            session,
            at=visit.now,
            actor=visit.operator.name,
            action="subscribers.exported",
            subject="subscribers",
        )
    return download.attached(document, "text/csv; charset=utf-8", "subscribers.csv")


def _page(
    visit: Visit, *, problem: str | None = None, done: str | None = None, status: int = 200
) -> Response:
    words, given = visit.query.get("q", "").strip()[:254], visit.query.get("after", "")
    after = int(given) if given.isascii() and given.isdigit() and len(given) < 18 else 0
    with reading(visit.site.engine) as session:
        areas = people.areas(session)
        found = subscriptions.listed(session, address=words or None, after=after, limit=PAGE + 1)
        active = subscriptions.addresses_active(session)
    return page(
        visit,
        "subscribers.html",
        status=status,
        found=found[:PAGE],
        following=found[PAGE - 1].contact_id if len(found) > PAGE else None,
        start=after,
        active=active,
        words=words,
        areas=areas,
        names={row.code: row.name for row in areas},
        categories=[one for one in Category if one is not Category.LIFE],
        category_labels=labels.CATEGORIES,
        languages=[name for name in visit.site.config.city.languages if name in LANGUAGES],
        how=HOW,
        typed={name: visit.field(name) if problem else "" for name in ("address", "paper")},
        ticked=visit.fields("area"),
        registers=visit.may(*REGISTERS),
        exports=visit.may(*EXPORTS),
        problem=problem,
        done=done,
    )


def _choice(visit: Visit) -> Choice:
    wanted = set(visit.fields("category"))
    language = visit.field("language")
    return Choice(
        language=language if language in LANGUAGES else "ja",
        areas=visit.fields("area"),
        categories=tuple(one for one in EVERYTHING if one in wanted),
    )
