"""Opening a connection to a mail relay: aiosmtplib connects, secures and signs in.

Then its transport is handed on: that library reports a connection lost before and after
the final dot in the same words, and only the latter leaves a mail in doubt (RFC 1047);
and it waits for every reply before the next command (RFC 2920 allows better).
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from typing import cast

import aiosmtplib

from alertd.errors import ChannelMisconfigured, ChannelUnavailable
from channels.email_settings import EmailSettings, Relay, Tls


@dataclass(frozen=True, slots=True)
class Connection:
    """A way to a relay that mails can be handed over on."""

    transport: asyncio.Transport
    #: whether commands may be sent before earlier ones were answered
    pipelining: bool
    #: what the relay calls itself
    description: str


async def connect(relay: Relay, settings: EmailSettings, trust: ssl.SSLContext | None) -> Connection:
    """Connects, secures and signs in.

    Raises ChannelUnavailable when the relay is down, ChannelMisconfigured when it does not
    accept the credentials, the certificate or the kind of TLS; then nothing of a mail, and
    no password, has gone out in clear.
    """
    client = aiosmtplib.SMTP(
        hostname=relay.host,
        port=relay.port,
        local_hostname=settings.domain,
        timeout=settings.connect_timeout,
        use_tls=settings.tls is Tls.TLS,
        start_tls=settings.tls is Tls.STARTTLS,
        tls_context=trust,
    )
    try:
        await client.connect()
        await _greet(client)
        if settings.username is not None and settings.password is not None:
            await client.login(settings.username, settings.password.get_secret_value())
    except (aiosmtplib.SMTPException, OSError) as error:
        client.close()
        raise _why_not_open(error, relay) from None
    except BaseException:
        client.close()
        raise
    transport = cast("asyncio.Transport", client.transport)
    hello = client.last_ehlo_response or client.last_helo_response
    description = hello.message.partition("\n")[0] if hello else ""
    return Connection(transport, client.supports_extension("pipelining"), description)


async def _greet(client: aiosmtplib.SMTP) -> None:
    """Says who we are; to a server from before 1995 in its own words."""
    try:
        await client.ehlo()
    except aiosmtplib.SMTPHeloError as error:
        if error.code // 100 != 5:
            raise
        await client.helo()


def _why_not_open(
    error: aiosmtplib.SMTPException | OSError, relay: Relay
) -> ChannelUnavailable | ChannelMisconfigured:
    """What to tell of a connection that did not come about; never the relay's whole words."""
    who = f"the mail relay {relay}"
    code = getattr(error, "code", None)
    if isinstance(code, int) and 400 <= code < 500:
        return ChannelUnavailable(f"{who} takes no mail at present ({code})")
    if isinstance(error, aiosmtplib.SMTPAuthenticationError):
        return ChannelMisconfigured(
            f"{who} does not accept the credentials ({code}); see `username` and `password_file`"
        )
    cause = error.__cause__ or error.__context__ or error
    if isinstance(cause, ssl.SSLCertVerificationError) or isinstance(error, ssl.SSLCertVerificationError):
        return ChannelMisconfigured(
            f"{who} shows a certificate that is not trusted; see `host` and `ca_file`"
        )
    if isinstance(cause, ssl.SSLError):
        return ChannelMisconfigured(f"{who} does not speak TLS in this way; see `tls` and `port`")
    if isinstance(error, aiosmtplib.SMTPTimeoutError | TimeoutError):
        return ChannelUnavailable(f"{who} did not answer in time")
    if isinstance(error, OSError):
        return ChannelUnavailable(f"{who} cannot be reached")
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return ChannelUnavailable(f"{who} does not want to talk ({code})")
    return ChannelMisconfigured(
        f"{who} does not offer the TLS or sign-in that is set; see `tls` and `username`"
    )
