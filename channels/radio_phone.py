"""The telephone remote control of a loudspeaker network: call, PIN and group by tones, then the speech.

Over the same lines as the SIP channel. The control desk says nothing of the loudspeakers: a call
that stood until the end of the speech is “sent, unconfirmed”, and no call is `delivered`.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
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
from alertd.errors import ChannelMisconfigured
from alertd.speech import OUTDOOR_AUDIO, Sound
from channels.baresip import Line, LineLost
from channels.dtmf import digits
from channels.radio_phone_settings import RadioPhoneSettings, group
from channels.sip_call import NOT_SIGNED_IN, Call, Ending, receipt_of
from channels.sip_line import open_line, sip_address
from channels.sip_options import sign_of_life
from channels.sip_performance import Performance
from channels.sip_sound import recorded, silence, write

#: After the last word, seconds: the end of a sound hangs up.
_END = 0.2
#: Of the silence until the answer, beyond twice the longest ringing, seconds.
_IDLE = 30.0


class RadioPhoneChannel:
    """One control desk; groups are called one after the other."""

    Settings: ClassVar[type[ChannelSettings]] = RadioPhoneSettings

    def __init__(self, name: str, settings: RadioPhoneSettings, /) -> None:
        self.name = name
        self._settings = settings
        self._line: Line | None = None

    @property
    def traits(self) -> Traits:
        return Traits(
            medium=Medium.OUTDOOR,
            batch_size=1,
            exclusive=True,
            audio=OUTDOOR_AUDIO,
            in_doubt=InDoubt.HOLD,
        )

    def send(self, message: Message, targets: Sequence[Target], /) -> Iterator[Receipt]:
        """One call for each group, over one line, which ends with them: it would not outlive the thread."""
        self._settings.must_carry(message.status)
        try:
            for target in targets:
                yield self._one(message, target)
        finally:
            self.close()

    def _one(self, message: Message, target: Target) -> Receipt:
        try:
            dialled = group(target.address)
        except ValueError as error:
            return _receipt(target, Outcome.FAILED, Reason.BAD_ADDRESS, str(error))
        if message.audio is None:
            return _receipt(target, Outcome.DEFERRED, Reason.OTHER, "there is no sound to play yet")
        return self._call(message, target, dialled, message.audio)

    def probe(self) -> str:
        """Asks the exchange for a sign of life; the control desk is not called."""
        return f"The exchange answers ({self._sign_of_life()}); the control desk was not called."

    def close(self) -> None:
        """Ends the line; may be called twice."""
        if self._line is not None:
            self._line.close()
            self._line = None

    def _call(self, message: Message, target: Target, dialled: str, sound: Sound) -> Receipt:
        if self._settings.ask_first:
            self._sign_of_life()
        # its files hold the PIN as tones: they are there for as long as the call
        folder = Path(tempfile.mkdtemp(prefix="alertd-control-"))
        try:
            speech_at, performance = self._performance(folder, dialled, sound)
            uri = sip_address(self._settings, self._settings.number, message, target)
            ending = Call(self._open(), uri, performance, threading.Event()).take_place()
        except LineLost as error:
            self.close()
            return _receipt(target, Outcome.UNKNOWN, Reason.IN_DOUBT, str(error))
        except BaseException:
            self.close()
            raise
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        if ending.reply in NOT_SIGNED_IN:
            raise ChannelMisconfigured(
                f"the exchange does not accept us ({ending.reply}); see caller_id, username and password_file"
            )
        return _judged(target, ending, speech_at)

    def _performance(self, folder: Path, dialled: str, sound: Sound) -> tuple[float, Performance]:
        """When the speech begins after the answer, and all that is played."""
        settings = self._settings
        tones = [
            silence(settings.answer_wait),
            digits(settings.pin.get_secret_value()),
            silence(settings.digit_wait),
            digits(dialled),
            silence(settings.digit_wait),
        ]
        speech = recorded(sound.path)
        speech_at = sum(map(len, tones)) / 8000
        heard_after = speech_at + len(speech) / 8000
        return speech_at, Performance(
            idle=write(folder / "idle.wav", silence(2 * settings.ring_seconds + _IDLE)),
            sound=write(folder / "sound.wav", *tones, speech, silence(_END)),
            heard_after=heard_after,
            thanks={},
            keys={},
            ring_seconds=settings.ring_seconds,
            time_limit=max(settings.time_limit, heard_after + 1.0),
        )

    def _sign_of_life(self) -> str:
        settings = self._settings
        return sign_of_life(
            settings.place, settings.caller_id, str(settings.interface), within=settings.timeout
        )

    def _open(self) -> Line:
        if self._line is None or not self._line.alive:
            self.close()
            self._line = open_line(self._settings)
        return self._line


def _judged(target: Target, ending: Ending, speech_at: float) -> Receipt:
    """What the end of a call says of the loudspeakers: little."""
    if ending.heard:
        detail = "sent, unconfirmed: the call stood to the end; the control desk says nothing of loudspeakers"
        return Receipt(key=target.key, outcome=Outcome.ACCEPTED, ref=ending.call, detail=detail)
    if ending.answered and ending.played >= speech_at:
        return _receipt(target, Outcome.UNKNOWN, Reason.OTHER, "the call broke off during the speech")
    if ending.answered:
        detail = "the control desk hung up before the speech: look at `pin_file` and the group"
        return _receipt(target, Outcome.DEFERRED, Reason.REFUSED, detail)
    return receipt_of(target.key, ending)


def _receipt(target: Target, outcome: Outcome, reason: Reason, detail: str) -> Receipt:
    return Receipt(key=target.key, outcome=outcome, reason=reason, detail=detail)
