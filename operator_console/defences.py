"""Defences: what holds for every request and every answer of an app, whatever the page.

Limits of size and time on what comes in; on what goes out, headers that let the browser
load nothing from elsewhere and be framed by nobody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: of a body, in bytes
LARGEST_BODY = 256 * 1024
#: until a body must have come whole, in seconds
SLOWEST_BODY = 15.0

#: nothing from elsewhere, nothing inline, framed by nobody
CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    # not "no-referrer": browsers would then hide the Origin of our own forms from us
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "X-Frame-Options": "DENY",
}


class _Refused(Exception):
    """The body is larger than allowed."""


class Limits:
    """Refuses a body that is too large (413) or comes too slowly (408)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body, started = _Body(receive), False

        async def sending(message: Message) -> None:
            nonlocal started
            # a framework would make “something went wrong” of what ends its reading
            if body.refused is None or started:
                started = started or message["type"] == "http.response.start"
                await send(message)

        try:
            declared = Request(scope).headers.get("content-length", "0")
            if not declared.isdigit() or int(declared) > LARGEST_BODY:
                body.refused = 413
                raise _Refused
            await self._app(scope, body.receive, sending)
        except (_Refused, TimeoutError):
            if started:
                raise
            body.refused = body.refused or 408
        except ClientDisconnect:
            return  # it has hung up: there is nobody to answer, and nothing that the log should say
        if body.refused is not None and not started:
            words = {413: "The body is too large.", 408: "The body came too slowly."}[body.refused]
            answer = PlainTextResponse(words, body.refused, headers={"Connection": "close"})
            await answer(scope, receive, send)


class _Body:
    """The same body, or an exception once it is too large or too slow; `refused` is then the answer's status."""

    def __init__(self, receive: Receive) -> None:
        self.refused: int | None = None
        self._receive = receive
        self._deadline = asyncio.get_running_loop().time() + SLOWEST_BODY
        self._seen, self._whole = 0, False

    async def receive(self) -> Message:
        """The next piece. Raises what ends the reading."""
        if self._whole:
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError:
            self.refused = 408
            raise
        self._seen += len(message.get("body", b""))
        if self._seen > LARGEST_BODY:
            self.refused = 413
            raise _Refused
        self._whole = message["type"] != "http.request" or not message.get("more_body", False)
        return message


def protective(*, https: bool) -> list[tuple[bytes, bytes]]:
    """`HEADERS` as they are sent, names in small letters."""
    headers = {**HEADERS, "Strict-Transport-Security": "max-age=31536000"} if https else HEADERS
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]


class Headers:
    """Adds the protective headers to every answer; pages are kept by no cache unless they say so."""

    def __init__(self, app: ASGIApp, *, https: bool) -> None:
        self._app = app
        self._headers = protective(https=https)
        self._names = frozenset(name for name, _ in self._headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                said = [one for one in message["headers"] if one[0] not in self._names]
                if not any(name == b"cache-control" for name, _ in said):
                    said.append((b"cache-control", b"no-store"))
                message["headers"] = said + self._headers
            await send(message)

        await self._app(scope, receive, sending)


def same_origin(request: Request, home: str) -> bool:
    """Whether our own page sent this; False when the browser does not say where it comes from.

    `home` is our own address as the browser knows it, which a proxy may hide from us.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    here = f"{request.url.scheme}://{request.headers.get('host', '')}"
    return request.headers.get("origin") in (here, home)
