"""Correcting: the correction that is prepared with every alert is spoken beforehand, and sent by one click."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from alertd import artefact, audit, cap, papers, store
from alertd.correction import cancellation
from alertd.db import reading, writing
from alertd.dispatch import Move, Person, State, move
from alertd.errors import NotFound, SpeechError
from alertd.render import render
from alertd.site import Site
from alertd.speech import Sound
from alertd.tables import AlertRow, ArtefactRow, DispatchRow

log = logging.getLogger(__name__)

#: how long a correction may still be sent
LIFE = timedelta(hours=6)


def silent(session: Session, site: Site, dispatch_id: int) -> Sequence[ArtefactRow]:
    """The artefacts of the prepared correction of a dispatch that still lack the sound that they need."""
    row = store.correction_of(session, dispatch_id)
    if row is None or row.state is not State.DRAFT:
        return ()
    return [
        made
        for made in store.artefacts(session, row.id)
        if made.audio_digest is None and site.channel(made.channel).traits.audio is not None
    ]


def unsent(session: Session, dispatch_id: int) -> bool:
    """Whether the prepared correction of a dispatch still waits."""
    row = store.correction_of(session, dispatch_id)
    return row is not None and row.state is State.DRAFT


def speak(site: Site, dispatch_id: int) -> int:
    """Makes the sounds of the prepared correction; returns how many were made.

    Done after the alert was submitted, so that nobody waits for it; twice is harmless.
    A sound that no voice can make is left out: the far end speaks the words itself.
    """
    with reading(site.engine) as session:
        missing = [(made.id, made.channel, made.language) for made in silent(session, site, dispatch_id)]
        row = store.correction_of(session, dispatch_id)
        if row is None or not missing:
            return 0
        alert = cap.parse(session.get_one(AlertRow, row.alert_id).document)
    sounds: dict[int, Sound] = {}
    spoken: list[tuple[str, str]] = []
    for number, channel, language in missing:
        traits = site.channel(channel).traits
        words = render(alert, language, traits.medium, site.config.city, signals=traits.signals)
        if words.script is None or traits.audio is None:
            continue
        try:
            sound = site.synthesizer.speak(words.script, traits.audio)
        except SpeechError as error:
            log.error("no voice could make a correction's sound: %s", error)
            spoken.append((language, str(error)))
            continue
        spoken.append((language, sound.ailing))
        artefact.keep(sound.path, artefact.archive_path(site.config.storage / "audio", sound))
        sounds[number] = sound
    with writing(site.engine) as session:
        row = store.correction_of(session, dispatch_id)
        if row is None or row.state is not State.DRAFT:
            return 0
        papers.note_voices(session, spoken, site.clock.now())
        for number, sound in sounds.items():
            made = session.get_one(ArtefactRow, number)
            made.audio_digest, made.audio_seconds = sound.digest, sound.seconds
            made.voice, made.reading, made.unread = sound.voice, sound.reading, sound.unread
    return len(sounds)


def send(
    session: Session, site: Site, wrong: DispatchRow, alert: AlertRow, person: Person, now: datetime
) -> int:
    """Lets the prepared correction of a stopped dispatch go out; returns its number.

    It goes to exactly those who were reached or are being reached (`plan`). Raises
    MoveRefused or NotFound.
    """
    row = store.correction_of(session, wrong.id)
    if row is None:
        raise NotFound(f"no correction was prepared for dispatch {wrong.id}")
    document = session.get_one(AlertRow, row.alert_id)
    circumstances = replace(papers.circumstances(site, row, document), status=alert.status)
    sent = now.replace(microsecond=0)
    correction = cancellation(
        cap.parse(alert.document),
        identifier=document.identifier,
        sent=sent,
        expires=now + LIFE,
        city=site.config.city,
    )
    document.document, document.sent = cap.write(correction), sent
    row.state = move(circumstances, Move.CORRECT, person)
    row.expires_at = now + LIFE
    row.submitted_by, row.submitted_at = person.id, now
    row.approved_by, row.approved_at = person.id, now
    row.content_hash = papers.stored_hash(session, row, document)
    audit.note(
        session,
        at=now,
        actor=person.name,
        action="dispatch.corrected",
        subject=f"dispatch:{row.id}",
        detail={
            "corrects": wrong.id,
            "content_hash": row.content_hash,
            "voices": {
                f"{made.channel}/{made.language}": made.voice
                for made in store.artefacts(session, row.id)
                if made.voice
            },
        },
    )
    return row.id
