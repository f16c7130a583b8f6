"""E-mail addresses as SMTP wants them, the old ones of Japanese carriers included."""

from __future__ import annotations

import re

# RFC 5321 §4.1.2: a dot-string needs no quotes; anything else printable stands in them
_DOT_STRING = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_UNQUOTED = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+")
_QUOTED = re.compile(r'"(?:[ !#-\[\]-~]|\\[ -~])+"')
_DOMAIN = re.compile(r"(?=.{1,253}\Z)(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.(?!\Z)|\Z))+")
# what nearly every address is: nothing more need be asked of it
_USUAL = re.compile(r"[a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*@(?:[a-z0-9]+(?:-[a-z0-9]+)*\.)+[a-z]{2,}")

LONGEST = 254
LONGEST_LOCAL = 64


def mailbox(address: str) -> str:
    """The address as it stands in RCPT TO and To, without angle brackets.

    Carriers once gave out addresses with two dots in a row or a dot before the @, which
    are only valid in quotes: `a..b.@docomo.ne.jp` becomes `"a..b."@docomo.ne.jp`.
    Raises ValueError with what is wrong; the address itself is not in the message.
    """
    if len(address) <= LONGEST_LOCAL and _USUAL.fullmatch(address):
        return address
    local, at, domain = address.rpartition("@")
    if not at or not local:
        raise ValueError("an address needs a name, an @ and a domain")
    if not local.isascii():
        raise ValueError("letters outside ASCII before the @ cannot be delivered everywhere (SMTPUTF8)")
    try:
        domain = domain.encode("ascii" if domain.isascii() else "idna").decode("ascii")
    except UnicodeError:
        raise ValueError("the domain cannot be written in ASCII") from None
    if not _DOMAIN.fullmatch(domain):
        raise ValueError("the domain is not a host name")
    if not (_DOT_STRING.fullmatch(local) or _QUOTED.fullmatch(local)):
        if not _UNQUOTED.fullmatch(local):
            raise ValueError("the part before the @ has characters that an address cannot have")
        local = f'"{local}"'
    if len(local) > LONGEST_LOCAL or len(local) + 1 + len(domain) > LONGEST:
        raise ValueError("the address is too long")
    return f"{local}@{domain}"
