"""Onlookers: browsers that have a board open, as far as the server can tell them from real ones.

They take next to no time of this machine's processors: in a city they run on other machines.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from types import TracebackType

import httpx

#: after the end of a stream a browser connects anew, in seconds
_AGAIN = 1.0


class Onlookers:
    """So many browsers with the board of a dispatch open, from `with` to its end; counts what they are sent."""

    def __init__(self, port: int, dispatch: int, number: int) -> None:
        self._port, self._dispatch, self._number = port, dispatch, number
        self._cookies = self._sign_in()
        #: times a board was told of a new tally
        self.updates = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Onlookers:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._all.cancel)
        self._thread.join()
        self._loop.close()

    def _sign_in(self) -> str:
        address = f"http://127.0.0.1:{self._port}"
        with httpx.Client(base_url=address, headers={"Origin": address}, timeout=60) as browser:
            answer = browser.post(
                "/sign-in", data={"name": "bench", "password": "a benchmark needs no secret"}
            )
            assert answer.status_code == 303, answer.text
            return "; ".join(f"{name}={value}" for name, value in browser.cookies.items())

    def _run(self) -> None:
        self._all = self._loop.create_task(self._watch_all())
        with contextlib.suppress(asyncio.CancelledError):
            self._loop.run_until_complete(self._all)

    async def _watch_all(self) -> None:
        await asyncio.gather(*(self._watch() for _ in range(self._number)))

    async def _watch(self) -> None:
        while True:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
            try:
                request = (
                    f"GET /alerts/{self._dispatch}/events HTTP/1.1\r\n"
                    f"Host: 127.0.0.1:{self._port}\r\nCookie: {self._cookies}\r\nConnection: close\r\n\r\n"
                )
                writer.write(request.encode())
                over = False
                async for line in reader:
                    if line.startswith(b"event: "):
                        self.updates += line.startswith(b"event: tally")
                        over |= line.startswith(b"event: final")
            finally:
                writer.close()
            if over:  # as a page does: nothing more will come
                return
            await asyncio.sleep(_AGAIN)
