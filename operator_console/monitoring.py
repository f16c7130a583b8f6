"""Monitoring: whether the pages answer, whether an alert would go out, and the figures of the installation.

`/healthz` is for everybody and says one word. `/readyz` and `/metrics` are there for who
comes from a network that `[monitoring]` names, or has its token; to all others they do
not exist.
"""

from __future__ import annotations

import hmac
from ipaddress import ip_address, ip_network

from fastapi import HTTPException, Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send

from alertd.clock import stopwatch
from alertd.db import reading
from alertd.metrics import CONTENT_TYPE, metrics
from alertd.readiness import readiness, ready
from alertd.site import Site

#: what a proxy adds: who asks through one does not come from the address that is seen
_PROXIED = ("forwarded", "x-forwarded-for", "x-real-ip")
_UNSEEN = {"Cache-Control": "no-store"}
#: for how long the answer of /healthz holds, in seconds
_HEALTH_SECONDS = 1.0


class Health:
    """GET /healthz: whether the database answers. It is asked at most once a second, however many ask us."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._found: Response | None = None
        self._until = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._found is None or stopwatch() >= self._until:
            self._until = stopwatch() + _HEALTH_SECONDS
            self._found = await run_in_threadpool(self._look)
        await self._found(scope, receive, send)

    def _look(self) -> Response:
        try:
            with reading(self._site.engine) as session:
                session.execute(text("SELECT 1"))
        except SQLAlchemyError:
            return JSONResponse({"status": "the database does not answer"}, 503)
        return JSONResponse({"status": "ok"})


class Monitoring:
    """The pages for a monitoring system."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._networks = tuple(ip_network(one) for one in site.config.monitoring.networks)

    def ready(self, request: Request) -> Response:
        """GET /readyz: what was looked at; 503 when an alert would not go out."""
        self._admit(request)
        looks = readiness(self._site)
        well = ready(looks)
        told = {look.what: look.finding for look in looks}
        answer = {"status": "ready" if well else "not ready", "looks": told}
        return JSONResponse(answer, 200 if well else 503, headers=_UNSEEN)

    def figures(self, request: Request) -> Response:
        """GET /metrics: Prometheus' text format."""
        self._admit(request)
        try:
            with reading(self._site.engine) as session:
                found = metrics(session, self._site)
        except SQLAlchemyError:
            return Response("the database does not answer\n", 503, media_type="text/plain")
        return Response(found, media_type=CONTENT_TYPE, headers=_UNSEEN)

    def _admit(self, request: Request) -> None:
        """Raises 404 for who may not ask, so that nothing tells that there is something."""
        token = self._site.config.monitoring.token
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token is not None and hmac.compare_digest(given.encode(), token.get_secret_value().encode()):
            return
        if request.client is not None and not any(name in request.headers for name in _PROXIED):
            try:
                here = ip_address(request.client.host)
            except ValueError:
                here = None
            if here is not None and any(here in network for network in self._networks):
                return
        raise HTTPException(404)
