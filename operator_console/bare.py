"""Bare routes: paths that far ends call by the hundred, served before the framework has looked at them."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.responses import PlainTextResponse
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Receive, Scope, Send


class Bare:
    """Serves its own routes, and gives everything else to the app behind it."""

    def __init__(self, app: ASGIApp, *, routes: Sequence[Route]) -> None:
        self._app = app
        self._routes = tuple(routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        for route in self._routes:
            match, found = route.matches(scope)
            if match is Match.FULL:
                scope.update(found)
                await route.handle(scope, receive, send)
                return
            if match is Match.PARTIAL:
                allowed = {"Allow": ", ".join(sorted(route.methods or ()))}
                await PlainTextResponse("Method not allowed.", 405, headers=allowed)(scope, receive, send)
                return
        await self._app(scope, receive, send)
