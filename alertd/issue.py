"""Issuing: submit, approve, reject, cancel. Each commit is the promise; the broker is never asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy.orm import Session

from alertd import audit, hourly, lint, papers, people, shelter, store, twin
from alertd import correct as correcting
from alertd.alert import Alert, MsgType, Status
from alertd.audience import Audience
from alertd.category import category_of
from alertd.channel import Outcome
from alertd.correction import cancellation
from alertd.db import reading, writing
from alertd.dispatch import MOVES, Circumstances, Move, Person, State, move
from alertd.errors import MoveRefused, Problem, WrongAlert, WrongAudience
from alertd.finding import Finding
from alertd.halt import can_recall
from alertd.papers import Submission
from alertd.site import Site
from alertd.store import recent
from alertd.tables import AlertRow, DispatchRow

#: how the audit trail calls the ways to approval
_DEEDS = {Move.APPROVE: "approved", Move.OVERRIDE: "overridden", Move.TRY: "tried"}

__all__ = ["Submission", "approve", "audience_counts", "cancel", "let_go", "reject", "submit"]


def submit(site: Site, submission: Submission, person: Person) -> int:
    """Stores an alert with its finished words and sounds, for a second person to approve.

    1. Check the words, the channels and the audience, and ask about a twin; nothing is
       stored when one is wrong, or its author has not answered.
    2. Make every word and sound, and the words of the correction that calls it all off;
       its sounds follow while the approver reads (`alertd.correct`).
    3. Store everything in one transaction with the audit row.

    Returns the number of the dispatch. Raises WrongAlert (SentJustBefore: see
    `alertd.twin`), WrongAudience, NotFound or MoveRefused.
    """
    alert = submission.alert
    now = site.clock.now()
    circumstances = Circumstances(
        state=State.DRAFT,
        status=alert.status,
        submitted_by=None,
        exercise_people=site.config.approval.exercise,
        life_threat=submission.life_threat,
        severity=alert.severity,
        alone=submission.audience.recipient is not None,
    )
    state = move(circumstances, Move.SUBMIT, person)
    _check_words(site, alert, now)
    _check_channels(site, submission)
    submission = replace(submission, audience=submission.audience.about(category_of(alert)))
    with reading(site.engine) as session:
        twin.check(session, submission, now)
    counts = audience_counts(site, submission.audience, submission.channels)
    artefacts = papers.artefacts(site, alert, submission)
    correction = cancellation(
        alert,
        identifier=f"{alert.identifier}.cancel",
        sent=now.replace(microsecond=0),
        expires=now + correcting.LIFE,
        city=site.config.city,
    )
    calling = papers.artefacts(site, correction, submission, speak=False)
    with writing(site.engine) as session:
        recent.one_at_a_time(session, recent.Guard.SUBMIT)
        twin.check(session, submission, now)  # once more: another one may have been faster
        row = papers.file(session, submission, artefacts, counts, state, person, now)
        calling_off = papers.file(
            session,
            replace(submission, alert=correction, drill_step=None, follows=None, follow_up=None, anew=""),
            calling,
            counts,
            State.DRAFT,
            person,
            now,
        )
        calling_off.corrects_id = row.id
        audit.note(
            session,
            at=now,
            actor=person.name,
            action="dispatch.submitted",
            subject=f"dispatch:{row.id}",
            detail={
                "identifier": alert.identifier,
                "status": alert.status,
                "content_hash": row.content_hash,
                "audience": row.audience,
                "counts": dict(counts),
                **_followed(submission),
                **({"anew": submission.anew} if submission.anew else {}),
                **_apart(session, submission.audience),
                "voices": papers.voices(artefacts),
            },
        )
        return row.id


def _followed(submission: Submission) -> Mapping[str, object]:
    if submission.follows is None:
        return {}
    return {"follows": submission.follows, "follow_up": submission.follow_up}


def _apart(session: Session, audience: Audience) -> Mapping[str, object]:
    """For the chronicle: which channels go to other areas than the rest, and what for."""
    if not audience.elsewhere:
        return {}
    names = {row.code: row.name for row in people.areas(session)}
    told = [
        f"{one.channel}: {'、'.join(names.get(code, code) for code in one.areas) or '市内全域'}"
        for one in audience.elsewhere
    ]
    return {"apart": told, "why": audience.why}


def audience_counts(site: Site, audience: Audience, channels: Sequence[str]) -> Mapping[str, int]:
    """How many contacts a submission would reach by channel. Raises WrongAudience when nobody."""
    with reading(site.engine) as session:
        counts = people.count(session, audience, [site.line(name) for name in channels])
        people.check_elsewhere(session, audience, counts, channels)
    if not sum(counts.values()):
        raise WrongAudience(
            Problem("audience", "nobody would be reached; check the areas, groups and channels")
        )
    return counts


def approve(site: Site, dispatch_id: int, person: Person, *, seen: str) -> None:
    """Lets a submitted dispatch go out; when this returns, it is promised.

    `seen` is the content hash of what the approver was shown: approving anything else
    is refused. Beyond the hourly number somebody who administers must agree (`alertd.hourly`).
    Raises MoveRefused or NotFound.
    """

    def besides(session: Session, row: DispatchRow, now: datetime) -> Mapping[str, object]:
        alert = session.get_one(AlertRow, row.alert_id)
        count = hourly.check(session, site, row, alert, person, now)
        return {} if count is None else {"this_hour": count}

    let_go(site, dispatch_id, person, Move.APPROVE, seen=seen, besides=besides)


def let_go(
    site: Site,
    dispatch_id: int,
    person: Person,
    step: Move,
    *,
    seen: str,
    reason: str | None = None,
    besides: Callable[[Session, DispatchRow, datetime], Mapping[str, object]] | None = None,
) -> None:
    """The one way from submitted to approved; `besides` runs in the same transaction. See `approve`.

    What it returns stands in the audit row too.
    """
    now = site.clock.now()
    with writing(site.engine) as session:
        row, alert = papers.locked(session, dispatch_id)
        state = move(papers.circumstances(site, row, alert, reason or ""), step, person)
        more = besides(session, row, now) if besides is not None else {}
        if seen != row.content_hash or papers.stored_hash(session, row, alert) != row.content_hash:
            raise MoveRefused(
                "what you were shown is not what is stored; open the alert again and read it anew"
            )
        if row.expires_at <= now:
            raise MoveRefused("the alert has expired; write it anew with the present facts")
        row.state, row.approved_by, row.approved_at, row.override_reason = state, person.id, now, reason
        _settle(session, row)
        audit.note(
            session,
            at=now,
            actor=person.name,
            action=f"dispatch.{_DEEDS[step]}",
            subject=f"dispatch:{row.id}",
            detail={
                "content_hash": row.content_hash,
                "audience_hash": row.audience_hash,
                "status": alert.status,
                **({"reason": reason} if reason else {}),
                **more,
            },
        )


def _settle(session: Session, row: DispatchRow) -> None:
    """It waits for an approver no more."""
    for kind in (papers.LAPSED, papers.ALONE):
        store.clear_alarm(session, f"{kind}:{row.id}")


def reject(site: Site, dispatch_id: int, person: Person, *, reason: str) -> None:
    """Says no to a submitted dispatch. Raises MoveRefused or NotFound."""
    now = site.clock.now()
    with writing(site.engine) as session:
        row, alert = papers.locked(session, dispatch_id)
        row.state = move(papers.circumstances(site, row, alert), Move.REJECT, person)
        _settle(session, row)
        row.finished_at = now
        audit.note(
            session,
            at=now,
            actor=person.name,
            action="dispatch.rejected",
            subject=f"dispatch:{row.id}",
            detail={"reason": reason},
        )


def cancel(site: Site, dispatch_id: int, person: Person, *, reason: str, correct: bool) -> int | None:
    """Stops what has not been handed over; with `correct`, sends the prepared correction.

    1. Stop, in one transaction; telephones that still ring are looked at at once, so
       that they fall silent.
    2. Make the correction's sounds, should they not be ready yet.
    3. Send the correction to exactly those who were reached or are being reached, over
       the same channels, never before their alert.

    Returns the correction's dispatch. Twice is harmless: the second call is refused,
    unless the correction of a stopped dispatch was not sent yet.
    """
    with writing(site.engine) as session:
        now = site.clock.now()
        row, alert = papers.locked(session, dispatch_id)
        went_out = row.planned_at is not None or row.state is State.APPROVED
        wanted = correct and went_out and alert.msg_type is not MsgType.CANCEL
        if not (wanted and row.state is State.CANCELLED and correcting.unsent(session, row.id)):
            _stop(session, site, row, alert, person, now, {"reason": reason, "correction": wanted})
        if not wanted:
            return None
        if not correcting.silent(session, site, row.id):
            return correcting.send(session, site, row, alert, person, now)
    correcting.speak(site, dispatch_id)
    with writing(site.engine) as session:
        row, alert = papers.locked(session, dispatch_id)
        return correcting.send(session, site, row, alert, person, site.clock.now())


def _stop(
    session: Session,
    site: Site,
    row: DispatchRow,
    alert: AlertRow,
    person: Person,
    now: datetime,
    detail: Mapping[str, object],
) -> None:
    move(papers.circumstances(site, row, alert), Move.CANCEL, person)
    halt(session, site, row, now, by=person.name, detail=detail)


def halt(
    session: Session, site: Site, row: DispatchRow, now: datetime, *, by: str, detail: Mapping[str, object]
) -> None:
    """Ends a locked dispatch for whoever may: nothing more is handed over, and what rings falls silent."""
    row.state = MOVES[row.state, Move.CANCEL]
    row.cancelled_at = now
    _settle(session, row)
    store.clear_alarm(session, f"{papers.HELD}:{row.id}")
    stopped = store.close_open(session, row.id, Outcome.CANCELLED, "stopped by an operator", now)
    for name in row.channels:
        if can_recall(site, name):
            store.look_at_once(session, row.id, name, now)
    audit.note(
        session,
        at=now,
        actor=by,
        action="dispatch.cancelled",
        subject=f"dispatch:{row.id}",
        detail={**detail, "stopped": stopped},
    )


def _check_words(site: Site, alert: Alert, now: datetime) -> None:
    if alert.status not in (Status.ACTUAL, Status.EXERCISE, Status.TEST):
        raise WrongAlert(
            Problem("status", f"“{alert.status}” is never sent to people; use Actual, Exercise or Test")
        )
    if papers.expires_at(alert, now) <= now:
        raise WrongAlert(Problem("expires", "the alert has already expired; give a later time"))
    blocks = [
        Problem(finding.field, f"{finding.message} ({finding.message_en})")
        for finding in (*lint.lint(alert, site.config.city, now=now), *_shelters(site, alert))
        if finding.severity == "block"
    ]
    if blocks:
        raise WrongAlert(blocks)


def _shelters(site: Site, alert: Alert) -> list[Finding]:
    with reading(site.engine) as session:
        return shelter.findings(shelter.shelters(session), alert)


def _check_channels(site: Site, submission: Submission) -> None:
    if not submission.channels:
        raise WrongAudience(Problem("channels", "no channel was chosen; name at least one"))
    for name in submission.channels:
        site.line(name)
        carried = site.settings[name].carries
        if submission.alert.status not in carried:
            raise WrongAlert(
                Problem(
                    "status",
                    f"channel “{name}” does not carry {submission.alert.status}, only {', '.join(carried)}; "
                    "choose another channel or change `carries` in its section",
                )
            )
