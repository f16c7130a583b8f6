"""One SMTP connection, driven in stages, so that it is known how far a mail had come.

aiosmtplib connects, secures and signs in; then the dialogue is led from here, because
that library reports a connection lost before and after the final dot in the same words,
and only the latter leaves a mail in doubt (RFC 1047).
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from dataclasses import dataclass
from enum import IntEnum
from typing import Self

import aiosmtplib

from alertd.clock import stopwatch
from alertd.errors import ChannelMisconfigured, ChannelUnavailable
from channels.email_settings import EmailSettings, Tls

#: Seconds after which an unused connection is not trusted any more: a firewall between
#: may have forgotten it without a word.
STALE_AFTER = 20.0

#: Of one line of a reply, in bytes; RFC 5321 §4.5.3.1.5 asks for 512.
LONGEST_REPLY_LINE = 8192
MOST_REPLY_LINES = 100


class Stage(IntEnum):
    """How far a mail had come; only beyond DOT it may have been taken."""

    MAIL = 1
    RCPT = 2
    DATA = 3
    #: the mail is being written, its final dot has not left
    BODY = 4
    #: the final dot has left
    DOT = 5


@dataclass(frozen=True, slots=True)
class Verdict:
    """The reply that decided a mail, and at which stage it came."""

    stage: Stage
    code: int
    text: str


class SessionLost(Exception):
    """The connection broke, or was silent too long, in the middle of a mail."""

    def __init__(self, stage: Stage, *, silent: bool) -> None:
        self.stage, self.silent = stage, silent
        super().__init__("no reply in time" if silent else "the connection was lost")


class SmtpSession:
    """An open connection that mails can be handed over on, one at a time."""

    def __init__(
        self,
        client: aiosmtplib.SMTP,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        settings: EmailSettings,
    ) -> None:
        self._client, self._reader, self._writer = client, reader, writer
        self._command_timeout, self._dot_timeout = settings.command_timeout, settings.dot_timeout
        self._pipelining = client.supports_extension("pipelining")
        self._used_at = stopwatch()
        #: mails begun on this connection
        self.mails = 0

    @classmethod
    async def open(cls, settings: EmailSettings, trust: ssl.SSLContext | None) -> Self:
        """Connects, secures and signs in.

        Raises ChannelUnavailable when the relay is down, ChannelMisconfigured when it
        does not accept the credentials, the certificate or the kind of TLS.
        """
        client = aiosmtplib.SMTP(
            hostname=settings.host,
            port=settings.port,
            local_hostname=settings.domain,
            timeout=settings.connect_timeout,
            use_tls=settings.tls is Tls.TLS,
            start_tls=settings.tls is Tls.STARTTLS,
            tls_context=trust,
        )
        try:
            await client.connect()
            await client.ehlo()
            if settings.username is not None and settings.password is not None:
                await client.login(settings.username, settings.password.get_secret_value())
        except (aiosmtplib.SMTPException, OSError) as error:
            client.close()
            raise _why_not_open(error, settings) from None
        reader, writer = _taken_over(client)
        return cls(client, reader, writer, settings)

    @property
    def usable(self) -> bool:
        """Whether nothing speaks against using the connection for one more mail."""
        return not (
            self._writer.is_closing() or self._reader.at_eof() or stopwatch() - self._used_at > STALE_AFTER
        )

    @property
    def description(self) -> str:
        """What the relay calls itself."""
        hello = self._client.last_ehlo_response
        return hello.message.partition("\n")[0] if hello else ""

    async def hand_over(self, sender: str, recipient: str, data: bytes) -> Verdict:
        """Hands one mail over to one recipient and returns the reply that decided it.

        1. MAIL, RCPT and DATA, in one packet where the relay allows it (RFC 2920).
        2. The mail, of which no line may begin with a dot, and the final dot.
        3. The reply to the dot, for which there is much more patience.

        Raises SessionLost with the stage; the connection is of no use then.
        """
        self.mails += 1
        stage = Stage.MAIL
        try:
            commands = [b"MAIL FROM:<%b>\r\n" % sender.encode(), b"RCPT TO:<%b>\r\n" % recipient.encode()]
            commands.append(b"DATA\r\n")
            if self._pipelining:
                self._writer.write(b"".join(commands))
            refusal: Verdict | None = None
            for stage, command, wanted in zip(
                (Stage.MAIL, Stage.RCPT, Stage.DATA), commands, (2, 2, 3), strict=True
            ):
                if not self._pipelining:
                    self._writer.write(command)
                code, text = await self._reply(self._command_timeout)
                if code // 100 != wanted:
                    refusal = refusal or Verdict(stage, code, text)
                    if not self._pipelining or code == 421:
                        break
                elif refusal is not None and stage is Stage.DATA:
                    await self._take_back_data()
            if refusal is not None:
                await self._reset(refusal)
                return refusal
            stage = Stage.BODY
            self._writer.write(data + b".\r\n")
            async with asyncio.timeout(self._command_timeout):
                await self._writer.drain()
            stage = Stage.DOT
            verdict = Verdict(stage, *await self._reply(self._dot_timeout))
        except (TimeoutError, OSError, EOFError, ValueError) as error:
            self.abort()
            raise SessionLost(stage, silent=isinstance(error, TimeoutError)) from None
        if verdict.code == 421:
            self.abort()
        self._used_at = stopwatch()
        return verdict

    async def noop(self) -> None:
        """Asks for a sign of life; raises SessionLost when there is none."""
        try:
            self._writer.write(b"NOOP\r\n")
            await self._reply(self._command_timeout)
        except (TimeoutError, OSError, EOFError, ValueError) as error:
            self.abort()
            raise SessionLost(Stage.MAIL, silent=isinstance(error, TimeoutError)) from None

    def quit(self) -> None:
        """Takes leave without waiting for the answer."""
        with contextlib.suppress(OSError, RuntimeError):
            self._writer.write(b"QUIT\r\n")
            self._writer.close()

    async def gone(self) -> None:
        """Waits until the connection is closed, a second at most."""
        with contextlib.suppress(TimeoutError, OSError):
            async with asyncio.timeout(1.0):
                await self._writer.wait_closed()
        self.abort()

    def abort(self) -> None:
        """Drops the connection with all that has not left yet."""
        self._writer.transport.abort()

    async def _take_back_data(self) -> None:
        """Ends a DATA that the relay allowed although it refused the recipient (RFC 2920 §3.1)."""
        self._writer.write(b".\r\n")
        await self._reply(self._command_timeout)

    async def _reset(self, refusal: Verdict) -> None:
        """Forgets the refused mail; a relay that takes leave (421) is left."""
        if refusal.code == 421:
            self.abort()
            return
        self._used_at = stopwatch()
        with contextlib.suppress(TimeoutError, OSError, EOFError, ValueError):
            self._writer.write(b"RSET\r\n")
            await self._reply(self._command_timeout)
            return
        self.abort()

    async def _reply(self, patience: float) -> tuple[int, str]:
        """The next reply, its lines joined. Raises TimeoutError, EOFError, OSError, ValueError."""
        async with asyncio.timeout(patience):
            lines: list[str] = []
            while len(lines) < MOST_REPLY_LINES:
                line = await self._reader.readline()
                if not line.endswith(b"\n"):
                    raise EOFError
                lines.append(line[4:].decode("utf-8", "replace").strip())
                if line[3:4] != b"-":
                    return int(line[:3]), " ".join(lines)
        raise ValueError("the reply does not end")


def _taken_over(client: aiosmtplib.SMTP) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Puts a stream in the place of aiosmtplib's protocol on the open connection."""
    transport = client.transport
    assert isinstance(transport, asyncio.Transport)
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=LONGEST_REPLY_LINE, loop=loop)
    protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
    protocol.connection_made(transport)
    transport.set_protocol(protocol)
    # drain() then waits until the last byte has left, so that BODY and DOT can be told apart
    transport.set_write_buffer_limits(0)
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)


def _why_not_open(
    error: aiosmtplib.SMTPException | OSError, settings: EmailSettings
) -> ChannelUnavailable | ChannelMisconfigured:
    """What to tell of a connection that did not come about; never the relay's whole words."""
    relay = f"the mail relay {settings.host}:{settings.port}"
    code = getattr(error, "code", None)
    if isinstance(code, int) and 400 <= code < 500:
        return ChannelUnavailable(f"{relay} takes no mail at present ({code})")
    if isinstance(error, aiosmtplib.SMTPAuthenticationError):
        return ChannelMisconfigured(
            f"{relay} does not accept the credentials ({code}); see `username` and `password_file`"
        )
    cause = error.__cause__ or error.__context__ or error
    if isinstance(cause, ssl.SSLCertVerificationError) or isinstance(error, ssl.SSLCertVerificationError):
        return ChannelMisconfigured(
            f"{relay} shows a certificate that is not trusted; see `host` and `ca_file`"
        )
    if isinstance(cause, ssl.SSLError):
        return ChannelMisconfigured(f"{relay} does not speak TLS in this way; see `tls` and `port`")
    if isinstance(error, aiosmtplib.SMTPTimeoutError | TimeoutError):
        return ChannelUnavailable(f"{relay} did not answer in time")
    if isinstance(error, OSError):
        return ChannelUnavailable(f"{relay} cannot be reached")
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return ChannelUnavailable(f"{relay} does not want to talk ({code})")
    return ChannelMisconfigured(
        f"{relay} does not offer the TLS or sign-in that is set; see `tls` and `username`"
    )
