"""The disaster radio channel: pages loudspeakers by RTP multicast, many zones at once.

Multicast has no answer: a page is `accepted`, "sent, unconfirmed", and never `delivered`.
The sound comes from us while it is spoken, so a page ends with its sender.
"""

from __future__ import annotations

import secrets
import socket
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import ClassVar

from alertd.channel import (
    ChannelSettings,
    InDoubt,
    Inquiry,
    Medium,
    Message,
    Outcome,
    Phase,
    Reason,
    Receipt,
    Target,
    Traits,
)
from alertd.clock import SystemClock
from alertd.errors import ChannelUnavailable
from alertd.speech import OUTDOOR_AUDIO, OUTDOOR_WIDE_AUDIO
from channels.airing_receipt import deferred, doubt, failed, passing, receipt, unknown
from channels.radio_page import Page, Speaking
from channels.radio_settings import RadioSettings, zone
from channels.radio_sound import WrongSound, samples
from channels.rtp import Group, Stream, multicast_socket
from channels.rtp_payload import Encoding, payload

#: zones of one page
BATCH = 25
#: how often a page that is being spoken is told of, seconds
_TELL_EVERY = 0.25
#: a page that is cut short is over within this, seconds
_OVER_WITHIN = 2.0
#: beyond its length, until a page must be over, seconds: it ends by itself, on a busy machine too
_MARGIN = 10.0


class RadioChannel:
    """One network of loudspeakers; a page lasts as long as its sound."""

    Settings: ClassVar[type[ChannelSettings]] = RadioSettings

    def __init__(self, name: str, settings: RadioSettings, /) -> None:
        self.name = name
        self._settings = settings
        self._payload = payload(settings.encoding, settings.payload_type)
        self._signals = settings.signals
        self._clock = SystemClock()
        #: the pages of this process, by the keys of their airings
        self._going: dict[str, Speaking] = {}

    @property
    def traits(self) -> Traits:
        return Traits(
            medium=Medium.OUTDOOR,
            batch_size=BATCH,
            exclusive=True,
            audio=OUTDOOR_WIDE_AUDIO if self._settings.encoding is Encoding.L16 else OUTDOOR_AUDIO,
            signals=self._signals,
            report_within=None,
            in_doubt=InDoubt.ASK,
            cuts_in=self._settings.cuts_in,
        )

    def send(self, message: Message, targets: Sequence[Target], /) -> Iterator[Receipt]:
        """Pages all zones at the same time.

        1. What is no zone fails at once; without a sound that fits nobody is paged.
        2. A page is announced, spoken in real time, and ended, whatever happens meanwhile.
        3. A zone that two targets share hears it once.
        """
        self._settings.must_carry(message.status)
        zones: dict[str, Group] = {}
        for target in targets:
            try:
                zones[target.key] = zone(target.address)
            except ValueError as error:
                yield failed(target, Reason.BAD_ADDRESS, str(error))
        paged = [target for target in targets if target.key in zones]
        if not paged:
            return
        try:
            page = self._page(message, {target.airing_key: zones[target.key] for target in paged})
        except (OSError, WrongSound) as error:
            detail = str(error) if isinstance(error, WrongSound) else "the sound file cannot be read"
            yield from (deferred(target, Reason.OTHER, detail) for target in paged)
            return
        with (
            self._socket() as sending,
            Speaking(page, sending, speed=self._settings.speed, clock=self._clock) as speaking,
        ):
            self._going |= {target.airing_key: speaking for target in paged}
            try:
                yield from self._told(paged, speaking)
            finally:
                for target in paged:
                    del self._going[target.airing_key]
        for target in paged:
            yield _last_word(target, speaking, broken=zones[target.key] in speaking.broken)

    def ask(self, inquiry: Inquiry, /) -> Receipt | None:
        """A page ends with its sender, and no loudspeaker can say what it has heard."""
        target = inquiry.target
        if target.airing_key in self._going:
            return passing(target, Phase.SIGNALLED, None, "being spoken")
        left = doubt(target, None, "its sender is gone, and nobody can say how much was heard")
        return left._replace(phase=Phase.TRUNCATED)

    def limit(self, message: Message, /) -> timedelta:
        """Its length, and a margin."""
        seconds = self._settings.lead_silence + (message.audio.seconds if message.audio is not None else 0.0)
        return timedelta(seconds=seconds / self._settings.speed + _MARGIN)

    def release(self, inquiry: Inquiry, /) -> Receipt:
        """Ends the page that speaks to this zone, in every zone of it, and says goodbye."""
        going = self._going.get(inquiry.target.airing_key)
        if going is not None:
            going.cut_short()
            if not going.over(_OVER_WITHIN):
                raise ChannelUnavailable("the page does not end")
        return unknown(inquiry.target, "cut short", None, Phase.TRUNCATED)

    def probe(self) -> str:
        """Opens the way out; nothing is sent, and no loudspeaker could answer."""
        self._socket().close()
        return f"pages leave by {self._settings.interface}; whether loudspeakers hear them, none can say"

    def close(self) -> None:
        """There is nothing to let go of between two pages."""

    def _socket(self) -> socket.socket:
        try:
            return multicast_socket(self._settings.interface, ttl=self._settings.ttl)
        except OSError as error:
            raise ChannelUnavailable("the interface by which pages leave is not there") from error

    def _told(self, paged: Sequence[Target], speaking: Speaking) -> Iterator[Receipt]:
        """That it is being spoken, again and again until it has ended.

        Raises ChannelUnavailable when no zone got any of it.
        """
        while not speaking.over(_TELL_EVERY):
            yield from (passing(target, Phase.SIGNALLED, None, "being spoken") for target in paged)
        if not speaking.whole and not speaking.reached:
            raise ChannelUnavailable("the network takes no page")

    def _page(self, message: Message, zones: Mapping[str, Group]) -> Page:
        if message.audio is None:
            raise WrongSound("there is no sound to page yet")
        sending = self._payload
        lead = sending.silence * round(self._settings.lead_silence * sending.rate)
        sound = lead + samples(message.audio, self._settings.encoding)
        stream = Stream(
            payload=sending,
            ssrc=secrets.randbits(32),
            first_sequence=secrets.randbits(16),
            first_timestamp=secrets.randbits(32),
        )
        marks = {
            "status": message.status.value,
            "kind": message.kind.value,
            "identifier": message.identifier,
            "references": " ".join(reference.identifier for reference in message.references),
        }
        return Page(
            stream=stream,
            packets=list(stream.packets(sound)),
            # of two targets in one zone, the first
            keys={group: key for key, group in reversed(list(zones.items()))},
            marks={name: value for name, value in marks.items() if value},
        )


def _last_word(target: Target, speaking: Speaking, *, broken: bool) -> Receipt:
    """What became of a page that has ended, in one zone."""
    if broken:
        lost = unknown(target, "the page broke off on its way out", None, Phase.TRUNCATED)
        return lost._replace(reason=Reason.UNREACHABLE)
    if not speaking.whole:
        return unknown(target, f"cut short after {speaking.heard}", None, Phase.TRUNCATED)
    said = receipt(target, Outcome.ACCEPTED, None, "sent, unconfirmed: multicast has no answer")
    return said._replace(phase=Phase.RELEASED)
