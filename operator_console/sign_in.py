"""Signing in and out, and choosing a language."""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Callable

from fastapi import Response
from fastapi.responses import RedirectResponse

from alertd import operators
from operator_console import drill_room, signed_in
from operator_console.admission import LANGUAGE_COOKIE, cookie_name, https
from operator_console.catalogue import LANGUAGES
from operator_console.page import page
from operator_console.sessions import thrown_out
from operator_console.throttle import Throttle
from operator_console.visit import Visit, Visited

log = logging.getLogger(__name__)

#: where somebody is after signing in who wanted to go nowhere else
FIRST = "/hand-over"
_YEAR = 365 * 24 * 3600
#: a page of ours, never another host
_OURS = re.compile(r"/(?!/)[\w\-./?=&%@]*", re.ASCII)


def ours(address: str) -> str:
    """The address when it is a page of ours, else the front page."""
    return address if _OURS.fullmatch(address) else "/"


def form(visit: Visited) -> Response:
    """GET /sign-in"""
    return page(
        visit,
        "sign_in.html",
        next=ours(visit.query.get("next", "/")),
        problem=None,
        why=thrown_out(visit) or _moved(visit),
        name="",
    )


def _moved(visit: Visit) -> str | None:
    """For whoever is signed in and works elsewhere since their role was changed."""
    if visit.token is None or visit.person is not None:
        return None
    found = signed_in.find(visit.site, visit.token, active=False)
    if found is None or drill_room.belongs(visit.site, found.person):
        return None
    return visit.say("Your role was changed.") + " " + _elsewhere(visit)


def sign_in(throttle: Throttle) -> Callable[[Visit], Response]:
    """POST /sign-in, slowed down for those who guess."""

    def endpoint(visit: Visited) -> Response:
        name, after = visit.field("name"), ours(visit.field("next"))
        password = (visit.form.get("password") or ("",))[-1]
        wait = throttle.wait(name, visit.client, visit.now)
        if wait:
            seconds = math.ceil(wait.total_seconds())
            problem = visit.say(
                "Too many wrong passwords. Please try again in %(seconds)s seconds.", seconds=seconds
            )
            return page(
                visit,
                "sign_in.html",
                status=429,
                headers={"Retry-After": str(seconds)},
                next=after,
                problem=problem,
                why=None,
                name=name,
            )
        person = operators.sign_in(visit.site, name, password, visit.field("code"))
        if person is None:
            throttle.failed(name, visit.client, visit.now)
            log.warning("a sign-in failed: wrong name, password or code")
            problem = visit.say("The name, the password or the code is wrong.")
            return page(visit, "sign_in.html", status=401, next=after, problem=problem, why=None, name=name)
        throttle.succeeded(name, visit.client)
        if not drill_room.belongs(visit.site, person):
            problem = _elsewhere(visit)
            return page(visit, "sign_in.html", status=403, next=after, problem=problem, why=None, name=name)
        token = signed_in.begin(visit.site, person, replaces=visit.token, client=visit.client)
        answer = RedirectResponse(after if after != "/" else FIRST, 303)
        answer.set_cookie(
            cookie_name(visit.site),
            token,
            httponly=True,
            secure=https(visit.site),
            samesite="strict",
            path="/",
            max_age=int(signed_in.ABSOLUTE.total_seconds()),
        )
        return answer

    return endpoint


def _elsewhere(visit: Visit) -> str:
    """Where somebody signs in who does not belong here."""
    if visit.site.config.drills_only:
        return visit.say("This is the drill room. Only trainees sign in here.")
    web = visit.site.config.web
    address = web.drill_url or f"http://{web.drill_host}:{web.drill_port}"
    return visit.say("Trainees sign in at the drill room: %(address)s", address=address)


def sign_out(visit: Visited) -> Response:
    """POST /sign-out"""
    if visit.token is not None:
        signed_in.end(visit.site, visit.token, visit.operator)
    answer = RedirectResponse("/sign-in", 303)
    answer.delete_cookie(
        cookie_name(visit.site), path="/", secure=https(visit.site), httponly=True, samesite="strict"
    )
    return answer


def language(visit: Visited) -> Response:
    """POST /language: the choice is kept in a cookie, and the page stays the same."""
    answer = RedirectResponse(ours(visit.field("back")), 303)
    keep_language(visit, answer)
    return answer


def keep_language(visit: Visit, answer: Response) -> None:
    """Remembers the language that a form has asked for."""
    if visit.field("language") in LANGUAGES:
        answer.set_cookie(
            LANGUAGE_COOKIE,
            visit.field("language"),
            max_age=_YEAR,
            httponly=True,
            secure=https(visit.site),
            samesite="strict",
        )
