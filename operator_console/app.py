"""The two apps: the operators' console, and the public pages that alone need face the internet."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from urllib.parse import quote

from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from alertd.errors import MoveRefused, NotFound, WrongInput
from alertd.site import Site
from operator_console import drill_room
from operator_console.admission import SET_UP, Forbidden, NoSecondFactor, NotSignedIn, admission, https
from operator_console.api import api
from operator_console.bare import Bare
from operator_console.defences import Headers, Limits, protective
from operator_console.gate import inner_gates, network_buckets, outer_gate
from operator_console.page import page
from operator_console.prepared import PreparedWhenAsked
from operator_console.public import public_routes
from operator_console.ready import Ready, ReadyPages
from operator_console.refusal import refusal
from operator_console.routes import routes
from operator_console.turned_away import TurnedAway
from operator_console.uncounted import Uncounted
from operator_console.visit import Visit

log = logging.getLogger(__name__)


def console_app(site: Site) -> FastAPI:
    """The operators' console; every route has a policy (see `operator_console.routes`)."""
    app = _app("alertd console", Middleware(Headers, https=https(site)), Middleware(Limits))
    for route in routes(site):
        admits = [Depends(admission(site, route.needs, active=not route.by_itself, unproven=route.unproven))]
        if site.config.drills_only:
            if not drill_room.has_page(route.path):
                continue
            guard = drill_room.guard(site, route.path)
            if guard is not None:
                admits.append(Depends(guard))
        app.add_api_route(
            route.path, route.endpoint, methods=[route.method], dependencies=admits, response_model=None
        )
    app.add_exception_handler(NotSignedIn, _to_sign_in)
    app.add_exception_handler(NoSecondFactor, _to_second_factor)
    app.add_exception_handler(Forbidden, _error_page(site, 403))
    app.add_exception_handler(NotFound, _error_page(site, 404))
    app.add_exception_handler(RequestValidationError, _error_page(site, 404))
    app.add_exception_handler(MoveRefused, _error_page(site, 409))
    app.add_exception_handler(WrongInput, _error_page(site, 422))
    app.add_exception_handler(HTTPException, _error_page(site, None))
    app.add_exception_handler(Exception, _error_page(site, 500))
    return app


def drill_app(site: Site) -> FastAPI:
    """The console for trainees: drills only (see `operator_console.drill_room`)."""
    return console_app(drill_room.room(site))


@dataclass(frozen=True, slots=True)
class PublicApp:
    """An app, and what its connections say to a network that floods (`operator_console.connection`)."""

    app: ASGIApp
    turned_away: TurnedAway

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


def public_app(site: Site) -> PublicApp:
    """Residents' pages, callbacks of far ends, audio and feeds; sets no cookie."""
    given = public_routes(site)
    app = _app("alertd")
    for route in given:
        if not route.bare:
            app.add_api_route(route.path, route.endpoint, methods=list(route.methods), response_model=None)
    app.router.routes.append(api(site))
    bare = [Route(one.path, one.endpoint, methods=list(one.methods)) for one in given if one.bare]
    # around the framework and not within it: its own way costs a far end's callback a tenth more
    pages = ReadyPages(site)
    inside = Limits(Bare(Ready(inner_gates(app, site, pages), pages=pages), routes=bare))
    secure = site.config.public_url.startswith("https://")
    buckets, uncounted = network_buckets(site), Uncounted(site)
    turned_away = TurnedAway(
        buckets,
        pages.wait,
        protective(https=secure),
        uncounted=uncounted,
        proxies=site.config.subscribe.proxies,
    )
    outside = outer_gate(inside, site, pages, buckets=buckets, uncounted=uncounted)
    return PublicApp(Headers(outside, https=secure), turned_away)


def _app(title: str, *middleware: Middleware) -> FastAPI:
    app = FastAPI(
        title=title,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        middleware=list(middleware),
    )
    app.router.route_class = PreparedWhenAsked
    return app


def _to_sign_in(request: Request, _error: Exception) -> Response:
    """Asks for a sign-in, and comes back here afterwards."""
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    after = f"?next={quote(here)}" if request.method == "GET" and here != "/" else ""
    answer = RedirectResponse(f"/sign-in{after}", 303)
    if request.headers.get("hx-request"):
        answer = RedirectResponse("/sign-in", 303, headers={"HX-Redirect": "/sign-in"})
    return answer


def _to_second_factor(request: Request, _error: Exception) -> Response:
    """Asks for a second factor before anything else."""
    if request.headers.get("hx-request"):
        return RedirectResponse(SET_UP, 303, headers={"HX-Redirect": SET_UP})
    return RedirectResponse(SET_UP, 303)


class _error_page:
    """A page that says what went wrong and what to do; `status` None = the exception's own."""

    def __init__(self, site: Site, status: int | None) -> None:
        self._site = site
        self._status = status

    def __call__(self, request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else self._status or 500
        if status == 500:
            log.error("a page failed: %s %s", request.method, request.scope.get("path"), exc_info=error)
        visit = getattr(request.state, "visit", None) or self._stranger(request)
        return page(visit, "error.html", status=status, code=status, reason=_reason(visit, error, status))

    def _stranger(self, request: Request) -> Visit:
        """A visit of which nothing is known yet."""
        return Visit(
            site=self._site,
            path=request.url.path,
            person=None,
            csrf="",
            language=request.cookies.get("language", "ja")
            if request.cookies.get("language") == "en"
            else "ja",
            now=self._site.clock.now(),
            query={},
            form={},
            client="",
            token=None,
        )


def _reason(visit: Visit, error: Exception, status: int) -> str:
    if isinstance(error, MoveRefused):
        return refusal(visit, error)
    if isinstance(error, WrongInput):
        return " ".join(visit.problem(problem) for problem in error.problems)
    if status == 404:
        return visit.say("There is no such page or alert. It may have been mistyped.")
    if status == 403:
        return visit.say("You may not do this with your role, or the page is too old. Please open it anew.")
    if status == 405:
        return visit.say("This page cannot be used in this way. Please go back to the list.")
    return visit.say("Something went wrong. Nothing was sent by this step. Please open the list and look.")
