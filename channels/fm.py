"""The FM channel: cuts into a community station's programme by Liquidsoap's command server.

An airing is `delivered` only when the station was seen to play our request for its whole
length and its output remembers it. No key is ever aired twice by the same station run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import ClassVar

from alertd.channel import (
    ChannelSettings,
    InDoubt,
    Inquiry,
    Medium,
    Message,
    Outcome,
    Reason,
    Receipt,
    Target,
    Traits,
)
from alertd.clock import SystemClock, stopwatch
from alertd.errors import ChannelMisconfigured, ChannelUnavailable
from alertd.speech import FM_AUDIO, Sound
from channels.fm_airing import Airing, Ending, Sighting, watch
from channels.fm_settings import FmSettings
from channels.liquidsoap import HISTORY, Request, Station, UnknownCommand, annotated

_QUEUE = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
#: An answer to `ask` may wait so long for the end of an airing, seconds.
_PATIENCE = 20.0
#: The station tells its times in whole seconds.
_WHOLE_SECOND = timedelta(seconds=1)


class FmChannel:
    """One station. `ask` may run beside `send`; each has a conversation of its own."""

    Settings: ClassVar[type[ChannelSettings]] = FmSettings

    def __init__(self, name: str, settings: FmSettings, /) -> None:
        self.name = name
        self._settings = settings
        self._signals = settings.signals
        self._clock = SystemClock()

    @property
    def traits(self) -> Traits:
        return Traits(
            medium=Medium.BROADCAST,
            batch_size=1,
            exclusive=True,
            audio=FM_AUDIO,
            signals=self._signals,
            report_within=None,
            in_doubt=InDoubt.ASK,
        )

    def send(self, message: Message, targets: Sequence[Target], /) -> Iterator[Receipt]:
        """One airing after the other; each receipt comes when the air was given back."""
        if message.status not in self._settings.carries:
            raise ChannelMisconfigured(f"[channels.{self.name}] does not carry {message.status}")
        with self._station() as station:
            for target in targets:
                yield self._air(station, message, target)

    def ask(self, inquiry: Inquiry, /) -> Receipt | None:
        """What the station remembers of this key; waits when its end is near.

        None when the station has run all the time, its history reaches back to the
        hand-over, and it never heard of the key.
        """
        key, sound = inquiry.target.key, inquiry.message.audio
        asked = stopwatch()
        with self._station() as station:
            request = _with_key(station.alive(), key)
            if request is not None:
                sighting = _so_far(request, asked, inquiry.asked_at)
                if sighting.first is None or sound is None:
                    return _receipt(key, Outcome.ACCEPTED, request.rid, "waiting at the station")
                if sighting.first + self._seconds(sound) > asked + _PATIENCE:
                    return _receipt(key, Outcome.ACCEPTED, request.rid, "on the air")
                return self._watched(station, self._airing(inquiry.target, sound, request.rid), sighting)
            history = station.history(self._settings.output)
            past = _with_key(history, key)
            if past is not None:
                return _aired_before(key, past)
            up_for = station.up_for()
        handed_at = inquiry.handed_at - _WHOLE_SECOND
        if up_for is not None and inquiry.asked_at - up_for < handed_at:
            older = {item.rid for item in history if item.on_air_at and item.on_air_at < handed_at}
            # an item that was cut into is entered twice, so that one old one proves nothing
            if len(history) < HISTORY or len(older) > 1:
                return None
        return _doubt(key, None, "the station does not remember; ask those who listened")

    def probe(self) -> str:
        """Asks for version, queue and output; nothing is heard."""
        with self._station() as station:
            version = station.version()
            station.occupants(self._settings.queue)
            station.history(self._settings.output)
        return f"{version} answered; its queue and its output are there"

    def close(self) -> None:
        """There is nothing to let go of between two airings."""

    def _station(self) -> Station:
        return Station(self._settings.place, timeout=self._settings.timeout)

    def _seconds(self, sound: Sound) -> float:
        return sound.seconds / self._settings.speed

    def _airing(self, target: Target, sound: Sound, rid: str) -> Airing:
        return Airing(
            rid=rid,
            key=target.key,
            queue=target.address,
            output=self._settings.output,
            seconds=self._seconds(sound),
            on_air_within=self._settings.on_air_within,
            margin=self._settings.margin,
        )

    def _air(self, station: Station, message: Message, target: Target) -> Receipt:
        """Airs the message by this queue, once.

        1. Before the push nothing has happened: the station may be down, unknown to it
           is a queue, or the queue is taken.
        2. A key that the station knows already is watched or told of, never pushed again.
        3. From the push on, silence of the station is doubt.
        """
        key, queue, sound = target.key, target.address, message.audio
        if not _QUEUE.fullmatch(queue):
            return _failed(key, Reason.BAD_ADDRESS, "the address is not the name of a queue")
        history = station.history(self._settings.output)
        try:
            occupants = station.occupants(queue)
        except UnknownCommand as error:
            return _failed(key, Reason.BAD_ADDRESS, str(error))
        if sound is None:
            return _deferred(key, Reason.OTHER, "there is no sound to air yet")
        try:
            uri = annotated(sound.path, _fields(message, target))
        except ValueError as error:
            return _failed(key, Reason.REFUSED, str(error))
        ours = _with_key(occupants, key)
        past = _with_key(history, key)
        if ours is None and past is not None:
            return _aired_before(key, past)
        if ours is None and occupants:
            return _deferred(key, Reason.BUSY, "the station's queue is taken by another airing")
        looked = stopwatch()
        if ours is not None:
            sighting = _so_far(ours, looked, self._clock.now())
            return self._watched(station, self._airing(target, sound, ours.rid), sighting)
        try:
            rid = station.push(queue, uri)
        except ChannelUnavailable as error:
            return _doubt(key, None, f"{error}; the push may have arrived")
        return self._watched(station, self._airing(target, sound, rid), Sighting(before=looked))

    def _watched(self, station: Station, airing: Airing, sighting: Sighting) -> Receipt:
        key, rid = airing.key, airing.rid
        try:
            ending, sighting, gone = watch(station, airing, sighting)
        except ChannelUnavailable as error:
            return _doubt(key, rid, f"{error}; the sound may have been aired")
        seconds = f"{sighting.aired(gone):.1f} of {airing.seconds:.1f} s"
        match ending:
            case Ending.COMPLETE:
                return _receipt(
                    key, Outcome.DELIVERED, rid, f"on the air for {airing.seconds:.1f} s, to the end"
                )
            case Ending.NOT_TAKEN:
                return _failed(key, Reason.REFUSED, "the station did not take the sound file", rid)
            case Ending.WITHDRAWN:
                return _deferred(key, Reason.TIMEOUT, "was not put on the air in time, and withdrawn", rid)
            case Ending.CUT_SHORT:
                return _unknown(key, f"cut short after at most {seconds}", rid)
            case Ending.OVERRUN:
                return _unknown(key, f"did not end by itself, taken off the air after {seconds}", rid)
            case Ending.UNPROVEN:
                return _unknown(key, "played, but the output of the station knows nothing of it", rid)


def _fields(message: Message, target: Target) -> dict[str, str]:
    """What the station's people and machines see of it."""
    fields = {
        "alertd_key": target.key,
        "alertd_status": message.status,
        "alertd_kind": message.kind,
        "alertd_identifier": message.identifier,
        "title": message.headline,
    }
    if message.references:
        fields["alertd_references"] = " ".join(reference.identifier for reference in message.references)
    return fields


def _so_far(request: Request, at: float, now: datetime) -> Sighting:
    """What the station itself says of an airing that began before we looked."""
    if not request.playing or request.on_air_at is None:
        return Sighting(before=at)
    begun = at - (now - request.on_air_at).total_seconds()
    return Sighting(before=begun, first=begun, last=at)


def _with_key(requests: Sequence[Request], key: str) -> Request | None:
    return next((request for request in requests if request.key == key), None)


def _aired_before(key: str, past: Request) -> Receipt:
    when = f" at {past.on_air_at:%Y-%m-%dT%H:%M:%SZ}" if past.on_air_at else ""
    return _doubt(key, past.rid, f"was put on the air{when}; nobody watched its end")


def _receipt(
    key: str, outcome: Outcome, rid: str | None, detail: str, reason: Reason | None = None
) -> Receipt:
    return Receipt(key=key, outcome=outcome, ref=rid, reason=reason, detail=detail)


def _failed(key: str, reason: Reason, detail: str, rid: str | None = None) -> Receipt:
    return _receipt(key, Outcome.FAILED, rid, detail, reason)


def _deferred(key: str, reason: Reason, detail: str, rid: str | None = None) -> Receipt:
    return _receipt(key, Outcome.DEFERRED, rid, detail, reason)


def _unknown(key: str, detail: str, rid: str | None) -> Receipt:
    return _receipt(key, Outcome.UNKNOWN, rid, detail, Reason.OTHER)


def _doubt(key: str, rid: str | None, detail: str) -> Receipt:
    return _receipt(key, Outcome.UNKNOWN, rid, detail, Reason.IN_DOUBT)
