"""The inside of the simulated station: what waits, what is on the air, what was aired."""

from __future__ import annotations

import hashlib
import re
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path

import soundfile

from alertd.clock import Clock, SystemClock, stopwatch
from alertd.demo.telephone_ledger import Ledger


class Fault(StrEnum):
    """What can go wrong at a station."""

    #: it takes connections and answers nothing; the air stands still
    FROZEN = "frozen"
    #: every request vanishes before it is on the air
    VANISH = "vanish"
    #: every airing is skipped at half its length
    SKIP = "skip"
    #: a request stays ready and is never put on the air
    MUTE = "mute"
    #: an item that has ended stays on the air, silent
    STUCK = "stuck"


@dataclass(slots=True, kw_only=True)
class Item:
    """One request; `fields` are those of its `annotate:`."""

    rid: int
    uri: str
    path: Path
    fields: Mapping[str, str]
    #: the sound's length
    seconds: float
    status: str = "ready"
    on_air_at: datetime | None = None
    #: of the stopwatch
    ends: float = 0.0
    off: bool = field(default=False)


class Player:
    """Airs the queue, one item after the other, `speed` times as fast as life.

    Everything public may be called from several threads.
    """

    def __init__(self, *, ledger: Ledger, speed: float = 1.0, clock: Clock | None = None) -> None:
        self._ledger = ledger
        self._speed = speed
        self._clock = clock or SystemClock()
        self._changed = threading.Condition()
        self._next_rid = 0
        self._waiting: deque[Item] = deque()
        self._playing: Item | None = None
        self._history: deque[Item] = deque(maxlen=10)
        self._fault: Fault | None = None
        self._stopping = False
        self._thread = threading.Thread(target=self._air, name="simulated station", daemon=True)
        self._thread.start()

    @property
    def fault(self) -> Fault | None:
        """What is wrong at present; may be set."""
        return self._fault

    @fault.setter
    def fault(self, fault: Fault | None) -> None:
        with self._changed:
            self._fault = fault
            self._changed.notify_all()

    def push(self, uri: str) -> int:
        """A request id, for whatever is asked for; what cannot be aired vanishes."""
        with self._changed:
            rid, self._next_rid = self._next_rid, self._next_rid + 1
            item = _item(rid, uri)
            if item is not None and self._fault is not Fault.VANISH:
                self._waiting.append(item)
                self._changed.notify_all()
            return rid

    def waiting(self) -> Sequence[Item]:
        """What is not on the air yet, in order."""
        with self._changed:
            return list(self._waiting)

    def playing(self) -> Item | None:
        """What is on the air."""
        return self._playing

    def history(self) -> Sequence[Item]:
        """The last ten that were put on the air, oldest first."""
        with self._changed:
            return list(self._history)

    def remaining(self) -> float | None:
        """Seconds until the item on the air ends."""
        playing = self._playing
        return None if playing is None else max(0.0, playing.ends - stopwatch())

    def skip(self) -> None:
        """Takes the item off the air."""
        with self._changed:
            if self._playing is not None:
                self._playing.off = True
                self._changed.notify_all()

    def clear(self) -> None:
        """Empties the queue and takes the item off the air."""
        with self._changed:
            self._waiting.clear()
            self.skip()

    def wait_until_still(self, timeout: float) -> bool:
        """Waits until nothing waits and nothing is on the air."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting and self._playing is None, timeout)

    def stop(self) -> None:
        """The station goes down; what is on the air is cut. May be called twice."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._thread.join()

    def _air(self) -> None:
        with self._changed:
            while not self._stopping:
                if not self._waiting or self._fault in (Fault.MUTE, Fault.FROZEN):
                    self._changed.wait()
                    continue
                self._playing = item = self._waiting.popleft()
                self._history.append(item)
                complete = self._aired(item)
                self._playing = None
                self._write_down(item, complete=complete)
                self._changed.notify_all()

    def _aired(self, item: Item) -> bool:
        """Plays to the end; false when the item was cut short."""
        item.status, item.on_air_at = "playing", self._clock.now()
        length = item.seconds / self._speed
        item.ends = stopwatch() + length
        halfway = item.ends - length / 2
        while not (item.off or self._stopping):
            now = stopwatch()
            if self._fault is Fault.FROZEN:
                self._changed.wait_for(lambda: self._fault is not Fault.FROZEN or self._stopping)
                item.ends += stopwatch() - now
            elif self._fault is Fault.SKIP and now >= halfway:
                return False
            elif self._fault is Fault.STUCK:
                self._changed.wait()
            elif now >= item.ends:
                return True
            else:
                self._changed.wait((halfway if self._fault is Fault.SKIP else item.ends) - now)
        return False

    def _write_down(self, item: Item, *, complete: bool) -> None:
        try:
            digest = hashlib.sha256(item.path.read_bytes()).hexdigest()
        except OSError:
            digest = None
        self._ledger.record(
            "airing",
            rid=item.rid,
            key=item.fields.get("alertd_key"),
            status=item.fields.get("alertd_status"),
            fields=dict(item.fields),
            uri=item.uri,
            sha256=digest,
            seconds=round(item.seconds, 3),
            start=item.on_air_at.isoformat() if item.on_air_at else None,
            end=self._clock.now().isoformat(),
            complete=complete,
        )


_FIELD = re.compile(r'([A-Za-z_]\w*)="((?:[^"\\]|\\.)*)"(,|:)')


def _item(rid: int, uri: str) -> Item | None:
    """The request, or None when no sound can be had from this URI."""
    fields: dict[str, str] = {}
    rest = uri
    if uri.startswith("annotate:"):
        rest, separator = uri.removeprefix("annotate:"), ","
        while separator == ",":
            match = _FIELD.match(rest)
            if match is None or "#{" in match[2]:
                return None
            fields[match[1]] = re.sub(r"\\(.)", r"\1", match[2])
            separator, rest = match[3], rest[match.end() :]
    try:
        seconds = soundfile.info(rest).duration
    except (OSError, soundfile.SoundFileError):
        return None
    return Item(rid=rid, uri=uri, path=Path(rest), fields=fields, seconds=seconds)
