"""Letters by e-mail: a few at a time over a connection of their own, so that no alert holds them up, nor they an alert."""

from __future__ import annotations

import base64
import re
import ssl
from collections.abc import Sequence
from email.utils import format_datetime

import aiosmtplib

from alertd.channel import Letter, Outcome, Reason, Receipt
from alertd.errors import ChannelMisconfigured, ChannelUnavailable, WrongInput
from channels.email_address import mailbox
from channels.email_header import address_header, header, text_header
from channels.email_settings import EmailSettings, Relay, Tls

#: of a relay's reply, as it is kept
LONGEST_DETAIL = 300
_TAG = re.compile(r"[A-Za-z]{2,3}")


async def write(settings: EmailSettings, letters: Sequence[Letter]) -> list[Receipt]:
    """Hands the letters over, one after the other; the first relay that answers takes them all.

    Raises ChannelUnavailable when none does, ChannelMisconfigured when a person must act;
    then no letter was handed over.
    """
    client = await _open(settings)
    try:
        return [await _hand_over(client, settings, letter) for letter in letters]
    finally:
        client.close()


async def _open(settings: EmailSettings) -> aiosmtplib.SMTP:
    fault: Exception | None = None
    for relay in settings.addresses:
        client = _client(relay, settings)
        try:
            await client.connect()
            if settings.username is not None and settings.password is not None:
                await client.login(settings.username, settings.password.get_secret_value())
            return client
        except aiosmtplib.SMTPAuthenticationError as error:
            client.close()
            raise ChannelMisconfigured(
                f"the mail relay does not accept the credentials ({error.code})"
            ) from None
        except (aiosmtplib.SMTPException, OSError) as error:
            client.close()
            fault = error
    raise ChannelUnavailable(f"no mail relay takes letters ({type(fault).__name__})")


def _client(relay: Relay, settings: EmailSettings) -> aiosmtplib.SMTP:
    trust = None
    if settings.tls is not Tls.NONE and settings.ca_file is not None:
        trust = ssl.create_default_context()
        trust.load_verify_locations(settings.ca_file)
    return aiosmtplib.SMTP(
        hostname=relay.host,
        port=relay.port,
        local_hostname=settings.domain,
        timeout=settings.command_timeout,
        use_tls=settings.tls is Tls.TLS,
        start_tls=settings.tls is Tls.STARTTLS,
        tls_context=trust,
    )


async def _hand_over(client: aiosmtplib.SMTP, settings: EmailSettings, letter: Letter) -> Receipt:
    try:
        recipient = mailbox(letter.address)
        data = compose(settings, letter, recipient)
    except (ValueError, WrongInput) as error:
        return Receipt(key=letter.key, outcome=Outcome.FAILED, reason=Reason.BAD_ADDRESS, detail=str(error))
    try:
        _, reply = await client.sendmail(settings.envelope_sender(letter.key), [recipient], data)
    except aiosmtplib.SMTPRecipientsRefused as refused:
        return _refused(letter.key, refused.recipients[0])
    except aiosmtplib.SMTPResponseException as refused:
        return _refused(letter.key, refused)
    except (aiosmtplib.SMTPException, OSError) as error:
        # a letter that arrives twice does no harm: both have the same link
        lost = type(error).__name__
        return Receipt(key=letter.key, outcome=Outcome.DEFERRED, reason=Reason.UNREACHABLE, detail=lost)
    return Receipt(key=letter.key, outcome=Outcome.ACCEPTED, detail=reply[:LONGEST_DETAIL])


def _refused(key: str, refused: aiosmtplib.SMTPResponseException) -> Receipt:
    detail = f"{refused.code} {refused.message}"[:LONGEST_DETAIL]
    final = 500 <= refused.code < 600
    outcome, reason = (Outcome.FAILED, Reason.REFUSED) if final else (Outcome.DEFERRED, Reason.RATE_LIMITED)
    return Receipt(key=key, outcome=outcome, reason=reason, detail=detail)


def compose(settings: EmailSettings, letter: Letter, recipient: str) -> bytes:
    """The whole mail; nothing but its text and its subject is from the letter's words."""
    fields = [
        header("Date", format_datetime(letter.sent)),
        address_header("From", settings.sender_name, settings.sender),
        header("To", f"<{recipient}>"),
        text_header("Subject", letter.subject),
        header("Message-ID", f"<{letter.key}@{settings.domain}>"),
        header("Auto-Submitted", "auto-replied"),
        header("X-Auto-Response-Suppress", "All"),
    ]
    if settings.reply_to is not None:
        fields.append(header("Reply-To", settings.reply_to))
    language = _TAG.match(letter.language)
    if language is not None:
        fields.append(header("Content-Language", language[0]))
    fields += [
        header("MIME-Version", "1.0"),
        header("Content-Type", "text/plain; charset=utf-8"),
        header("Content-Transfer-Encoding", "base64"),
    ]
    plain = re.sub(r"\r\n|\n", "\r\n", letter.text).encode()
    return b"".join(fields) + b"\r\n" + base64.encodebytes(plain).replace(b"\n", b"\r\n")
