"""A line to one gateway of the city's own: signed requests over one connection that lives between calls."""

from __future__ import annotations

import http.client
import select
import ssl
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from alertd import outbound
from alertd.channel import ChannelSettings
from alertd.clock import Clock
from alertd.errors import ChannelMisconfigured, ChannelUnavailable
from alertd.outbound import HERE, Refused, networks
from channels.webhook_signature import HEADER, signed

LONGEST_REPLY = 65536


class ReplyLost(Exception):
    """The request had gone out and no reply came."""


class SignedLineSettings(ChannelSettings):
    """What a section names of such a gateway. Times are in seconds."""

    #: where it takes documents: https, or http to this machine
    url: str
    #: shared with the gateway; signs in both directions
    secret: SecretStr
    #: for a reply
    timeout: float = Field(default=10.0, gt=0)
    #: networks of the city's own in which it may stand; others that are not public are refused
    inside: tuple[str, ...] = ()

    @field_validator("inside")
    @classmethod
    def _are_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        networks(value)
        return value

    @field_validator("url")
    @classmethod
    def _usable(cls, value: str) -> str:
        url = urlsplit(value)
        if url.scheme not in ("http", "https") or not url.hostname or url.username is not None:
            raise ValueError("must be an http or https URL without a user name in it")
        if url.scheme == "http" and url.hostname not in HERE:
            raise ValueError("must be https: what is not this machine gets nothing in clear")
        return value


class SignedLine:
    """One connection at a time, made anew for each request that follows a failed one. For one thread."""

    def __init__(
        self,
        url: str,
        secret: SecretStr,
        *,
        timeout: float,
        clock: Clock,
        inside: Sequence[str] = (),
    ) -> None:
        self._inside = networks(inside)
        self._url = urlsplit(url)
        self._secret, self._timeout, self._clock = secret, timeout, clock
        self._connection: http.client.HTTPConnection | None = None

    @property
    def host(self) -> str:
        """Of the gateway."""
        return self._url.hostname or ""

    def probe(self) -> str:
        """Asks for OPTIONS, signed: nothing that anybody hears.

        Raises ChannelUnavailable, or ChannelMisconfigured when our signature is not accepted.
        """
        try:
            status, _ = self.request("OPTIONS", b"")
        except ReplyLost as lost:
            raise ChannelUnavailable(f"the gateway was reached: {lost}") from None
        if status in (401, 403):
            raise ChannelMisconfigured(
                f"the gateway does not accept our signature ({status}); see `secret_file`"
            )
        if status >= 500:
            raise ChannelUnavailable(f"the gateway answers with {status}")
        return f"{self.host} answered with {status}."

    def request(
        self,
        method: str,
        body: bytes,
        *,
        below: str = "",
        content_type: str = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, bytes]:
        """Status and reply of one exchange, at the URL or `below` it.

        Raises ChannelUnavailable when the gateway cannot have the request, ReplyLost
        when it may have it.
        """
        path = (self._url.path.rstrip("/") + below if below else self._url.path) or "/"
        path += f"?{self._url.query}" if self._url.query else ""
        sent = {
            **(headers or {}),
            "Content-Type": content_type,
            HEADER: signed(self._secret, body, self._clock.now()),
        }
        connection = self._connected()
        try:
            connection.request(method, path, body, sent)
        except OSError as error:
            self.close()
            raise ChannelUnavailable(f"the gateway went away: {type(error).__name__}") from None
        try:
            response = connection.getresponse()
            reply = response.read(LONGEST_REPLY)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise ReplyLost(f"no reply: {type(error).__name__}") from None
        if not response.isclosed():
            self.close()
        return response.status, reply

    def close(self) -> None:
        """Closes the connection; may be called twice."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connected(self) -> http.client.HTTPConnection:
        """A connection that is open, the last one if the gateway has not closed it."""
        connection = self._connection
        if connection is not None and connection.sock is not None and not _left(connection):
            return connection
        self.close()
        connection = outbound.connection(
            self._url.scheme, self.host, self._url.port, timeout=self._timeout, inside=self._inside
        )
        try:
            connection.connect()
        except ssl.SSLCertVerificationError:
            raise ChannelMisconfigured(
                "the gateway shows a certificate that is not trusted; see `url`"
            ) from None
        except Refused as error:
            raise ChannelMisconfigured(f"{self.host}: {error}") from None
        except OSError as error:
            raise ChannelUnavailable(f"the gateway cannot be reached: {type(error).__name__}") from None
        self._connection = connection
        return connection


def _left(connection: http.client.HTTPConnection) -> bool:
    """Whether something waits to be read between two requests: it can only be a farewell."""
    waiting = select.poll()
    waiting.register(connection.sock, select.POLLIN)
    return bool(waiting.poll(0))
