"""Admission: makes a visit of each request, or turns it away before any page has run.

A request comes in when its route needs nobody, or when a session of ours stands behind
it and its person has a role that the route names. Whatever changes something must come
from our own page and carry the session's token.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from alertd.dispatch import Role
from alertd.site import Site
from operator_console import drill_room, signed_in
from operator_console.catalogue import DEFAULT, LANGUAGES
from operator_console.defences import same_origin
from operator_console.visit import Visit

#: fields of a form; more is no form of ours
_MOST_FIELDS = 500
LANGUAGE_COOKIE = "language"
#: where a second factor is set up
SET_UP = "/second-factor"
#: who needs one where the configuration requires it
_PROVEN_ROLES = frozenset({Role.APPROVE, Role.SEND, Role.ADMINISTER})


class NotSignedIn(Exception):
    """Nobody is signed in, or the session has ended."""


class NoSecondFactor(Exception):
    """The role needs a second factor, and there is none yet."""


class Forbidden(Exception):
    """The person may not do this, or the request is not from our page."""


def admission(
    site: Site, needs: frozenset[Role] | None, *, active: bool, unproven: bool = False
) -> Callable[[Request], Awaitable[None]]:
    """The dependency that admits requests to one route; `needs` None = also without a session.

    `unproven` = also for who must set up a second factor before anything else.
    """
    required = site.config.approval.second_factor == "required" and not unproven

    async def admit(request: Request) -> None:
        request.state.visit = await _blank_visit(site, request)
        changing = request.method not in ("GET", "HEAD")
        if changing and not same_origin(request, site.config.console_url):
            raise Forbidden("the request does not come from our own page")
        visit: Visit = request.state.visit
        found = None
        if visit.token is not None:
            found = await run_in_threadpool(signed_in.find, site, visit.token, active=active)
        if found is not None and not drill_room.belongs(site, found.person):
            found = None
        if found is not None:
            visit = request.state.visit = replace(
                visit, person=found.person, csrf=found.csrf, others=found.others
            )
        if needs is None:
            return
        if found is None:
            raise NotSignedIn
        if not needs & found.person.roles:
            raise Forbidden("the role is missing")
        if required and not found.proven and found.person.roles & _PROVEN_ROLES:
            raise NoSecondFactor
        if changing and not hmac.compare_digest(visit.field("csrf").encode(), found.csrf.encode()):
            raise Forbidden("the form's token is wrong")

    return admit


async def _blank_visit(site: Site, request: Request) -> Visit:
    form: dict[str, tuple[str, ...]] = {}
    files: dict[str, bytes] = {}
    if request.method == "POST":
        async with request.form(max_fields=_MOST_FIELDS, max_files=1) as fields:
            for name, value in fields.multi_items():
                if isinstance(value, UploadFile):
                    files[name] = await value.read()
                else:
                    form[name] = (*form.get(name, ()), value)
    return Visit(
        site=site,
        path=request.url.path,
        person=None,
        csrf="",
        language=_language(form, request.cookies),
        now=site.clock.now(),
        query=dict(request.query_params),
        form=form,
        files=files,
        client=request.client.host if request.client else "",
        token=request.cookies.get(cookie_name(site)),
    )


def _language(form: Mapping[str, tuple[str, ...]], cookies: Mapping[str, str]) -> str:
    wanted = (form.get("language") or (cookies.get(LANGUAGE_COOKIE, ""),))[-1]
    return wanted if wanted in LANGUAGES else DEFAULT


def https(site: Site) -> bool:
    """Whether operators reach the console by https."""
    return site.config.console_url.startswith("https://")


def cookie_name(site: Site) -> str:
    """By https a name that no other host can set (RFC 6265bis, section 4.1.3.2)."""
    name = "alertd-drill" if site.config.drills_only else "alertd"
    return f"__Host-{name}" if https(site) else name
