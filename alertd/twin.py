"""A twin: a real alert of the same kind for some of the same people, minutes after another one.

Whoever hands it in says which it is: more to say about the one before (続報), or an alert of
its own, and why. Nothing is stored before that: a second send by mistake looks just like a
new alert. Drills are asked nothing, and nothing is asked because of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from alertd.alert import Alert, ResponseType, Status
from alertd.audience import Audience
from alertd.dispatch import State
from alertd.errors import Problem, SentJustBefore, WrongAlert
from alertd.follow_up import FollowUp
from alertd.hazard import HAZARD_CODE, LEVEL_PARAMETER, hazard_of
from alertd.papers import Submission
from alertd.store import recent
from alertd.store.published import alert_in

#: for so long after one alert another of its kind is asked about
WITHIN = timedelta(minutes=10)
#: characters of the reason for an alert of its own
SHORTEST_REASON, LONGEST_REASON = 5, 300
_WENT_OUT = (State.APPROVED, State.SENDING, State.FINISHED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Twin:
    """An alert that was there before."""

    number: int
    headline: str
    submitted_at: datetime
    #: it was let go, so that there is something to follow up; else it waits for approval
    went_out: bool


def twins(session: Session, submission: Submission, now: datetime) -> Sequence[Twin]:
    """The alerts of which this one may be a twin, the latest first; of drills for a drill."""
    mine = submission.alert.status is Status.ACTUAL
    statuses = [status for status in Status if (status is Status.ACTUAL) is mine]
    kind = _kind(submission.alert)
    return tuple(
        Twin(
            number=row.id,
            headline=alert.headline,
            submitted_at=row.submitted_at,
            went_out=row.state in _WENT_OUT,
        )
        for row, alert in recent.handed_in(session, statuses, now - WITHIN)
        if overlap(submission.audience, Audience.from_json(row.audience))
        and (
            (submission.template is not None and submission.template == row.template)
            or _kind(alert_in(alert.document)) == kind
        )
    )


def unanswered(session: Session, submission: Submission, now: datetime) -> Sequence[Twin]:
    """The twins, as long as the author has not said of one of them what this alert is to it.

    An update answers for the alert that it follows and for those before it; a reason for all
    that its author was shown (`beside`; None = all). Corrections, all-clears, what takes the
    place of an alert, and the same words again to those who were missed are answers in themselves.
    """
    if submission.audience.missed is not None or submission.follow_up not in (None, FollowUp.UPDATE):
        return ()
    found = twins(session, submission, now)
    answered = {one.number for one in found if one.number <= (submission.follows or 0)}
    if submission.anew:
        answered |= {one.number for one in found} if submission.beside is None else set(submission.beside)
    return found if {one.number for one in found} - answered else ()


def check(session: Session, submission: Submission, now: datetime) -> None:
    """Raises SentJustBefore for a real alert as long as a twin of it is `unanswered`."""
    if submission.alert.status is not Status.ACTUAL:
        return
    _check_reason(submission.anew)
    found = unanswered(session, submission, now)
    if found:
        raise SentJustBefore([one.number for one in found])


def overlap(one: Audience, other: Audience) -> bool:
    """Whether the two may mean the same person; nobody knows where the people of a group live."""
    mine, theirs = _places(one), _places(other)
    return mine is None or theirs is None or bool(mine & theirs)


def _places(audience: Audience) -> frozenset[str] | None:
    """Codes of areas; None = anywhere."""
    if not audience.areas or any(one.everybody for one in audience.elsewhere):
        return None
    return frozenset(audience.areas).union(*(one.areas for one in audience.elsewhere))


def _kind(alert: Alert) -> tuple[object, ...]:
    """What an alert is about: hazard and level, or the event where it has no level; and whether it lifts it."""
    info = alert.infos[0]
    hazard, level = hazard_of(info.event_code(HAZARD_CODE)), info.parameter(LEVEL_PARAMETER)
    return hazard, level or info.event, ResponseType.ALL_CLEAR in info.response_types


def _check_reason(reason: str) -> None:
    if reason and (not SHORTEST_REASON <= len(reason) <= LONGEST_REASON or not reason.isprintable()):
        raise WrongAlert(
            Problem(
                "anew",
                f"say in one line of {SHORTEST_REASON} to {LONGEST_REASON} characters why it is an alert of its own",
                f"新しい警報とする理由を、1行{SHORTEST_REASON}～{LONGEST_REASON}文字で書いてください。",
            )
        )
