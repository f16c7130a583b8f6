"""The airing: one sound in a station's queue, watched until the air is given back."""

from __future__ import annotations

import logging
import time
from collections.abc import Generator
from dataclasses import dataclass, replace
from enum import StrEnum

from alertd.channel import Outcome, Phase, Reason, Receipt, Target
from alertd.clock import stopwatch
from alertd.errors import ChannelError
from channels.airing_receipt import deferred, failed, receipt, unknown
from channels.liquidsoap import Station

#: Between two looks at the station, seconds.
_LOOK_EVERY = 0.1
#: A file's end may be that much before its nominal one, seconds (measured: 0.05).
_EARLY = 0.2
#: Until it must be gone after it was taken off, seconds.
_GONE_WITHIN = 2.0
#: Of an airing, that much may be unseen between two looks, seconds.
_UNSEEN = 1.0

log = logging.getLogger(__name__)


class Ending(StrEnum):
    """How an airing ended."""

    #: seen on the air for its whole length, and in the output's history
    COMPLETE = "complete"
    #: the air was given back too early
    CUT_SHORT = "cut short"
    #: the request vanished and never was on the air
    NOT_TAKEN = "not taken"
    #: not on the air in time; withdrawn, and surely not heard
    WITHDRAWN = "withdrawn"
    #: the air was not given back in time; taken off
    OVERRUN = "overrun"
    #: said to be on the air, and the output knows nothing of it
    UNPROVEN = "unproven"


@dataclass(frozen=True, slots=True, kw_only=True)
class Airing:
    """What is asked of the station: seconds are the station's, on its own speed."""

    rid: str
    key: str
    queue: str
    #: whose history is the proof
    output: str
    #: the sound's length
    seconds: float
    on_air_within: float
    margin: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """What was seen of it, in seconds of the stopwatch: each change lies between two looks."""

    #: last look at which it was not on the air yet
    before: float
    #: first and last look at which it was on the air
    first: float | None = None
    last: float | None = None

    def seen(self, now: float) -> Sighting:
        """It is on the air at this look."""
        return replace(self, first=now if self.first is None else self.first, last=now)

    def whole(self, seconds: float, gone: float) -> bool:
        """Whether it can have been on the air so long, and was seen to be for nearly so long."""
        seen = 0.0 if self.first is None or self.last is None else self.last - self.first
        return gone - self.before >= seconds - _EARLY and seen >= seconds - _UNSEEN

    def aired(self, gone: float) -> float:
        """How long it was on the air at most, seconds."""
        return 0.0 if self.first is None else gone - self.before


@dataclass(frozen=True, slots=True)
class Ended:
    """How an airing ended, what was seen of it, and when it was gone."""

    ending: Ending
    sighting: Sighting
    gone: float
    #: nothing of it waits or is on the air any more
    released: bool = True


def watch(station: Station, airing: Airing, sighting: Sighting) -> Generator[Sighting, None, Ended]:
    """Waits for the end; yields what was seen at each look, and returns how it ended.

    1. Waiting: must be on the air within `on_air_within`, else it is withdrawn.
    2. On the air: must be gone within its length and `margin`, else it is taken off.
    3. Gone: the sighting and the output's history say whether all of it was aired.

    When this is left by an exception, nothing stays waiting in the queue. What is on the
    air then is not cut off: it ends by itself.
    """
    try:
        while True:
            request = station.request(airing.rid)
            now = stopwatch()
            if request is None or request.key != airing.key:
                return Ended(_judged(station, airing, sighting, now), sighting, now)
            if request.playing:
                sighting = sighting.seen(now)
                if sighting.first is not None and now - sighting.first > airing.seconds + airing.margin:
                    return Ended(Ending.OVERRUN, sighting, now, released=taken_off(station, airing))
            elif now - sighting.before > airing.on_air_within:
                released = taken_off(station, airing)
                heard = airing.key in {request.key for request in station.history(airing.output)}
                ending = Ending.CUT_SHORT if heard or not released else Ending.WITHDRAWN
                return Ended(ending, sighting, now, released=released)
            yield sighting
            # the airing itself: nothing else may use this transmitter meanwhile
            time.sleep(_LOOK_EVERY)
    except BaseException:
        if sighting.first is None:
            _withdraw(station, airing)
        raise


def taken_off(station: Station, airing: Airing) -> bool:
    """Takes it out of the queue or off the air; whether it is proven to be gone."""
    deadline = stopwatch() + _GONE_WITHIN
    while stopwatch() < deadline:
        request = station.request(airing.rid)
        if request is None or request.key != airing.key:
            return True
        station.clear(airing.queue)
        # the station needs a frame or two until the programme is back
        time.sleep(_LOOK_EVERY)
    return False


def _judged(station: Station, airing: Airing, sighting: Sighting, gone: float) -> Ending:
    proven = airing.key in {request.key for request in station.history(airing.output)}
    if not proven:
        return Ending.NOT_TAKEN if sighting.first is None else Ending.UNPROVEN
    return Ending.COMPLETE if sighting.whole(airing.seconds, gone) else Ending.CUT_SHORT


def _withdraw(station: Station, airing: Airing) -> None:
    """Takes it out of the queue, unless it is on the air by now."""
    try:
        request = station.request(airing.rid)
        if request is not None and request.key == airing.key and not request.playing:
            station.clear(airing.queue)
    except ChannelError as error:
        log.warning("an airing that was given up may still wait at the station: %s", error)


def last_word(target: Target, airing: Airing, ended: Ended) -> Receipt:
    """What became of an airing, in the words of a receipt."""
    rid = airing.rid
    seconds = f"{ended.sighting.aired(ended.gone):.1f} of {airing.seconds:.1f} s"
    cut = Phase.TRUNCATED if ended.released else None
    match ended.ending:
        case Ending.COMPLETE:
            detail = f"on the air for {airing.seconds:.1f} s, to the end"
            return receipt(target, Outcome.DELIVERED, rid, detail)._replace(phase=Phase.RELEASED)
        case Ending.NOT_TAKEN:
            return failed(target, Reason.REFUSED, "the station did not take the sound file", rid)
        case Ending.WITHDRAWN:
            return deferred(target, Reason.TIMEOUT, "was not put on the air in time, and withdrawn", rid)
        case Ending.CUT_SHORT:
            return unknown(target, f"cut short after at most {seconds}", rid, cut)
        case Ending.OVERRUN:
            detail = f"did not end by itself, taken off the air after {seconds}"
            return unknown(target, detail, rid, cut)
        case Ending.UNPROVEN:
            detail = "played, but the output of the station knows nothing of it"
            return unknown(target, detail, rid, Phase.RELEASED)
