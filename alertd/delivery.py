"""The Delivery: one dispatch to one contact, known by the fold of its receipts.

Every receipt has a rank; the receipt of the highest rank speaks for the delivery. A
maximum does not care about order or repetition, so neither does what is known: good
news wins for ever; otherwise the latest attempt speaks; within an attempt the more
final word wins.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from alertd.alert import Severity
from alertd.channel import Answer, ChannelSettings, InDoubt, Outcome, Reason

#: the rank of a delivery of which nothing is known
NOTHING_KNOWN = -1
#: ranks from here on are good news; the ones below are `attempt × ATTEMPT + …`
GOOD_NEWS = 1_000_000_000
#: what one attempt weighs in a rank
ATTEMPT = 1000

#: outcomes and reasons that leave somebody with the message, or with a part of it
HEARD = (Outcome.ACCEPTED, Outcome.UNKNOWN, Outcome.DELIVERED, Outcome.ACKNOWLEDGED)
PARTLY_HEARD = (Reason.HUNG_UP, Reason.MACHINE, Reason.IN_DOUBT)

#: within an attempt, the rank of a hand-over of which it is not known whether it arrived
_DOUBT = 50
#: after which an airing that gave way is due again: what cut in is on the air by then
_AFTER_CUT_IN = timedelta(seconds=1)

#: within an attempt, from the least final word to the most final
_FINALITY = (
    Outcome.ACCEPTED,
    Outcome.UNKNOWN,
    Outcome.DEFERRED,
    Outcome.FAILED,
    Outcome.EXPIRED,
    Outcome.CANCELLED,
)
_REASONS = tuple(Reason)
#: from the least to the most pressing answer: a call for help is never talked over
_ANSWERS = (Answer.UNDERSTOOD, Answer.STAYING, Answer.EVACUATING, Answer.HELP)


@dataclass(frozen=True, slots=True)
class Word:
    """What a receipt says, without what it is called and when it came."""

    attempt: int
    outcome: Outcome
    reason: Reason | None = None
    answer: Answer | None = None

    @property
    def rank(self) -> int:
        """Where this word stands among all that can be said of a delivery."""
        if self.outcome is Outcome.DELIVERED:
            return GOOD_NEWS
        if self.outcome is Outcome.ACKNOWLEDGED:
            return GOOD_NEWS + 100 + (_ANSWERS.index(self.answer) if self.answer else 0)
        if self.outcome is Outcome.UNKNOWN and self.reason is Reason.IN_DOUBT:
            # any other word of the far end, even “under way”, ends the doubt
            return self.attempt * ATTEMPT + _DOUBT
        return self.attempt * ATTEMPT + outcome_rank(self.outcome) + _reason_rank(self.reason)


def outcome_rank(outcome: Outcome) -> int:
    """The rank of an outcome that is no good news within its attempt."""
    return (1 + _FINALITY.index(outcome)) * 100


def _reason_rank(reason: Reason | None) -> int:
    return 0 if reason is None else 1 + _REASONS.index(reason)


def fold(words: Iterable[Word]) -> Word | None:
    """The word that speaks for the delivery; None when nothing was said."""
    return max(words, key=lambda word: word.rank, default=None)


@dataclass(frozen=True, slots=True)
class Next:
    """What follows a word: the word as it is to be recorded, and when to look again.

    `look_at` None = never. `handed` says whether the hand-over still stands, so that
    looking again means asking and not handing over once more. `spared` counts the
    hand-overs so far that are no attempts, because the far end never tried.
    """

    word: Word
    look_at: datetime | None
    handed: bool
    spared: int = 0


def after(
    word: Word,
    settings: ChannelSettings,
    *,
    now: datetime,
    report_within: timedelta | None,
    in_doubt: InDoubt,
    resend: bool,
    severity: Severity = Severity.SEVERE,
    spared: int = 0,
) -> Next:
    """The retry decision: what becomes of a delivery after this word.

    `resend` says that its dispatch is still going on and that its status is one that
    `in_doubt` may resend. Of the attempts, `spared` do not count. An exhausted delivery
    has failed, for the reason of its last attempt.
    """
    attempts = word.attempt - spared
    match word.outcome:
        case Outcome.ACCEPTED if word.reason is Reason.UNCONFIRMED:
            return Next(word, None, handed=True, spared=spared)
        case Outcome.ACCEPTED:
            return Next(word, now + report_within if report_within else None, handed=True, spared=spared)
        case Outcome.DEFERRED if word.reason is Reason.PREEMPTED:
            return Next(word, now + _AFTER_CUT_IN, handed=False, spared=spared + 1)
        case Outcome.DEFERRED if word.reason is Reason.RATE_LIMITED:
            # too fast is nobody's fault: the far end never tried
            delay = _delay(word.reason, attempts, settings, severity)
            return Next(word, now + delay, handed=False, spared=spared + 1)
        case Outcome.DEFERRED:
            hopeless = word.reason in settings.retry_when_severe and not _grave(severity)
            if attempts >= settings.attempts or hopeless:
                failed = Word(word.attempt, Outcome.FAILED, word.reason)
                return Next(failed, None, handed=False, spared=spared)
            delay = _delay(word.reason, attempts, settings, severity)
            return Next(word, now + delay, handed=False, spared=spared)
        case Outcome.UNKNOWN if word.reason is Reason.IN_DOUBT:
            if in_doubt is InDoubt.ASK:
                return Next(word, now + timedelta(seconds=2), handed=True, spared=spared)
            if resend and attempts < settings.attempts:
                return Next(word, now, handed=False, spared=spared)
            return Next(word, None, handed=False, spared=spared)
        case _:
            return Next(word, None, handed=False, spared=spared)


def _grave(severity: Severity) -> bool:
    return severity in (Severity.EXTREME, Severity.SEVERE)


def _delay(reason: Reason | None, attempts: int, settings: ChannelSettings, severity: Severity) -> timedelta:
    """The pause after the attempt of this number: by its reason, else the next step of the plan."""
    by_reason = settings.retry_after_reason
    if reason is not None and reason in by_reason:
        return timedelta(seconds=by_reason[reason])
    extreme = severity is Severity.EXTREME and settings.retry_after_extreme
    steps = settings.retry_after_extreme if extreme else settings.retry_after
    return timedelta(seconds=steps[min(max(attempts, 1), len(steps)) - 1]) if steps else timedelta()
