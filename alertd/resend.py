"""Resending: the same words once more, to exactly those whom a dispatch has reached in no way."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import timedelta

from alertd import cap, issue, store
from alertd.alert import MsgType
from alertd.audience import Audience
from alertd.channel import Medium
from alertd.db import reading
from alertd.dispatch import Person, State
from alertd.errors import MoveRefused, NotFound
from alertd.issue import Submission
from alertd.site import Site
from alertd.tables import AlertRow


def resend(site: Site, dispatch_id: int, person: Person) -> int:
    """Hands in the alert once more, for a second person to approve; returns the new dispatch.

    It is an Update that refers to the alert, may be sent for as long as that could, and
    goes by what reaches persons: no station and no loudspeaker says it again. Raises
    NotFound, MoveRefused, and WrongAudience when nobody was missed.
    """
    now = site.clock.now().replace(microsecond=0)
    with reading(site.engine) as session:
        row = store.dispatch(session, dispatch_id)
        if row is None:
            raise NotFound(f"there is no dispatch {dispatch_id}")
        if row.state not in (State.SENDING, State.FINISHED) or row.corrects_id is not None:
            raise MoveRefused("only an alert that went out and was not called off can be sent once more")
        alert = cap.parse(session.get_one(AlertRow, row.alert_id).document)
        template, life_threat, names = row.template, row.life_threat, list(row.channels)
    city, life = site.config.city, (alert.expires or now) - alert.sent
    again = replace(
        alert,
        identifier=f"{city.code}.{now:%Y%m%dT%H%M%S}.{secrets.token_hex(4)}",
        sent=now,
        msg_type=MsgType.UPDATE,
        references=(alert.reference,),
        infos=tuple(replace(info, expires=now + max(life, timedelta(minutes=1))) for info in alert.infos),
    )
    personal = [
        name
        for name in names
        if name in site.settings and site.channel(name).traits.medium in (Medium.TEXT, Medium.CALL)
    ]
    submission = Submission(
        alert=again,
        audience=Audience(missed=dispatch_id),
        channels=personal,
        template=template,
        life_threat=life_threat,
    )
    return issue.submit(site, submission, person)
