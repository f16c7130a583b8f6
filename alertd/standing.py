"""The standing of the city: which orders hold now, asked of the database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from alertd.alert import Area, Reference, Status
from alertd.db import reading
from alertd.orders import Order, Spell, codes, followed, in_force, spells
from alertd.site import Site
from alertd.store.published import alert_in, area_names, went_out
from alertd.template import Template


def orders(session: Session, now: datetime, *, status: Status = Status.ACTUAL) -> tuple[Order, ...]:
    """What holds now, gravest first."""
    alerts = [alert_in(document) for document in went_out(session)]
    return in_force(alerts, area_names(session), now, status=status)


def history(session: Session) -> tuple[Spell, ...]:
    """Every order that went out, and when it ended."""
    return spells([alert_in(document) for document in went_out(session)], area_names(session))


def replaced_by(
    site: Site, template: Template, areas: Sequence[Area], *, status: Status
) -> tuple[Reference, ...]:
    """The documents that a new alert by this template for these areas replaces; with any it is an Update."""
    with reading(site.engine) as session:
        standing = orders(session, site.clock.now(), status=status)
        mine = codes(areas, area_names(session))
    return followed(standing, template.hazard, mine, level=template.level, responses=template.responses)
