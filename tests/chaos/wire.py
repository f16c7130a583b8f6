"""A wire: carries connections from one address to another, and can be slowed, silenced, deafened or cut."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path

#: a socket file, a port on loopback, or a socket that is bound already
Address = Path | int | socket.socket
_PIECE = 65536
#: by how much a slow wire holds back every piece, seconds
_LAG = 0.2
#: close() sends a reset
_RESET = struct.pack("ii", 1, 0)


class Trouble(StrEnum):
    """What is wrong with a wire."""

    #: every piece arrives late
    SLOW = "slow"
    #: connections stand, and nothing arrives in either direction
    SILENT = "silent"
    #: what is said arrives; the answers do not
    DEAF = "deaf"
    #: all connections are reset, and no new one comes about
    CUT = "cut"


class Wire:
    """One edge of the network: open until `hurt`, and again after `mend`; both from any thread.

    Connections that lost bytes are reset when the wire is mended: the rest would make no sense.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, near: Address, far: Address) -> None:
        self._loop, self._near, self._far = loop, near, far
        self._trouble: Trouble | None = None
        #: bytes were swallowed since the connections were last reset
        self._lost = False
        self._ends: set[asyncio.StreamWriter] = set()

    def hurt(self, trouble: Trouble) -> None:
        """From now on, until it is mended; one trouble may follow another."""
        self._trouble = trouble
        self._loop.call_soon_threadsafe(self._reset if trouble is Trouble.CUT else self._reset_broken)

    def mend(self) -> None:
        """Carries again; harmless when nothing is wrong."""
        self._trouble = None
        self._loop.call_soon_threadsafe(self._reset_broken)

    async def open(self) -> asyncio.Server:
        """Listens at the near end."""
        if isinstance(self._near, Path):
            return await asyncio.start_unix_server(self._connected, self._near)
        if isinstance(self._near, socket.socket):
            return await asyncio.start_server(self._connected, sock=self._near)
        return await asyncio.start_server(self._connected, "127.0.0.1", self._near)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # cancelled when all wires end; asyncio would tell of each that it was
        with self._held(writer), contextlib.suppress(OSError, asyncio.CancelledError):
            if self._trouble is Trouble.CUT:
                return
            if isinstance(self._far, Path):
                answers, far = await asyncio.open_unix_connection(self._far)
            else:
                assert isinstance(self._far, int)
                answers, far = await asyncio.open_connection("127.0.0.1", self._far)
            with self._held(far):
                await asyncio.gather(
                    self._carry(reader, far, answers=False), self._carry(answers, writer, answers=True)
                )

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool
    ) -> None:
        while piece := await reader.read(_PIECE):
            if self._trouble is Trouble.SLOW:
                await asyncio.sleep(_LAG)
            if self._trouble is Trouble.SILENT or (self._trouble is Trouble.DEAF and answers):
                self._lost = True
                continue
            writer.write(piece)
            await writer.drain()
        # one side has ended: whoever still speaks finds nobody
        writer.close()

    @contextlib.contextmanager
    def _held(self, end: asyncio.StreamWriter) -> Iterator[None]:
        self._ends.add(end)
        try:
            yield
        finally:
            self._ends.discard(end)
            end.close()

    def _reset_broken(self) -> None:
        """In the loop, where bytes are swallowed too: none are between this look and the reset."""
        if self._lost:
            self._reset()

    def _reset(self) -> None:
        self._lost = False
        for end in self._ends:
            plain = end.get_extra_info("socket")
            if plain.family != socket.AF_UNIX:
                plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            end.transport.abort()


@contextlib.contextmanager
def carrying(edges: Mapping[str, tuple[Address, Address]]) -> Iterator[dict[str, Wire]]:
    """Wires by name, each from its near address to its far one, in a thread of their own."""
    loop = asyncio.new_event_loop()
    wires = {name: Wire(loop, near, far) for name, (near, far) in edges.items()}
    try:
        servers = [loop.run_until_complete(wire.open()) for wire in wires.values()]
    except OSError:
        loop.close()
        raise
    thread = threading.Thread(target=loop.run_forever, name="wires", daemon=True)
    thread.start()
    try:
        yield wires
    finally:
        asyncio.run_coroutine_threadsafe(_close(servers), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def _close(servers: list[asyncio.Server]) -> None:
    for server in servers:
        server.close()
    here = asyncio.current_task()
    tasks = [task for task in asyncio.all_tasks() if task is not here]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
