"""What a call says: the TwiML documents of one message, step by step.

A call walks through these steps, each a request of the telephone network at the
target's answer URL with `step` in the query:

    answer ──> menu ──> end          the sound, the key menu, the closing words
       │         │
       └── key <─┘                   a key was pressed: thanks, once more, or the menu again
    say                              as `answer`, but spoken by the far end: our sound failed
    status                           no TwiML: the call's progress

Reaching `menu` proves that the sound was played to its end. Source: Twilio's TwiML for
Programmable Voice; `<Say>` takes at most 4,500 URL-encoded characters (error 13521).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from alertd.alert import MsgType, Status
from alertd.channel import Answer, Message
from channels.call_words import CallWords, words

if TYPE_CHECKING:
    from twilio.twiml.voice_response import VoiceResponse  # type: ignore[import-untyped]

Menu = Literal["understood", "status"]

#: Which key means what, by menu; 0 is always "once more".
KEYS: Mapping[Menu, Mapping[str, Answer]] = {
    "understood": {"1": Answer.UNDERSTOOD},
    "status": {"1": Answer.EVACUATING, "2": Answer.STAYING, "3": Answer.HELP},
}
#: How often the sound is played at most: once, and three times on request.
MOST_PLAYS = 4
#: Seconds to wait for a key after the menu.
KEY_WAIT = 10
#: Of one <Say>, in characters and in URL-encoded characters.
LONGEST_SAY, LONGEST_SAY_ENCODED = 500, 4500

_SENTENCE = re.compile(r"[^。！？!?.\n]*(?:[。！？!?]+|\.(?=\s|$)|\n|\.|$)\s*")
_UNSPEAKABLE = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Step(StrEnum):
    """What the telephone network asks for at the answer URL."""

    #: somebody or something answered
    ANSWER = "answer"
    #: the sound could not be had: speak the words instead
    SAY = "say"
    #: the sound was played to its end
    MENU = "menu"
    #: a key was pressed
    KEY = "key"
    #: no key within the time
    END = "end"
    #: a report of the call's progress
    STATUS = "status"
    #: a resident calls us
    INBOUND = "inbound"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallScript:
    """One message as a call to one target; every method gives a TwiML document (UTF-8)."""

    message: Message
    #: of the target, without a step
    url: str
    menu: Menu
    #: names of the far end's voices by language, before the built-in ones
    voices: Mapping[str, str]

    def answered(self, plays: int = 1, *, spoken: bool = False) -> bytes:
        """The sound, or the words where there is none; then the menu."""
        response = _response()
        gather = response.gather(
            action=self.link(Step.KEY, plays=plays, at="sound"),
            method="POST",
            num_digits=1,
            timeout=1,
            finish_on_key="",
        )
        # a handset needs a second from the cradle to the ear
        gather.pause(length=1)
        if self.message.audio_url and not spoken:
            gather.play(self.message.audio_url)
        else:
            self._say(gather, self.message.text)
        response.redirect(self.link(Step.MENU, plays=plays), method="POST")
        return _document(response)

    def asked(self, plays: int = 1, *, wrong: int = 0) -> bytes:
        """The key menu; `wrong` counts the keys so far that mean nothing."""
        response = _response()
        gather = response.gather(
            action=self.link(Step.KEY, plays=plays, wrong=wrong, at="menu"),
            method="POST",
            num_digits=1,
            timeout=KEY_WAIT,
            finish_on_key="",
        )
        self._say(gather, (self._words.no_such_key if wrong else "") + self._words.menus[self.menu])
        response.redirect(self.link(Step.END), method="POST")
        return _document(response)

    def pressed(self, key: str, plays: int, *, wrong: int, during_sound: bool) -> bytes:
        """The reply to a key: thanks for an answer, 0 = once more, the menu for any other.

        A key that means nothing and cuts the sound short (a cheek on the handset) starts
        the sound once more.
        """
        answer = KEYS[self.menu].get(key)
        if answer is not None:
            return self._farewell(self._words.thanks[answer])
        if (key == "0" or during_sound) and plays < MOST_PLAYS:
            return self.answered(plays + 1)
        if key != "0" and wrong < 2:
            return self.asked(plays, wrong=wrong + 1)
        return self.ended()

    def ended(self) -> bytes:
        """The closing words."""
        return self._farewell(self._words.closing)

    def left_on_machine(self) -> bytes:
        """The short version after the beep of an answering machine."""
        return self._farewell(self.message.short_text or self.message.headline, pause=True)

    def called_in(self, heard: Sequence[int], *, first: bool) -> bytes:
        """The message for somebody who calls us; then the next one, with all that was heard then."""
        response = _response()
        response.pause(length=1)
        self._say(response, self._words.in_force if first else self._words.another)
        if self.message.audio_url:
            response.play(self.message.audio_url)
        else:
            self._say(response, self.message.text)
        response.redirect(
            with_query(self.url, step=Step.INBOUND, heard=".".join(map(str, heard))), method="POST"
        )
        return _document(response)

    def link(self, step: Step, **more: object) -> str:
        """The answer URL for a step; machines can see in it that a call is a drill."""
        return with_query(
            self.url,
            step=step,
            status=self.message.status,
            kind=None if self.message.kind is MsgType.ALERT else self.message.kind,
            **more,
        )

    @property
    def _words(self) -> CallWords:
        return words(self.message.language, exercise=self.message.status is not Status.ACTUAL)

    def _farewell(self, text: str, *, pause: bool = False) -> bytes:
        response = _response()
        if pause:
            response.pause(length=1)
        self._say(response, text)
        response.hangup()
        return _document(response)

    def _say(self, verb: VoiceResponse, text: str) -> None:
        voice = self.voices.get(self.message.language, self._words.voice)
        for piece in pieces(text):
            verb.say(piece, voice=voice, language=self._words.tag)


def nothing_in_force(spoken: CallWords, voice: str) -> bytes:
    """For a caller when there is nothing to tell."""
    response = _response()
    response.pause(length=1)
    response.say(spoken.nothing, voice=voice, language=spoken.tag)
    response.hangup()
    return _document(response)


def hang_up() -> bytes:
    """For a call that nobody needs any more."""
    response = _response()
    response.hangup()
    return _document(response)


def pieces(text: str) -> Iterator[str]:
    """The text in pieces that one <Say> can take, cut after sentences where possible."""
    piece = ""
    for sentence in _SENTENCE.findall(_UNSPEAKABLE.sub(" ", text)):
        if piece.strip() and not _fits(piece + sentence):
            yield piece.strip()
            piece = ""
        piece += sentence
        while not _fits(piece):
            end = next(end for end in range(LONGEST_SAY, 0, -1) if _fits(piece[:end]))
            yield piece[:end].strip()
            piece = piece[end:]
    if piece.strip():
        yield piece.strip()


def with_query(url: str, **parameters: object) -> str:
    """The URL with these query parameters added; None adds nothing."""
    parts = urlsplit(url)
    added = urlencode({name: str(value) for name, value in parameters.items() if value is not None})
    return urlunsplit(parts._replace(query="&".join(filter(None, (parts.query, added)))))


def _fits(piece: str) -> bool:
    return len(piece) <= LONGEST_SAY and len(quote(piece, safe="")) <= LONGEST_SAY_ENCODED


def _response() -> VoiceResponse:
    # here, because only a process that takes calls needs the 0.2 s of this import
    from twilio.twiml.voice_response import VoiceResponse

    return VoiceResponse()


def _document(response: VoiceResponse) -> bytes:
    return str(response.to_xml()).encode()
