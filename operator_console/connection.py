"""A connection: how much of the server a stranger may hold before a request is whole.

The server itself waits for ever for the first line of a request and reads headers without
end; what is here ends both, and shares the connections out among networks.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from alertd.subscription import network_of

#: until the head of a request must have come whole, in seconds
SLOWEST_HEAD = 15.0
#: of the head of a request, in bytes
LARGEST_HEAD = 32 * 1024
#: open connections of one network (/24, /48), and of all
MOST_EACH = 256
MOST = 4096


class Door:
    """Who holds how many connections; `proxies` hold as many as they like."""

    def __init__(self, proxies: tuple[str, ...] = ()) -> None:
        self._proxies = frozenset(proxies)
        self._open: Counter[str] = Counter()

    def enter(self, client: str) -> str | None:
        """Counts a connection of this address in: the name under which it leaves; None = it may not enter."""
        trusted = client in self._proxies
        network = client if trusted else network_of(client) or client
        if not trusted and (self._open[network] >= MOST_EACH or self._open.total() >= MOST):
            return None
        self._open[network] += 1
        return network

    def leave(self, network: str) -> None:
        """Counts a connection out."""
        self._open[network] -= 1
        if not self._open[network]:
            del self._open[network]


class Connection(HttpToolsProtocol):
    """One connection of the server. Each server has a class of its own, with its door (`connection`)."""

    door: ClassVar[Door]

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Refuses who holds too many already, without a word."""
        self._network: str | None = None
        self._head_due: asyncio.TimerHandle | None = None
        self._head_bytes = 0
        super().connection_made(transport)
        self._network = self.door.enter(self.client[0] if self.client else "")
        if self._network is None:
            transport.abort()
        else:
            self._head_begins()

    def connection_lost(self, exc: Exception | None) -> None:
        """Leaves."""
        self._head_ends()
        if self._network is not None:
            self.door.leave(self._network)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Hangs up on a head without end."""
        super().data_received(data)
        if self._head_due is not None and not self.transport.is_closing():
            self._head_bytes += len(data)
            if self._head_bytes > LARGEST_HEAD:
                self.transport.abort()

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        if self._head_due is None:
            self._head_begins()

    def on_headers_complete(self) -> None:
        """Its head is whole; its body has limits of its own."""
        self._head_ends()
        super().on_headers_complete()

    def _head_begins(self) -> None:
        self._head_bytes = 0
        self._head_due = self.loop.call_later(SLOWEST_HEAD, self.transport.abort)

    def _head_ends(self) -> None:
        if self._head_due is not None:
            self._head_due.cancel()
            self._head_due = None


def connection(proxies: tuple[str, ...] = ()) -> type[Connection]:
    """The class of the connections of one server."""
    return type("Connection", (Connection,), {"door": Door(proxies)})
