"""The public pages: what far ends and residents reach. Nothing here knows who anybody is."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from fastapi import Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool

from alertd import callbacks
from alertd.channel import Callback
from alertd.db import reading
from alertd.errors import ForgedCallback, NotFound
from alertd.site import Site
from operator_console.assets import asset
from operator_console.feed import Feed
from operator_console.public_page import public_page, reader_of
from operator_console.registration import Registration
from operator_console.sounds import sound

log = logging.getLogger(__name__)

_FOR_EVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class PublicRoute:
    """One public path."""

    methods: tuple[str, ...]
    path: str
    endpoint: Callable[..., Any]
    #: is given the request and nothing else (see `bare`): far ends call by the hundred
    bare: bool = False


def public_routes(site: Site) -> tuple[PublicRoute, ...]:
    """Every public path."""
    pages, feed, registration = Public(site), Feed(site), Registration(site)
    return (
        PublicRoute(("GET",), "/", pages.front),
        PublicRoute(("GET",), "/static/{name}", asset),
        PublicRoute(("GET", "POST"), "/callbacks/{name}", pages.callback, bare=True),
        PublicRoute(("GET", "HEAD"), "/audio/{digest}.wav", pages.audio),
        PublicRoute(("GET", "HEAD"), "/audio/{digest}.mp3", pages.audio),
        PublicRoute(("GET",), "/register", registration.ask_page),
        PublicRoute(("POST",), "/register", registration.ask),
        PublicRoute(("GET",), "/r/{token}", registration.choose_page),
        PublicRoute(("POST",), "/r/{token}", registration.choose),
        PublicRoute(("GET",), "/change/{token}", registration.change_page),
        PublicRoute(("POST",), "/change/{token}", registration.change),
        PublicRoute(("GET",), "/stop/{token}", registration.stop_page),
        PublicRoute(("POST",), "/stop/{token}", registration.stop),
        PublicRoute(("GET", "HEAD"), "/cap/feed.atom", feed.atom),
        PublicRoute(("GET", "HEAD"), "/cap/feed.json", feed.json),
        PublicRoute(("GET", "HEAD"), "/cap/in-force.geojson", feed.in_force),
        PublicRoute(("GET", "HEAD"), "/cap/{identifier}.xml", feed.document),
        PublicRoute(("GET", "HEAD"), "/cap/{identifier}.json", feed.document_json),
        PublicRoute(("GET",), "/healthz", pages.health),
    )


class Public:
    """The public pages of one installation."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def front(self, request: Request) -> Response:
        """GET /"""
        return public_page(self._site, reader_of(request), "public/front.html")

    async def callback(self, request: Request) -> Response:
        """GET or POST /callbacks/NAME: the channel judges whether it is genuine."""
        name = request.path_params["name"]
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

    def health(self) -> Response:
        """GET /healthz: whether the database answers."""
        try:
            with reading(self._site.engine) as session:
                session.execute(text("SELECT 1"))
        except SQLAlchemyError:
            return JSONResponse({"status": "the database does not answer"}, 503)
        return JSONResponse({"status": "ok"})


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
