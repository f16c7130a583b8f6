"""The public pages: what far ends and residents reach, beside `ready`. Nothing here knows who anybody is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from alertd.site import Site
from operator_console.assets import asset
from operator_console.callback_route import CallbackRoute
from operator_console.feed import Feed
from operator_console.monitoring import Health, Monitoring
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
    """Every public path that is not ready before anybody asks."""
    feed, registration, watch = Feed(site), Registration(site), Monitoring(site)
    audio = Told(lambda named: sound(site, named["digest"], cache=_FOR_EVER))
    return (
        PublicRoute(("GET",), "/static/{name}", Told(lambda named: asset(named["name"])), bare=True),
        PublicRoute(("GET", "POST"), "/callbacks/{name}", CallbackRoute(site), bare=True),
        # the name is the secret: 256 bits that only who was called knows
        PublicRoute(("GET", "HEAD"), "/audio/{digest}.wav", audio, bare=True),
        PublicRoute(("GET", "HEAD"), "/audio/{digest}.mp3", audio, bare=True),
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
        PublicRoute(("GET",), "/healthz", Health(site), bare=True),
        PublicRoute(("GET",), "/readyz", watch.ready),
        PublicRoute(("GET",), "/metrics", watch.figures),
    )


class Told:
    """An ASGI app whose answer follows from the names in the path alone."""

    def __init__(self, answer: Callable[[Mapping[str, str]], Response]) -> None:
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._answer(scope["path_params"])(scope, receive, send)
