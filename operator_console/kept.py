"""Kept drafts: saved while somebody types, listed, taken up again by whoever writes, or put away."""

from __future__ import annotations

from fastapi import Response
from fastapi.responses import RedirectResponse

from alertd import saved_draft
from alertd.db import reading, writing
from operator_console import compose, keeping
from operator_console import draft as drafts
from operator_console.page import page
from operator_console.visit import Visited


def keep(template: str, visit: Visited) -> Response:
    """POST /alerts/new/TEMPLATE/keep: from a page that is open, while somebody types."""
    row = keeping.keep(visit, drafts.read(visit, template))
    return page(visit, "_kept.html", kept_at=row.saved_at)


def save(template: str, visit: Visited) -> Response:
    """POST /alerts/new/TEMPLATE/save: by a button; the form comes back as it was."""
    draft = drafts.read(visit, template)
    return compose.form(visit, draft, kept_at=keeping.keep(visit, draft).saved_at)


def open_again(number: int, visit: Visited) -> Response:
    """GET /drafts/kept/N: the form as it was left."""
    with reading(visit.site.engine) as session:
        row = saved_draft.draft(session, number)
    draft = drafts.read(visit, row.template, row.form)
    return compose.form(visit, draft, counted=True, kept_at=row.saved_at)


def put_away(number: int, visit: Visited) -> Response:
    """POST /drafts/kept/N/put-away"""
    with writing(visit.site.engine) as session:
        saved_draft.settle(session, number, visit.now)
    return RedirectResponse("/drafts", 303)
