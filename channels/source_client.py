"""A source client: sends a sound to a mount of Icecast or of Liquidsoap's harbor, as fast as life.

HTTP PUT with Basic authentication and an endless body (Icecast 2.4 and later; harbor
answers it as well). The programme is back when the connection closes.
"""

from __future__ import annotations

import base64
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from alertd.clock import stopwatch
from alertd.errors import ChannelMisconfigured, ChannelUnavailable

#: the far end has so much sound in hand, seconds
AHEAD = 1.0
#: a sender that was held up for longer gives up: the far end has played what it had, seconds
LATEST = 3.0
#: a mount that is taken closes within this after its welcome, seconds
_SETTLED = 0.3
#: between two pieces, seconds
PIECE = 0.1


class Busy(Exception):
    """Somebody else is on the mount."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """Where to: a mount and what opens it."""

    host: str
    port: int
    name: str
    username: str
    password: str
    content_type: str


class Source:
    """One connection to a mount; `fields` are further headers. Raises ChannelUnavailable, ChannelMisconfigured or Busy when it is opened."""

    def __init__(self, mount: Mount, fields: Mapping[str, str], *, timeout: float) -> None:
        self._mount, self._timeout = mount, timeout
        try:
            self._socket = socket.create_connection((mount.host, mount.port), timeout)
        except OSError as error:
            raise ChannelUnavailable("the station's entrance for streams cannot be reached") from error
        try:
            self._open(fields)
        except BaseException:
            self._socket.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends the stream: the far end goes back to its programme."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
            self._socket.settimeout(1.0)
            while self._socket.recv(4096):
                pass
        self._socket.close()

    def paced(self, data: bytes, seconds: float) -> Iterator[float]:
        """Sends the sound at its own pace; yields how many seconds of it have been sent.

        Raises ChannelUnavailable when the far end is gone, or we were held up too long.
        """
        began = stopwatch()
        sent = 0
        while sent < len(data):
            behind = stopwatch() - began
            done = sent / len(data) * seconds
            if behind - done > LATEST:
                raise ChannelUnavailable("we were held up, and the far end had nothing to play")
            upto = min(len(data), max(sent + 1, int((behind + AHEAD) / seconds * len(data))))
            try:
                self._socket.sendall(data[sent:upto])
            except OSError as error:
                raise ChannelUnavailable("the station has closed the stream") from error
            sent = upto
            yield sent / len(data) * seconds
            time.sleep(PIECE)

    def _open(self, fields: Mapping[str, str]) -> None:
        mount = self._mount
        key = base64.b64encode(f"{mount.username}:{mount.password}".encode()).decode()
        head = (
            f"PUT /{mount.name} HTTP/1.1\r\nHost: {mount.host}:{mount.port}\r\nAuthorization: Basic {key}\r\n"
            f"User-Agent: alertd\r\nContent-Type: {mount.content_type}\r\nIce-Public: 0\r\n"
            f"Expect: 100-continue\r\n"
        )
        head += "".join(f"{name}: {_label(value)}\r\n" for name, value in fields.items()) + "\r\n"
        try:
            self._socket.sendall(head.encode("utf-8", "replace"))
            reply = b""
            while b"\r\n" not in reply and len(reply) < 10_000:
                piece = self._socket.recv(4096)
                if not piece:
                    break
                reply += piece
        except OSError as error:
            raise ChannelUnavailable("the station's entrance for streams does not answer") from error
        words = reply.split(b"\r\n")[0].split(None, 2)
        code = int(words[1]) if len(words) > 1 and words[1].isdigit() else 0
        if code in (100, 200):
            self._settle()
            return
        if code == 403:
            raise Busy
        if code in (401, 404, 405, 415):
            raise ChannelMisconfigured(f"the station's entrance for streams answered {code}")
        raise ChannelUnavailable(f"the station's entrance for streams answered {code or 'nothing'}")

    def _settle(self) -> None:
        """Raises Busy when the mount closes again: so Liquidsoap 2.1 turns a second source away."""
        self._socket.settimeout(_SETTLED)
        try:
            turned_away = self._socket.recv(1) == b""
        except TimeoutError:
            turned_away = False
        except OSError:
            turned_away = True
        self._socket.settimeout(self._timeout)
        if turned_away:
            raise Busy


def _label(title: str) -> str:
    """One line that no header can break out of."""
    return "".join(character if character.isprintable() else " " for character in title)[:200]
