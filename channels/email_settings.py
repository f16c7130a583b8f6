"""The settings of an e-mail section: the relay, the sender, and how patient to be."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import ceil
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from alertd.channel import ChannelSettings, InDoubt
from alertd.errors import WrongInput
from channels.email_address import mailbox
from channels.email_header import harmless

#: what stands in `return_path` for the key of a delivery
KEY = "{key}"


class Tls(StrEnum):
    """How the way to the relay is kept private."""

    #: not at all; for a relay on this machine
    NONE = "none"
    #: begins in clear, then TLS or nothing (RFC 3207)
    STARTTLS = "starttls"
    #: TLS from the first byte (RFC 8314)
    TLS = "tls"


@dataclass(frozen=True, slots=True)
class Relay:
    """Where a mail relay listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def on_this_machine(self) -> bool:
        """Whether what is sent there stays on this machine."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


class LaneSettings(BaseModel):
    """A group of mail domains with a number and a pace of its own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    domains: tuple[str, ...] = Field(min_length=1)
    #: mails under way at a time, over all workers of a machine; each worker has one at least
    sessions: int = Field(2, ge=1)
    #: mails begun in a second, over all workers of a machine; None = as `sessions` allows
    per_second: float | None = Field(None, gt=0)

    @field_validator("domains")
    @classmethod
    def _in_small_letters(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(domain.lower() for domain in value)

    def shared(self, senders: int) -> Self:
        """What one of so many senders may do."""
        pace = None if self.per_second is None else self.per_second / senders
        return self.model_copy(update={"sessions": ceil(self.sessions / senders), "per_second": pace})


class EmailSettings(ChannelSettings):
    """`[channels.NAME] kind = "email"`; times are in seconds."""

    #: the relay; or `relays`
    host: str = ""
    port: int = Field(25, ge=1, le=65535)
    #: several relays with the same credentials, each HOST or HOST:PORT: the work goes where it is done,
    #: and on to the others when one is down
    relays: tuple[Relay, ...] = ()
    tls: Tls = Tls.NONE
    #: certificates to trust beside those of the system, PEM
    ca_file: Path | None = None
    username: str | None = None
    password: SecretStr | None = None
    #: the address in From, and in the envelope unless `return_path` is given
    sender: str
    #: the name shown before it
    sender_name: str = ""
    reply_to: str | None = None
    #: where bounces go: the envelope's sender; `{key}` in it becomes the delivery's key (VERP), as in
    #: `bounce+{key}@city.example.jp`, so that a bounce tells whom it is about
    return_path: str | None = None
    #: RFC 2919, such as `alerts.city.example.jp`
    list_id: str | None = Field(None, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    #: connections at the same time, over all workers of a machine; each worker has one at least
    sessions: int = Field(4, ge=1, le=25)
    #: mails over one connection, then a new one is made
    mails_per_session: int = Field(500, ge=1)
    #: hand-overs begun in a second over all workers; None = as fast as the relay takes them
    per_second: float | None = Field(None, gt=0)
    #: domains to be treated with care, by a name: `domains`, `sessions` (mails at a time) and
    #: `per_second`, over all workers of a machine, as in `lanes.docomo = { domains = ["docomo.ne.jp"], sessions = 2, per_second = 10 }`
    lanes: Mapping[str, LaneSettings] = {}
    #: how many recipients one mail may have in its envelope. More than 1 is the fastest way, and its price
    #: is that nobody has a link of their own to change or leave, that a bounce tells nobody's key, and that
    #: a sender that dies doubles up to `sessions` × as many
    recipients_per_mail: int = Field(1, ge=1, le=100)
    connect_timeout: float = Field(10.0, gt=0)
    command_timeout: float = Field(30.0, gt=0)
    #: for the reply to the final dot; too short a patience doubles mails (RFC 5321 §4.5.3.2.6)
    dot_timeout: float = Field(300.0, gt=0)
    in_doubt: InDoubt = InDoubt.RESEND
    #: a relay that says “later” is asked again until the alert expires
    attempts: int = 100
    retry_after: tuple[float, ...] = (60.0, 120.0, 300.0, 600.0, 900.0)
    retry_spread: float = Field(0.2, ge=0)

    @field_validator("sender", "reply_to")
    @classmethod
    def _mailbox(cls, value: str | None) -> str | None:
        return None if value is None else mailbox(value)

    @field_validator("relays", mode="before")
    @classmethod
    def _host_and_port(cls, value: object) -> object:
        if not isinstance(value, list | tuple):
            return value
        return tuple(_relay(one) if isinstance(one, str) else one for one in value)

    @field_validator("return_path")
    @classmethod
    def _mailbox_with_key(cls, value: str | None) -> str | None:
        if value is not None:
            mailbox(value.replace(KEY, "123456789-0123456789abcdef01234567"))
        return value

    @field_validator("sender_name")
    @classmethod
    def _harmless(cls, value: str) -> str:
        try:
            return harmless("", value)
        except WrongInput as error:
            raise ValueError(str(error)) from None

    @field_validator("in_doubt")
    @classmethod
    def _cannot_be_asked(cls, value: InDoubt) -> InDoubt:
        if value is InDoubt.ASK:
            raise ValueError("must be resend, resend_actual or hold: a mail relay cannot be asked")
        return value

    @model_validator(mode="after")
    def _credentials_belong_together(self) -> Self:
        if (self.username is None) != (self.password is None):
            raise ValueError("needs username and password_file together")
        if (self.host == "") == (self.relays == ()):
            raise ValueError("needs either host or relays")
        away = [relay for relay in self.addresses if not relay.on_this_machine]
        if self.username is not None and self.tls is Tls.NONE and away:
            raise ValueError("would send its password in clear; set tls to starttls or tls")
        return self

    def shared(self, senders: int) -> Self:
        """What one of so many senders may do: its part of the connections and of every lane."""
        lanes = {name: lane.shared(senders) for name, lane in self.lanes.items()}
        return self.model_copy(update={"sessions": ceil(self.sessions / senders), "lanes": lanes})

    @property
    def addresses(self) -> tuple[Relay, ...]:
        """Where the relays listen, at least one."""
        return self.relays or (Relay(self.host, self.port),)

    def envelope_sender(self, key: str) -> str:
        """The sender in the envelope of the mail with this key: where its bounce goes."""
        return (self.return_path or self.sender).replace(KEY, key)

    @property
    def domain(self) -> str:
        """The sender's domain: the right side of every Message-ID, and our name in EHLO."""
        return self.sender.rpartition("@")[2]


def _relay(text: str) -> Relay:
    """`HOST`, `HOST:PORT` or `[ADDRESS]:PORT`."""
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]"):
        host, port = text, "25"
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError(f'"{text}" is not HOST or HOST:PORT')
    return Relay(host, int(port))
