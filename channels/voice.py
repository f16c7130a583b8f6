"""The voice channel: telephone calls over Twilio's REST API or any compatible server.

A call is placed with the target's answer URL; when it is answered the telephone network
fetches there what to say, and there it reports what became of the call. A call that may
have been placed is never placed again before the far end was asked.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor, as_completed
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

from alertd.alert import Status
from alertd.channel import (
    Callback,
    ChannelSettings,
    InDoubt,
    InForce,
    Inquiry,
    Medium,
    Message,
    Outcome,
    Pace,
    Part,
    Reason,
    Receipt,
    Reply,
    Target,
    Traits,
)
from alertd.errors import ChannelError, ChannelMisconfigured, UnknownLanguage
from alertd.speech import CALL_AUDIO, CALL_MP3_AUDIO
from channels.call_dialogue import answered, called_in, reported, unwanted, went_on
from channels.call_pace import CallPace
from channels.call_report import receipt_of_state
from channels.call_script import CallScript, Step, nothing_in_force
from channels.call_words import words
from channels.telephone_number import objection
from channels.voice_settings import VoiceSettings

if TYPE_CHECKING:
    from channels.twilio_calls import CallState, TwilioCalls

#: Targets of one hand-over.
BATCH = 25
#: Clocks of two machines differ; a call may seem to be created before it was asked for.
_CLOCK_SKEW = timedelta(seconds=5)
#: Longest time from the hand-over until the far end has written a call down.
_CREATED_WITHIN = timedelta(seconds=120)


class VoiceChannel:
    """Calls people. `receive` and `ask` may run beside `send`; nothing is dialled twice."""

    Settings: ClassVar[type[ChannelSettings]] = VoiceSettings

    def __init__(self, name: str, settings: VoiceSettings, /) -> None:
        self.name = name
        self._settings = settings
        self._pace = CallPace(settings.calls_per_second)
        self._pool: ThreadPoolExecutor | None = None
        self._calls: TwilioCalls | None = None
        self._opening = threading.Lock()

    @property
    def traits(self) -> Traits:
        settings = self._settings
        return Traits(
            medium=Medium.CALL,
            batch_size=BATCH,
            audio=CALL_MP3_AUDIO if settings.audio == "mp3" else CALL_AUDIO,
            report_within=timedelta(seconds=settings.report_within),
            pace=Pace(settings.calls_per_second, settings.lines, kept=True),
            in_doubt=InDoubt.ASK,
            questions=BATCH,
        )

    def send(self, message: Message, targets: Sequence[Target], /) -> Iterator[Receipt]:
        """Place a call to each target, several at a time.

        `accepted` with the call's SID = it will ring; `unknown`, in doubt = it may, so
        ask. When the far end is down no further call is begun, the receipts of those
        already begun are still given, and then the error is raised.
        """
        self._settings.must_carry(message.status)
        self._must_speak(message)
        if self._pool is None:
            self._pool = ThreadPoolExecutor(
                max_workers=min(self._settings.lines, BATCH), thread_name_prefix=self.name
            )
        calls = [self._pool.submit(self._place, message, target) for target in targets]
        trouble: ChannelError | None = None
        try:
            for call in as_completed(calls):
                try:
                    yield call.result()
                except CancelledError:
                    continue
                except ChannelError as error:
                    trouble = trouble or error
                    for later in calls:
                        later.cancel()
        finally:
            for call in calls:
                call.cancel()
        if trouble:
            raise trouble

    def told(self, callback: Callback, /) -> Reply | None:
        """Hear a report of a call's progress; every other request wants TwiML."""
        if callback.query.get("step") != Step.STATUS:
            return None
        return reported(callback.query.get("key", ""), self._genuine(callback))

    def receive(self, callback: Callback, /) -> Reply:
        """Answer a request of the telephone network: what to say next, or a report."""
        form = self._genuine(callback)
        target, message = callback.target, callback.message
        try:
            step = Step(callback.query.get("step", ""))
        except ValueError:
            return unwanted()
        if step is Step.INBOUND:
            return unwanted()
        if target is None:
            return Reply() if step is Step.STATUS else unwanted()
        if step is Step.STATUS:
            return reported(target.key, form)
        if message is None:
            return unwanted()
        script = self._script(message, target.answer_url)
        if step in (Step.ANSWER, Step.SAY):
            # only here: a call that goes on has already closed its own delivery
            return unwanted() if callback.closed else answered(script, target.key, step, form)
        return went_on(script, target.key, step, callback.query, form)

    def caller(self, callback: Callback, /) -> str | None:
        """The number that calls us; the telephone network asks at `?step=inbound` then."""
        if callback.query.get("step") != Step.INBOUND:
            return None
        number = self._genuine(callback).get("From", "")
        return number if number.startswith("+") else ""

    def answer(self, callback: Callback, in_force: Sequence[InForce], /) -> Reply:
        """Play what is in force, the newest first, one document for each alert."""
        form = self._genuine(callback)
        url = callback.url.partition("?")[0]
        given = callback.query.get("heard", "")
        heard = [int(number) for number in given.split(".") if number.isascii() and number.isdigit()]
        scripts = [(one, self._script(one.message, url)) for one in in_force]
        spoken = words("ja", exercise=False)
        nothing = nothing_in_force(spoken, self._settings.voices.get("ja", spoken.voice))
        return called_in(scripts, heard, form, nothing)

    def ask(self, inquiry: Inquiry, /) -> Receipt | None:
        """What became of a call: by its SID, else among the number's calls of that time.

        A call that is not found within `reconcile_after` was surely never placed. Among
        several the earliest is taken, because a second call is worse than a wrong name.
        """
        return self._told(inquiry, self._find(inquiry))

    def recall(self, inquiry: Inquiry, /) -> Receipt | None:
        """Cancel a call that waits or rings; one that was answered goes on to its end.

        Who listens already is left to listen: a line that goes dead in the middle of an
        alarm frightens, and the correction is on its way.
        """
        call = self._find(inquiry) if inquiry.ref is None else None
        sid = inquiry.ref or (call.sid if call is not None else None)
        if sid is not None:
            call = self._open().cancel(sid) or self._open().fetch(sid)
        return self._told(inquiry, call)

    def _genuine(self, callback: Callback) -> Mapping[str, str]:
        # here, because only a process that takes calls needs the 0.2 s of this import
        from channels.twilio_signature import genuine_form

        return genuine_form(callback, self._settings)

    def _find(self, inquiry: Inquiry) -> CallState | None:
        if inquiry.ref is not None:
            return self._open().fetch(inquiry.ref)
        created = self._open().find(
            inquiry.target.address,
            self._settings.caller_id,
            after=inquiry.handed_at - _CLOCK_SKEW,
            before=inquiry.handed_at + _CREATED_WITHIN,
        )
        return next((call for call in created if call.sid not in inquiry.other_refs), None)

    def _told(self, inquiry: Inquiry, call: CallState | None) -> Receipt | None:
        settings, target = self._settings, inquiry.target
        if call is not None:
            receipt = receipt_of_state(
                target.key,
                call.sid,
                call.state,
                answered_by=call.answered_by,
                heard=_was_heard(call, inquiry.message),
            )
            return receipt or Receipt(
                key=target.key, outcome=Outcome.ACCEPTED, ref=call.sid, detail=call.state
            )
        if inquiry.asked_at - inquiry.handed_at < timedelta(seconds=settings.reconcile_after):
            return Receipt(
                key=target.key, outcome=Outcome.ACCEPTED, ref=inquiry.ref, detail="still being looked for"
            )
        if inquiry.ref is not None:
            return Receipt(
                key=target.key,
                outcome=Outcome.UNKNOWN,
                ref=inquiry.ref,
                reason=Reason.OTHER,
                detail="forgotten",
            )
        return None

    def prepare(self) -> None:
        """Load the SDK, which takes most of a second, before it is time to call."""
        self._open()

    def probe(self) -> str:
        """Fetches the account; nobody's telephone rings."""
        name, state = self._open().account.name_and_state()
        if state != "active":
            raise ChannelMisconfigured(f"the telephone account is {state}, not active")
        return f"The telephone network answers; the account “{name}” is active."

    def preview(self, message: Message, /) -> Sequence[Part]:
        """The words in order, and the documents that the telephone network would get."""
        self._must_speak(message)
        script = self._script(message, "")
        spoken = words(message.language, exercise=message.status is not Status.ACTUAL)
        heard = (message.text, spoken.menus[self._settings.answer_menu], spoken.closing)
        return (
            Part("call", "text/plain", "\n\n".join(heard)),
            Part("answering machine", "text/plain", message.short_text or message.headline),
            Part("TwiML: answer", "application/xml", script.answered().decode()),
            Part("TwiML: menu", "application/xml", script.asked().decode()),
        )

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None
        with self._opening:
            if self._calls is not None:
                self._calls.close()
                self._calls = None

    def _place(self, message: Message, target: Target) -> Receipt:
        # here, because only a process that calls needs the 0.2 s of this import
        from channels.twilio_account import NoReply, Refusal

        settings = self._settings
        doubt = objection(target.address, settings.countries)
        if target.address == settings.caller_id:
            doubt = "our own number"
        if doubt is not None:
            return Receipt(key=target.key, outcome=Outcome.FAILED, reason=Reason.BAD_ADDRESS, detail=doubt)
        script = self._script(message, target.answer_url)
        detection: Mapping[str, object] = (
            {"machine_detection": "DetectMessageEnd"} if settings.machine_detection else {}
        )
        wishes = {
            "to": target.address,
            "from_": settings.caller_id,
            "url": script.link(Step.ANSWER),
            "method": "POST",
            "fallback_url": settings.fallback_url or script.link(Step.SAY),
            "fallback_method": "POST",
            "status_callback": script.link(Step.STATUS),
            "status_callback_method": "POST",
            "status_callback_event": ["initiated", "ringing", "answered", "completed"],
            "timeout": settings.ring_seconds,
            "time_limit": settings.time_limit,
            **detection,
        }
        calls = self._open()
        try:
            with self._pace.turn():
                sid = calls.place(**wishes)
        except Refusal as refusal:
            return Receipt(
                key=target.key, outcome=refusal.outcome, reason=refusal.reason, detail=refusal.detail
            )
        except NoReply as error:
            return Receipt(key=target.key, outcome=Outcome.UNKNOWN, reason=Reason.IN_DOUBT, detail=str(error))
        return Receipt(key=target.key, outcome=Outcome.ACCEPTED, ref=sid)

    def _script(self, message: Message, url: str) -> CallScript:
        return CallScript(
            message=message, url=url, menu=self._settings.answer_menu, voices=self._settings.voices
        )

    def _must_speak(self, message: Message) -> None:
        try:
            words(message.language, exercise=message.status is not Status.ACTUAL)
        except UnknownLanguage as error:
            raise ChannelMisconfigured(str(error)) from error

    def _open(self) -> TwilioCalls:
        """The calls of our account, opened on first use by whichever thread comes first."""
        # here, because only a process that calls needs the 0.2 s of this import
        from channels.twilio_calls import TwilioCalls

        with self._opening:
            if self._calls is None:
                self._calls = TwilioCalls(self._settings, connections=BATCH)
            return self._calls


def _was_heard(call: CallState, message: Message) -> bool:
    """Whether the line was up long enough for the whole sound and the second before it."""
    if message.audio is None or call.seconds is None:
        return False
    return call.seconds >= message.audio.seconds + 1
