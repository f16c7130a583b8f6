"""Liquidsoap's command server: one line in, some lines and `END` out.

Measured with Liquidsoap 2.1.3: a push of a missing file, of a file that is no sound and of
a damaged `annotate:` is answered with a request id like any other, and then there is no
such request. Ids start again at 0 when the station restarts. `#{…}` in a title is
evaluated by the station, and a line end starts another command. The history of an output
holds its last ten items, newest last.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from alertd.errors import ChannelMisconfigured, ChannelUnavailable

#: Items that an output remembers.
HISTORY = 10
#: Of a reply, in bytes; more is no reply of this server.
_LARGEST_REPLY = 1_000_000
_LONGEST_VALUE = 200
_END = b"END\r\n"
_NAMED_VALUE = re.compile(r'^([\w.-]+)="((?:[^"\\]|\\.)*)"$', re.MULTILINE)
_UPTIME = re.compile(r"^(\d+)d (\d+)h (\d+)m (\d+)s")

#: A unix socket, or host and port.
Place = Path | tuple[str, int]


class UnknownCommand(ChannelMisconfigured):
    """The station does not know the queue or the output."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One item of the station: waiting, on the air, or in its history."""

    rid: str
    #: "idle", "resolving", "ready", "playing"
    status: str
    #: the name of the queue or playlist that it came by
    source: str
    #: our delivery's key; None for what others asked for
    key: str | None
    #: aware, UTC, whole seconds
    on_air_at: datetime | None

    @property
    def playing(self) -> bool:
        """Whether it is on the air."""
        return self.status == "playing"


class Station:
    """A conversation with one station; the connection opens with the first command.

    Every command raises ChannelUnavailable when there is no reply in `timeout` seconds.
    The connection is dropped then, so that no late reply answers another command.
    """

    def __init__(self, place: Place, *, timeout: float) -> None:
        self._place = place
        self._timeout = timeout
        self._socket: socket.socket | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the conversation; what the station was asked to do goes on."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def version(self) -> str:
        """The program and its version."""
        return self._ask("version")

    def up_for(self) -> timedelta | None:
        """Since when it runs; None when it does not say so in the known form."""
        match = _UPTIME.match(self._ask("uptime"))
        if match is None:
            return None
        days, hours, minutes, seconds = map(int, match.groups())
        return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)

    def request(self, rid: str) -> Request | None:
        """What became of a request; None = there is no such request, or no more."""
        reply = self._ask(f"request.metadata {rid}")
        return None if reply.startswith("No such request") else _request(reply)

    def alive(self) -> Sequence[Request]:
        """All that waits or is on the air, by whatever way it came."""
        found = (self.request(rid) for rid in self._ask("request.alive").split())
        return [request for request in found if request is not None]

    def occupants(self, queue: str) -> Sequence[Request]:
        """What waits in this queue or is on the air out of it. Raises UnknownCommand."""
        waiting = set(self._ask(f"{queue}.queue").split())
        return [request for request in self.alive() if request.source == queue or request.rid in waiting]

    def push(self, queue: str, uri: str) -> str:
        """Puts a sound into the queue; the request's id says nothing of its fate."""
        rid = self._ask(f"{queue}.push {uri}")
        if not rid.isdigit():
            raise ChannelUnavailable("the station answered a push with something that is no request id")
        return rid

    def clear(self, queue: str) -> None:
        """Takes everything out of the queue and off the air."""
        self._ask(f"{queue}.flush_and_skip")

    def history(self, output: str) -> Sequence[Request]:
        """The last items that passed the output, oldest first. Raises UnknownCommand."""
        blocks = re.split(r"^--- \d+ ---$", self._ask(f"{output}.metadata"), flags=re.MULTILINE)
        return [_request(block) for block in blocks if block.strip()]

    def _ask(self, command: str) -> str:
        """The lines of the reply without the `END` after them."""
        assert not _CONTROL.search(command), "a line end would be another command"
        try:
            if self._socket is None:
                self._socket = _connected(self._place, self._timeout)
            self._socket.sendall(command.encode() + b"\n")
            reply = bytearray()
            while not (reply == _END or reply.endswith(b"\n" + _END)):
                piece = self._socket.recv(65536)
                if not piece or len(reply) > _LARGEST_REPLY:
                    raise ConnectionError("the conversation broke off")
                reply += piece
        except PermissionError as error:
            self.close()
            raise ChannelMisconfigured("the station's socket may not be opened by this user") from error
        except OSError as error:
            self.close()
            what = "does not reply" if isinstance(error, TimeoutError) else "cannot be reached"
            raise ChannelUnavailable(f"the station {what}") from error
        text = reply.removesuffix(_END).decode("utf-8", "replace").strip()
        if text.startswith("ERROR: unknown command"):
            raise UnknownCommand(f'the station has no "{command.partition(" ")[0].rpartition(".")[0]}"')
        return text


def annotated(path: Path, fields: Mapping[str, str]) -> str:
    """The URI that gives the sound file these fields, all fit for one line.

    Raises ValueError when the path itself is not.
    """
    if _CONTROL.search(str(path)) or not path.is_absolute():
        raise ValueError("the sound's path must be absolute and without control characters")
    pairs = ",".join(f'{name}="{_quoted(value)}"' for name, value in fields.items())
    return f"annotate:{pairs}:{path}"


_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def _quoted(value: str) -> str:
    """A label for a display: one line, never evaluated, shortened when it is long."""
    value = _CONTROL.sub(" ", value.encode("utf-8", "replace").decode())[:_LONGEST_VALUE]
    return value.replace("#", "＃").replace("\\", "\\\\").replace('"', '\\"')


def _connected(place: Place, timeout: float) -> socket.socket:
    if isinstance(place, tuple):
        return socket.create_connection(place, timeout)
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(timeout)
        connection.connect(str(place))
    except BaseException:
        connection.close()
        raise
    return connection


def _request(text: str) -> Request:
    text = text.replace("\r\n", "\n")
    values = {name: re.sub(r"\\(.)", r"\1", value) for name, value in _NAMED_VALUE.findall(text)}
    try:
        on_air_at = datetime.fromtimestamp(float(values["on_air_timestamp"]), UTC)
    except (KeyError, ValueError, OverflowError):
        on_air_at = None
    return Request(
        rid=values.get("rid", ""),
        status=values.get("status", ""),
        source=values.get("source", ""),
        key=values.get("alertd_key"),
        on_air_at=on_air_at,
    )
