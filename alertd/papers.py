"""The papers of a dispatch: its document, its finished words and sounds, and the hash that binds them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from alertd import artefact, cap, people, store
from alertd.alert import Alert
from alertd.artefact import Artefact
from alertd.audience import Audience, audience_hash
from alertd.db import reading
from alertd.dispatch import Circumstances, Person, State
from alertd.errors import NotFound, Problem, WrongAlert
from alertd.follow_up import FollowUp
from alertd.site import Site
from alertd.tables import AlertRow, ArtefactRow, DispatchRow

#: how long an alert without `expires` may still be sent
DEFAULT_LIFE = timedelta(hours=6)
#: the kind of alarm that says that a language is not spoken by its first voice
SPEECH_ALARM = "speech"
#: the kind of alarm that says that an approved alert did not begin in time and has to be approved anew
LAPSED = "lapsed"
#: the kind of alarm that is on for what a restored database holds back
HELD = "held"
#: the kind of alarm that is on until another approver has reviewed an emergency override
OVERRIDDEN = "override"
#: the kind of alarm that is on while somebody who may not send alone once more waits for an approver
ALONE = "alone"


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
    #: the step of a drill that it is made for
    drill_step: int | None = None
    #: the dispatch that it follows up, and how
    follows: int | None = None
    follow_up: FollowUp | None = None
    #: why it is an alert of its own, where one of its kind went before within minutes (alertd.twin)
    anew: str = ""
    #: the dispatches that its author was shown when they said so; None = whatever there is
    beside: tuple[int, ...] | None = None


def artefacts(
    site: Site, alert: Alert, submission: Submission, *, speak: bool = True
) -> tuple[Artefact, ...]:
    """The finished words, and the sounds unless they are to be made later, in the audience's languages."""
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
        site.synthesizer if speak else None,
        site.config.storage / "audio",
    )


def expires_at(alert: Alert, now: datetime) -> datetime:
    """Until when the alert may be handed over: the latest `expires` of its infos."""
    return max((info.expires for info in alert.infos if info.expires), default=now + DEFAULT_LIFE)


def file(
    session: Session,
    submission: Submission,
    artefacts: Sequence[Artefact],
    counts: Mapping[str, int],
    state: State,
    person: Person,
    now: datetime,
) -> DispatchRow:
    """Stores document, artefacts and dispatch in the caller's transaction. Raises WrongAlert for a known alert."""
    alert = submission.alert
    known = store.alert_by_reference(session, alert.reference)
    if known is not None:
        raise WrongAlert(
            Problem("identifier", f"{alert.identifier} was submitted before; it is the same alert")
        )
    note_voices(
        session,
        {
            (made.language, made.silence or (made.sound.ailing if made.sound else ""))
            for made in artefacts
            if made.sound or made.silence
        },
        now,
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
        priority=store.urgency(alert),
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
        drill_step_id=submission.drill_step,
        follows_id=submission.follows,
        follow_up=submission.follow_up,
        anew=submission.anew or None,
    )
    session.add(row)
    session.flush()
    for made in rows:
        made.dispatch_id = row.id
    session.add_all(rows)
    session.flush()
    row.content_hash = stored_hash(session, row, document)
    return row


def note_voices(session: Session, spoken: Iterable[tuple[str, str]], now: datetime) -> None:
    """Puts the alarm of a language on when its first voice failed, and off when it has spoken again.

    `spoken` are languages and what their voices suffer from; empty = nothing.
    """
    troubles: dict[str, str] = {}
    for language, trouble in spoken:
        troubles[language] = troubles.get(language) or trouble
    for language, trouble in troubles.items():
        if trouble:
            message = f"speech in {language}: {trouble}"
            store.raise_alarm(session, f"{SPEECH_ALARM}:{language}", message, now)
        else:
            store.clear_alarm(session, f"{SPEECH_ALARM}:{language}")


def voices(artefacts: Iterable[Artefact]) -> dict[str, str]:
    """Who speaks, by channel/language: for the audit trail."""
    return {f"{made.channel}/{made.language}": made.sound.voice for made in artefacts if made.sound}


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


def circumstances(site: Site, row: DispatchRow, alert: AlertRow, reason: str = "") -> Circumstances:
    """What the rules of `alertd.dispatch` need to know of a stored dispatch."""
    return Circumstances(
        state=row.state,
        status=alert.status,
        submitted_by=row.submitted_by,
        exercise_people=site.config.approval.exercise,
        life_threat=row.life_threat,
        severity=store.severity(row),
        scheduled=row.drill_step_id is not None,
        alone="recipient" in row.audience,
        reason=reason,
    )
