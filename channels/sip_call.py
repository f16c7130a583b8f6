"""One call on one line, from dialling to the end, and what its end says of a delivery."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass

from alertd.channel import Answer, Outcome, Reason, Receipt
from alertd.clock import stopwatch
from channels.baresip import Event, Line, LineLost
from channels.call_script import MOST_PLAYS
from channels.sip_performance import Performance

#: From hanging up until the line says so, seconds.
_HANGS_UP_WITHIN = 5.0
#: How long nothing may happen until it is looked whether the call is still wanted, seconds.
_LOOKS_UP = 0.2
#: The longest that the sound after a key may last, seconds.
_THANKS = 20.0

_REPLY = re.compile(r"([1-6]\d\d)\b")
#: SIP replies (RFC 3261 §21) by what they say of a delivery.
_BUSY = frozenset({486, 600})
_NOBODY = frozenset({408, 480, 487})
_NO_SUCH_NUMBER = frozenset({404, 410, 484, 604})
_DECLINED = frozenset({403, 433, 603, 607, 608})
_TOO_FAST = frozenset({429})
#: The exchange does not know us: a person must act.
NOT_SIGNED_IN = frozenset({401, 407})


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a call went."""

    #: the line's name for it
    call: str | None
    #: the far end gave a sign before the end: it rang, or it was answered
    rang: bool
    answered: bool
    #: the line was up until the message was over
    heard: bool
    answer: Answer | None
    #: we hung up before anybody else did: a limit was reached, or we were told to stop
    cut: bool
    #: the line's words about the end, e.g. "486 Busy Here"
    words: str
    #: how long the sound had played at the end, seconds; 0 = never
    played: float

    @property
    def reply(self) -> int | None:
        """The exchange's last reply to a call that nobody answered."""
        found = _REPLY.match(self.words)
        return int(found[1]) if found and not self.answered else None


class Call:
    """One call; `take_place` is called once, `fall_silent` from any thread.

    Who sets `stopped` hangs the line up afterwards.
    """

    def __init__(self, line: Line, uri: str, performance: Performance, stopped: threading.Event) -> None:
        self._line, self._uri, self._show, self._stopped = line, uri, performance, stopped
        self._id: str | None = None
        self._plays = 0
        self._played_at = 0.0
        self._heard = False
        self._answer: Answer | None = None
        self._rang = self._answered = self._cut = False
        self._unwanted = threading.Event()

    def fall_silent(self) -> None:
        """Let it ring no longer, within `_LOOKS_UP`; who has answered is left to listen."""
        self._unwanted.set()

    def take_place(self) -> Ending:
        """Dial, play, listen for keys, until the end. Raises LineLost.

        1. Until the answer the line plays silence, because early media would swallow the
           beginning of the message.
        2. The answer starts the sound. A key that is an answer ends it; 0 starts it again.
        3. The end of the sound, a limit, a stop or the other side hangs up.
        """
        show = self._show
        if self._stopped.is_set() or self._unwanted.is_set():
            return self._ended("", cut=True)
        if not self._line.play(show.idle) or not self._line.dial(self._uri):
            return self._ended("the line did not dial")
        if self._stopped.is_set():
            self._line.hang_up()
        deadline = stopwatch() + show.ring_seconds
        while True:
            event = self._line.next_event(max(0.0, min(deadline - stopwatch(), _LOOKS_UP)))
            if event is None:
                unwanted = self._unwanted.is_set() and not self._answered and not self._cut
                if stopwatch() < deadline and not unwanted:
                    continue
                if self._cut:
                    raise LineLost("the line did not hang up")
                self._cut = True
                self._line.hang_up()
                deadline = stopwatch() + _HANGS_UP_WITHIN
            elif event.uri == self._uri:
                if event.kind == "CALL_CLOSED":
                    self._id = self._id or event.call
                    return self._ended(event.text, cut=self._cut or self._stopped.is_set())
                deadline = self._went_on(event, deadline)

    def _went_on(self, event: Event, deadline: float) -> float:
        """Act on one event; returns the new deadline."""
        now, show = stopwatch(), self._show
        self._id = self._id or event.call
        match event.kind:
            case "CALL_RINGING" | "CALL_PROGRESS" if not self._rang and not self._cut:
                self._rang = True
                return now + show.ring_seconds
            case "CALL_ESTABLISHED" if not self._answered:
                self._rang = self._answered = True
                if not self._cut:
                    self._play(now)
                    return now + show.time_limit
            case "CALL_DTMF_START" if self._answered and self._answer is None and not self._cut:
                self._answer = show.keys.get(event.text)
                if self._answer is not None:
                    self._note_heard(now)
                    self._line.play(show.thanks[self._answer])
                    return now + _THANKS
                if event.text == "0" and self._plays < MOST_PLAYS:
                    self._play(now)
            case _:
                pass
        return deadline

    def _play(self, now: float) -> None:
        self._note_heard(now)
        if not self._line.play(self._show.sound):
            self._cut = True
            self._line.hang_up()
            return
        self._plays += 1
        self._played_at = now

    def _note_heard(self, now: float) -> None:
        if self._plays and now - self._played_at >= self._show.heard_after:
            self._heard = True

    def _ended(self, words: str, *, cut: bool = False) -> Ending:
        if self._answer is None:
            self._note_heard(stopwatch())
        return Ending(
            call=self._id,
            rang=self._rang,
            answered=self._answered,
            heard=self._heard,
            answer=self._answer,
            cut=cut,
            words=words,
            played=stopwatch() - self._played_at if self._plays else 0.0,
        )


def receipt_of(key: str, ending: Ending) -> Receipt:
    """What the end of a call says of a delivery."""
    outcome, reason = _verdict(ending)
    if ending.answer is not None or ending.heard:
        detail = "a key was pressed" if ending.answer is not None else "listened to the end"
    elif ending.cut:
        detail = "cut short" if ending.answered else "rang out" if ending.rang else "no sign of ringing"
    else:
        detail = ending.words
    return Receipt(
        key=key, outcome=outcome, ref=ending.call, reason=reason, answer=ending.answer, detail=detail
    )


def _verdict(ending: Ending) -> tuple[Outcome, Reason | None]:
    if ending.answer is not None:
        return Outcome.ACKNOWLEDGED, None
    if ending.heard:
        return Outcome.DELIVERED, None
    if ending.answered:
        return (Outcome.UNKNOWN, Reason.OTHER) if ending.cut else (Outcome.DEFERRED, Reason.HUNG_UP)
    reply = ending.reply
    if reply in _NO_SUCH_NUMBER:
        return Outcome.FAILED, Reason.BAD_ADDRESS
    if reply in _BUSY:
        return Outcome.DEFERRED, Reason.BUSY
    if reply in _DECLINED:
        return Outcome.DEFERRED, Reason.REFUSED
    if reply in _TOO_FAST:
        return Outcome.DEFERRED, Reason.RATE_LIMITED
    if reply in _NOBODY or (reply is None and ending.cut and ending.rang):
        return Outcome.DEFERRED, Reason.NO_ANSWER
    return Outcome.DEFERRED, Reason.UNREACHABLE
