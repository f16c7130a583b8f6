"""The listener for mail that comes in: LMTP or SMTP on this machine, behind the city's mail server."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, Envelope, Session

log = logging.getLogger(__name__)

#: of a mail, in bytes; a blank mail may carry a picture, a bounce the mail that came back
LARGEST = 10 * 1024 * 1024
#: seconds of silence until a connection is closed
PATIENCE = 60

#: takes in one mail: sender ("" = the null sender), recipients, the mail
TakeIn = Callable[[str, Sequence[str], bytes], object]


class _Handler:
    """Says yes to what was taken in, and "later" when it could not be: nothing is lost."""

    def __init__(self, take_in: TakeIn, *, lmtp: bool) -> None:
        self._take_in, self._lmtp = take_in, lmtp

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        content = envelope.content or b""
        document = content.encode() if isinstance(content, str) else content
        try:
            await asyncio.to_thread(self._take_in, envelope.mail_from or "", envelope.rcpt_tos, document)
            reply = "250 2.0.0 taken in"
        except Exception:
            log.exception("a mail could not be taken in")
            reply = "451 4.3.0 cannot take it in now; try again later"
        # LMTP has one reply for each recipient (RFC 2033 §4.2)
        return "\r\n".join([reply] * (len(envelope.rcpt_tos) if self._lmtp else 1))


class Listener:
    """Listens in a thread of its own from `start` to `stop`."""

    def __init__(self, take_in: TakeIn, *, host: str, port: int, protocol: str) -> None:
        self._dialogue = LMTP if protocol == "lmtp" else SMTP
        self._handler = _Handler(take_in, lmtp=protocol == "lmtp")
        self._wanted = (host, port)
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.Server | None = None
        self._thread = threading.Thread(target=self._loop.run_forever, name="mail-in", daemon=True)

    def start(self) -> None:
        """Returns when it listens. Raises OSError when it cannot."""
        host, port = self._wanted
        self._server = self._loop.run_until_complete(self._loop.create_server(self._talk, host, port))
        self._thread.start()

    @property
    def place(self) -> tuple[str, int]:
        """Where it listens."""
        assert self._server is not None, "not started"
        host, port = self._server.sockets[0].getsockname()[:2]
        return host, port

    def stop(self) -> None:
        """Listens no more and drops what is half said: the other side says it again."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    def _talk(self) -> SMTP:
        """The dialogue of one connection."""
        return self._dialogue(
            self._handler,
            data_size_limit=LARGEST,
            enable_SMTPUTF8=True,
            timeout=PATIENCE,
            ident="alertd",
            loop=self._loop,
        )

    async def _end(self) -> None:
        assert self._server is not None
        self._server.close()
        under_way = asyncio.all_tasks() - {asyncio.current_task()}
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
