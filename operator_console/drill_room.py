"""The drill room: the console once more for trainees, at an address of its own, with drills and nothing else.

Its site has no channel that carries real alerts, so that no mistake in a page could
reach one; its cookie and its colour are its own; real alerts, their sounds and what is
kept of somebody who writes one are not found in it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from fastapi import Request
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from alertd import store
from alertd.alert import Status
from alertd.db import reading
from alertd.dispatch import Person, Role
from alertd.errors import NotFound
from alertd.site import Site
from alertd.tables import AlertRow, ArtefactRow, DispatchRow, SavedDraftRow

#: what a trainee needs; every other page of the console is not there
_PATHS = (
    *("/static/", "/sign-in", "/sign-out", "/language", "/second-factor", "/audio/", "/under-way", "/freeze"),
    *("/sessions/", "/hand-over"),
    *("/alerts/", "/results", "/drills", "/templates", "/readings", "/areas", "/channels", "/drafts/kept/"),
)
#: what an alert of the room may be
_DRILLS = (Status.EXERCISE, Status.TEST)


def room(site: Site) -> Site:
    """The same installation with drill channels only, at the drill room's address."""
    web = site.config.web
    only = {
        name: settings
        for name, settings in site.config.channels.items()
        if Status.ACTUAL not in settings.carries
    }
    place = web.model_copy(update={"host": web.drill_host, "port": web.drill_port, "url": web.drill_url})
    return site.under(replace(site.config, channels=only, web=place, drills_only=True))


def has_page(path: str) -> bool:
    """Whether the room has the page at this path."""
    return path == "/" or path.startswith(_PATHS)


def belongs(site: Site, person: Person) -> bool:
    """Whether this person works at this site: trainees in the room where there is one, all others outside."""
    if site.config.drills_only:
        return Role.TRAINEE in person.roles
    return Role.TRAINEE not in person.roles or not site.config.web.drill_port


def guard(site: Site, path: str) -> Callable[[Request], Awaitable[None]] | None:
    """The dependency that finds only what is of drills at this route; None = the route names nothing else.

    Raises NotFound for everything of the real world.
    """
    found = next((look for start, look in _LOOKS.items() if path.startswith(start)), None)
    if found is None:
        return None

    async def look(request: Request) -> None:
        named = {"follows": request.state.visit.field("follows"), **request.path_params}
        if not await run_in_threadpool(_look, site, found, named):
            raise NotFound("there is no such thing in the drill room")

    return look


_Look = Callable[[Session, Mapping[str, Any]], bool]


def _look(site: Site, look: _Look, named: Mapping[str, Any]) -> bool:
    with reading(site.engine) as session:
        return look(session, named)


def _dispatch(session: Session, named: Mapping[str, Any]) -> bool:
    row = store.dispatch(session, int(named["number"]))
    alert = session.get(AlertRow, row.alert_id) if row is not None else None
    return alert is not None and alert.status in _DRILLS


def _followed(session: Session, named: Mapping[str, Any]) -> bool:
    """What a form says that it follows up; anything but a number is no follow-up."""
    follows = str(named["follows"])
    number = int(follows) if follows.isascii() and follows.isdigit() and len(follows) < 18 else None
    return number is None or _dispatch(session, {"number": number})


def _kept_draft(session: Session, named: Mapping[str, Any]) -> bool:
    row = session.get(SavedDraftRow, int(named["number"]))
    return row is not None and row.status in _DRILLS


def _sound(session: Session, named: Mapping[str, Any]) -> bool:
    """What a drill says too, or no alert at all: what is just being written is heard before it is one."""
    said = (
        select(AlertRow.status)
        .join(DispatchRow, DispatchRow.alert_id == AlertRow.id)
        .join(ArtefactRow, ArtefactRow.dispatch_id == DispatchRow.id)
        .where(ArtefactRow.audio_digest == str(named["digest"]))
        .distinct()
    )
    statuses = session.scalars(said).all()
    return not statuses or any(status in _DRILLS for status in statuses)


#: how a route begins that names something, and whether that may be seen in the room
_LOOKS: Mapping[str, _Look] = {
    "/alerts/{number": _dispatch,
    "/alerts/new/{template": _followed,
    "/drafts/kept/{number": _kept_draft,
    "/audio/{digest": _sound,
}
