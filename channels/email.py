"""The e-mail channel: hands mails over to mail relays, several connections at a time."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import ClassVar

from alertd.channel import ChannelSettings, Letter, Medium, Message, Pace, Part, Receipt, Target, Traits
from alertd.outbox import Outbox, Parcel
from channels import email_letter
from channels.email_crate import Crate, Template
from channels.email_lanes import Lanes
from channels.email_lines import Lines
from channels.email_message import MailTemplate
from channels.email_settings import EmailSettings

try:
    import uvloop
except ImportError:  # there is none for this machine: mails go out all the same, somewhat slower
    _new_loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop
else:
    _new_loop = uvloop.new_event_loop


class EmailChannel:
    """Keeps its connections over calls, in an event loop with a thread of its own."""

    Settings: ClassVar[type[ChannelSettings]] = EmailSettings

    def __init__(self, name: str, settings: EmailSettings, /) -> None:
        self.name = name
        self._settings = settings
        self._lines = Lines(settings)
        self._lanes = Lanes(settings.lanes)
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
        MailTemplate.of(message, self._settings)
        handful = _Handful(message, targets)
        if not handful.waiting:
            return
        delivery = asyncio.run_coroutine_threadsafe(self._serve(handful), self._running())
        try:
            while (receipt := handful.news.get()) is not None:
                yield receipt
            delivery.result()
        finally:
            handful.stopped = True

    def stream(self, outbox: Outbox, /) -> None:
        """One mail for each parcel, as many connections at a time as `sessions` says."""
        asyncio.run_coroutine_threadsafe(self._serve(outbox), self._running()).result()

    def probe(self) -> str:
        """Connects anew, secures, signs in, and asks for a sign of life: each relay."""
        return asyncio.run_coroutine_threadsafe(self._lines.probe(), self._running()).result()

    def preview(self, message: Message, /) -> Sequence[Part]:
        """Subject and text as a recipient sees them, and the headers as they are sent."""
        head = MailTemplate.of(message, self._settings).common.partition(b"\r\n\r\n")[0]
        return (
            Part("件名 / Subject", "text/plain", message.headline),
            Part("本文 / Text", "text/plain", message.text),
            Part("ヘッダー / Headers", "message/rfc822-headers", head.decode("ascii")),
        )

    def mail_of(self, message: Message, /) -> Template:
        """What is the same for every recipient of a message. Raises WrongInput."""
        return MailTemplate.of(message, self._settings)

    @property
    def writes_from(self) -> str:
        return self._settings.sender

    def write(self, letters: Sequence[Letter], /) -> Iterator[Receipt]:
        """Hands letters over on a connection of their own; `send` may be at work meanwhile."""
        writing = email_letter.write(self._settings, letters)
        yield from asyncio.run_coroutine_threadsafe(writing, self._running()).result()

    def close(self) -> None:
        """Takes leave of the relays and ends the thread."""
        loop, thread = self._loop, self._thread
        if loop is None or thread is None:
            return
        self._loop = self._thread = None
        loop.call_soon_threadsafe(loop.stop)
        thread.join()

    async def _serve(self, outbox: Outbox) -> None:
        try:
            # a handful cannot wait for the turns of a lane
            lanes = None if isinstance(outbox, _Handful) else self._lanes
            await self._lines.serve(outbox, Crate(outbox, self._settings, self.mail_of, lanes))
        finally:
            if isinstance(outbox, _Handful):
                outbox.news.put(None)

    def _running(self) -> asyncio.AbstractEventLoop:
        """The loop, started at its first use: opening a channel touches nothing."""
        if self._loop is None:
            self._loop = _new_loop()
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
        """Drops what is under way and takes leave of the relays on every idle connection."""
        under_way = asyncio.all_tasks() - {asyncio.current_task()}
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        await self._lines.leave()


class _Handful:
    """The targets of one `send` as an outbox; `stopped` is set by the reader of `news`."""

    def __init__(self, message: Message, targets: Iterable[Target]) -> None:
        self._parcels = deque(Parcel(message, target, slot) for slot, target in enumerate(targets))
        #: receipts as they come; None = there will be no more
        self.news: queue.SimpleQueue[Receipt | None] = queue.SimpleQueue()
        self.stopped = False

    @property
    def open(self) -> bool:
        """All is there from the beginning."""
        return False

    @property
    def waiting(self) -> int:
        """How many targets have not been taken; none any more when the reader has stopped."""
        return 0 if self.stopped else len(self._parcels)

    def take(self) -> Parcel | None:
        """The next target; None when there is none, or nobody reads."""
        return self._parcels.popleft() if self.waiting else None

    def put_back(self, parcel: Parcel) -> None:
        """It could not be begun after all."""
        self._parcels.appendleft(parcel)

    def postpone(self, parcel: Parcel, seconds: float) -> None:
        """Its receipt would say that it was not this time: there is nobody to wait."""
        self._parcels.append(parcel)

    def begin(self, parcel: Parcel) -> bool:
        """Nobody else can have it."""
        return True

    def end(self, parcel: Parcel, receipt: Receipt) -> None:
        """Hands the receipt to the reader."""
        self.news.put(receipt)

    def listen(self, wake: Callable[[], None]) -> None:
        """Nothing is ever added."""
