"""Ready answers: what is the same for everybody who asks, given before the framework has looked.

Pages without anything of the asker's are made once for each kind of reader, and carry a tag
by which a browser that has them is spared the rest (RFC 9110, 8.8.3). A link that was never
ours is known by its seal alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from alertd.messages import CHANGE, STOP
from alertd.site import Site
from alertd.token import unseal
from operator_console.public_page import Reader, public_page, reader_of
from operator_console.registration import Registration

#: path of links -> what their token is sealed for
_SEALED = {"/stop/": STOP, "/change/": CHANGE}
#: a browser may show a kept page again for so long, in seconds
_FRESH = 60


class ReadyPages:
    """The pages that depend on their reader and the configuration alone, each made once."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._made: dict[tuple[str, Reader], tuple[bytes, str]] = {}
        #: by path
        self.open: dict[str, Callable[[Reader], Response]] = {
            "/": self._of("public/front.html"),
            "/register": Registration(site).ask_page,
        }

    def page(self, path: str, reader: Reader) -> tuple[bytes, str]:
        """A page of `open`, and its tag."""
        return self._once(path, reader, self.open[path])

    def unknown(self, reader: Reader) -> bytes:
        """For a link that was never ours."""
        return self._once("unknown", reader, self._of("public/unknown.html"))[0]

    def busy(self, reader: Reader) -> bytes:
        """For who asks for a letter when too many do."""
        return self._once("busy", reader, self._of("public/busy.html"))[0]

    def wait(self, reader: Reader) -> bytes:
        """For who must wait a moment."""
        return self._once("wait", reader, self._of("public/wait.html"))[0]

    def ours(self, purpose: str, token: str) -> bool:
        """Whether we have sealed this token."""
        return unseal(self._site.secret, purpose, token) is not None

    def _of(self, template: str) -> Callable[[Reader], Response]:
        return lambda reader: public_page(self._site, reader, template)

    def _once(self, name: str, reader: Reader, make: Callable[[Reader], Response]) -> tuple[bytes, str]:
        known = self._made.get((name, reader))
        if known is None:
            page = bytes(make(reader).body)
            known = self._made[name, reader] = (page, f'"{hashlib.sha256(page).hexdigest()[:32]}"')
        return known


class Ready:
    """Serves the pages that are ready and refuses made-up links; gives everything else to the app behind it."""

    def __init__(self, app: ASGIApp, *, pages: ReadyPages) -> None:
        self._app, self._pages = app, pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = self._answer(scope) if scope["type"] == "http" else None
        await (answer or self._app)(scope, receive, send)

    def _answer(self, scope: Scope) -> Response | None:
        path, method = scope["path"], scope["method"]
        if path in self._pages.open:
            return self._kept(path, Request(scope)) if method == "GET" else None
        place = path.find("/", 1) + 1
        purpose = _SEALED.get(path[:place])
        if purpose is None or method not in ("GET", "POST") or self._pages.ours(purpose, path[place:]):
            return None
        return Response(self._pages.unknown(reader_of(Request(scope))), 404, media_type="text/html")

    def _kept(self, path: str, request: Request) -> Response:
        page, tag = self._pages.page(path, reader_of(request))
        headers = {"ETag": tag, "Cache-Control": f"public, max-age={_FRESH}", "Vary": "Accept-Language"}
        known = request.headers.get("if-none-match", "")
        if tag in (one.strip().removeprefix("W/") for one in known.split(",")):
            return Response(status_code=304, headers=headers)
        return Response(page, headers=headers, media_type="text/html")
