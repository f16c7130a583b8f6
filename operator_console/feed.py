"""The feed: public alerts that went out, as CAP documents and an Atom list of them.

Sources: OASIS CAP 1.2; RFC 4287.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC

from lxml import etree
from sqlalchemy import select
from sqlalchemy.orm import Session

from alertd import cap
from alertd.alert import Alert, Scope, Status
from alertd.db import reading
from alertd.site import Site
from alertd.tables import AlertRow, DispatchRow

#: alerts in the list
LATEST = 50
_ATOM = "http://www.w3.org/2005/Atom"
_SHOWN = (Status.ACTUAL, Status.EXERCISE)


def feed(site: Site) -> bytes:
    """The latest alerts as an Atom feed, newest first."""
    base = site.config.public_url
    root = etree.Element(f"{{{_ATOM}}}feed", nsmap={None: _ATOM})
    _add(root, "id", f"{base}/cap/feed.atom")
    _add(root, "title", f"{site.config.city.name} / {site.config.city.name_en}")
    etree.SubElement(root, f"{{{_ATOM}}}link", rel="self", href=f"{base}/cap/feed.atom")
    with reading(site.engine) as session:
        alerts = list(_public(_went_out(session)))
    latest = alerts[0].sent if alerts else site.clock.now()
    _add(root, "updated", latest.astimezone(UTC).isoformat(timespec="seconds"))
    author = etree.SubElement(root, f"{{{_ATOM}}}author")
    _add(author, "name", site.config.city.name)
    for alert in alerts:
        address = f"{base}/cap/{alert.identifier}.xml"
        entry = etree.SubElement(root, f"{{{_ATOM}}}entry")
        _add(entry, "id", address)
        _add(entry, "title", _title(alert))
        _add(entry, "updated", alert.sent.astimezone(UTC).isoformat(timespec="seconds"))
        etree.SubElement(entry, f"{{{_ATOM}}}link", rel="alternate", type="application/cap+xml", href=address)
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True)


def document(site: Site, identifier: str) -> bytes | None:
    """The CAP document of that identifier, when it is public and went out; else None."""
    with reading(site.engine) as session:
        rows = _went_out(session, identifier)
    return next((row.document for row in rows if cap.parse(row.document).scope is Scope.PUBLIC), None)


def _went_out(session: Session, identifier: str | None = None) -> Sequence[AlertRow]:
    query = (
        select(AlertRow)
        .join(DispatchRow, DispatchRow.alert_id == AlertRow.id)
        .where(DispatchRow.first_at.is_not(None), AlertRow.status.in_(_SHOWN))
        .order_by(DispatchRow.id.desc())
        .limit(LATEST)
    )
    return session.scalars(
        query if identifier is None else query.where(AlertRow.identifier == identifier)
    ).all()


def _public(rows: Sequence[AlertRow]) -> Iterator[Alert]:
    for row in rows:
        alert = cap.parse(row.document)
        if alert.scope is Scope.PUBLIC:
            yield alert


def _title(alert: Alert) -> str:
    """The headline; a drill says so first."""
    info = alert.infos[0] if alert.infos else None
    headline = (info.headline or info.event) if info is not None else alert.identifier
    return headline if alert.status is Status.ACTUAL else f"【訓練】{headline}"


def _add(parent: etree._Element, name: str, content: str) -> None:
    etree.SubElement(parent, f"{{{_ATOM}}}{name}").text = content
