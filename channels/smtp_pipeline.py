"""One SMTP connection over which mails follow each other without a pause (RFC 5321, 2920).

Where the relay offers PIPELINING, the commands of the next mail ride behind the final dot
of the last: a mail costs one round trip, and one packet each way. Else every command waits
for the reply to the one before. Either way it is known how far each mail had come: it is
in doubt only when its dot has left and no reply came.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Protocol

from alertd.clock import stopwatch
from alertd.errors import ChannelError
from alertd.outbox import Parcel
from channels.smtp_connect import Connection
from channels.smtp_verdict import Stage, Verdict

#: Of one line of a reply, in bytes; RFC 5321 §4.5.3.1.5 asks for 512.
LONGEST_REPLY_LINE = 8192
MOST_REPLY_LINES = 100
#: Seconds after which an unused connection is not trusted any more: a firewall between
#: may have forgotten it without a word.
STALE_AFTER = 20.0
#: A longer mail leaves alone, so that it is known when its last byte is gone.
RIDES_WITH_COMPANY = 64 * 1024
#: A relay that thinks longer than so many seconds about a mail gains nothing from company, and some
#: that delay a reply give others out of turn.
PROMPT = 0.5
#: why a connection ended in the middle of a mail
BROKEN, SILENT = "the connection was lost", "no reply in time"


class Mail:
    """One mail on its way: whom it is for, its commands, its bytes, and who was refused so far."""

    __slots__ = ("commands", "data", "parcels", "refused")

    def __init__(self, parcels: Sequence[Parcel], commands: bytes, data: bytes) -> None:
        self.parcels = parcels
        #: the lines of MAIL, RCPT for each parcel, DATA
        self.commands = commands
        #: headers and text, without the line of the final dot
        self.data = data
        #: by place among the parcels
        self.refused: dict[int, Verdict] = {}

    @property
    def hopeless(self) -> bool:
        """Whether every recipient was refused."""
        return bool(self.refused) and len(self.refused) == len(self.parcels)


class Crate(Protocol):
    """Where a connection takes its mails from, and tells what became of them."""

    def next(self) -> Mail | None:
        """The next mail; None = there is none now."""
        ...

    def begin(self, mail: Mail) -> bool:
        """Its bytes leave now. False = they must not."""
        ...

    def taken(self, mail: Mail, said: str) -> None:
        """The relay has taken a mail of which nobody was refused; `said` is its reply, without the code."""
        ...

    def decided(self, mail: Mail, verdict: Verdict) -> None:
        """The relay has decided; `verdict` is for those that are not among the refused. Raises ChannelError."""
        ...

    def lost(self, mail: Mail, stage: Stage, why: str) -> None:
        """The connection ended when the mail had come so far."""
        ...

    def give_back(self, mail: Mail) -> None:
        """It was never begun; another connection may take it."""
        ...


#: A reply that is to come: the mail that it is about, None = to a RSET or NOOP; the stage; and for
#: RCPT the place of the recipient, else whether it is to the dot of a mail that nobody is to have.
_Awaited = tuple[Mail | None, Stage, int]
_TAKEN_BACK = -1

# a member of an enumeration is looked up slowly, and each mail asks for several
_MAIL, _RCPT, _DATA, _DOT_LEFT = Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.DOT
_RESET = b"RSET\r\n"
_DOT = b".\r\n"
#: what a relay says once it is in full swing: one mail taken, and the next may come
_USUAL = re.compile(rb"250 [^\r\n]*\r\n((?:25[01] [^\r\n]*\r\n){2}354 [^\r\n]*\r\n)")


class SmtpPipeline(asyncio.Protocol):
    """Takes over an open connection; `carry` hands over until there is nothing left."""

    def __init__(
        self, connection: Connection, *, command_timeout: float, dot_timeout: float, most_mails: int
    ) -> None:
        self._transport = connection.transport
        self._pipelining = connection.pipelining
        self.description = connection.description
        self._command_timeout, self._dot_timeout = command_timeout, dot_timeout
        self._mails_left = most_mails
        self._crate: Crate | None = None
        self._awaited: deque[_Awaited] = deque()
        #: in full swing: the mail whose dot has left, and the one whose commands rode behind it.
        #: Their replies are not among the awaited: mostly they come all at once, and are the usual ones
        self._swing: tuple[Mail, Mail] | None = None
        #: how the usual replies to the commands were last worded; at first as no relay words them
        self._usual = b"354 nothing was said yet\0\r\n"
        #: without PIPELINING: commands that wait for the reply to the one before
        self._commands: deque[tuple[bytes, _Awaited]] = deque()
        #: a long mail whose last byte has not left
        self._leaving: Mail | None = None
        self._unsent = False
        #: when the last mail left, and whether the one before was answered promptly
        self._sent_at = 0.0
        self._prompt = False
        self._rest = b""
        #: the lines so far of a reply of several
        self._said: list[bytes] = []
        self._since = stopwatch()
        self._finished: asyncio.Future[None] | None = None
        self._gone = asyncio.get_running_loop().create_future()
        self._over = False
        #: False = take no further mail
        self.goes_on = True
        # pause_writing then tells when something has not left at once
        self._transport.set_write_buffer_limits(0)
        self._transport.set_protocol(self)

    # for the line that drives it --------------------------------------------------------

    @property
    def usable(self) -> bool:
        """Whether nothing speaks against using the connection for one more mail."""
        return not (
            self._over
            or self._mails_left <= 0
            or self._transport.is_closing()
            or stopwatch() - self._since > STALE_AFTER
        )

    @property
    def under_way(self) -> float:
        """For how many seconds a reply has been awaited; 0 = none is."""
        return stopwatch() - self._since if self._awaited or self._swing or self._leaving else 0.0

    async def carry(self, crate: Crate) -> None:
        """Hands over what the crate gives until it gives nothing, or this connection can take no more.

        Raises the ChannelError of `decided`; the connection is of no use then.
        """
        self._crate = crate
        self._finished = asyncio.get_running_loop().create_future()
        try:
            self._next()
            await self._finished
        except asyncio.CancelledError:
            self._end(BROKEN)
            raise
        finally:
            self._crate = self._finished = None

    async def noop(self) -> bool:
        """Asks for a sign of life; False when there is none."""
        self._finished = asyncio.get_running_loop().create_future()
        self._write(b"NOOP\r\n", [(None, _MAIL, 0)])
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._command_timeout):
                await self._finished
        return not self._over

    def look(self) -> None:
        """Ends the connection when it has been silent for too long; called now and then."""
        if self._leaving is not None and self._transport.get_write_buffer_size() == 0:
            self._has_left(self._leaving)
        patience = self._command_timeout
        if self._swing or (self._awaited and self._awaited[0][1] is _DOT_LEFT):
            patience = self._dot_timeout
        if self.under_way > patience:
            self._end(SILENT)

    def let_go(self) -> None:
        """Gives a mail back that only rides behind one that takes its time; takes no other."""
        self._mails_left = 0
        self._unfold()
        if self._awaited and self._awaited[0][1] is _DOT_LEFT and self._crate is not None:
            rider = self._awaited[-1][0]
            if rider is not None and rider is not self._awaited[0][0]:
                self._crate.give_back(rider)
                while self._awaited[-1][0] is rider:
                    self._awaited.pop()

    def quit(self) -> None:
        """Takes leave without waiting for the answer."""
        if not self._over:
            self._over = True
            with contextlib.suppress(OSError, RuntimeError):
                self._transport.write(b"QUIT\r\n")
                self._transport.close()

    async def gone(self) -> None:
        """Waits until the connection is closed, a second at most."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                await asyncio.shield(self._gone)
        self.abort()

    def abort(self) -> None:
        """Drops the connection with all that has not left yet."""
        self._over = True
        self._transport.abort()

    # what the transport tells -----------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Replies, or pieces of them."""
        if self._swing is not None and not self._rest and self._as_usual(data):
            return
        self._unfold()
        if self._rest:
            data = self._rest + data
        begin, awaited = 0, self._awaited
        while not self._over and (end := data.find(b"\n", begin)) >= 0:
            if data.startswith(b"250 ", begin) and self._pipelining and awaited:
                mail, stage, _ = awaited[0]
                if mail is not None and stage < _DATA:
                    # nearly every reply is this one: the next may come
                    awaited.popleft()
                    begin = end + 1
                    continue
            line, begin = data[begin:end], end + 1
            if line[3:4] == b"-" and len(self._said) < MOST_REPLY_LINES:
                self._said.append(line[4:].strip())
                continue
            if not line[:3].isdigit():
                self._end(BROKEN)
                return
            if self._said:
                line = line[:4] + b" ".join((*self._said, line[4:]))
                self._said.clear()
            try:
                self._replied(int(line[:3]), line)
            except ChannelError as error:
                self._end(BROKEN, error)
        self._rest = data[begin:]
        if len(self._rest) > LONGEST_REPLY_LINE:
            self._end(BROKEN)

    def eof_received(self) -> None:
        """The relay has closed: nothing more will be answered."""
        self._end(BROKEN)

    def connection_lost(self, error: Exception | None) -> None:
        """The connection is closed, by whomever."""
        self._end(BROKEN)
        if not self._gone.done():
            self._gone.set_result(None)

    def pause_writing(self) -> None:
        """Something has not left at once."""
        self._unsent = True

    def resume_writing(self) -> None:
        """Now everything has left."""
        self._unsent = False
        if self._leaving is not None:
            self._has_left(self._leaving)

    def _as_usual(self, data: bytes) -> bool:
        """Nearly all that is ever said, at once; False = read it line by line."""
        assert self._swing is not None and self._crate is not None
        mail, rider = self._swing
        first = len(data) - len(self._usual)
        if not (data.endswith(self._usual) and data.startswith(b"250 ") and data.find(b"\n") == first - 1):
            found = _USUAL.fullmatch(data)
            if found is None:
                return False
            self._usual, first = found[1], found.start(1)
        self._swing = None
        now = self._since = stopwatch()
        self._prompt = now - self._sent_at < PROMPT
        self._crate.taken(mail, data[4:first].decode("utf-8", "replace").strip())
        self._allowed(rider)
        return True

    def _unfold(self) -> None:
        """Lists the replies to come one by one."""
        if self._swing is not None:
            mail, rider = self._swing
            self._swing = None
            self._awaited.extend([(mail, _DOT_LEFT, 0), *_envelope(rider)])

    # the dialogue -----------------------------------------------------------------------

    def _write(self, words: bytes, awaited: Iterable[_Awaited]) -> None:
        self._awaited.extend(awaited)
        self._since = stopwatch()
        self._transport.write(words)

    def _next(self) -> None:
        """Begins the next mail; nothing is under way."""
        assert self._crate is not None
        mail = self._crate.next() if self.usable and self.goes_on else None
        if mail is None:
            self._finish(None)
            return
        self._mails_left -= 1
        if self._pipelining:
            self._write(mail.commands, _envelope(mail))
        else:
            words = mail.commands.splitlines(keepends=True)
            self._commands.extend(zip(words, _envelope(mail), strict=True))
            self._step()

    def _step(self) -> None:
        """Without PIPELINING: the next command, when the one before was answered."""
        words, awaited = self._commands.popleft()
        self._write(words, [awaited])

    def _replied(self, code: int, line: bytes) -> None:
        """One reply: 1. to a refused or forgotten mail; 2. to a command; 3. to the dot, which decides."""
        self._since = stopwatch()
        self._unfold()
        if self._leaving is not None:
            self._has_left(self._leaving)  # or the relay decides before it has read everything
            self._mails_left = 0
        if not self._awaited:
            self._end(BROKEN)  # a relay that takes leave of an idle connection
            return
        mail, stage, place = self._awaited.popleft()
        if mail is None:
            if code // 100 != 2:
                self._end(BROKEN)
            elif not self._awaited:
                self._after_reset()
            return
        if stage is _DOT_LEFT:
            self._prompt = self._since - self._sent_at < PROMPT
            if code // 100 == 3:
                # no answer to a mail: whatever it answers, the mail is in doubt
                self._awaited.appendleft((mail, stage, place))
                self._end(BROKEN)
                return
            self._decided(mail, Verdict(stage, code, _text(line)))
            return
        if place == _TAKEN_BACK:
            self._refused(mail, None)
            return
        wanted = 3 if stage is _DATA else 2
        if code // 100 != wanted and not mail.hopeless:
            verdict = Verdict(stage, code, _text(line))
            places = (place,) if stage is _RCPT else range(len(mail.parcels))
            for place in places:
                mail.refused.setdefault(place, verdict)
        if code == 421:
            self._awaited.clear()
            self._decided(mail, Verdict(stage, code, _text(line)))
        elif stage is _DATA and code // 100 == wanted:
            self._allowed(mail)
        elif stage is _DATA or (mail.hopeless and not self._pipelining and self._last_of(mail)):
            self._commands.clear()
            self._refused(mail, Verdict(stage, code, _text(line)))
        elif self._commands:
            self._step()

    def _last_of(self, mail: Mail) -> bool:
        """Without PIPELINING: whether only DATA is left to be said of the mail."""
        return len(self._commands) == 1 or mail.refused[0].stage is _MAIL

    def _allowed(self, mail: Mail) -> None:
        """The relay waits for the mail: its bytes, and behind the dot the commands of the next."""
        assert self._crate is not None
        if mail.hopeless:
            self._write(_DOT, [(mail, _DATA, _TAKEN_BACK)])
            return
        if not self._crate.begin(mail):
            self._end(BROKEN)
            return
        if len(mail.data) > RIDES_WITH_COMPANY:
            self._leaving = mail
            self._since = stopwatch()
            self._transport.write(mail.data + _DOT)
            if not self._unsent and self._leaving is not None:
                self._has_left(mail)
            return
        rider = None
        if self._prompt and self._mails_left > 0 and self.goes_on and self._pipelining:
            rider = self._crate.next()
        self._sent_at = self._since = stopwatch()
        if rider is None:
            self._awaited.append((mail, _DOT_LEFT, 0))
            self._transport.write(mail.data + _DOT)
            return
        self._mails_left -= 1
        if len(rider.parcels) == 1 and not mail.refused and not self._awaited:
            self._swing = mail, rider
        else:
            self._awaited.extend([(mail, _DOT_LEFT, 0), *_envelope(rider)])
        self._transport.write(b"".join((mail.data, _DOT, rider.commands)))

    def _has_left(self, mail: Mail) -> None:
        """The dot of a long mail is gone; the next one begins when it is answered."""
        self._leaving = None
        self._since = stopwatch()
        self._awaited.append((mail, _DOT_LEFT, 0))

    def _refused(self, mail: Mail, verdict: Verdict | None) -> None:
        """A mail that nobody gets: the relay is told to forget what it knows of it."""
        self._decided(mail, verdict or mail.refused[0], reset=True)

    def _decided(self, mail: Mail, verdict: Verdict, *, reset: bool = False) -> None:
        assert self._crate is not None
        closing = verdict.code == 421 or any(one.code == 421 for one in mail.refused.values())
        try:
            self._crate.decided(mail, verdict)
        except ChannelError:
            self._crate.give_back(mail)
            raise
        if closing:
            # what rode behind was never read
            self._end(BROKEN, blameless=True)
        elif reset:
            self._write(_RESET, [(None, _MAIL, 0)])
        elif not self._awaited:
            self._next()

    def _after_reset(self) -> None:
        if self._crate is None:
            self._finish(None)
        else:
            self._next()

    def _finish(self, error: ChannelError | None) -> None:
        if self._finished is not None and not self._finished.done():
            if error is None:
                self._finished.set_result(None)
            else:
                self._finished.set_exception(error)

    def _end(self, why: str, error: ChannelError | None = None, *, blameless: bool = False) -> None:
        """The connection is of no use any more: what was first in line bears it, the others go elsewhere.

        With an error, or `blameless`, nobody bears it.
        """
        self._over = True
        self._transport.abort()
        self._unfold()
        under_way = {mail: stage for mail, stage, _ in reversed(self._awaited) if mail is not None}
        mails = [(mail, stage) for mail, stage in reversed(under_way.items())]
        if self._leaving is not None:
            mails.insert(0, (self._leaving, Stage.BODY))
        self._awaited.clear()
        self._commands.clear()
        self._leaving = None
        if self._crate is not None:
            if mails and error is None and not blameless:
                self._crate.lost(*mails.pop(0), why)
            for mail, _ in reversed(mails):
                self._crate.give_back(mail)
        self._finish(error)


def _envelope(mail: Mail) -> list[_Awaited]:
    """The replies to come to the commands of a mail."""
    if len(mail.parcels) == 1:
        return [(mail, _MAIL, 0), (mail, _RCPT, 0), (mail, _DATA, 0)]
    recipients = ((mail, _RCPT, place) for place in range(len(mail.parcels)))
    return [(mail, _MAIL, 0), *recipients, (mail, _DATA, 0)]


def _text(line: bytes) -> str:
    return line[4:].decode("utf-8", "replace").strip()
