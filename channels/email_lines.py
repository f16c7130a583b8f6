"""The lines: connections that take mails from one crate, as many as it pays to have."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Callable, Sequence

from alertd.clock import stopwatch
from alertd.errors import ChannelError, ChannelMisconfigured
from alertd.outbox import Outbox
from channels.email_crate import Crate
from channels.email_relays import IN_ANY_CASE, Mark, Relays
from channels.email_settings import EmailSettings
from channels.smtp_connect import connect
from channels.smtp_pipeline import SmtpPipeline

#: how often it is looked after silent connections, in seconds
LOOK_EVERY = 0.1
#: a line that has been waiting for so long does not count: another takes its place
HELD_UP_AFTER = 1.0


class Lines:
    """The connections of a channel; they outlive the outboxes that they serve."""

    def __init__(self, settings: EmailSettings) -> None:
        self._settings = settings
        self._relays = Relays(settings.addresses)
        self._idle: list[tuple[Mark, SmtpPipeline]] = []
        self._trust: ssl.SSLContext | None = None

    async def serve(self, outbox: Outbox, crate: Crate) -> None:
        """Hands over until no more will come and everything has ended.

        1. As many lines as there is work for, `sessions` at most; each takes the next
           mail when it is free.
        2. A line that is held up is replaced by another one, at a better relay.
        3. When there is work, no line and no relay to open one to: raises why.
        """
        work = _Work(crate)
        more = asyncio.Event()
        loop = asyncio.get_running_loop()
        outbox.listen(lambda: _from_outside(loop, more.set))
        self._relays.try_again()
        try:
            while True:
                more.clear()
                self._start(work, outbox, more.set)
                if work.fault is not None:
                    raise work.fault
                if not work.lines and outbox.waiting and work.errors:
                    raise _gravest(work.errors)
                if not outbox.waiting and not outbox.open and len(work.opening) == len(work.lines):
                    return  # nobody waits for a connection that has nothing to carry
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_EVERY):
                        await more.wait()
                self._look(work)
        finally:
            outbox.listen(lambda: None)
            for task in work.lines:
                task.cancel()
            await asyncio.gather(*work.lines, return_exceptions=True)

    async def probe(self) -> str:
        """Connects anew to every relay and asks each for a sign of life. Raises ChannelError."""
        answers = []
        for mark in self._relays.marks:
            session = await self._open(mark)
            answers.append(f"{mark.relay} answered: {session.description}")
            if not await session.noop():
                raise ChannelMisconfigured(f"the mail relay {mark.relay} went away")
            session.quit()
        return "; ".join(answers)

    async def leave(self) -> None:
        """Takes leave of the relays on every idle connection."""
        for _, session in self._idle:
            session.quit()
        await asyncio.gather(*(session.gone() for _, session in self._idle))
        self._idle.clear()

    def _start(self, work: _Work, outbox: Outbox, ended: Callable[[], None]) -> None:
        """Starts lines while there is more to take than lines that are free for it."""
        wanted = self._settings.sessions + min(work.held_up, self._settings.sessions)
        for _ in range(min(outbox.waiting, wanted - len(work.lines))):
            if not self._idle and self._relays.choose() is None:
                return
            task = asyncio.create_task(self._line(work))
            work.lines[task] = None
            task.add_done_callback(work.ended)
            task.add_done_callback(lambda _: ended())

    async def _line(self, work: _Work) -> None:
        """One line: a connection that takes mails until there is none, or it is of no use any more."""
        task = asyncio.current_task()
        assert task is not None
        try:
            found = await self._found(work, task)
        finally:
            work.opening.pop(task, None)
        if found is None:
            return
        mark, session = found
        mark.lines += 1
        work.lines[task] = found
        session.goes_on = not self._relays.better_than(mark)
        try:
            await session.carry(work.crate)
        except ChannelError as error:
            work.errors.append(error)
            mark.failed()
        finally:
            mark.lines -= 1
            if session.usable and not self._relays.better_than(mark):
                self._idle.append(found)
            else:
                session.quit()

    async def _found(self, work: _Work, task: asyncio.Task[None]) -> tuple[Mark, SmtpPipeline] | None:
        """An idle connection, or a new one at the first relay that can be reached."""
        while self._idle:
            mark, session = self._idle.pop()
            if session.usable:
                return mark, session
            session.quit()
        while (chosen := self._relays.choose()) is not None:
            chosen.lines += 1
            work.opening[task] = chosen, stopwatch()
            try:
                return chosen, await self._open(chosen)
            except ChannelError as error:
                chosen.failed()
                work.errors.append(error)
            finally:
                chosen.lines -= 1
        return None

    async def _open(self, mark: Mark) -> SmtpPipeline:
        connection = await connect(mark.relay, self._settings, self._trusted())
        mark.answered()
        return SmtpPipeline(
            connection,
            command_timeout=self._settings.command_timeout,
            dot_timeout=self._settings.dot_timeout,
            most_mails=self._settings.mails_per_session,
        )

    def _look(self, work: _Work) -> None:
        """Looks after connections that are silent: 1. how long each waits; 2. what follows for its relay; 3. for it."""
        for mark in self._relays.marks:
            mark.waiting = 0.0
        waits: list[tuple[Mark, SmtpPipeline | None, float]] = []
        for found in list(work.lines.values()):
            if found is not None:
                mark, session = found
                session.look()
                waits.append((mark, session, session.under_way))
        now = stopwatch()
        waits += [(mark, None, now - since) for mark, since in work.opening.values()]
        for mark, _, wait in waits:
            mark.waiting = max(mark.waiting, wait)
        self._relays.weigh()
        work.held_up = 0
        for mark, waiting, wait in waits:
            elsewhere = self._relays.better_than(mark)
            if waiting is not None:
                waiting.goes_on = not elsewhere
            if wait > (IN_ANY_CASE if elsewhere else HELD_UP_AFTER):
                work.held_up += 1
                if elsewhere and waiting is not None:
                    waiting.let_go()

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
    """One outbox being served."""

    def __init__(self, crate: Crate) -> None:
        self.crate = crate
        #: lines that are connecting: to which relay, and since when
        self.opening: dict[asyncio.Task[None], tuple[Mark, float]] = {}
        #: None = not connected yet
        self.lines: dict[asyncio.Task[None], tuple[Mark, SmtpPipeline] | None] = {}
        self.errors: list[ChannelError] = []
        #: lines that wait for a reply for long
        self.held_up = 0
        #: what no line should raise
        self.fault: BaseException | None = None

    def ended(self, line: asyncio.Task[None]) -> None:
        """A line has ended."""
        del self.lines[line]
        if not line.cancelled() and line.exception() is not None:
            self.fault = line.exception()


def _gravest(errors: Sequence[ChannelError]) -> ChannelError:
    """What a person must mend goes first."""
    return max(errors, key=lambda error: isinstance(error, ChannelMisconfigured))


def _from_outside(loop: asyncio.AbstractEventLoop, wake: Callable[[], None]) -> None:
    with contextlib.suppress(RuntimeError):  # the loop has ended: nobody listens any more
        loop.call_soon_threadsafe(wake)
