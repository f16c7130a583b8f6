"""The disaster radio channel: pages loudspeakers by RTP multicast, many zones at once.

Multicast has no answer: a page is `accepted`, "sent, unconfirmed", and never `delivered`.
"""

from __future__ import annotations

import secrets
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from alertd.channel import (
    ChannelSettings,
    InDoubt,
    Medium,
    Message,
    Outcome,
    Reason,
    Receipt,
    Target,
    Traits,
)
from alertd.clock import SystemClock
from alertd.errors import ChannelMisconfigured, ChannelUnavailable
from alertd.speech import OUTDOOR_AUDIO, OUTDOOR_WIDE_AUDIO
from channels import radio_control
from channels.radio_settings import RadioSettings, zone
from channels.radio_sound import WrongSound, samples
from channels.rtp import Group, Stream, multicast_socket, paced
from channels.rtp_payload import Encoding, payload

#: Zones of one page.
BATCH = 25
#: Packets between two descriptions of the stream: 5 s (RFC 3550 §6.2).
_DESCRIBE_EVERY = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    """One sound for some zones, and the key by which each zone may know it."""

    stream: Stream
    packets: Sequence[bytes]
    keys: Mapping[Group, str]
    marks: Mapping[str, str]


class RadioChannel:
    """One network of loudspeakers; a page lasts as long as its sound."""

    Settings: ClassVar[type[ChannelSettings]] = RadioSettings

    def __init__(self, name: str, settings: RadioSettings, /) -> None:
        self.name = name
        self._settings = settings
        self._payload = payload(settings.encoding, settings.payload_type)
        self._signals = settings.signals
        self._clock = SystemClock()

    @property
    def traits(self) -> Traits:
        return Traits(
            medium=Medium.OUTDOOR,
            batch_size=BATCH,
            exclusive=True,
            audio=OUTDOOR_WIDE_AUDIO if self._settings.encoding is Encoding.L16 else OUTDOOR_AUDIO,
            signals=self._signals,
            report_within=None,
            in_doubt=InDoubt.HOLD,
        )

    def send(self, message: Message, targets: Sequence[Target], /) -> Iterator[Receipt]:
        """Pages all zones at the same time.

        1. What is no zone fails at once; without a sound that fits nobody is paged.
        2. A page is announced, spoken in real time, and ended, whatever happens meanwhile.
        3. A zone that two targets share hears it once.
        """
        if message.status not in self._settings.carries:
            raise ChannelMisconfigured(f"[channels.{self.name}] does not carry {message.status}")
        zones: dict[str, Group] = {}
        for target in targets:
            try:
                zones[target.key] = zone(target.address)
            except ValueError as error:
                yield _receipt(target.key, Outcome.FAILED, Reason.BAD_ADDRESS, str(error))
        if not zones:
            return
        try:
            page = self._page(message, zones)
        except (OSError, WrongSound) as error:
            detail = str(error) if isinstance(error, WrongSound) else "the sound file cannot be read"
            yield from (_receipt(key, Outcome.DEFERRED, Reason.OTHER, detail) for key in zones)
            return
        with self._socket() as sending:
            broken = self._speak(sending, page)
        for key, group in zones.items():
            if group in broken:
                yield _receipt(key, Outcome.UNKNOWN, Reason.UNREACHABLE, "the page broke off on its way out")
            else:
                yield _receipt(key, Outcome.ACCEPTED, None, "sent, unconfirmed: multicast has no answer")

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

    def _page(self, message: Message, zones: Mapping[str, Group]) -> _Page:
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
        return _Page(
            stream=stream,
            packets=list(stream.packets(sound)),
            # of two targets in one zone, the first
            keys={group: key for key, group in reversed(list(zones.items()))},
            marks={name: value for name, value in marks.items() if value},
        )

    def _speak(self, sending: socket.socket, page: _Page) -> set[Group]:
        """Sends the page; returns the zones that did not get all of it.

        Raises ChannelUnavailable when no zone got any of it.
        """
        broken: set[Group] = set()
        sent = spoken = 0
        try:
            for number, packet in paced(page.packets, self._settings.speed):
                if number % _DESCRIBE_EVERY == 0:
                    self._describe(sending, page, number)
                for group in page.keys:
                    try:
                        sending.sendto(packet, group)
                        sent += 1
                    except OSError as error:
                        if not sent and group == list(page.keys)[-1]:
                            raise ChannelUnavailable("the network takes no page") from error
                        broken.add(group)
                spoken = number + 1
        finally:
            self._describe(sending, page, spoken, ending=True)
        return broken

    def _describe(self, sending: socket.socket, page: _Page, number: int, *, ending: bool = False) -> None:
        """Says beside the sound what it is; only with even ports, whose next one is free for it."""
        ssrc = page.stream.ssrc
        said = radio_control.report(
            ssrc,
            at=self._clock.now(),
            timestamp=page.stream.timestamp(number),
            packets=number,
            octets=number * page.stream.payload.packet_bytes,
        )
        for (group, port), key in page.keys.items():
            if port % 2:
                continue
            described = said + radio_control.description(ssrc, key=key, marks=page.marks)
            try:
                sending.sendto(described + (radio_control.bye(ssrc) if ending else b""), (group, port + 1))
            except OSError:
                # the sound goes first: its own packets tell whether the zone can be reached
                continue


def _receipt(key: str, outcome: Outcome, reason: Reason | None, detail: str) -> Receipt:
    return Receipt(key=key, outcome=outcome, reason=reason, detail=detail)
