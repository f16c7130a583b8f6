"""A simulated network of loudspeakers: listens to RTP multicast on this machine, in silence."""

from __future__ import annotations

import argparse
import contextlib
import selectors
import socket
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from alertd.clock import Clock, SystemClock, stopwatch
from alertd.demo.loudspeaker_page import Page, read_control
from alertd.demo.telephone_ledger import Ledger

#: A page has ended when nothing of it came for so long, seconds.
_QUIET = 1.0


@dataclass(frozen=True, slots=True)
class _Ear:
    """A socket of one zone, for its sound or for what is said beside it."""

    zone: str
    control: bool


class SimulatedLoudspeakers:
    """Hears the zones (`239.192.0.1:5004`) on the loopback interface, and nothing else.

    A context manager. Each page is one entry of the ledger when it has ended, and, with
    `folder`, one WAV file.
    """

    def __init__(
        self,
        zones: Sequence[str],
        *,
        ledger: Path | None = None,
        folder: Path | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.ledger = Ledger(ledger)
        #: those that have ended, in that order
        self.pages: list[Page] = []
        #: group and port of each
        self.zones = tuple(zones)
        self._folder = folder
        self._clock = clock or SystemClock()
        self._selector = selectors.DefaultSelector()
        self._pages: dict[tuple[str, int], Page] = {}
        self._rounds = 0
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="simulated loudspeakers", daemon=True)

    def __enter__(self) -> Self:
        for zone in self.zones:
            group, _, port = zone.rpartition(":")
            for control in (False, True):
                ear = _listening(group, int(port) + control)
                self._selector.register(ear, selectors.EVENT_READ, _Ear(zone, control))
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.join()
        for key in list(self._selector.get_map().values()):
            self._selector.unregister(key.fileobj)
            assert isinstance(key.fileobj, socket.socket)
            key.fileobj.close()
        self._selector.close()
        self.ledger.close()

    def wait_until_quiet(self, timeout: float) -> bool:
        """Waits until every page that was begun has ended and is in the ledger."""
        with self._changed:
            # what was sent before now is read at the latest in the round that begins next
            after = self._rounds + 2
            return self._changed.wait_for(lambda: self._rounds >= after and not self._pages, timeout)

    def _listen(self) -> None:
        stopping = False
        while not stopping:
            stopping = self._stopping.is_set()
            said_bye = [page for page in self._pages.values() if page.said_bye]
            for key, _ in self._selector.select(timeout=0.02 if said_bye else 0.05):
                assert isinstance(key.fileobj, socket.socket)
                ear: _Ear = key.data
                with contextlib.suppress(BlockingIOError):
                    while True:
                        self._hear(ear, key.fileobj.recv(2048), stopwatch())
            with self._changed:
                for page in list(self._pages.values()):
                    # a goodbye may be read before the last of the sound, but not a whole round before
                    if page in said_bye or stopwatch() - page.last_at > _QUIET:
                        self._finish(page)
                self._rounds += 1
                self._changed.notify_all()
        with self._changed:
            for page in list(self._pages.values()):
                self._finish(page)

    def _hear(self, ear: _Ear, packet: bytes, at: float) -> None:
        with self._changed:
            if ear.control:
                self._hear_control(ear.zone, packet, at)
            elif len(packet) > 12 and packet[0] >> 6 == 2:
                page = self._page(ear.zone, int.from_bytes(packet[8:12]), at)
                page.take(packet, at, self._clock.now())

    def _hear_control(self, zone: str, packet: bytes, at: float) -> None:
        control = read_control(packet)
        if control is None:
            return
        if control.ended and (zone, control.ssrc) not in self._pages:
            return
        page = self._page(zone, control.ssrc, at)
        page.key = control.key or page.key
        page.marks.update(control.marks)
        page.said_bye = page.said_bye or control.ended

    def _page(self, zone: str, ssrc: int, at: float) -> Page:
        now = self._clock.now()
        if (zone, ssrc) not in self._pages:
            self._pages[zone, ssrc] = Page(zone=zone, ssrc=ssrc, start=now, end=now, last_at=at)
        return self._pages[zone, ssrc]

    def _finish(self, page: Page) -> None:
        del self._pages[page.zone, page.ssrc]
        if page.payloads:
            self.pages.append(page)
            if self._folder is not None:
                page.write(self._folder / f"{page.zone.replace(':', '-')}-{page.ssrc:08x}.wav")
            self.ledger.record("page", **page.entry())


def _listening(group: str, port: int) -> socket.socket:
    """A socket that gets what is sent to this group on this machine only."""
    ear = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        ear.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        ear.bind((group, port))
        membership = socket.inet_aton(group) + socket.inet_aton("127.0.0.1")
        ear.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
        ear.settimeout(0)
    except BaseException:
        ear.close()
        raise
    return ear


def main() -> None:
    """Listens until interrupted; the first line of output says to what."""
    parser = argparse.ArgumentParser(description="Simulated loudspeakers: they stay silent.")
    parser.add_argument("zones", nargs="+", help="group and port, e.g. 239.192.0.1:5004")
    parser.add_argument("--ledger", type=Path, help="a file of JSON lines, one for each page and zone")
    parser.add_argument("--folder", type=Path, help="where each page is written as a WAV file")
    chosen = parser.parse_args()
    speakers = SimulatedLoudspeakers(chosen.zones, ledger=chosen.ledger, folder=chosen.folder)
    with contextlib.suppress(KeyboardInterrupt), speakers:
        print(f"simulated loudspeakers listen to {', '.join(chosen.zones)} on this machine", flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
