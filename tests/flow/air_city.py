"""A site whose one channel airs, with relay and workers as threads, and tones instead of words."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import soundfile
from sqlalchemy import select

from alertd import issue, plan, store
from alertd.airing import Airing, airings
from alertd.alert import Severity, Status
from alertd.clock import stopwatch
from alertd.db import reading
from alertd.relay import Relay
from alertd.report import ChannelTally, report
from alertd.send import drain
from alertd.site import Site
from alertd.speech import AudioFormat, Script, Sound
from alertd.tables import AuditRow
from tests import factories
from tests.station_sound import SUBTYPES

#: how soon an airing is taken off after the word that wants it
AT_ONCE = timedelta(seconds=2.5)


class Tones:
    """A synthesizer that makes a tone of its own for every script; without words it is short.

    A script with one of the words in `pitches` has that pitch, in Hz.
    """

    def __init__(self, folder: Path, seconds: float, pitches: Mapping[str, int] | None = None) -> None:
        self._folder, self._seconds = folder, seconds
        self._pitches = pitches or {}

    def speak(self, script: Script, format: AudioFormat) -> Sound:
        seconds = self._seconds if len(script.parts) > 1 else 0.4
        name = hashlib.sha256(repr((script.parts, script.language, format)).encode()).hexdigest()
        times = np.arange(round(seconds * format.rate)) / format.rate
        known = (hertz for word, hertz in self._pitches.items() if word in repr(script.parts))
        pitch = next(known, 300 + int(name[:4], 16) % 900)
        tone = 0.2 * np.sin(2 * np.pi * pitch * times)
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{name}.wav"
        soundfile.write(
            path, np.stack([tone] * format.channels, axis=1), format.rate, SUBTYPES[format.encoding]
        )
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        return Sound(digest=digest, path=path, seconds=seconds, format=format, voice="tone", reading="ん")

    def reading(self, script: Script) -> str:
        return "ん"

    def close(self) -> None:
        pass


@dataclass
class AirCity:
    """A running installation in this process with one channel that airs."""

    site: Site
    channel: str

    def written(
        self, severity: Severity, status: Status = Status.ACTUAL, text: str = "川から離れてください。"
    ) -> int:
        """A dispatch to the channel that waits for its approval."""
        now = self.site.clock.now().replace(microsecond=0)
        identifier = f"sanjo.{severity}.{status}.{stopwatch()}"
        alert = factories.make_alert(
            identifier=identifier, severity=severity, status=status, sent=now, text=text
        )
        return factories.submit(self.site, alert, channels=(self.channel,))

    def let_go(self, dispatch: int) -> int:
        """Approved and planned."""
        factories.approve(self.site, dispatch)
        plan.plan(self.site, dispatch)
        return dispatch

    def air(self, severity: Severity = Severity.MINOR, status: Status = Status.ACTUAL) -> int:
        """An approved and planned dispatch to the channel."""
        return self.let_go(self.written(severity, status))

    def cancel(self, dispatch: int, *, correct: bool) -> int | None:
        return issue.cancel(self.site, dispatch, factories.APPROVER, reason="まちがい", correct=correct)

    def airings(self, dispatch: int) -> list[Airing]:
        with reading(self.site.engine) as session:
            return airings(session, dispatch)

    def tally(self, dispatch: int) -> ChannelTally:
        with reading(self.site.engine) as session:
            return report(session, dispatch).channels[self.channel]

    def order(self) -> Sequence[object]:
        """What was put on the air, in that order, as its far end tells it."""
        return ()

    def identifier(self, dispatch: int) -> str:
        with reading(self.site.engine) as session:
            return report(session, dispatch).identifier

    def wait_for(self, what: Callable[[], object], within: float = 20.0) -> None:
        """Until something is so."""
        deadline = stopwatch() + within
        while not what():
            assert stopwatch() < deadline, (self.order(), "not so in time")
            threading.Event().wait(0.05)

    def on_air(self, dispatch: int) -> bool:
        return any(one.on_air_at is not None for one in self.airings(dispatch))

    def over(self, *dispatches: int) -> bool:
        """Whether all that is known of these is final."""
        return all(tally.open == 0 and tally.planned for tally in map(self.tally, dispatches))

    def audited(self, action: str) -> int:
        """How often that is in the audit trail."""
        with reading(self.site.engine) as session:
            return len(session.scalars(select(AuditRow).where(AuditRow.action == action)).all())

    def alarms(self) -> set[str]:
        with reading(self.site.engine) as session:
            return {row.name for row in store.alarms(session)}

    @contextmanager
    def working(self, workers: int = 1) -> Iterator[None]:
        """A relay and so many workers, each as a thread that looks again and again."""
        stop = threading.Event()
        relay = Relay(self.site, lambda _: True)

        def work() -> None:
            while not stop.wait(0.1):
                drain(self.site, self.channel, stop)

        threads = [threading.Thread(target=relay.run, args=(stop,))]
        threads += [threading.Thread(target=work) for _ in range(workers)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stop.set()
            for thread in threads:
                thread.join(timeout=20)
