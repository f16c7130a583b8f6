"""The feed: public alerts that went out, as CAP documents, an Atom list of them, and the same in JSON.

Sources: OASIS CAP 1.2; RFC 4287; RFC 7946; RFC 9110, chapter 13 (conditional requests).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

from fastapi import Request, Response
from fastapi.responses import PlainTextResponse
from lxml import etree

from alertd import cap, standing
from alertd.alert import Alert
from alertd.cap import out as cap_out
from alertd.cap import signature
from alertd.cap.json import as_json
from alertd.db import reading
from alertd.in_force_map import feature_collection
from alertd.outline import outlines
from alertd.renewal import is_renewal
from alertd.site import Site
from alertd.store.published import alert_in, mark, went_out

#: alerts in the list
LATEST = 50
_ATOM = "http://www.w3.org/2005/Atom"
#: a reader may keep an answer for so long before it asks again, in seconds
_FRESH = 10


#: a list as it is answered: its content, and when it last changed
_Made = tuple[bytes, datetime | None]


class Feed:
    """The pages below /cap of one installation. A list is made anew when something went out."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._made: dict[str, tuple[object, _Made]] = {}

    def atom(self, request: Request) -> Response:
        """GET /cap/feed.atom"""

        def make() -> _Made:
            alerts = self._latest()
            return _atom(alerts, self._site), _newest(alerts)

        return _answer(request, *self._once("atom", make), "application/atom+xml; charset=utf-8")

    def json(self, request: Request) -> Response:
        """GET /cap/feed.json: the latest alerts, newest first."""

        def make() -> _Made:
            alerts = self._latest()
            return _json([as_json(alert) for alert in alerts]), _newest(alerts)

        return _answer(request, *self._once("json", make), "application/json")

    def in_force(self, request: Request) -> Response:
        """GET /cap/in-force.geojson: one feature for each area and hazard that holds now."""

        def make() -> _Made:
            with reading(self._site.engine) as session:
                orders = standing.orders(session, self._site.clock.now())
                known = outlines(session)
            content = _json(feature_collection(orders, known, self._site.config.city))
            return content, max((order.since for order in orders), default=None)

        return _answer(request, *self._once("in-force", make), "application/geo+json")

    def document(self, identifier: str, request: Request) -> Response:
        """GET /cap/IDENTIFIER.xml"""
        return self._one(
            identifier,
            request,
            lambda stored: self._signed(cap_out.document(stored)),
            "application/cap+xml; charset=utf-8",
        )

    def document_json(self, identifier: str, request: Request) -> Response:
        """GET /cap/IDENTIFIER.json"""
        return self._one(
            identifier,
            request,
            lambda stored: _json(as_json(cap_out.published(alert_in(stored)))),
            "application/json",
        )

    def _signed(self, document: bytes) -> bytes:
        key = self._site.config.web.signing_key
        return document if key is None else signature.signed(document, key.get_secret_value())

    def _one(
        self, identifier: str, request: Request, written: Callable[[bytes], bytes], media_type: str
    ) -> Response:
        with reading(self._site.engine) as session:
            stored = next(iter(went_out(session, identifier=identifier, limit=1)), None)
            if stored is None and is_renewal(identifier):
                renewed = standing.renewed(session, self._site.clock.now())
                stored = next((cap.write(one) for one in renewed if one.identifier == identifier), None)
        if stored is None:
            return PlainTextResponse("Not found.", 404)
        return _answer(request, written(stored), alert_in(stored).sent, media_type)

    def _once(self, name: str, make: Callable[[], _Made]) -> _Made:
        """What `make` gives, again only when another alert went out or the answer is no longer fresh."""
        with reading(self._site.engine) as session:
            key = (mark(session), int(self._site.clock.now().timestamp()) // _FRESH)
        known = self._made.get(name)
        if known is None or known[0] != key:
            known = self._made[name] = (key, make())
        return known[1]

    def _latest(self) -> list[Alert]:
        """What went out, and what keeps it alive, the newest first."""
        with reading(self._site.engine) as session:
            told = [cap_out.published(alert_in(found)) for found in went_out(session, limit=LATEST)]
            renewed = standing.renewed(session, self._site.clock.now())
        # at the same moment, what was told last goes first
        return sorted([*told, *reversed(renewed)], key=lambda alert: alert.sent, reverse=True)[:LATEST]


def _atom(alerts: Sequence[Alert], site: Site) -> bytes:
    base = site.config.public_url
    root = etree.Element(f"{{{_ATOM}}}feed", nsmap={None: _ATOM})
    _add(root, "id", f"{base}/cap/feed.atom")
    _add(root, "title", f"{site.config.city.name} / {site.config.city.name_en}")
    etree.SubElement(root, f"{{{_ATOM}}}link", rel="self", href=f"{base}/cap/feed.atom")
    _add(root, "updated", (_newest(alerts) or datetime(1970, 1, 1, tzinfo=UTC)).isoformat(timespec="seconds"))
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


def _title(alert: Alert) -> str:
    info = alert.infos[0] if alert.infos else None
    return (info.headline or info.event) if info is not None else alert.identifier


def _add(parent: etree._Element, name: str, content: str) -> None:
    etree.SubElement(parent, f"{{{_ATOM}}}{name}").text = content


def _newest(alerts: Sequence[Alert]) -> datetime | None:
    return max((alert.sent for alert in alerts), default=None)


def _json(content: object) -> bytes:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def _answer(request: Request, content: bytes, modified: datetime | None, media_type: str) -> Response:
    """The content, or 304 for a reader that has it; the tag speaks before the time (RFC 9110, 13.2.2)."""
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": f"public, max-age={_FRESH}", "Access-Control-Allow-Origin": "*"}
    if modified is not None:
        headers["Last-Modified"] = format_datetime(
            modified.astimezone(UTC).replace(microsecond=0), usegmt=True
        )
    known = request.headers.get("if-none-match")
    if known is not None:
        same = known.strip() == "*" or tag in [one.strip().removeprefix("W/") for one in known.split(",")]
    else:
        since = _http_date(request.headers.get("if-modified-since"))
        same = since is not None and modified is not None and modified.replace(microsecond=0) <= since
    if same:
        return Response(status_code=304, headers=headers)
    return Response(content, headers={**headers, "Content-Type": media_type})


def _http_date(text: str | None) -> datetime | None:
    try:
        found = parsedate_to_datetime(text) if text else None
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found is not None and found.tzinfo is None else found
