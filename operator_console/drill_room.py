"""The drill room: the console once more for trainees, at an address of its own, with drills and nothing else.

Its site has no channel that carries real alerts, so that no mistake in a page could
reach one; its cookie and its colour are its own; real alerts are not found in it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from alertd import store
from alertd.alert import Status
from alertd.db import reading
from alertd.dispatch import Person, Role
from alertd.errors import NotFound
from alertd.site import Site
from alertd.tables import AlertRow

#: what a trainee needs; every other page of the console is not there
_PATHS = (
    *("/static/", "/sign-in", "/sign-out", "/language", "/second-factor", "/audio/", "/under-way"),
    *("/alerts/", "/results", "/drills", "/templates", "/readings", "/areas", "/channels", "/drafts/kept/"),
)


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


def shows_one(path: str) -> bool:
    """Whether the route at this path is about one dispatch."""
    return path.startswith("/alerts/{number")


def no_real_alert(site: Site) -> Callable[[Request], Awaitable[None]]:
    """The dependency that finds drills only. Raises NotFound for everything else."""

    async def look(request: Request) -> None:
        number = int(request.path_params["number"])
        if not await run_in_threadpool(_drill, site, number):
            raise NotFound(f"there is no dispatch {number} in the drill room")

    return look


def _drill(site: Site, number: int) -> bool:
    with reading(site.engine) as session:
        row = store.dispatch(session, number)
        alert = session.get(AlertRow, row.alert_id) if row is not None else None
    return alert is not None and alert.status in (Status.EXERCISE, Status.TEST)
