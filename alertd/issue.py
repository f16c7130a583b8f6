"""Issuing: submit, approve, override, reject, cancel. Each commit is the promise; the broker is never asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from alertd import artefact, audit, cap, lint, people, store
from alertd.alert import Alert, MsgType, Severity, Status
from alertd.artefact import Artefact
from alertd.audience import Audience, audience_hash
from alertd.channel import Outcome, Recalls
from alertd.correction import cancellation
from alertd.db import reading, writing
from alertd.dispatch import Circumstances, Move, Person, State, move
from alertd.errors import (
    ChannelMisconfigured,
    MoveRefused,
    NotFound,
    Problem,
    WrongAlert,
    WrongAudience,
    WrongConfiguration,
)
from alertd.site import Site
from alertd.tables import AlertRow, ArtefactRow, DispatchRow

#: how long a correction may still be sent
CORRECTION_LIFE = timedelta(hours=6)
#: how long an alert without `expires` may still be sent
DEFAULT_LIFE = timedelta(hours=6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What an operator hands in: the alert, to whom, over which channel sections."""

    alert: Alert
    audience: Audience
    channels: Sequence[str]
    #: the template it was made from
    template: str | None = None
    #: that template is for a threat to life: one person may send it in an emergency
    life_threat: bool = False


def submit(site: Site, submission: Submission, person: Person) -> int:
    """Stores an alert with its finished words and sounds, for a second person to approve.

    1. Check the words, the channels and the audience; nothing is stored when one is wrong.
    2. Make every word and sound, and those of the correction that calls it all off.
    3. Store everything in one transaction with the audit row.

    Returns the number of the dispatch. Raises WrongAlert, WrongAudience, NotFound or
    MoveRefused.
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
    )
    state = move(circumstances, Move.SUBMIT, person)
    _check_words(site, alert, now)
    _check_channels(site, submission)
    counts = audience_counts(site, submission.audience, submission.channels)
    artefacts = _artefacts(site, alert, submission)
    correction = cancellation(
        alert,
        identifier=f"{alert.identifier}.cancel",
        sent=now.replace(microsecond=0),
        expires=now + CORRECTION_LIFE,
        city=site.config.city,
    )
    correcting = _artefacts(site, correction, submission)
    with writing(site.engine) as session:
        row = _store(session, submission, artefacts, counts, state, person, now)
        calling_off = _store(
            session, replace(submission, alert=correction), correcting, counts, State.DRAFT, person, now
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
                "voices": sorted({made.sound.voice for made in artefacts if made.sound is not None}),
            },
        )
        return row.id


def audience_counts(site: Site, audience: Audience, channels: Sequence[str]) -> Mapping[str, int]:
    """How many contacts a submission would reach by channel. Raises WrongAudience when nobody."""
    with reading(site.engine) as session:
        counts = people.count(session, audience, [site.line(name) for name in channels])
    if not sum(counts.values()):
        raise WrongAudience(
            Problem("audience", "nobody would be reached; check the areas, groups and channels")
        )
    return counts


def approve(site: Site, dispatch_id: int, person: Person, *, seen: str) -> None:
    """Lets a submitted dispatch go out; when this returns, it is promised.

    `seen` is the content hash of what the approver was shown: approving anything else
    is refused. Raises MoveRefused or NotFound.
    """
    _let_go(site, dispatch_id, person, Move.APPROVE, seen=seen, reason=None)


def override(site: Site, dispatch_id: int, person: Person, *, seen: str, reason: str) -> None:
    """Lets one person send a life-threat template in an emergency; the reason stays in the audit trail."""
    _let_go(site, dispatch_id, person, Move.OVERRIDE, seen=seen, reason=reason)


def _let_go(
    site: Site, dispatch_id: int, person: Person, step: Move, *, seen: str, reason: str | None
) -> None:
    now = site.clock.now()
    with writing(site.engine) as session:
        row, alert = locked(session, dispatch_id)
        state = move(_circumstances(site, row, alert, reason or ""), step, person)
        if seen != row.content_hash or stored_hash(session, row, alert) != row.content_hash:
            raise MoveRefused(
                "what you were shown is not what is stored; open the alert again and read it anew"
            )
        if row.expires_at <= now:
            raise MoveRefused("the alert has expired; write it anew with the present facts")
        row.state, row.approved_by, row.approved_at, row.override_reason = state, person.id, now, reason
        audit.note(
            session,
            at=now,
            actor=person.name,
            action=f"dispatch.{'approved' if step is Move.APPROVE else 'overridden'}",
            subject=f"dispatch:{row.id}",
            detail={
                "content_hash": row.content_hash,
                "audience_hash": row.audience_hash,
                "status": alert.status,
                **({"reason": reason} if reason else {}),
            },
        )


def reject(site: Site, dispatch_id: int, person: Person, *, reason: str) -> None:
    """Says no to a submitted dispatch. Raises MoveRefused or NotFound."""
    now = site.clock.now()
    with writing(site.engine) as session:
        row, alert = locked(session, dispatch_id)
        row.state = move(_circumstances(site, row, alert), Move.REJECT, person)
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

    Telephones that still ring are looked at at once, so that they fall silent.

    The correction goes to exactly those who were reached or are being reached, over the
    same channels, never before their alert. Returns its dispatch's number. Twice is
    harmless: the second call is refused.
    """
    now = site.clock.now()
    with writing(site.engine) as session:
        row, alert = locked(session, dispatch_id)
        went_out = row.state in (State.APPROVED, State.SENDING, State.FINISHED)
        row.state = move(_circumstances(site, row, alert), Move.CANCEL, person)
        row.cancelled_at = now
        stopped = store.close_open(session, row.id, Outcome.CANCELLED, "stopped by an operator", now)
        for name in row.channels:
            if _can_recall(site, name):
                store.look_at_once(session, row.id, name, now)
        audit.note(
            session,
            at=now,
            actor=person.name,
            action="dispatch.cancelled",
            subject=f"dispatch:{row.id}",
            detail={"reason": reason, "stopped": stopped, "correction": correct},
        )
        if not (correct and went_out and alert.msg_type is not MsgType.CANCEL):
            return None
        return _send_correction(session, site, row, alert, person, now)


def _can_recall(site: Site, name: str) -> bool:
    try:
        return isinstance(site.channel(name), Recalls)
    except (NotFound, WrongConfiguration, ChannelMisconfigured):
        return False


def _send_correction(
    session: Session, site: Site, wrong: DispatchRow, alert: AlertRow, person: Person, now: datetime
) -> int:
    row = store.correction_of(session, wrong.id)
    if row is None:
        raise NotFound(f"no correction was prepared for dispatch {wrong.id}")
    document = session.get_one(AlertRow, row.alert_id)
    circumstances = replace(_circumstances(site, row, document), status=alert.status)
    sent = now.replace(microsecond=0)
    correction = cancellation(
        cap.parse(alert.document),
        identifier=document.identifier,
        sent=sent,
        expires=now + CORRECTION_LIFE,
        city=site.config.city,
    )
    document.document, document.sent = cap.write(correction), sent
    row.state = move(circumstances, Move.CORRECT, person)
    row.expires_at = now + CORRECTION_LIFE
    row.submitted_by, row.submitted_at = person.id, now
    row.approved_by, row.approved_at = person.id, now
    row.content_hash = stored_hash(session, row, document)
    audit.note(
        session,
        at=now,
        actor=person.name,
        action="dispatch.corrected",
        subject=f"dispatch:{row.id}",
        detail={"corrects": wrong.id, "content_hash": row.content_hash},
    )
    return row.id


def locked(session: Session, dispatch_id: int) -> tuple[DispatchRow, AlertRow]:
    """A dispatch that nobody else can move, with its alert. Raises NotFound."""
    row = store.dispatch(session, dispatch_id, lock=True)
    if row is None:
        raise NotFound(f"there is no dispatch {dispatch_id}; `alertd alert list` shows them")
    return row, session.get_one(AlertRow, row.alert_id)


def stored_hash(session: Session, row: DispatchRow, alert: AlertRow) -> str:
    """The content hash of what is stored now; differs from the approved one after tampering."""
    return artefact.content_hash(
        alert.document,
        [
            {
                "channel": made.channel,
                "language": made.language,
                "headline": made.headline,
                "text": made.text,
                "short_text": made.short_text,
                "audio_digest": made.audio_digest,
            }
            for made in store.artefacts(session, row.id)
        ],
    )


def _circumstances(site: Site, row: DispatchRow, alert: AlertRow, reason: str = "") -> Circumstances:
    return Circumstances(
        state=row.state,
        status=alert.status,
        submitted_by=row.submitted_by,
        exercise_people=site.config.approval.exercise,
        life_threat=row.life_threat,
        severity=list(Severity)[row.priority],
        reason=reason,
    )


def _check_words(site: Site, alert: Alert, now: datetime) -> None:
    if alert.status not in (Status.ACTUAL, Status.EXERCISE, Status.TEST):
        raise WrongAlert(
            Problem("status", f"“{alert.status}” is never sent to people; use Actual, Exercise or Test")
        )
    if expires_at(alert, now) <= now:
        raise WrongAlert(Problem("expires", "the alert has already expired; give a later time"))
    blocks = [
        Problem(finding.field, f"{finding.message} ({finding.message_en})")
        for finding in lint.lint(alert, site.config.city, now=now)
        if finding.severity == "block"
    ]
    if blocks:
        raise WrongAlert(blocks)


def expires_at(alert: Alert, now: datetime) -> datetime:
    """Until when the alert may be handed over: the latest `expires` of its infos."""
    return max((info.expires for info in alert.infos if info.expires), default=now + DEFAULT_LIFE)


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


def _artefacts(site: Site, alert: Alert, submission: Submission) -> tuple[Artefact, ...]:
    with reading(site.engine) as session:
        wanted = {
            name: people.languages(session, submission.audience, site.line(name))
            for name in submission.channels
        }
    return artefact.prepare(
        alert,
        {name: site.channel(name).traits for name in submission.channels},
        wanted,
        site.config.city,
        site.synthesizer,
        site.config.storage / "audio",
    )


def _store(
    session: Session,
    submission: Submission,
    artefacts: Sequence[Artefact],
    counts: Mapping[str, int],
    state: State,
    person: Person,
    now: datetime,
) -> DispatchRow:
    alert = submission.alert
    known = store.alert_by_reference(session, alert.reference)
    if known is not None:
        raise WrongAlert(
            Problem("identifier", f"{alert.identifier} was submitted before; it is the same alert")
        )
    document = AlertRow(
        identifier=alert.identifier,
        sender=alert.sender,
        sent=alert.sent,
        status=alert.status,
        msg_type=alert.msg_type,
        headline=(alert.infos[0].headline or alert.infos[0].event)[:300],
        document=cap.write(alert),
        created_at=now,
    )
    session.add(document)
    session.flush()
    rows = [
        ArtefactRow(
            channel=made.channel,
            language=made.language,
            headline=made.words.headline,
            text=made.words.text,
            short_text=made.words.short_text,
            audio_digest=made.sound.digest if made.sound else None,
            audio_seconds=made.sound.seconds if made.sound else None,
            voice=made.sound.voice if made.sound else None,
            reading=made.sound.reading if made.sound else None,
            unread=made.sound.unread if made.sound else None,
        )
        for made in artefacts
    ]
    row = DispatchRow(
        alert_id=document.id,
        state=state,
        priority=list(Severity).index(alert.severity),
        template=submission.template,
        life_threat=submission.life_threat,
        audience=submission.audience.as_json(),
        channels=list(submission.channels),
        counts=dict(counts),
        content_hash="",
        audience_hash=audience_hash(submission.audience, counts),
        expires_at=expires_at(alert, now),
        submitted_by=person.id,
        submitted_at=now,
    )
    session.add(row)
    session.flush()
    for made in rows:
        made.dispatch_id = row.id
    session.add_all(rows)
    session.flush()
    row.content_hash = stored_hash(session, row, document)
    return row
