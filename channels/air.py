"""The air as a machine can listen to it: a recording that grows, or a stream, from now on."""

from __future__ import annotations

import http.client
import io
import re
import socket
import struct
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from alertd.clock import stopwatch
from alertd.errors import ChannelUnavailable

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

#: of a stream that is listened to, bytes: an hour and more of MP3
_LARGEST = 64_000_000
#: the begin of an MP3 frame: a stream is cut anywhere when a listener joins
_FRAME = re.compile(rb"\xff[\xe2-\xff][\x10-\xef]", re.DOTALL)
#: so many of them are tried
_TRIES = 50
#: what a server sends at once is older than the listener; so much of it is kept, seconds
_KEPT = 0.5


class Air(Protocol):
    """What is on the air, from the moment it was made."""

    def so_far(self) -> tuple[npt.NDArray[np.float64], int]:
        """What was on the air since then, mono, and its samples in a second.

        Raises ChannelUnavailable when it cannot be listened to.
        """
        ...

    def close(self) -> None:
        """Nobody listens any more; may be called twice."""
        ...


class Recording:
    """A file that is still being written (WAV, 16 bits). Its trouble is told when it is read, not before."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rate, self._channels, self._begin = 0, 0, 0
        self._trouble: ChannelUnavailable | None = None
        try:
            self._rate, self._channels = _wav_format(path)
            self._begin = path.stat().st_size
        except ChannelUnavailable as error:
            self._trouble = error

    def so_far(self) -> tuple[npt.NDArray[np.float64], int]:
        import numpy as np

        if self._trouble is not None:
            raise self._trouble
        with self._path.open("rb") as file:
            file.seek(self._begin)
            data = file.read()
        frame = 2 * self._channels
        values = np.frombuffer(data[: len(data) // frame * frame], "<i2").reshape(-1, self._channels)
        return values.astype(np.float64).mean(axis=1) / 32768, self._rate

    def close(self) -> None:
        """There is nothing to let go of."""


class Listener:
    """A listener of a stream (MP3, Ogg, FLAC or WAV over HTTP), in a thread beside the airing.

    What the server sends at once when a listener comes is older than it, and left out.
    """

    def __init__(self, url: str, *, timeout: float) -> None:
        self._url, self._timeout = url, timeout
        self._heard = bytearray()
        self._trouble = "the stream of the air cannot be reached"
        self._begun: float | None = None
        self._socket: socket.socket | None = None
        self._stop = threading.Event()
        #: something was heard, or nothing ever will be
        self._settled = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="air", daemon=True)
        self._thread.start()

    def so_far(self) -> tuple[npt.NDArray[np.float64], int]:
        self._settled.wait(self._timeout)
        begun = self._begun
        if begun is None:
            raise ChannelUnavailable(self._trouble)
        values, rate = _decoded(bytes(self._heard))
        older = len(values) / rate - (stopwatch() - begun) - _KEPT
        return values[max(0, round(older * rate)) :], rate

    def close(self) -> None:
        """Breaks the connection off."""
        self._stop.set()
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()

    def _listen(self) -> None:
        parts = urlsplit(self._url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        connection = kind(parts.hostname or "", parts.port, timeout=self._timeout)
        try:
            connection.connect()
            self._socket = connection.sock
            connection.request("GET", f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}")
            answer = connection.getresponse()
            if answer.status != 200:
                self._trouble = f"the stream of the air answers with {answer.status}"
                return
            self._begun = stopwatch()
            while not self._stop.is_set() and len(self._heard) < _LARGEST:
                piece = answer.read1(65536)
                if not piece:
                    return
                self._heard += piece
                self._settled.set()
        except (OSError, http.client.HTTPException):
            # what was heard until then is judged; nothing at all is said by `so_far`
            return
        finally:
            self._settled.set()
            connection.close()


def is_stream(url: str) -> bool:
    """Whether this is an address at which a stream could be."""
    parts = urlsplit(url)
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _decoded(data: bytes) -> tuple[npt.NDArray[np.float64], int]:
    """The samples, mono; from the first frame that can be decoded."""
    import soundfile

    starts = [0, *(match.start() for match, _ in zip(_FRAME.finditer(data), range(_TRIES), strict=False))]
    for start in starts:
        with suppress(soundfile.LibsndfileError):
            values, rate = soundfile.read(io.BytesIO(data[start:]), dtype="float64", always_2d=True)
            return values.mean(axis=1), rate
    raise ChannelUnavailable("the stream of the air is in no format that can be listened to")


def _wav_format(path: Path) -> tuple[int, int]:
    """Samples a second and channels of a WAV file whose length is not known yet."""
    try:
        with path.open("rb") as file:
            head = file.read(64)
    except OSError as error:
        raise ChannelUnavailable("the recording of the air is not there") from error
    at = head.find(b"fmt ")
    if not head.startswith(b"RIFF") or at < 0:
        raise ChannelUnavailable("the recording of the air is no WAV file")
    kind, channels, rate, _, _, bits = struct.unpack("<HHIIHH", head[at + 8 : at + 24])
    if kind not in (1, 0xFFFE) or bits != 16:
        raise ChannelUnavailable("the recording of the air is not linear with 16 bits")
    return rate, channels
