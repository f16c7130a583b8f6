"""The API: another system reads alerts, submits them, and hands in documents; it approves nothing.

Every error is a problem document (RFC 9457). It documents itself at /api/openapi.json.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Header, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.routing import Match, Mount

from alertd import api_repeat, api_token, incoming, issue, request, standing, store
from alertd.alert import Status
from alertd.api_token import Bearer, Scope
from alertd.audience import Elsewhere
from alertd.city import JST
from alertd.db import reading, writing
from alertd.dispatch import State
from alertd.errors import MoveRefused, NotFound, Problem, WrongInput
from alertd.hazard import NAMES
from alertd.orders import Order
from alertd.report import report
from alertd.site import Site
from alertd.store import freezes
from alertd.tables import AlertRow, DispatchRow
from operator_console.api_forms import (
    AlertList,
    AlertRequest,
    DraftAnswer,
    FreezeNow,
    InForce,
    Listed,
    ProblemDetails,
    Submitted,
    Tally,
)

log = logging.getLogger(__name__)

#: the types in which documents come in
_DOCUMENTS = ("application/cap+xml", "application/xml", "text/xml")
_PROBLEM = "application/problem+json"
_NUMBER = Annotated[int, Path(ge=1, le=2**53)]


def api(site: Site) -> Mount:
    """The API below /api of the public pages; an address with a line break in it is the API's to refuse too."""
    mount = Mount("/api", api_app(site))
    mount.path_regex = re.compile(mount.path_regex.pattern, re.DOTALL)
    return mount


def api_app(site: Site) -> FastAPI:
    """The API of one installation by itself."""
    app = FastAPI(
        title="alertd",
        version="1",
        summary="Alerts of a city: read them, submit them, hand documents in.",
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        redirect_slashes=False,
        root_path_in_servers=True,
    )
    calls = _Calls(site)
    may = _Admission(site)
    say = _responses
    app.add_api_route(
        "/alerts",
        calls.alerts,
        methods=["GET"],
        response_model=AlertList,
        responses=say(401, 403, 422),
        dependencies=[Depends(may.of(Scope.READ))],
        summary="The latest alerts, newest first",
    )
    app.add_api_route(
        "/alerts/{number}",
        calls.alert,
        methods=["GET"],
        response_model=Tally,
        responses=say(401, 403, 404, 422),
        dependencies=[Depends(may.of(Scope.READ))],
        summary="One alert and what became of it",
    )
    app.add_api_route(
        "/in-force",
        calls.in_force,
        methods=["GET"],
        response_model=list[InForce],
        responses=say(401, 403),
        dependencies=[Depends(may.of(Scope.READ))],
        summary="The city's orders that hold now",
    )
    app.add_api_route(
        "/freeze",
        calls.frozen,
        methods=["GET"],
        response_model=list[FreezeNow],
        responses=say(401, 403),
        dependencies=[Depends(may.of(Scope.READ))],
        summary="What is frozen now: nothing of it is sent until two people of the city lift it",
    )
    app.add_api_route(
        "/alerts",
        calls.submit(may.of(Scope.SUBMIT)),
        methods=["POST"],
        status_code=201,
        response_model=Submitted,
        responses=say(400, 401, 403, 409, 422),
        summary="Submit an alert; a person of the city approves it",
    )
    app.add_api_route(
        "/drafts",
        calls.draft(may.of(Scope.DRAFTS)),
        methods=["POST"],
        response_model=DraftAnswer,
        responses=say(400, 401, 403, 415, 422),
        summary="Hand in a CAP document or a telegram of JMA as a draft",
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {name: {"schema": {"type": "string"}} for name in _DOCUMENTS},
            }
        },
    )
    for kind, status in ((NotFound, 404), (MoveRefused, 409), (WrongInput, 422)):
        app.add_exception_handler(kind, _said(status))
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _failed)
    described = app.openapi
    app.openapi = lambda: _as_problems(described())  # type: ignore[method-assign]
    return app


class _Admission:
    """Lets in who shows a token with the scope."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def of(self, scope: Scope) -> Callable[..., Bearer]:
        """The dependency for a route that needs this scope."""

        def admit(
            credentials: Annotated[
                HTTPAuthorizationCredentials | None, Depends(HTTPBearer(auto_error=False))
            ],
        ) -> Bearer:
            now = self._site.clock.now()
            found = None
            if credentials is not None:
                with reading(self._site.engine) as session:
                    found = api_token.bearer(session, credentials.credentials, now)
            if found is None:
                raise HTTPException(401, "a valid token is needed", {"WWW-Authenticate": "Bearer"})
            if scope not in found.scopes:
                raise HTTPException(403, f"the token has not the scope {scope}")
            if found.unnoted:  # once a minute: a reader is not to wait for writers
                with writing(self._site.engine) as session:
                    api_token.used(session, found.number, now)
            return found

        return admit


class _Calls:
    """What the routes do."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def alerts(self, limit: Annotated[int, Query(ge=1, le=200)] = 50) -> AlertList:
        with reading(self._site.engine) as session:
            rows = store.dispatches(session, limit=limit)
        return AlertList(
            alerts=[
                Listed(
                    id=row.id,
                    identifier=alert.identifier,
                    status=alert.status,
                    msg_type=alert.msg_type,
                    state=row.state,
                    headline=alert.headline,
                    sent=alert.sent,
                )
                for row, alert in rows
                if row.state is not State.DRAFT
            ]
        )

    def alert(self, number: _NUMBER) -> dict[str, Any]:
        with reading(self._site.engine) as session:
            return report(session, number).as_json()

    def in_force(self) -> list[InForce]:
        with reading(self._site.engine) as session:
            return [_in_force(order) for order in standing.orders(session, self._site.clock.now())]

    def frozen(self) -> list[FreezeNow]:
        with reading(self._site.engine) as session:
            return [
                FreezeNow(scope=row.scope, since=row.set_at, until=row.ends_at)
                for row in freezes.freezes(session, self._site.clock.now())
            ]

    def submit(self, admit: Callable[..., Bearer]) -> Callable[..., JSONResponse]:
        site = self._site

        def submit(
            form: AlertRequest,
            idempotency_key: Annotated[
                str, Header(min_length=8, max_length=100, pattern=r"^[A-Za-z0-9._:-]+$")
            ],
            bearer: Bearer = Depends(admit),
        ) -> JSONResponse:
            repeat = api_repeat.begun(site, bearer.number, idempotency_key, form.model_dump_json().encode())
            if repeat.status is not None:
                return JSONResponse(repeat.answer, repeat.status)
            identifier = f"{site.config.city.code}.api.{repeat.name}"
            known = _dispatch_of(site, identifier)
            if known is None:
                wanted = request.Request(
                    status=Status(form.status),
                    areas=tuple(form.areas),
                    groups=tuple(form.groups),
                    everybody=form.everybody,
                    elsewhere=tuple(
                        Elsewhere(
                            channel=name,
                            areas=tuple(code for code in codes if code != "*"),
                            everybody="*" in codes,
                        )
                        for name, codes in form.elsewhere.items()
                    ),
                    why=form.why,
                    channels=tuple(form.channels),
                    hours=form.hours,
                    template=form.template,
                    values=form.values,
                    update_of=form.update_of,
                    new_because=form.new_because,
                )
                made = request.submission(site, wanted, identifier=identifier, sent=repeat.at)
                try:
                    known = issue.submit(site, made, bearer.person)
                except (WrongInput, SQLAlchemyError):
                    known = _dispatch_of(site, identifier)
                    if known is None:
                        raise
            answer = {
                "id": known,
                "identifier": identifier,
                "state": "submitted",
                "url": f"{site.config.public_url}/api/alerts/{known}",
            }
            api_repeat.answered(site, repeat, 201, answer)
            return JSONResponse(answer, 201)

        return submit

    def draft(self, admit: Callable[..., Bearer]) -> Callable[..., Any]:
        site = self._site

        async def body(request: Request) -> bytes:
            kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
            if kind not in _DOCUMENTS:
                raise HTTPException(415, f"send one of {', '.join(_DOCUMENTS)}")
            return await request.body()

        def draft(document: bytes = Depends(body), bearer: Bearer = Depends(admit)) -> DraftAnswer:
            taken = incoming.take(
                site,
                document,
                bearer.person.name,
                senders=site.config.feeds.senders,
                by=bearer.person.name,
            )
            return DraftAnswer(outcome=taken.taken, draft=taken.number, headline=taken.headline)

        return draft


def _in_force(order: Order) -> InForce:
    return InForce(
        area=order.area,
        area_name=order.area_name,
        hazard=order.hazard,
        hazard_name=NAMES[order.hazard][0] if order.hazard is not None else None,
        level=order.level,
        event=order.event,
        headline=order.headline,
        since=order.since.astimezone(JST),
        until=order.until.astimezone(JST) if order.until is not None else None,
        identifier=order.reference.identifier,
    )


def _dispatch_of(site: Site, identifier: str) -> int | None:
    with reading(site.engine) as session:
        return session.scalar(
            select(DispatchRow.id)
            .join(AlertRow, AlertRow.id == DispatchRow.alert_id)
            .where(AlertRow.identifier == identifier)
        )


# problems -----------------------------------------------------------------------------

_TITLES = {
    400: "The request cannot be read",
    401: "A valid token is needed",
    403: "The token may not do this",
    404: "There is no such thing",
    405: "The address cannot be used in this way",
    409: "The alert does not allow it now",
    415: "This kind of content is not taken",
    422: "Something in the request is wrong",
    500: "Something went wrong; nothing was sent",
}


def _responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: {"description": _TITLES[status], "model": ProblemDetails} for status in statuses}


def _as_problems(description: dict[str, Any]) -> dict[str, Any]:
    """The description with the media type that errors really have."""
    for path in description["paths"].values():
        for operation in path.values():
            for status, response in operation["responses"].items():
                content = response.get("content", {})
                if status >= "400" and "application/json" in content:
                    content[_PROBLEM] = content.pop("application/json")
    return description


def _problem(
    status: int, detail: str, problems: Iterable[Problem] = (), headers: dict[str, str] | None = None
) -> Response:
    content = {
        "type": "about:blank",
        "title": _TITLES.get(status, "The request was refused"),
        "status": status,
        "detail": detail,
        "problems": [{"field": one.field, "message": one.message} for one in problems],
    }
    return JSONResponse(content, status, headers, media_type=_PROBLEM)


def _said(status: int) -> Callable[[Request, Exception], Response]:
    def handler(_request: Request, error: Exception) -> Response:
        problems = error.problems if isinstance(error, WrongInput) else ()
        return _problem(status, str(error), problems)

    return handler


def _invalid(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = [
        Problem(".".join(str(step) for step in one["loc"][1:]) or str(one["loc"][0]), str(one["msg"]))
        for one in error.errors()
    ]
    broken = any(one["type"] == "json_invalid" for one in error.errors())
    return _problem(400 if broken else 422, "the request does not fit its description", found)


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    if error.status_code == 405:  # the framework names the methods of one of several routes only
        headers["Allow"] = ", ".join(sorted(_methods(request)))
    return _problem(error.status_code, str(error.detail), headers=headers)


def _methods(request: Request) -> set[str]:
    """The methods that the address takes."""
    routes = [route for route in request.app.routes if isinstance(route, APIRoute)]
    fitting = [route for route in routes if route.matches(request.scope)[0] is not Match.NONE]
    return {method for route in fitting for method in route.methods or ()}


def _failed(request: Request, error: Exception) -> Response:
    log.error("the API failed: %s %s", request.method, request.scope.get("path"), exc_info=error)
    return _problem(500, "the request was not carried out; it may be repeated with the same key")
