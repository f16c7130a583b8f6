"""A stored dispatch as the pages show it: its row, its alert read back, and who did what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from alertd import cap, people, store
from alertd.alert import Alert
from alertd.audience import Audience
from alertd.errors import NotFound
from alertd.language import reading_order
from alertd.site import Site
from alertd.tables import AlertRow, ArtefactRow, DispatchRow, OperatorRow
from alertd.template import templates


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """One dispatch."""

    row: DispatchRow
    alert: Alert
    #: contacts by channel, as they were counted at submission
    counts: Mapping[str, int]
    #: names of the areas; empty for a correction, which goes to those who were reached
    areas: tuple[str, ...]
    groups: tuple[str, ...]
    everybody: bool
    audience: Audience
    households: int
    submitted_by: str
    approved_by: str | None
    #: the words are the operator's own
    free_text: bool
    #: it goes to those whom this dispatch did not reach; None = by areas and groups
    missed_by: int | None
    #: it goes to those whom this dispatch was for; None = by areas and groups
    told_by: int | None

    @property
    def id(self) -> int:
        """The dispatch's number."""
        return self.row.id


def to_read(session: Session, number: int) -> Sequence[ArtefactRow]:
    """The words and sounds of a dispatch, in each channel in the order in which people read them."""
    made = store.artefacts(session, number)
    return sorted(made, key=lambda one: (one.channel, reading_order(one.language)))


def stored(session: Session, site: Site, number: int) -> Stored:
    """The dispatch of that number. Raises NotFound."""
    row = store.dispatch(session, number)
    if row is None:
        raise NotFound(f"there is no dispatch {number}")
    alert = session.get_one(AlertRow, row.alert_id)
    audience = Audience.from_json(row.audience)
    places = {area.code: area for area in people.areas(session)}
    chosen = (
        list(places.values())
        if audience.everybody
        else [places[code] for code in audience.areas if code in places]
    )
    template = templates().get(row.template or "")
    return Stored(
        row=row,
        alert=cap.parse(alert.document),
        counts={name: int(count) for name, count in row.counts.items()},
        areas=tuple(place.name for place in chosen),
        groups=audience.groups,
        everybody=audience.everybody,
        audience=audience,
        households=sum(place.households for place in chosen),
        submitted_by=_name(session, row.submitted_by) or "",
        approved_by=_name(session, row.approved_by),
        missed_by=audience.missed,
        told_by=audience.told,
        free_text=template is None or any(blank.whole for blank in template.blanks),
    )


def _name(session: Session, operator_id: int | None) -> str | None:
    operator = session.get(OperatorRow, operator_id) if operator_id is not None else None
    return operator.name if operator is not None else None
