"""A simulated SMTP server: takes mail, writes it in a ledger, passes nothing on.

It runs in a thread (`with SimulatedSmtpServer() as server:`) or as a process::

    python -m alertd.demo.smtp_server --port 2525 --ledger var/mail.jsonl \\
        --fault "rcpt/full@example.jp=452 4.2.2 Mailbox full" --fault "dot=drop"

Faults make it misbehave at a stage of the dialogue, for every mail or for one recipient.
A mail is in the ledger before the reply to its final dot is written, so that a reply
that never comes leaves a trace: the ledger, not the sender, knows what was accepted.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ssl
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from alertd.clock import Clock
from alertd.demo.smtp_dialogue import LARGEST_MAIL, House, SmtpDialogue
from alertd.demo.smtp_fault import Fault, Faults, read_fault
from alertd.demo.smtp_ledger import Mail, MailLedger


class SimulatedSmtpServer:
    """Listens on 127.0.0.1 in a thread of its own; may be stopped and started again.

    `users` (name → password) makes AUTH PLAIN necessary. `tls` with `implicit_tls`
    speaks TLS from the first byte, without it by STARTTLS. `ledger` names a file of JSON
    lines; `keep` holds the mails in memory too, for `mails`.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        faults: Iterable[Fault] = (),
        users: Mapping[str, str] | None = None,
        tls: ssl.SSLContext | None = None,
        implicit_tls: bool = False,
        pipelining: bool = True,
        ledger: Path | None = None,
        keep: bool = True,
        clock: Clock | None = None,
    ) -> None:
        #: where it listens; 0 until it has chosen one
        self.port = port
        #: connections since the beginning
        self.connections = 0
        self._ledger = MailLedger(ledger, keep=keep, clock=clock)
        self._house = House(
            ledger=self._ledger,
            faults=Faults(faults),
            users=dict(users or {}),
            tls=tls,
            implicit_tls=implicit_tls,
            pipelining=pipelining,
        )
        self._sessions: set[asyncio.Task[None]] = set()
        self._stop: Callable[[], object] | None = None
        self._thread: threading.Thread | None = None

    @property
    def mails(self) -> Sequence[Mail]:
        """What was accepted and kept, oldest first; a copy."""
        return self._ledger.mails

    @property
    def accepted(self) -> int:
        """How many mails were accepted since the beginning."""
        return self._ledger.accepted

    @property
    def open_connections(self) -> int:
        """How many connections there are now."""
        return len(self._sessions)

    def start(self) -> Self:
        """Listens; returns when connections are taken. Nothing happens when it does already."""
        if self._thread is None:
            listening = threading.Event()
            self._thread = threading.Thread(
                target=lambda: asyncio.run(self.serve(listening)), name="smtp-server", daemon=True
            )
            self._thread.start()
            if not listening.wait(10):
                raise RuntimeError("the simulated SMTP server did not start in 10 s")
        return self

    def stop(self) -> None:
        """Drops every connection and stops listening; what was heard is kept."""
        thread, stop = self._thread, self._stop
        if thread is None or stop is None:
            return
        self._thread = self._stop = None
        stop()
        thread.join(10)

    def close(self) -> None:
        """Stops and closes the ledger; may be called twice."""
        self.stop()
        self._ledger.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def serve(self, listening: threading.Event) -> None:
        """Takes connections until `stop`, or until it is cancelled; sets `listening` when it does."""
        loop, stopping = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(
            self._session,
            "127.0.0.1",
            self.port,
            limit=LARGEST_MAIL,
            ssl=self._house.tls if self._house.implicit_tls else None,
            backlog=512,
        )
        self.port = server.sockets[0].getsockname()[1]
        self._stop = lambda: loop.call_soon_threadsafe(stopping.set)
        listening.set()
        try:
            await stopping.wait()
        finally:
            server.close()
            for session in self._sessions:
                session.cancel()
            await asyncio.gather(*self._sessions, return_exceptions=True)
            await server.wait_closed()

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._sessions.add(task)
        self.connections += 1
        try:
            with contextlib.suppress(
                OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError
            ):
                await SmtpDialogue(self._house, self.connections, reader, writer).run()
                writer.close()
                await writer.wait_closed()
        finally:
            self._sessions.discard(task)
            writer.transport.abort()


def main() -> None:
    """Serves until interrupted; the first line of output says where."""
    parser = argparse.ArgumentParser(description="A simulated SMTP server: no mail leaves it.")
    parser.add_argument("--port", type=int, default=2525, help="0 chooses a free one")
    parser.add_argument("--ledger", type=Path, help="a file of JSON lines, one for each accepted mail")
    parser.add_argument(
        "--fault", type=read_fault, action="append", default=[], help="STAGE[/RECIPIENT]=REPLY|drop|silence|…"
    )
    chosen = parser.parse_args()
    server = SimulatedSmtpServer(port=chosen.port, ledger=chosen.ledger, faults=chosen.fault, keep=False)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve_aloud(server))
    server.close()


async def _serve_aloud(server: SimulatedSmtpServer) -> None:
    listening = threading.Event()
    serving = asyncio.create_task(server.serve(listening))
    while not listening.is_set() and not serving.done():
        await asyncio.sleep(0.01)
    if listening.is_set():
        print(f"simulated SMTP server on 127.0.0.1:{server.port}", flush=True)
    await serving


if __name__ == "__main__":
    main()
