"""A Subscription: what somebody who registered an address wants, and how they came and went."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from alertd.category import Category

#: as `ipaddress` takes them, ten times as fast: this is asked for each connection
_IPV4 = re.compile(r"(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}", re.ASCII)


class How(StrEnum):
    """The way by which somebody asked to be registered."""

    #: the public page
    PAGE = "page"
    #: a blank mail
    MAIL = "mail"
    #: the staff did it for them
    STAFF = "staff"


class Cause(StrEnum):
    """Why an address is no longer on the list."""

    #: the link in a mail, or one click of a mail program
    LINK = "link"
    #: their own page
    PAGE = "page"
    #: the staff did it for them
    STAFF = "staff"
    #: mail to it has bounced for good, again and again
    BOUNCES = "bounces"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What a subscriber wants: one language, at least one area, and the categories besides life-saving news."""

    language: str
    #: codes
    areas: tuple[str, ...]
    categories: tuple[Category, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OptIn:
    """The record that somebody asked for it."""

    how: How
    #: the network that the request came from; None = not known
    network: str | None = None
    #: language and digest of the terms that they were shown
    text_version: str = ""
    #: who of the staff did it for them
    by: str | None = None


@lru_cache(maxsize=10_000)
def network_of(address: str) -> str | None:
    """The network of an internet address: "203.0.113.0/24", "2001:db8:1::/48"; None for anything else."""
    if _IPV4.fullmatch(address):
        return address.rpartition(".")[0] + ".0/24"
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return str(ipaddress.ip_network((found, 24 if found.version == 4 else 48), strict=False))
