"""What a call over an exchange plays, as files for its line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from alertd.alert import Status
from alertd.channel import Answer, Message
from alertd.speech import Sound
from channels import sip_words
from channels.call_script import KEYS
from channels.sip_settings import SipSettings
from channels.sip_sound import Samples, recorded, silence, tones, write

#: After the last word, seconds: the end of a sound hangs up.
_END = 0.5
#: Of `idle`, beyond twice the longest ringing, seconds.
_IDLE = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """What a call plays; files are as `Line.play` wants them. Times in seconds."""

    #: until somebody answers; longer than it may ring
    idle: Path
    #: silence, the message, the menu, the wait for a key, and the closing words
    sound: Path
    #: from the start of `sound` to the end of the message in it
    heard_after: float
    #: after a key, by the answer that it is
    thanks: Mapping[Answer, Path]
    keys: Mapping[str, Answer]
    ring_seconds: float
    time_limit: float


def prepare(folder: Path, settings: SipSettings, message: Message, sound: Sound) -> Performance:
    """Write the files of a message into a folder of their own. Raises ChannelMisconfigured.

    The longest call is never shorter than the message: a word that was cut off is worse
    than a line that is in use for longer.
    """
    folder.mkdir()
    keys = KEYS[settings.answer_menu]
    menu = _said(settings, message, sip_words.menu(settings.answer_menu))
    wait = [silence(settings.key_wait)] if menu else []
    closing = _said(settings, message, sip_words.CLOSING)
    thanks = {
        answer: write(
            folder / f"{answer}.wav",
            *(tones(), *_said(settings, message, sip_words.thanks(answer)), silence(_END)),
        )
        for answer in keys.values()
    }
    pieces = [silence(settings.lead_in), recorded(sound.path), *menu, *wait, *closing, silence(_END)]
    heard_after = settings.lead_in + sound.seconds
    return Performance(
        idle=write(folder / "idle.wav", silence(2 * settings.ring_seconds + _IDLE)),
        sound=write(folder / "sound.wav", *pieces),
        heard_after=heard_after,
        thanks=thanks,
        keys=keys,
        ring_seconds=settings.ring_seconds,
        time_limit=max(settings.time_limit, heard_after + _END),
    )


def _said(settings: SipSettings, message: Message, part: str) -> list[Samples]:
    """One part of the words besides the message; nothing where none are recorded."""
    if settings.words is None:
        return []
    exercise = message.status is not Status.ACTUAL
    file = sip_words.recording(settings.words, message.language, part, exercise=exercise)
    return [recorded(file)] if file is not None else []
