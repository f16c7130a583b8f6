"""The public pages: what far ends and residents reach. Nothing here knows who anybody is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fastapi import Request, Response

from alertd.site import Site
from operator_console.assets import asset
from operator_console.callback_route import CallbackRoute
from operator_console.feed import Feed
from operator_console.monitoring import Monitoring
from operator_console.public_page import public_page, reader_of
from operator_console.registration import Registration
from operator_console.sounds import sound

_FOR_EVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class PublicRoute:
    """One public path."""

    methods: tuple[str, ...]
    path: str
    endpoint: Callable[..., Any]
    #: an ASGI app that is served before the framework has looked at the request (see `bare`)
    bare: bool = False


def public_routes(site: Site) -> tuple[PublicRoute, ...]:
    """Every public path."""
    pages, feed, registration, watch = Public(site), Feed(site), Registration(site), Monitoring(site)
    return (
        PublicRoute(("GET",), "/", pages.front),
        PublicRoute(("GET",), "/static/{name}", asset),
        PublicRoute(("GET", "POST"), "/callbacks/{name}", CallbackRoute(site), bare=True),
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
        PublicRoute(("GET",), "/healthz", watch.health),
        PublicRoute(("GET",), "/readyz", watch.ready),
        PublicRoute(("GET",), "/metrics", watch.figures),
    )


class Public:
    """The public pages of one installation."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def front(self, request: Request) -> Response:
        """GET /"""
        return public_page(self._site, reader_of(request), "public/front.html")

    def audio(self, digest: str) -> Response:
        """GET /audio/DIGEST.wav and .mp3: the name is the secret, 256 bits that only who was called knows."""
        return sound(self._site, digest, cache=_FOR_EVER)
