"""The public pages: what far ends and residents reach. Nothing here knows who anybody is."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from fastapi import Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool

from alertd import audit, callbacks
from alertd.channel import Callback
from alertd.db import reading, writing
from alertd.errors import ForgedCallback, NotFound
from alertd.messages import STOP
from alertd.site import Site
from alertd.tables import ContactRow
from alertd.token import unseal
from operator_console.assets import asset
from operator_console.catalogue import DEFAULT
from operator_console.feed import document, feed
from operator_console.page import environment, simulated
from operator_console.sounds import sound

log = logging.getLogger(__name__)

_FOR_EVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class PublicRoute:
    """One public path."""

    methods: tuple[str, ...]
    path: str
    endpoint: Callable[..., Any]


def public_routes(site: Site) -> tuple[PublicRoute, ...]:
    """Every public path."""
    pages = Public(site)
    return (
        PublicRoute(("GET",), "/", pages.front),
        PublicRoute(("GET",), "/static/{name}", asset),
        PublicRoute(("GET", "POST"), "/callbacks/{name}", pages.callback),
        PublicRoute(("GET", "HEAD"), "/audio/{digest}.wav", pages.audio),
        PublicRoute(("GET", "HEAD"), "/audio/{digest}.mp3", pages.audio),
        PublicRoute(("GET",), "/stop/{token}", pages.stop_page),
        PublicRoute(("POST",), "/stop/{token}", pages.stop),
        PublicRoute(("GET",), "/cap/feed.atom", pages.atom),
        PublicRoute(("GET",), "/cap/{identifier}.xml", pages.cap),
        PublicRoute(("GET",), "/healthz", pages.health),
    )


class Public:
    """The public pages of one installation."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def front(self) -> Response:
        """GET /"""
        return self._page("public/front.html")

    async def callback(self, name: str, request: Request) -> Response:
        """GET or POST /callbacks/NAME: the channel judges whether it is genuine."""
        said = _callback(request, f"{self._site.config.public_url}/callbacks/{name}", await request.body())
        try:
            judged = callbacks.told(self._site, name, said)
            if judged is None:
                judged = await run_in_threadpool(callbacks.answered, self._site, name, said)
        except ForgedCallback:
            log.warning("a forged callback for channel %s was refused", name)
            return PlainTextResponse("Forbidden.", 403)
        except NotFound:
            return PlainTextResponse("Not found.", 404)
        for written in callbacks.write_down(self._site, judged.said):
            await asyncio.wrap_future(written)
        reply = judged.reply
        return Response(reply.body, reply.status, headers={"Content-Type": reply.content_type})

    def audio(self, digest: str) -> Response:
        """GET /audio/DIGEST.wav and .mp3: the name is the secret, 256 bits that only who was called knows."""
        return sound(self._site, digest, cache=_FOR_EVER)

    def stop_page(self, token: str) -> Response:
        """GET /stop/TOKEN: a button only, because mail scanners open every link."""
        if self._contact(token) is None:
            return self._page("public/unknown.html", 404)
        return self._page("public/stop.html")

    def stop(self, token: str) -> Response:
        """POST /stop/TOKEN: leaves the list at once (RFC 8058, section 3.2). Twice is harmless."""
        number = self._contact(token)
        if number is None:
            return self._page("public/unknown.html", 404)
        with writing(self._site.engine) as session:
            contact = session.get_one(ContactRow, number)
            if contact.active:
                contact.active = False
                audit.note(
                    session,
                    at=self._site.clock.now(),
                    actor="recipient",
                    action="contact.left",
                    subject=f"contact:{number}",
                    detail={"kind": contact.kind},
                )
        return self._page("public/stopped.html")

    def _contact(self, token: str) -> int | None:
        number = unseal(self._site.secret, STOP, token)
        if number is None:
            return None
        with reading(self._site.engine) as session:
            return number if session.get(ContactRow, number) is not None else None

    def atom(self) -> Response:
        """GET /cap/feed.atom"""
        content = feed(self._site)
        return Response(content, headers={"Content-Type": "application/atom+xml; charset=utf-8"})

    def cap(self, identifier: str) -> Response:
        """GET /cap/IDENTIFIER.xml: the document, byte for byte."""
        found = document(self._site, identifier)
        if found is None:
            return PlainTextResponse("Not found.", 404)
        return Response(found, headers={"Content-Type": "application/cap+xml"})

    def health(self) -> Response:
        """GET /healthz: whether the database answers."""
        try:
            with reading(self._site.engine) as session:
                session.execute(text("SELECT 1"))
        except SQLAlchemyError:
            return JSONResponse({"status": "the database does not answer"}, 503)
        return JSONResponse({"status": "ok"})

    def _page(self, template: str, status: int = 200) -> Response:
        made = environment(DEFAULT).get_template(template)
        return HTMLResponse(made.render(city=self._site.config.city, simulated=simulated(self._site)), status)


def _callback(request: Request, url: str, body: bytes) -> Callback:
    """A request as the channels take it; `url` is the public one, without the query."""
    query = request.scope["query_string"].decode("latin-1")
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    form = (
        dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
        if content_type == "application/x-www-form-urlencoded"
        else {}
    )
    return Callback(
        url=f"{url}?{query}" if query else url,
        method=request.method,
        headers=dict(request.headers),
        body=body,
        query=dict(parse_qsl(query, keep_blank_values=True)),
        form=form,
        target=None,
        message=None,
        closed=False,
    )
