"""The SIP channel: telephone calls through an exchange on the premises, without any provider.

Each line is a baresip process of our own. A call is over before its receipt is given:
nothing is left to be reported or asked. Nobody can tell afterwards what became of a call
whose worker died: a person decides.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor, as_completed
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import ClassVar

from alertd.alert import Status
from alertd.channel import (
    ChannelSettings,
    InDoubt,
    Medium,
    Message,
    Outcome,
    Reason,
    Receipt,
    Target,
    Traits,
)
from alertd.errors import ChannelError, ChannelMisconfigured
from alertd.speech import CALL_AUDIO, Sound
from channels.baresip import Line, LineLost
from channels.sip_call import NOT_SIGNED_IN, Call, Ending, receipt_of
from channels.sip_line import open_line, sip_address
from channels.sip_options import sign_of_life
from channels.sip_performance import Performance, prepare
from channels.sip_settings import SipSettings
from channels.telephone_number import objection

log = logging.getLogger(__name__)

#: Messages whose files are kept ready.
_KEPT = 8


class SipChannel:
    """Calls people over one exchange, on as many lines as its section says."""

    Settings: ClassVar[type[ChannelSettings]] = SipSettings

    def __init__(self, name: str, settings: SipSettings, /) -> None:
        self.name = name
        self._settings = settings
        self._pool: ThreadPoolExecutor | None = None
        self._folder: Path | None = None
        #: by digest, language, and whether it is real, in the order of their making
        self._performances: dict[tuple[str, str, bool], Performance] = {}
        self._lock = threading.Lock()
        self._idle: list[Line] = []
        self._in_use: dict[Line, Call] = {}
        #: of the latest `send`
        self._stopped = threading.Event()
        #: nothing of it shall ring any more
        self._silent = False
        self._numbers = count(1)

    @property
    def traits(self) -> Traits:
        return Traits(
            medium=Medium.CALL,
            batch_size=self._settings.lines,
            exclusive=True,
            audio=CALL_AUDIO,
            in_doubt=InDoubt.HOLD,
        )

    def send(self, message: Message, targets: Sequence[Target], /) -> Iterator[Receipt]:
        """Call each target, all lines at a time; each receipt comes when its call is over.

        A reader that stops early ends the calls under way. When the exchange does not
        accept us, no further call is begun, the receipts of the others are still given,
        and then the error is raised.
        """
        self._settings.must_carry(message.status)
        if not targets:
            return
        if message.audio is None:
            for target in targets:
                yield _deferred(target.key, Reason.OTHER, "there is no sound to play yet")
            return
        performance = self._performance(message, message.audio)
        if self._settings.ask_first:
            self._sign_of_life()
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._settings.lines, thread_name_prefix=self.name)
        stopped = self._stopped = threading.Event()
        self._silent = False
        calls = [self._pool.submit(self._call, message, target, performance, stopped) for target in targets]
        trouble: ChannelError | None = None
        try:
            for call in as_completed(calls):
                try:
                    yield call.result()
                except CancelledError:
                    continue
                except ChannelError as error:
                    trouble = trouble or error
                    for later in calls:
                        later.cancel()
        finally:
            if not all([call.done() or call.cancel() for call in calls]):
                self._stop_calls()
        if trouble:
            raise trouble

    def fall_silent(self) -> None:
        """Let nothing of the `send` under way ring any longer; who has answered is left to listen."""
        with self._lock:
            self._silent = True
            calls = list(self._in_use.values())
        for call in calls:
            call.fall_silent()

    def probe(self) -> str:
        """Asks the exchange for a sign of life and opens a line; nobody's telephone rings."""
        said = self._sign_of_life()
        self._line().close()
        return f"The exchange answers ({said}), and a line can be opened."

    def close(self) -> None:
        """Ends the calls under way and every line."""
        self._stop_calls()
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None
        while self._idle:
            self._idle.pop().close()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None
            self._performances.clear()

    def _call(
        self, message: Message, target: Target, performance: Performance, stopped: threading.Event
    ) -> Receipt:
        """One call, from a free line to the receipt."""
        key, settings = target.key, self._settings
        doubt = objection(target.address, settings.countries)
        if target.address == settings.caller_id:
            doubt = "our own number"
        if doubt is not None:
            return Receipt(key=key, outcome=Outcome.FAILED, reason=Reason.BAD_ADDRESS, detail=doubt)
        line = self._free_line()
        uri = sip_address(settings, target.address, message, target)
        call = Call(line, uri, performance, stopped)
        with self._lock:
            self._in_use[line] = call
            unwanted = self._silent
        if unwanted:
            call.fall_silent()
        try:
            ending = call.take_place()
        except LineLost as error:
            line.close()
            return Receipt(key=key, outcome=Outcome.UNKNOWN, reason=Reason.IN_DOUBT, detail=str(error))
        finally:
            with self._lock:
                del self._in_use[line]
        with self._lock:
            self._idle.append(line)
        if ending.reply in NOT_SIGNED_IN:
            raise ChannelMisconfigured(
                f"the exchange does not accept us ({ending.reply}); see caller_id, username and password_file"
            )
        return self._judged(key, ending)

    def _judged(self, key: str, ending: Ending) -> Receipt:
        """The receipt, after a second look where the line's own words prove too little.

        Silence may be an exchange that tells nobody of ringing, or one that is dead; and a
        sound that was sent to an exchange that died was heard by nobody.
        """
        silent = not ending.rang and ending.reply is None and ending.cut
        only_heard = ending.heard and ending.answer is None
        if self._settings.ask_first and (silent or only_heard):
            try:
                self._sign_of_life()
            except ChannelError:
                if only_heard:
                    return Receipt(
                        key=key,
                        outcome=Outcome.UNKNOWN,
                        ref=ending.call,
                        reason=Reason.IN_DOUBT,
                        detail="played to the end, but the exchange fell silent",
                    )
            else:
                ending = replace(ending, rang=True)
        return receipt_of(key, ending)

    def _performance(self, message: Message, sound: Sound) -> Performance:
        """What this message's calls play; made once, and kept while it is in use."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="alertd-sip-"))
        name = (sound.digest, message.language, message.status is Status.ACTUAL)
        if name not in self._performances:
            while len(self._performances) >= _KEPT:
                oldest = self._performances.pop(next(iter(self._performances)))
                shutil.rmtree(oldest.sound.parent, ignore_errors=True)
            folder = self._folder / str(next(self._numbers))
            self._performances[name] = prepare(folder, self._settings, message, sound)
        return self._performances[name]

    def _sign_of_life(self) -> str:
        settings = self._settings
        return sign_of_life(
            settings.place, settings.caller_id, str(settings.interface), within=settings.timeout
        )

    def _free_line(self) -> Line:
        """A line that runs; opened by the thread that waits for it, which lives as long as we."""
        while True:
            with self._lock:
                line = self._idle.pop() if self._idle else None
            if line is None:
                return self._line()
            if line.alive:
                return line
            log.warning("a line of %s has ended; opening another", self.name)
            line.close()

    def _line(self) -> Line:
        return open_line(self._settings)

    def _stop_calls(self) -> None:
        self._stopped.set()
        with self._lock:
            lines = list(self._in_use)
        for line in lines:
            line.hang_up()


def _deferred(key: str, reason: Reason, detail: str) -> Receipt:
    return Receipt(key=key, outcome=Outcome.DEFERRED, reason=reason, detail=detail)
