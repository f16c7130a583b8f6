"""Turned away: the whole answer to a network that floods, ready before its request is read.

A refusal by way of server, framework and gate costs four times what the connection itself does;
this one is written as soon as the first bytes are there. Whatever it does not know at a glance
(callbacks, which are never refused here; a proxy, which speaks for others; odd requests) it
leaves to the gate, which counts.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from functools import lru_cache

from starlette.requests import Request

from alertd.subscription import network_of
from operator_console.bucket import Buckets
from operator_console.public_page import Reader, reader_of

STATUS = b"HTTP/1.1 429 Too Many Requests\r\n"
_ASKED = re.compile(rb"(GET|HEAD|POST) (/[^ ?]*)(?:\?([^ ]*))? HTTP/1\.[01]\r\n")
_LANGUAGE = re.compile(rb"\r\naccept-language:[ \t]*([^\r\n]*)", re.IGNORECASE)
#: of what the reader is made, in bytes; longer ones are nobody's
_LONGEST = 200


class TurnedAway:
    """Who has nothing left in the bucket that the gate takes from, and what is said then."""

    def __init__(
        self,
        buckets: Buckets,
        page: Callable[[Reader], bytes],
        headers: Iterable[tuple[bytes, bytes]],
        *,
        uncounted: Callable[[str], bool],
        proxies: tuple[str, ...] = (),
    ) -> None:
        self._buckets, self._page = buckets, page
        self._uncounted, self._proxies = uncounted, frozenset(proxies)
        self._headers = b"".join(b"%s: %s\r\n" % one for one in headers)
        self._head = lru_cache(maxsize=64)(self._written)

    def answer(self, client: str, data: bytes) -> bytes | None:
        """What is written to this address, whose connection begins with `data`; None = let it in.

        Before it belong `STATUS` and the server's own headers.
        """
        if client in self._proxies:
            return None
        wait = self._buckets.empty_for(network_of(client) or client)
        asked = _ASKED.match(data) if wait else None
        if asked is None or self._uncounted(asked[2].decode("latin-1")):
            return None
        spoken = _LANGUAGE.search(data)
        reader = _reader((asked[3] or b"")[:_LONGEST], spoken[1][:_LONGEST] if spoken else b"")
        head, page = self._head(reader, math.ceil(wait))
        return head if asked[1] == b"HEAD" else head + page

    def _written(self, reader: Reader, seconds: int) -> tuple[bytes, bytes]:
        page = self._page(reader)
        head = (
            b"content-type: text/html; charset=utf-8\r\ncontent-length: %d\r\nretry-after: %d\r\n"
            b"cache-control: no-store\r\nconnection: close\r\n%s\r\n" % (len(page), seconds, self._headers)
        )
        return head, page


@lru_cache(maxsize=256)
def _reader(query: bytes, spoken: bytes) -> Reader:
    return reader_of(
        Request({"type": "http", "query_string": query, "headers": [(b"accept-language", spoken)]})
    )
