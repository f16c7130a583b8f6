"""The writer of CAP 1.2: the same alert gives the same bytes, valid against the schema.

Times carry +09:00 and never "Z", which CAP forbids (CAP 1.2, 3.3.2).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from lxml import etree

from alertd.alert import Alert, Area, Info, NamedValue, Resource
from alertd.city import JST
from alertd.errors import Problem, WrongAlert

NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"


def write(alert: Alert) -> bytes:
    """The alert as a CAP 1.2 document, UTF-8.

    Raises WrongAlert for characters that XML cannot carry.
    """
    root = etree.Element(f"{{{NAMESPACE}}}alert", nsmap={None: NAMESPACE})
    _add(root, "identifier", alert.identifier)
    _add(root, "sender", alert.sender)
    _add(root, "sent", _time(alert.sent))
    _add(root, "status", alert.status)
    _add(root, "msgType", alert.msg_type)
    _add(root, "source", alert.source)
    _add(root, "scope", alert.scope)
    _add(root, "restriction", alert.restriction)
    _add(root, "addresses", _words(alert.addresses))
    for code in alert.codes:
        _add(root, "code", code)
    _add(root, "note", alert.note)
    _add(root, "references", " ".join(f"{r.sender},{r.identifier},{_time(r.sent)}" for r in alert.references))
    _add(root, "incidents", _words(alert.incidents))
    for info in alert.infos:
        _add_info(root, info)
    etree.indent(root)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def _add_info(root: etree._Element, info: Info) -> None:
    element = _child(root, "info")
    _add(element, "language", info.language)
    _add_each(element, "category", info.categories)
    _add(element, "event", info.event)
    _add_each(element, "responseType", info.response_types)
    _add(element, "urgency", info.urgency)
    _add(element, "severity", info.severity)
    _add(element, "certainty", info.certainty)
    _add(element, "audience", info.audience)
    _add_pairs(element, "eventCode", info.event_codes)
    _add(element, "effective", _time(info.effective) if info.effective else None)
    _add(element, "onset", _time(info.onset) if info.onset else None)
    _add(element, "expires", _time(info.expires) if info.expires else None)
    _add(element, "senderName", info.sender_name)
    _add(element, "headline", info.headline)
    _add(element, "description", info.description)
    _add(element, "instruction", info.instruction)
    _add(element, "web", info.web)
    _add(element, "contact", info.contact)
    _add_pairs(element, "parameter", info.parameters)
    for resource in info.resources:
        _add_resource(element, resource)
    for area in info.areas:
        _add_area(element, area)


def _add_resource(info: etree._Element, resource: Resource) -> None:
    element = _child(info, "resource")
    _add(element, "resourceDesc", resource.description)
    _add(element, "mimeType", resource.mime_type)
    _add(element, "size", None if resource.size is None else str(resource.size))
    _add(element, "uri", resource.uri)
    _add(element, "derefUri", resource.deref_uri)
    _add(element, "digest", resource.digest)


def _add_area(info: etree._Element, area: Area) -> None:
    element = _child(info, "area")
    _add(element, "areaDesc", area.description)
    for ring in area.polygons:
        _add(element, "polygon", " ".join(f"{_number(lat)},{_number(lon)}" for lat, lon in ring))
    for latitude, longitude, radius in area.circles:
        _add(element, "circle", f"{_number(latitude)},{_number(longitude)} {_number(radius)}")
    _add_pairs(element, "geocode", area.geocodes)
    _add(element, "altitude", None if area.altitude is None else _number(area.altitude))
    _add(element, "ceiling", None if area.ceiling is None else _number(area.ceiling))


def _child(parent: etree._Element, name: str) -> etree._Element:
    return etree.SubElement(parent, f"{{{NAMESPACE}}}{name}")


def _add(parent: etree._Element, name: str, text: str | None) -> None:
    """Adds the element when there is something to say."""
    if not text:
        return
    try:
        _child(parent, name).text = str(text)
    except ValueError as error:
        raise WrongAlert(
            Problem(
                name,
                "it has a control character that XML cannot carry; remove it",
                f"{name}に使えない制御文字があります。削除してください。",
            )
        ) from error


def _add_each(parent: etree._Element, name: str, values: Iterable[StrEnum]) -> None:
    for value in values:
        _add(parent, name, value)


def _add_pairs(parent: etree._Element, name: str, pairs: Iterable[NamedValue]) -> None:
    for pair in pairs:
        element = _child(parent, name)
        _child(element, "valueName")
        _child(element, "value")
        for child, text in zip(element, (pair.name, pair.value), strict=True):
            try:
                child.text = text
            except ValueError as error:
                raise WrongAlert(Problem(f"{name} {pair.name}", "it has a control character")) from error


def _words(words: Iterable[str]) -> str:
    """Words in one line; those with a space in quotes (CAP 3.2.1, addresses)."""
    return " ".join(f'"{word}"' if " " in word else word for word in words)


def _time(at: datetime) -> str:
    return at.astimezone(JST).replace(microsecond=0).isoformat()


def _number(number: float) -> str:
    """Decimal without exponent: xs:decimal knows none."""
    return format(Decimal(repr(number)), "f").removesuffix(".0")
