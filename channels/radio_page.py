"""The page: one sound on its way to some zones at once, spoken by a thread of its own until it ends."""

from __future__ import annotations

import socket
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from alertd.clock import Clock
from channels import radio_control
from channels.rtp import Group, Stream, paced
from channels.rtp_payload import PACKET_SECONDS

#: Packets between two descriptions of the stream: 5 s (RFC 3550 §6.2).
_DESCRIBE_EVERY = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One sound for some zones, and the key by which each zone may know it."""

    stream: Stream
    packets: Sequence[bytes]
    keys: Mapping[Group, str]
    marks: Mapping[str, str]

    @property
    def seconds(self) -> float:
        """How long it is in real life."""
        return len(self.packets) * PACKET_SECONDS


class Speaking:
    """A page that is being spoken; leaving the block ends it. Who watches it delays no packet."""

    def __init__(self, page: Page, sending: socket.socket, *, speed: float, clock: Clock) -> None:
        self._page, self._sending = page, sending
        self._speed, self._clock = speed, clock
        self._stop = threading.Event()
        #: zones that did not get all of it
        self.broken: set[Group] = set()
        #: packets whose time has come
        self.spoken = 0
        #: whether any packet has left
        self.reached = False

    def __enter__(self) -> Self:
        self._thread = ThreadPoolExecutor(1, "page")
        self._going = self._thread.submit(self._speak)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.shutdown(wait=True)

    def over(self, within: float) -> bool:
        """Waits so many seconds for its end; whether it has ended."""
        return bool(wait([self._going], within).done)

    def cut_short(self) -> None:
        """Ends it with the next packet; twice is harmless."""
        self._stop.set()

    @property
    def whole(self) -> bool:
        """Whether all of it was spoken. Raises what has ended it, when something did."""
        self._going.result()
        return self.spoken == len(self._page.packets)

    @property
    def heard(self) -> str:
        """How much of it was spoken, for people."""
        return f"{self.spoken * PACKET_SECONDS:.1f} of {self._page.seconds:.1f} s"

    def _speak(self) -> None:
        """Every packet to every zone when its time has come, until the end or a stop; then goodbye."""
        page = self._page
        groups = list(page.keys)
        try:
            for number, packet in paced(page.packets, self._speed):
                if self._stop.is_set():
                    break
                if number % _DESCRIBE_EVERY == 0:
                    self._describe(number)
                for group in groups:
                    try:
                        self._sending.sendto(packet, group)
                        self.reached = True
                    except OSError:
                        self.broken.add(group)
                self.spoken = number + 1
                if not self.reached:
                    break
        finally:
            self._describe(self.spoken, ending=True)

    def _describe(self, number: int, *, ending: bool = False) -> None:
        """Says beside the sound what it is; only with even ports, whose next one is free for it."""
        stream = self._page.stream
        said = radio_control.report(
            stream.ssrc,
            at=self._clock.now(),
            timestamp=stream.timestamp(number),
            packets=number,
            octets=number * stream.payload.packet_bytes,
        )
        for (group, port), key in self._page.keys.items():
            if port % 2:
                continue
            described = said + radio_control.description(stream.ssrc, key=key, marks=self._page.marks)
            goodbye = radio_control.bye(stream.ssrc) if ending else b""
            try:
                self._sending.sendto(described + goodbye, (group, port + 1))
            except OSError:
                # the sound goes first: its own packets tell whether the zone can be reached
                continue
