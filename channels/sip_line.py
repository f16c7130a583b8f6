"""A line to an exchange as its section says, and the SIP address of somebody who is called over it."""

from __future__ import annotations

import phonenumbers

from alertd.alert import MsgType
from alertd.channel import Message, Target
from channels.baresip import Line
from channels.exchange_settings import ExchangeSettings


def open_line(settings: ExchangeSettings) -> Line:
    """A line of our own; it ends with the thread that opened it. Raises as `Line` does."""
    host, port = settings.place
    account = f"<sip:{settings.caller_id}@{host}:{port}>;regint=0"
    if settings.password is not None:
        user = settings.username or settings.caller_id
        account += f";auth_user={user};auth_pass={settings.password.get_secret_value()}"
    return Line(
        account,
        program=settings.program,
        modules=settings.modules,
        interface=str(settings.interface),
        media_ports=settings.media_ports,
    )


def sip_address(settings: ExchangeSettings, number: str, message: Message, target: Target) -> str:
    """What is dialled for a number in E.164; with `tags` it tells machines key and status."""
    if settings.number_form == "national":
        parsed = phonenumbers.parse(number, None)
        written = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.NATIONAL)
        number = "".join(character for character in written if character.isdigit())
    host, port = settings.place
    uri = f"sip:{settings.prefix}{number}@{host}:{port}".replace("#", "%23")
    if settings.tags:
        uri += f";alertd-key={target.key};alertd-status={message.status}"
        if message.kind is not MsgType.ALERT:
            uri += f";alertd-kind={message.kind}"
    return uri
