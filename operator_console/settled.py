"""Changed settings on screen: what differs, what it would send to whom, and two people who confirm it."""

from __future__ import annotations

from fastapi import Response
from fastapi.responses import RedirectResponse

from alertd import settled
from alertd.db import reading
from alertd.dry_run import dry_run
from alertd.errors import MoveRefused
from alertd.settled import Pending
from alertd.watched import CHANNEL
from operator_console.confirmation import same_words
from operator_console.page import page
from operator_console.refusal import refusal
from operator_console.visit import Visit, Visited


def show(visit: Visited) -> Response:
    """GET /settings"""
    return _page(visit)


def confirm(visit: Visited) -> Response:
    """POST /settings/confirm: one of the two people who are needed has compared them."""
    with reading(visit.site.engine) as session:
        words = _words(settled.pending(session, visit.now))
    if words and not same_words(visit.field("typed"), (words,)):
        problem = visit.say("To confirm, type “%(words)s” exactly. Nothing was confirmed.", words=words)
        return _page(visit, problem=problem, status=422)
    try:
        settled.confirm(visit.site, visit.operator, seen=visit.field("seen"))
    except MoveRefused as error:
        return _page(visit, problem=refusal(visit, error), status=409)
    return RedirectResponse("/settings", 303)


def let_go_alone(visit: Visited) -> Response:
    """POST /settings/alone: one person, in an emergency, with a reason."""
    try:
        settled.let_go_alone(
            visit.site, visit.operator, seen=visit.field("seen"), reason=visit.field("reason")
        )
    except MoveRefused as error:
        return _page(visit, problem=refusal(visit, error), status=409)
    return RedirectResponse("/settings", 303)


def _words(waiting: Pending) -> str:
    """What is typed: the names of the sections that differ."""
    return " ".join(one.section.removeprefix(CHANNEL) for one in waiting.differences)


def _page(visit: Visit, *, problem: str | None = None, status: int = 200) -> Response:
    with reading(visit.site.engine) as session:
        waiting = settled.pending(session, visit.now)
        would = dry_run(session, visit.site, waiting.differences)
    agreed = [one.agreed_by for one in waiting.differences if one.agreed_by]
    alone = next((one for one in waiting.differences if one.alone_by), None)
    return page(
        visit,
        "settled.html",
        status=status,
        waiting=waiting,
        would=would,
        words=_words(waiting),
        agreed_by=agreed[0] if agreed else None,
        alone=alone,
        problem=problem,
    )
