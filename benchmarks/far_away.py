"""A way that takes time: passes on every byte of TCP connections after half of a round-trip time.

python benchmarks/far_away.py LISTEN PORT MILLISECONDS
"""

from __future__ import annotations

import asyncio
import sys


class _End(asyncio.Protocol):
    """One side of a connection; what it hears is written to the other side later."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.transport: asyncio.Transport | None = None
        self.other: _End | None = None
        self._early: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        for data in self._early:
            transport.write(data)

    def data_received(self, data: bytes) -> None:
        asyncio.get_running_loop().call_later(self._seconds, self._pass_on, data)

    def connection_lost(self, error: Exception | None) -> None:
        asyncio.get_running_loop().call_later(self._seconds, self._close)

    def _pass_on(self, data: bytes) -> None:
        assert self.other is not None
        if self.other.transport is None:
            self.other._early.append(data)
        elif not self.other.transport.is_closing():
            self.other.transport.write(data)

    def _close(self) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.close()


async def main(listen: int, port: int, milliseconds: float) -> None:
    """Listens until it is ended."""
    loop = asyncio.get_running_loop()
    dialling: set[asyncio.Task[object]] = set()

    def accept() -> _End:
        here, there = _End(milliseconds / 2000), _End(milliseconds / 2000)
        here.other, there.other = there, here
        task: asyncio.Task[object] = loop.create_task(
            loop.create_connection(lambda: there, "127.0.0.1", port)
        )
        dialling.add(task)
        task.add_done_callback(dialling.discard)
        return here

    server = await loop.create_server(accept, "127.0.0.1", listen)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
