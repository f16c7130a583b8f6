"""The stream channel: airs over a station that takes a stream, and hands its transmitter over by a contact.

The sound comes from us while it is aired, so an airing ends with its sender; a contact does
not, and is opened by whoever finds it closed. What nobody has heard on the air is
`accepted`, unconfirmed, and never `delivered`.
"""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
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
from alertd.clock import stopwatch
from alertd.errors import ChannelError, ChannelUnavailable
from alertd.speech import FM_MP3_AUDIO
from channels.air_check import AirCheck, confirmed
from channels.airing_receipt import deferred, doubt, failed, passing, receipt, unknown
from channels.contact import moved
from channels.fm_stream_settings import FmStreamSettings
from channels.source_client import Busy, Mount, Source

_MOUNT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
#: an airing of this process that is taken off is over within this, seconds
_OVER_WITHIN = 10.0


@dataclass(slots=True)
class _Going:
    """An airing of this process."""

    stop: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)
    #: of the sound, so much has been sent, seconds
    sent: float = 0.0


class FmStreamChannel:
    """One station."""

    Settings: ClassVar[type[ChannelSettings]] = FmStreamSettings

    def __init__(self, name: str, settings: FmStreamSettings, /) -> None:
        self.name = name
        self._settings = settings
        self._signals = settings.signals
        self._contact = settings.switch
        self._going: dict[str, _Going] = {}

    @property
    def traits(self) -> Traits:
        return Traits(
            medium=Medium.BROADCAST,
            batch_size=1,
            exclusive=True,
            audio=FM_MP3_AUDIO,
            signals=self._signals,
            report_within=None,
            in_doubt=InDoubt.ASK,
            gap=timedelta(seconds=self._settings.gap),
            cuts_in=self._settings.cuts_in,
        )

    def send(self, message: Message, targets: Sequence[Target], /) -> Iterator[Receipt]:
        """One airing after the other; each last receipt comes when the air was given back."""
        self._settings.must_carry(message.status)
        for target in targets:
            refused = self._refused(message, target)
            if refused is not None:
                yield refused
                continue
            going = self._going[target.airing_key] = _Going()
            try:
                with self._settings.listening() or nullcontext() as check:
                    yield from self._air(message, target, going, check)
            finally:
                going.over.set()
                del self._going[target.airing_key]

    def ask(self, inquiry: Inquiry, /) -> Receipt | None:
        """An airing ends with its sender; whoever asks opens the contact that it has left closed."""
        target = inquiry.target
        if target.airing_key in self._going:
            return passing(target, Phase.ON_AIR, None, "being streamed")
        self._give_back()
        left = doubt(target, None, "its sender is gone, and nobody saw how much was aired")
        return left._replace(phase=Phase.TRUNCATED)

    def limit(self, message: Message, /) -> timedelta:
        """Its length, what the station holds back, and a margin."""
        sounds = [sound for sound in (message.audio, message.end_signal) if sound is not None]
        within = sum(sound.seconds for sound in sounds) + self._settings.buffer
        return timedelta(seconds=within + self._settings.margin)

    def release(self, inquiry: Inquiry, /) -> Receipt:
        """Ends our stream, airs the end signal alone, and opens the contact."""
        going = self._going.get(inquiry.target.airing_key)
        if going is not None:
            going.stop.set()
            if going.over.wait(_OVER_WITHIN):
                return unknown(inquiry.target, "cut short", None, Phase.TRUNCATED)
        else:
            with suppress(ChannelError, Busy, OSError):
                self._switch_off(inquiry.message, inquiry.target)
        self._give_back()
        return unknown(inquiry.target, "cut short", None, Phase.TRUNCATED)

    def probe(self) -> str:
        """Tries the entrance and reads the contact; nothing is heard, and nothing moves."""
        settings = self._settings
        try:
            socket.create_connection((settings.host, settings.port), settings.timeout).close()
        except OSError as error:
            raise ChannelUnavailable("the station's entrance for streams cannot be reached") from error
        if self._contact is None:
            return "the entrance for streams is there"
        closed = self._contact.closed()
        if closed and not self._going:
            raise ChannelUnavailable("the contact is closed though nothing of ours is on the air")
        return "the entrance for streams is there, and the contact " + (
            "cannot be read" if closed is None else "is closed" if closed else "is open"
        )

    def close(self) -> None:
        """There is nothing to let go of between two airings."""

    def _refused(self, message: Message, target: Target) -> Receipt | None:
        """Why nothing can be aired now; None = it can."""
        if not _MOUNT.fullmatch(target.address):
            return failed(target, Reason.BAD_ADDRESS, "the address is not the name of a mount")
        if message.audio is None:
            return deferred(target, Reason.OTHER, "there is no sound to air yet")
        if message.audio.seconds > self._settings.longest:
            return failed(target, Reason.REFUSED, "the sound is longer than the longest airing")
        try:
            data = message.audio.path.read_bytes()
        except OSError:
            return failed(target, Reason.REFUSED, "the sound file cannot be read")
        if not data.startswith((b"ID3", b"\xff")):
            return failed(target, Reason.REFUSED, "the sound file is no MP3 file")
        return None

    def _air(
        self, message: Message, target: Target, going: _Going, check: AirCheck | None
    ) -> Iterator[Receipt]:
        """Streams the message to the mount, once.

        1. The contact is read, closed and read back: the transmitter is ours.
        2. The mount is opened; whoever is on it already goes first.
        3. The sound goes out as fast as life, and is listened to.
        4. The stream ends and the contact is opened, whatever has happened.
        """
        assert message.audio is not None
        if self._contact is not None:
            # a box that cannot be read is not touched: nothing has happened yet
            self._contact.closed()
        trouble = ""
        proven = None
        try:
            if self._contact is not None:
                proven = moved(self._contact, closed=True)
                yield passing(target, Phase.SIGNALLED, None, "the contact is closed")
            with Source(
                self._mount(target), _fields(message, target), timeout=self._settings.timeout
            ) as source:
                phase = Phase.ON_AIR if proven else Phase.SIGNALLED
                ends = stopwatch() + message.audio.seconds + self._settings.buffer
                try:
                    for sent in source.paced(message.audio.path.read_bytes(), message.audio.seconds):
                        going.sent = sent
                        yield passing(target, phase, None, "being streamed")
                        if going.stop.is_set():
                            break
                    yield from self._rest(target, phase, going, ends)
                except ChannelUnavailable as error:
                    trouble = str(error)
                if going.stop.is_set() and message.end_signal is not None and not trouble:
                    signal = message.end_signal
                    for _ in source.paced(signal.path.read_bytes(), signal.seconds):
                        pass
                    going.over.wait(self._settings.buffer)
        except Busy:
            yield self._released(deferred(target, Reason.BUSY, "somebody else is on the mount"))
            return
        except ChannelError as error:
            try:
                self._give_back()
            except ChannelError as held:
                yield unknown(target, f"{error}; {held}", None, None)
                return
            raise
        except BaseException:
            with suppress(ChannelError):
                self._give_back()
            raise
        yield self._released(self._judged(message, target, going, check, trouble))

    def _rest(self, target: Target, phase: Phase, going: _Going, ends: float) -> Iterator[Receipt]:
        """What was sent ahead and what the station holds back is aired before the stream may end."""
        while (left := ends - stopwatch()) > 0 and not going.stop.wait(min(left, 0.2)):
            yield passing(target, phase, None, "being aired")

    def _judged(
        self, message: Message, target: Target, going: _Going, check: AirCheck | None, trouble: str
    ) -> Receipt:
        """What became of an airing whose stream has ended."""
        assert message.audio is not None
        seconds = f"{going.sent:.1f} of {message.audio.seconds:.1f} s"
        if trouble or going.stop.is_set():
            detail = f"cut short after {seconds}" + (f": {trouble}" if trouble else "")
            return unknown(target, detail, None, Phase.TRUNCATED)
        if check is None:
            detail = "streamed to the end; nobody has heard it on the air"
            said = receipt(target, Outcome.ACCEPTED, None, detail)
            return said._replace(phase=Phase.RELEASED)
        said = receipt(target, Outcome.DELIVERED, None, "streamed to the end")
        return confirmed(said._replace(phase=Phase.RELEASED), check, message.audio)

    def _released(self, said: Receipt) -> Receipt:
        """The last word, once the contact is open; else one that leaves the transmitter held."""
        try:
            self._give_back()
        except ChannelError as error:
            return said._replace(
                outcome=Outcome.UNKNOWN,
                reason=Reason.OTHER,
                phase=None,
                detail=f"{said.detail}; {error}",
            )
        return said

    def _give_back(self) -> None:
        """Opens the contact. Raises ChannelUnavailable when it stays closed."""
        if self._contact is not None:
            moved(self._contact, closed=False)

    def _switch_off(self, message: Message, target: Target) -> None:
        """Airs the end signal alone."""
        signal = message.end_signal
        if signal is None:
            return
        with Source(self._mount(target), {}, timeout=self._settings.timeout) as source:
            for _ in source.paced(signal.path.read_bytes(), signal.seconds):
                pass

    def _mount(self, target: Target) -> Mount:
        settings = self._settings
        return Mount(
            host=settings.host,
            port=settings.port,
            name=target.address,
            username=settings.username,
            password=settings.password.get_secret_value(),
            content_type="audio/mpeg",
        )


def _fields(message: Message, target: Target) -> dict[str, str]:
    """What the station's people and machines see of it."""
    fields = {
        "Ice-Name": message.headline,
        "X-Alertd-Key": target.airing_key,
        "X-Alertd-Status": message.status.value,
        "X-Alertd-Kind": message.kind.value,
        "X-Alertd-Identifier": message.identifier,
    }
    if message.references:
        fields["X-Alertd-References"] = " ".join(one.identifier for one in message.references)
    return fields
