"""A page that the framework prepares when it is first asked for, not when the app is made.

To prepare one (its parameters, their checks, what it depends on) takes a millisecond; the console
has more than a hundred pages, in each of its apps, and most are not asked for on most days.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from fastapi.routing import APIRoute
from starlette.routing import compile_path, get_name
from starlette.types import Receive, Scope, Send


class PreparedWhenAsked(APIRoute):
    """A route with its path and methods; the rest of it comes with the first request."""

    def __init__(
        self, path: str, endpoint: Callable[..., Any], *, methods: Collection[str], **settings: Any
    ) -> None:
        self.path, self.endpoint, self.methods = path, endpoint, set(methods)
        self.name = get_name(endpoint)
        self.path_regex, self.path_format, self.param_convertors = compile_path(path)
        self._settings = settings
        self.app = self._prepare

    async def _prepare(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers the first request; from then on the framework's own answer is in this one's place."""
        super().__init__(self.path, self.endpoint, methods=self.methods, **self._settings)
        await self.app(scope, receive, send)
