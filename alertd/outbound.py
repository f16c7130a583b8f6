"""Outbound: which machine a request may reach, decided by the address that is then dialled.

A name is resolved once for each connection, every answer is judged, and the connection is
made to what was judged: a name that points elsewhere a moment later (DNS rebinding) gains
nothing. Private, link-local and otherwise special networks are refused unless `inside` names
them; this machine only answers to its own names.
"""

from __future__ import annotations

import http.client
import socket
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address
#: what a name stands for, as `socket.getaddrinfo` says it
Resolver = Callable[..., Sequence[tuple[Any, Any, Any, Any, Any]]]

#: names of this machine
HERE = frozenset({"127.0.0.1", "localhost", "::1"})
#: IPv6 addresses that carry an IPv4 one: NAT64 (RFC 6052, RFC 8215), 6to4 (RFC 3056), Teredo (RFC 4380)
_CARRIERS = tuple(map(ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")))


class Refused(OSError):
    """The name leads to an address that requests may not go to."""


def allowed(host: str, address: str, inside: Sequence[Network] = ()) -> bool:
    """Whether a request to `host` may go to this address."""
    found: Address = ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    if host in HERE:
        return found.is_loopback
    if any(found in network for network in inside if network.version == found.version):
        return True
    return (
        found.is_global
        and not found.is_multicast
        and not any(found in network for network in _CARRIERS if network.version == found.version)
    )


def networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """Networks as settings write them. Raises ValueError."""
    return tuple(ip_network(text) for text in texts)


def connection(
    scheme: str,
    host: str,
    port: int | None,
    *,
    timeout: float,
    inside: Sequence[Network] = (),
    resolve: Resolver = socket.getaddrinfo,
) -> http.client.HTTPConnection:
    """A connection that is not made yet; making it raises Refused when the name leads where it may not.

    TLS is checked against the name, not the address.
    """
    kind = http.client.HTTPSConnection if scheme == "https" else http.client.HTTPConnection
    made = kind(host, port, timeout=timeout)

    def dial(where: tuple[str, int], timeout: float, *_: object) -> socket.socket:
        return _dial(where, timeout, inside, resolve)

    made._create_connection = dial  # type: ignore[attr-defined]  # what http.client itself dials by
    return made


def _dial(
    where: tuple[str, int], timeout: float, inside: Sequence[Network], resolve: Resolver
) -> socket.socket:
    """Resolves once, judges every answer, and connects to the first one that takes the call."""
    host, port = where
    answers = resolve(host, port, type=socket.SOCK_STREAM)
    if not answers:
        raise Refused("the name has no address")
    for *_, at in answers:
        if not allowed(host, at[0], inside):
            raise Refused("the name leads to an address that requests may not go to; see `inside`")
    trouble: OSError | None = None
    for family, kind, protocol, _, at in answers:
        line = socket.socket(family, kind, protocol)
        try:
            line.settimeout(timeout)
            line.connect(at)
        except OSError as error:
            line.close()
            trouble = error
        else:
            return line
    assert trouble is not None
    raise trouble
