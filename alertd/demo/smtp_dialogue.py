"""The server's side of one SMTP connection, faults included (RFC 5321, 2920, 3207, 4954)."""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field

from alertd.demo.smtp_fault import Fault, Faults, Stage
from alertd.demo.smtp_ledger import MailLedger

BANNER = "simulated.example.jp ESMTP simulated: no mail leaves this server"
LARGEST_MAIL = 16 * 1024 * 1024

_PATH = re.compile(rb"(?i)^(?:FROM|TO):\s*<([^>]*)>")


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """What all connections of one server share."""

    ledger: MailLedger
    faults: Faults
    #: name → password; any makes AUTH PLAIN necessary
    users: Mapping[str, str] = field(default_factory=dict)
    tls: ssl.SSLContext | None = None
    #: TLS from the first byte, not by STARTTLS
    implicit_tls: bool = False
    pipelining: bool = True


class SmtpDialogue:
    """One connection, from the greeting to its end."""

    def __init__(
        self,
        house: House,
        number: int,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._house, self._number, self._reader, self._writer = house, number, reader, writer
        self._secure = house.implicit_tls
        self._signed_in = not house.users
        self._sender: str | None = None
        self._recipients: list[str] = []

    async def run(self) -> None:
        """Talks until the client takes leave or is gone."""
        await self._answer(Stage.CONNECT, f"220 {BANNER}")
        async for verb, rest in self._commands():
            match verb:
                case b"EHLO" | b"HELO":
                    self._forget()
                    await self._answer(Stage.EHLO, self._hello())
                case b"STARTTLS" if self._house.tls is not None and not self._secure:
                    self._write("220 2.0.0 Ready")
                    await self._writer.start_tls(self._house.tls)
                    self._secure = True
                case b"AUTH":
                    await self._answer(Stage.AUTH, self._sign_in(rest))
                case b"MAIL":
                    await self._mail(rest)
                case b"RCPT":
                    await self._rcpt(rest)
                case b"DATA":
                    await self._data()
                case b"RSET":
                    self._forget()
                    self._write("250 2.0.0 Ok")
                case b"NOOP":
                    self._write("250 2.0.0 Ok")
                case b"QUIT":
                    self._write("221 2.0.0 Bye")
                    await self._writer.drain()
                    return
                case _:
                    self._write("502 5.5.2 Command not known")

    async def _commands(self) -> AsyncIterator[tuple[bytes, bytes]]:
        while line := await self._reader.readline():
            verb, _, rest = line.strip().partition(b" ")
            yield verb.upper(), rest

    def _hello(self) -> str:
        house = self._house
        offers = ["simulated.example.jp", "8BITMIME", f"SIZE {LARGEST_MAIL}", "ENHANCEDSTATUSCODES"]
        offers += ["PIPELINING"] if house.pipelining else []
        offers += ["STARTTLS"] if house.tls is not None and not self._secure else []
        offers += ["AUTH PLAIN"] if house.users else []
        return "\r\n".join([*(f"250-{offer}" for offer in offers[:-1]), f"250 {offers[-1]}"])

    def _sign_in(self, rest: bytes) -> str:
        try:
            _, user, password = base64.b64decode(rest.removeprefix(b"PLAIN ")).decode().split("\0")
        except (binascii.Error, ValueError):
            return "501 5.5.2 Cannot read this"
        self._signed_in = self._house.users.get(user) == password
        return "235 2.7.0 Welcome" if self._signed_in else "535 5.7.8 Credentials invalid"

    async def _mail(self, rest: bytes) -> None:
        path = _PATH.match(rest)
        if not self._signed_in:
            self._write("530 5.7.0 Authentication required")
        elif self._sender is not None:
            self._write("503 5.5.1 Sender already given")
        elif path is None:
            self._write("501 5.5.4 Cannot read this address")
        elif await self._answer(Stage.MAIL, "250 2.1.0 Ok"):
            self._sender = path[1].decode("utf-8", "replace")

    async def _rcpt(self, rest: bytes) -> None:
        path = _PATH.match(rest)
        if self._sender is None:
            self._write("503 5.5.1 Sender first")
        elif path is None or b"@" not in path[1]:
            self._write("501 5.1.3 Cannot read this address")
        else:
            recipient = path[1].decode("utf-8", "replace")
            if await self._answer(Stage.RCPT, "250 2.1.5 Ok", [recipient]):
                self._recipients.append(recipient)

    async def _data(self) -> None:
        if not self._recipients:
            self._write("554 5.5.1 No valid recipients")
            return
        if not await self._answer(Stage.DATA, "354 End with a dot on a line of its own", self._recipients):
            return
        data = b""
        if self._house.faults.possible(Stage.BODY):
            data = await self._reader.readexactly(1)
            await self._answer(Stage.BODY, "", self._recipients)
        while not (data == b".\r\n" or data.endswith(b"\r\n.\r\n")):
            data += await self._reader.readuntil(b".\r\n")
        data = (b"\r\n" + data[:-3]).replace(b"\r\n..", b"\r\n.")[2:]
        fault = self._house.faults.at(Stage.DOT, self._recipients)
        if fault is None or fault.reply is None:
            assert self._sender is not None
            queue_id = self._house.ledger.write(self._number, self._sender, self._recipients, data)
            await self._strike(fault)
            self._write(f"250 2.0.0 Ok: queued as {queue_id}")
        else:
            await self._strike(fault)
            self._write(fault.reply)
        self._forget()
        await self._writer.drain()

    async def _answer(self, stage: Stage, right: str, recipients: Sequence[str] = ()) -> bool:
        """Writes the right reply or that of a fault; True when it was the right one."""
        fault = self._house.faults.at(stage, recipients)
        await self._strike(fault)
        reply = right if fault is None or fault.reply is None else fault.reply
        if reply:
            self._write(reply)
        if reply.startswith("421"):
            await self._writer.drain()
            raise ConnectionAbortedError
        return reply is right

    async def _strike(self, fault: Fault | None) -> None:
        if fault is None:
            return
        if fault.delay:
            await asyncio.sleep(fault.delay)
        if fault.drop:
            raise ConnectionAbortedError
        if fault.silence:
            await asyncio.Event().wait()

    def _forget(self) -> None:
        self._sender, self._recipients = None, []

    def _write(self, reply: str) -> None:
        self._writer.write(reply.encode() + b"\r\n")
