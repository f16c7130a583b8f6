"""Fetching: one conditional GET or one POST to an address of the configuration, with limits of size and time.

https only, but on this machine; redirects are not followed, and the address that a name leads
to is judged and dialled (`alertd.outbound`), so that nothing leads elsewhere.
"""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from alertd.errors import ChannelUnavailable, Problem, WrongConfiguration
from alertd.outbound import HERE, Network, Refused, connection

#: of an answer, in bytes
LARGEST = 2 * 1024 * 1024
#: of a connection and of each piece of an answer, in seconds
PATIENCE = 15.0
AGENT = "alertd"


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer; `body` None = 304, nothing is new."""

    body: bytes | None
    etag: str | None
    last_modified: str | None


def get(
    url: str, *, etag: str | None = None, last_modified: str | None = None, inside: Sequence[Network] = ()
) -> Fetched:
    """The document at an address. Raises ChannelUnavailable, or WrongConfiguration for an address that may not be."""
    headers = {"User-Agent": AGENT, "Accept": "*/*"}
    if etag is not None:
        headers["If-None-Match"] = etag
    if last_modified is not None:
        headers["If-Modified-Since"] = last_modified
    status, answer, body = _exchange("GET", url, None, headers, inside)
    if status == 304:
        return Fetched(None, etag, last_modified)
    if status != 200:
        raise ChannelUnavailable(f"the server answered with {status}")
    return Fetched(body, answer.get("etag"), answer.get("last-modified"))


def post(url: str, body: bytes, headers: Mapping[str, str], *, inside: Sequence[Network] = ()) -> int:
    """Posts and returns the status. Raises ChannelUnavailable or WrongConfiguration."""
    return _exchange("POST", url, body, {"User-Agent": AGENT, **headers}, inside)[0]


def check(url: str) -> None:
    """Raises WrongConfiguration for an address that is neither https nor on this machine."""
    parts = urlsplit(url)
    secure = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in HERE)
    if secure and parts.hostname and parts.username is None:
        return
    raise WrongConfiguration(Problem("feeds", f"“{url}” must begin with https://"))


def _exchange(
    method: str, url: str, body: bytes | None, headers: Mapping[str, str], inside: Sequence[Network]
) -> tuple[int, http.client.HTTPMessage, bytes]:
    check(url)
    parts = urlsplit(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    line = connection(parts.scheme, parts.hostname or "", parts.port, timeout=PATIENCE, inside=inside)
    try:
        line.request(method, path, body, dict(headers))
        response = line.getresponse()
        content = response.read(LARGEST + 1)
    except Refused as error:
        raise ChannelUnavailable(str(error)) from None
    except (OSError, http.client.HTTPException, ssl.SSLError, ValueError) as error:
        raise ChannelUnavailable(f"no answer: {type(error).__name__}") from None
    finally:
        line.close()
    if len(content) > LARGEST:
        raise ChannelUnavailable(f"the answer is larger than {LARGEST:,} bytes")
    return response.status, response.headers, content
