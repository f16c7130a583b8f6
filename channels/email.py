"""The e-mail channel: hands mails over to one SMTP relay, several connections at a time."""

from __future__ import annotations

import asyncio
import queue
import ssl
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar

from alertd.channel import (
    ChannelSettings,
    Medium,
    Message,
    Outcome,
    Pace,
    Part,
    Reason,
    Receipt,
    Target,
    Traits,
)
from alertd.errors import ChannelError, ChannelMisconfigured, ChannelUnavailable
from channels.email_address import mailbox
from channels.email_message import MailTemplate
from channels.email_settings import EmailSettings
from channels.smtp_reply import receipt_of
from channels.smtp_session import SessionLost, SmtpSession, Stage

#: A target that can be handed over: it, its mailbox, and the whole mail.
_Ready = tuple[Target, str, bytes]


class EmailChannel:
    """Keeps its connections over calls, in an event loop with a thread of its own."""

    Settings: ClassVar[type[ChannelSettings]] = EmailSettings

    def __init__(self, name: str, settings: EmailSettings, /) -> None:
        self.name = name
        self._settings = settings
        self._idle: list[SmtpSession] = []
        self._trust: ssl.SSLContext | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    @property
    def traits(self) -> Traits:
        pace = None if self._settings.per_second is None else Pace(self._settings.per_second)
        return Traits(medium=Medium.TEXT, batch_size=25, pace=pace, in_doubt=self._settings.in_doubt)

    def send(self, message: Message, targets: Sequence[Target], /) -> Iterator[Receipt]:
        """One mail for each target, receipts in the order in which the relay decides.

        A mail whose final dot had left and whose reply never came is `unknown`; anything
        that breaks earlier is `deferred`. When a reader stops early, mails that were
        begun are finished and the others are not begun. Raises WrongInput when the
        headline cannot stand in a header; then nothing was sent.
        """
        self._settings.must_carry(message.status)
        template = MailTemplate.of(message, self._settings)
        ready: list[_Ready] = []
        for target in targets:
            try:
                recipient = mailbox(target.address)
            except ValueError as error:
                yield Receipt(
                    key=target.key, outcome=Outcome.FAILED, reason=Reason.BAD_ADDRESS, detail=str(error)
                )
            else:
                ready.append((target, recipient, template.for_target(target, recipient)))
        if not ready:
            return
        work = _Work(ready)
        delivery = asyncio.run_coroutine_threadsafe(self._deliver(work), self._running())
        try:
            while (receipt := work.news.get()) is not None:
                yield receipt
            delivery.result()
            work.complain()
        finally:
            work.stopped = True

    def probe(self) -> str:
        """Connects anew, secures, signs in, and asks for a sign of life."""
        return asyncio.run_coroutine_threadsafe(self._probe(), self._running()).result()

    def preview(self, message: Message, /) -> Sequence[Part]:
        """Subject and text as a recipient sees them, and the headers as they are sent."""
        head = MailTemplate.of(message, self._settings).common.partition(b"\r\n\r\n")[0]
        return (
            Part("件名 / Subject", "text/plain", message.headline),
            Part("本文 / Text", "text/plain", message.text),
            Part("ヘッダー / Headers", "message/rfc822-headers", head.decode("ascii")),
        )

    def close(self) -> None:
        """Takes leave of the relay and ends the thread."""
        loop, thread = self._loop, self._thread
        if loop is None or thread is None:
            return
        self._loop = self._thread = None
        loop.call_soon_threadsafe(loop.stop)
        thread.join()

    def _running(self) -> asyncio.AbstractEventLoop:
        """The loop, started at its first use: opening a channel touches nothing."""
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(
                target=self._run, args=(self._loop,), name=f"channel-{self.name}", daemon=True
            )
            self._thread.start()
        return self._loop

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        """Runs the loop until `close`, then drops what is still under way."""
        try:
            loop.run_forever()
            loop.run_until_complete(self._leave())
            loop.run_until_complete(loop.shutdown_default_executor())
        finally:
            loop.close()

    async def _leave(self) -> None:
        """Drops what is under way and takes leave of the relay on every idle connection."""
        under_way = asyncio.all_tasks() - {asyncio.current_task()}
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        for session in self._idle:
            session.quit()
        await asyncio.gather(*(session.gone() for session in self._idle))
        self._idle.clear()

    async def _deliver(self, work: _Work) -> None:
        """Shares the targets out among the connections; each takes the next when it is free."""
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(self._settings.sessions, len(work.remaining))):
                    group.create_task(self._work_off(work))
        finally:
            work.finish()

    async def _work_off(self, work: _Work) -> None:
        """One connection's share. A line that cannot be opened leaves its share to the others."""
        session: SmtpSession | None = None
        try:
            while work.waiting():
                session = await self._fit(session)
                ready = work.take()
                if ready is None:
                    break
                try:
                    work.news.put(await self._hand_over(session, ready))
                except ChannelError:
                    work.give_back(ready)
                    raise
        except ChannelError as error:
            work.errors.append(error)
        except asyncio.CancelledError:
            if session is not None:
                session.abort()
            raise
        if session is not None:
            self._idle.append(session)

    async def _hand_over(self, session: SmtpSession, ready: _Ready) -> Receipt:
        target, recipient, data = ready
        try:
            sender = self._settings.envelope_sender(target.key)
            verdict = await session.hand_over(sender, recipient, data)
        except SessionLost as lost:
            if lost.stage is Stage.DOT:
                outcome, reason = Outcome.UNKNOWN, Reason.IN_DOUBT
            else:
                outcome, reason = Outcome.DEFERRED, Reason.TIMEOUT if lost.silent else Reason.UNREACHABLE
            return Receipt(
                key=target.key, outcome=outcome, reason=reason, detail=f"{lost} ({lost.stage.name})"
            )
        return receipt_of(verdict, target.key)

    async def _fit(self, session: SmtpSession | None) -> SmtpSession:
        """The same connection if it can take one more mail, else an idle or a new one."""
        while session is None or not session.usable or session.mails >= self._settings.mails_per_session:
            if session is not None:
                session.quit()
            if not self._idle:
                return await SmtpSession.open(self._settings, self._trusted())
            session = self._idle.pop()
        return session

    async def _probe(self) -> str:
        session = await SmtpSession.open(self._settings, self._trusted())
        try:
            await session.noop()
        except SessionLost as lost:
            raise ChannelUnavailable(f"the mail relay went away: {lost}") from None
        session.quit()
        return f"{self._settings.host}:{self._settings.port} answered: {session.description}"

    def _trusted(self) -> ssl.SSLContext | None:
        """The certificates to trust, read once; None = those of the system."""
        if self._settings.ca_file is not None and self._trust is None:
            try:
                trust = ssl.create_default_context()
                trust.load_verify_locations(self._settings.ca_file)
            except (OSError, ssl.SSLError) as error:
                raise ChannelMisconfigured(f"`ca_file` cannot be read: {type(error).__name__}") from None
            self._trust = trust
        return self._trust


class _Work:
    """The targets of one `send`, and what is told of them; `stopped` is set by its reader."""

    def __init__(self, ready: Iterable[_Ready]) -> None:
        #: not yet begun
        self.remaining = deque(ready)
        #: receipts as they come; None = there will be no more
        self.news: queue.SimpleQueue[Receipt | None] = queue.SimpleQueue()
        self.errors: list[ChannelError] = []
        self.stopped = False

    def waiting(self) -> bool:
        """Whether there is more to begin."""
        return bool(self.remaining) and not self.stopped

    def take(self) -> _Ready | None:
        """The next to begin; None when another connection was quicker."""
        return self.remaining.popleft() if self.waiting() else None

    def give_back(self, ready: _Ready) -> None:
        """What could not be begun after all."""
        self.remaining.appendleft(ready)

    def finish(self) -> None:
        """No more receipts will come."""
        self.news.put(None)

    def complain(self) -> None:
        """Raises why some targets were never begun; what a person must mend goes first."""
        if self.remaining and self.errors:
            raise max(self.errors, key=lambda error: isinstance(error, ChannelMisconfigured))
