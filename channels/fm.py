"""The FM channel: cuts into a community station's programme by Liquidsoap's command server.

An airing is `delivered` only when the station was seen to play our request for its whole
length and its output remembers it. No key is ever aired twice by the same station run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime, timedelta
from typing import ClassVar

from alertd.channel import (
    ChannelSettings,
    InDoubt,
    Inquiry,
    Medium,
    Message,
    Phase,
    Reason,
    Receipt,
    Target,
    Traits,
)
from alertd.clock import SystemClock, stopwatch
from alertd.errors import ChannelUnavailable
from alertd.speech import FM_AUDIO, Sound
from channels.air_check import confirmed
from channels.airing_receipt import deferred, doubt, failed, passing, unknown
from channels.fm_airing import Airing, Sighting, last_word, taken_off, watch
from channels.fm_settings import FmSettings
from channels.liquidsoap import HISTORY, Request, Station, UnknownCommand, annotated

_QUEUE = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
#: An answer to `ask` may wait so long for the end of an airing, seconds.
_PATIENCE = 3.0
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
            gap=timedelta(seconds=self._settings.gap),
            cuts_in=self._settings.cuts_in,
        )

    def send(self, message: Message, targets: Sequence[Target], /) -> Iterator[Receipt]:
        """One airing after the other; each last receipt comes when the air was given back."""
        self._settings.must_carry(message.status)
        with self._station() as station:
            for target in targets:
                yield from self._air(station, message, target)

    def ask(self, inquiry: Inquiry, /) -> Receipt | None:
        """What the station remembers of this key; waits when its end is very near.

        None when the station has run all the time, its history reaches back to the
        hand-over, and it never heard of the key.
        """
        target, sound = inquiry.target, inquiry.message.audio
        key = target.airing_key
        asked = stopwatch()
        with self._station() as station:
            request = _with_key(station.alive(), key)
            if request is not None:
                sighting = _so_far(request, asked, inquiry.asked_at)
                if sighting.first is None or sound is None:
                    return passing(target, Phase.REQUESTED, request.rid, "waiting at the station")
                if sighting.first + self._seconds(sound) > asked + _PATIENCE:
                    return passing(target, Phase.ON_AIR, request.rid, "on the air")
                airing = self._airing(target, sound, request.rid)
                return list(self._watched(station, target, airing, sighting))[-1]
            history = station.history(self._settings.output)
            past = _with_key(history, key)
            if past is not None:
                return _aired_before(target, past)
            up_for = station.up_for()
        handed_at = inquiry.handed_at - _WHOLE_SECOND
        if up_for is not None and inquiry.asked_at - up_for < handed_at:
            older = {item.rid for item in history if item.on_air_at and item.on_air_at < handed_at}
            # an item that was cut into is entered twice, so that one old one proves nothing
            if len(history) < HISTORY or len(older) > 1:
                return None
        forgotten = doubt(target, None, "the station does not remember; ask those who listened")
        return forgotten._replace(phase=Phase.RELEASED)

    def limit(self, message: Message, /) -> timedelta:
        """Its length, and as long as it may wait before and stay after."""
        sounds = [sound for sound in (message.audio, message.end_signal) if sound is not None]
        within = sum(self._seconds(sound) for sound in sounds)
        return timedelta(seconds=within + self._settings.on_air_within + self._settings.margin)

    def release(self, inquiry: Inquiry, /) -> Receipt:
        """Takes our airing out of the queue and off the air, and airs the end signal alone."""
        target, message = inquiry.target, inquiry.message
        with self._station() as station:
            request = _with_key(station.alive(), target.airing_key)
            if request is not None and not taken_off(
                station, self._airing(target, message.audio, request.rid)
            ):
                raise ChannelUnavailable("the station does not give the air back")
            past = _with_key(station.history(self._settings.output), target.airing_key)
            if past is None:
                return unknown(target, "nothing of it was on the air", None, Phase.RELEASED)
            if request is not None:
                self._switch_off(station, message, target)
        return unknown(target, "cut short", past.rid, Phase.TRUNCATED)

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

    def _airing(self, target: Target, sound: Sound | None, rid: str) -> Airing:
        return Airing(
            rid=rid,
            key=target.airing_key,
            queue=target.address,
            output=self._settings.output,
            seconds=self._seconds(sound) if sound is not None else 0.0,
            on_air_within=self._settings.on_air_within,
            margin=self._settings.margin,
        )

    def _air(self, station: Station, message: Message, target: Target) -> Iterator[Receipt]:
        """Airs the message by this queue, once.

        1. Before the push nothing has happened: the station may be down, unknown to it
           is a queue, or the queue is taken.
        2. A key that the station knows already is watched or told of, never pushed again.
        3. From the push on, silence of the station is doubt.
        """
        key, queue, sound = target.airing_key, target.address, message.audio
        refused = self._refused(message, target)
        if refused is not None or sound is None:
            yield refused or deferred(target, Reason.OTHER, "there is no sound to air yet")
            return
        history = station.history(self._settings.output)
        try:
            occupants = station.occupants(queue)
        except UnknownCommand as error:
            yield failed(target, Reason.BAD_ADDRESS, str(error))
            return
        uri = annotated(sound.path, _fields(message, target))
        ours = _with_key(occupants, key)
        past = _with_key(history, key)
        looked = stopwatch()
        if ours is not None:
            sighting = _so_far(ours, looked, self._clock.now())
            yield from self._watched(station, target, self._airing(target, sound, ours.rid), sighting)
        elif past is not None:
            yield _aired_before(target, past)
        elif occupants:
            yield deferred(target, Reason.BUSY, "the station's queue is taken by another airing")
        else:
            with self._settings.listening() or nullcontext() as check:
                try:
                    rid = station.push(queue, uri)
                except ChannelUnavailable as error:
                    yield doubt(target, None, f"{error}; the push may have arrived")
                    return
                seen = Sighting(before=looked)
                for said in self._watched(station, target, self._airing(target, sound, rid), seen):
                    yield confirmed(said, check, sound)

    def _refused(self, message: Message, target: Target) -> Receipt | None:
        """Why this can never be aired here; None = it can."""
        sound = message.audio
        if not _QUEUE.fullmatch(target.address):
            return failed(target, Reason.BAD_ADDRESS, "the address is not the name of a queue")
        if sound is None:
            return None
        if sound.seconds > self._settings.longest:
            return failed(target, Reason.REFUSED, "the sound is longer than the longest airing")
        try:
            annotated(sound.path, _fields(message, target))
        except ValueError as error:
            return failed(target, Reason.REFUSED, str(error))
        return None

    def _watched(
        self, station: Station, target: Target, airing: Airing, sighting: Sighting
    ) -> Iterator[Receipt]:
        """What is seen of it at each look, and at the end what became of it."""
        rid = airing.rid
        looking = watch(station, airing, sighting)
        try:
            while True:
                seen = next(looking)
                phase = Phase.REQUESTED if seen.first is None else Phase.ON_AIR
                yield passing(target, phase, rid, "at the station")
        except StopIteration as stop:
            yield last_word(target, airing, stop.value)
        except ChannelUnavailable as error:
            yield doubt(target, rid, f"{error}; the sound may have been aired")

    def _switch_off(self, station: Station, message: Message, target: Target) -> None:
        """Airs the end signal alone, so that no receiver stays on; waits until it is over."""
        sound = message.end_signal
        if sound is None:
            return
        key = f"{target.airing_key}-end"
        rid = station.push(target.address, annotated(sound.path, {"alertd_key": key}))
        airing = replace(self._airing(target, sound, rid), key=key)
        for _ in watch(station, airing, Sighting(before=stopwatch())):
            pass


def _fields(message: Message, target: Target) -> dict[str, str]:
    """What the station's people and machines see of it."""
    fields = {
        "alertd_key": target.airing_key,
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


def _aired_before(target: Target, past: Request) -> Receipt:
    detail = "the station has had it on the air, and nobody saw its end"
    return doubt(target, past.rid, detail)._replace(phase=Phase.RELEASED)
