"""A connection: how much of the server a stranger may hold before a request is whole.

The server itself waits for ever for the first line of a request and reads headers without
end; what is here ends both, shares the connections out among networks, and makes a parser and
all that belongs to it for those only who are let in.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from functools import partial
from typing import Any, ClassVar

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from alertd.subscription import network_of
from operator_console.turned_away import STATUS, TurnedAway

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
        self._all = 0

    def enter(self, client: str) -> str | None:
        """Counts a connection of this address in: the name under which it leaves; None = it may not enter."""
        trusted = client in self._proxies
        network = client if trusted else network_of(client) or client
        if not trusted and (self._open[network] >= MOST_EACH or self._all >= MOST):
            return None
        self._open[network] += 1
        self._all += 1
        return network

    def leave(self, network: str) -> None:
        """Counts a connection out."""
        self._all -= 1
        self._open[network] -= 1
        if not self._open[network]:
            del self._open[network]


class Connection(HttpToolsProtocol):
    """A connection that has been let in: the server's own, with an end to heads without end."""

    def let_in(self, transport: asyncio.Transport, entrance: Entrance) -> None:
        """Goes on where the entrance was: its place at the door and its time are this one's now."""
        self._entrance, self._head_bytes = entrance, 0
        self._head_due: asyncio.TimerHandle | None = entrance.head_due
        self.connection_made(transport)
        transport.set_protocol(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Leaves."""
        self._head_ends()
        self._entrance.leave()
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
            self._head_bytes = 0
            self._head_due = self.loop.call_later(SLOWEST_HEAD, self.transport.abort)

    def on_headers_complete(self) -> None:
        """Its head is whole; its body has limits of its own."""
        self._head_ends()
        super().on_headers_complete()

    def _head_ends(self) -> None:
        if self._head_due is not None:
            self._head_due.cancel()
            self._head_due = None


class Entrance(asyncio.Protocol):
    """A connection until its first bytes. Each server has a class of its own, with its door (`connection`)."""

    door: ClassVar[Door]
    #: what who floods is told; None = the app says it
    turned_away: ClassVar[TurnedAway | None]

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._inside = partial(Connection, config, server_state, app_state)
        self._server = server_state

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Refuses who holds too many already, without a word."""
        self._transport = transport
        self._server.connections.add(self)  # type: ignore[arg-type]  # it asks for no more than `shutdown`
        self.head_due = asyncio.get_running_loop().call_later(SLOWEST_HEAD, transport.abort)
        # not by the socket, as the server does: making an object of it costs as much as the rest
        address = transport.get_extra_info("peername")
        self._client = address[0] if address else ""
        self._network: str | None = self.door.enter(self._client)
        if self._network is None:
            transport.abort()

    def data_received(self, data: bytes) -> None:
        """Turns away who floods, and lets everybody else in."""
        if self._network is None:
            return
        answer = self.turned_away.answer(self._client, data) if self.turned_away is not None else None
        if answer is None:
            self._server.connections.discard(self)
            inside = self._inside()
            inside.let_in(self._transport, self)
            inside.data_received(data)
            return
        ours = b"".join(b"%s: %s\r\n" % one for one in self._server.default_headers)
        self._transport.write(b"".join((STATUS, ours, answer)))
        self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Leaves."""
        self.head_due.cancel()
        self._server.connections.discard(self)
        self.leave()

    def leave(self) -> None:
        """Gives its place at the door back."""
        if self._network is not None:
            self.door.leave(self._network)
            self._network = None

    def shutdown(self) -> None:
        """The server ends."""
        self._transport.close()


def connection(
    proxies: tuple[str, ...] = (), turned_away: TurnedAway | None = None
) -> type[asyncio.Protocol]:
    """The class of the connections of one server."""
    return type("Entrance", (Entrance,), {"door": Door(proxies), "turned_away": turned_away})
