"""The callback route: what far ends say at `/callbacks/NAME`, answered once it is committed.

An ASGI app of its own: far ends call by the hundred, and what a framework does for a page
costs more than what is said here.
"""

from __future__ import annotations

import logging
from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from alertd import callbacks
from alertd.channel import Callback
from alertd.errors import ForgedCallback, NotFound
from alertd.site import Site
from operator_console.bucket import Buckets

log = logging.getLogger(__name__)


class CallbackRoute:
    """GET or POST /callbacks/NAME: the channel judges whether it is genuine."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._book = callbacks.Book(site)
        #: a flood of forgeries does not fill the log
        self._lines = Buckets(1 / 60, 3)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            body = await _body(receive)
        except ClientDisconnect:
            return
        answer = await self._answer(scope, body)
        await answer(scope, receive, send)

    async def _answer(self, scope: Scope, body: bytes) -> Response:
        site, name = self._site, scope["path_params"]["name"]
        said = _callback(scope, f"{site.config.public_url}/callbacks/{name}", body)
        try:
            judged = callbacks.told(site, name, said)
            if judged is None:
                judged = await run_in_threadpool(callbacks.answered, site, name, said)
        except ForgedCallback:
            if not self._lines.wait(name):
                log.warning("a forged callback for channel %s was refused", name)
            return PlainTextResponse("Forbidden.", 403)
        except NotFound:
            return PlainTextResponse("Not found.", 404)
        await self._book.write_down(judged.said)
        reply = judged.reply
        return Response(reply.body, reply.status, headers={"Content-Type": reply.content_type})


async def _body(receive: Receive) -> bytes:
    """The body of a request, whole. Raises ClientDisconnect when its sender goes away before."""
    parts = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


def _callback(scope: Scope, url: str, body: bytes) -> Callback:
    """A request as the channels take it; `url` is the public one, without the query."""
    query = scope["query_string"].decode("latin-1")
    return Callback(
        url=f"{url}?{query}" if query else url,
        method=scope["method"],
        headers={name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]},
        body=body,
        query=dict(parse_qsl(query, keep_blank_values=True)),
        target=None,
        message=None,
        closed=False,
    )
