"""The gate: who floods the public pages is answered from memory, before anything is looked up for them.

Each network has a limit, and so have all of them together: for requests that reach more than
memory, and, far lower, for those that ask for a letter, each of which is written down. What
goes out to residents comes first. Callbacks pass: far ends report by the hundred, and each
report is judged by its signature.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from alertd.site import Site
from alertd.subscription import network_of
from operator_console.bucket import Buckets
from operator_console.public_page import Reader, reader_of
from operator_console.ready import ReadyPages
from operator_console.registration import client_of

#: a network may ask for as many seconds' worth at once: carriers put thousands of people behind one
BURST_SECONDS = 10
#: requests a second from everybody together that reach more than memory, and as many at once
_DEAR, _DEAR_AT_ONCE = 100.0, 1000.0
#: the same for letters
_LETTERS, _LETTERS_AT_ONCE = 5.0, 50.0
_ASKING = ("/register", "/change/")

_Sender = Callable[[Scope], str | None]


class Gate:
    """Answers with 429 and `Retry-After` whose bucket is empty; gives everything else to the app behind it."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        buckets: Buckets,
        sender: _Sender,
        refused: Callable[[Reader], bytes],
    ) -> None:
        """`sender` None = this request is not counted; `refused` is the page that says so."""
        self._app, self._buckets, self._sender, self._refused = app, buckets, sender, refused

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sender = self._sender(scope) if scope["type"] == "http" else None
        wait = self._buckets.wait(sender) if sender is not None else 0.0
        if not wait:
            await self._app(scope, receive, send)
            return
        page = self._refused(reader_of(Request(scope)))
        headers = {"Retry-After": str(math.ceil(wait)), "Connection": "close"}
        await Response(page, 429, headers, "text/html; charset=utf-8")(scope, receive, send)


def network_buckets(site: Site) -> Buckets:
    """What each network may ask for."""
    rate = site.config.web.public_rate
    return Buckets(rate, rate * BURST_SECONDS)


def outer_gate(
    app: ASGIApp, site: Site, pages: ReadyPages, *, buckets: Buckets, uncounted: Callable[[str], bool]
) -> ASGIApp:
    """The limit of each network; `buckets` are `network_buckets`, `uncounted` says which paths are not."""
    sender = _network(site.config.subscribe.proxies, uncounted)
    return Gate(app, buckets=buckets, sender=sender, refused=pages.wait)


def inner_gates(app: ASGIApp, site: Site, pages: ReadyPages) -> ASGIApp:
    """What all may ask for together of an app that is dear, and each network and all of letters."""
    hourly, proxies = site.config.subscribe.per_network_hour, site.config.subscribe.proxies

    def seconds() -> float:
        return site.clock.now().timestamp()

    together = Buckets(_LETTERS, _LETTERS_AT_ONCE, seconds=seconds)
    each = Buckets(hourly / 3600, hourly, seconds=seconds)
    app = Gate(app, buckets=together, sender=_asking(_everybody), refused=pages.busy)
    app = Gate(app, buckets=each, sender=_asking(_network(proxies)), refused=pages.busy)
    return Gate(app, buckets=Buckets(_DEAR, _DEAR_AT_ONCE), sender=_everybody, refused=pages.wait)


def _network(proxies: tuple[str, ...], uncounted: Callable[[str], bool] | None = None) -> _Sender:
    """From which network a request comes, by what these proxies say; None for uncounted paths."""

    def sender(scope: Scope) -> str | None:
        if uncounted is not None and uncounted(scope["path"]):
            return None
        client = scope["client"][0] if scope.get("client") else ""
        if client in proxies:
            client = client_of(Request(scope), proxies)
        return network_of(client) or client

    return sender


def _asking(sender: _Sender) -> _Sender:
    """The same for those that ask for a letter; None for all others."""
    return lambda scope: (
        sender(scope) if scope["method"] == "POST" and scope["path"].startswith(_ASKING) else None
    )


def _everybody(_scope: Scope) -> str | None:
    return ""
