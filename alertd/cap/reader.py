"""The elements of a valid CAP 1.2 document, read into an Alert.

Empty elements count as absent, as they often stand in real documents.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from lxml import etree

from alertd.alert import (
    Alert,
    Area,
    Category,
    Certainty,
    Info,
    MsgType,
    NamedValue,
    Reference,
    Resource,
    ResponseType,
    Scope,
    Severity,
    Status,
    Urgency,
)
from alertd.cap.writer import NAMESPACE
from alertd.errors import Problem, WrongAlert

_WORDS = re.compile(r'"([^"]*)"|(\S+)')


def wrong(field: str, message: str, message_ja: str) -> WrongAlert:
    """The exception for one problem in two languages."""
    return WrongAlert(Problem(field, message, message_ja))


def read_alert(root: etree._Element) -> Alert:
    """The alert below the outermost element. Raises WrongAlert for what is no time, point or number."""
    return Alert(
        identifier=_needed(root, "identifier", "alert"),
        sender=_needed(root, "sender", "alert"),
        sent=_time(_needed(root, "sent", "alert"), "alert/sent"),
        status=Status(_needed(root, "status", "alert")),
        msg_type=MsgType(_needed(root, "msgType", "alert")),
        scope=Scope(_needed(root, "scope", "alert")),
        source=_text(root, "source"),
        restriction=_text(root, "restriction"),
        addresses=_words(_text(root, "addresses")),
        codes=_texts(root, "code"),
        note=_text(root, "note"),
        references=_references(_text(root, "references"), _needed(root, "identifier", "alert")),
        incidents=_words(_text(root, "incidents")),
        infos=tuple(
            _info(info, f"alert/info[{number}]")
            for number, info in enumerate(_children(root, "info"), start=1)
        ),
    )


def _info(info: etree._Element, where: str) -> Info:
    return Info(
        language=_text(info, "language") or "en-US",
        categories=tuple(Category(text) for text in _texts(info, "category")),
        event=_needed(info, "event", where),
        response_types=tuple(ResponseType(text) for text in _texts(info, "responseType")),
        urgency=Urgency(_needed(info, "urgency", where)),
        severity=Severity(_needed(info, "severity", where)),
        certainty=Certainty(_needed(info, "certainty", where)),
        audience=_text(info, "audience"),
        event_codes=_pairs(info, "eventCode"),
        effective=_optional_time(info, "effective", where),
        onset=_optional_time(info, "onset", where),
        expires=_optional_time(info, "expires", where),
        sender_name=_text(info, "senderName"),
        headline=_text(info, "headline"),
        description=_text(info, "description"),
        instruction=_text(info, "instruction"),
        web=_text(info, "web"),
        contact=_text(info, "contact"),
        parameters=_pairs(info, "parameter"),
        resources=tuple(_resource(child, where) for child in _children(info, "resource")),
        areas=tuple(
            _area(child, f"{where}/area[{number}]")
            for number, child in enumerate(_children(info, "area"), start=1)
        ),
    )


def _children(element: etree._Element, name: str) -> Iterator[etree._Element]:
    return element.iterchildren(f"{{{NAMESPACE}}}{name}")


def _texts(element: etree._Element, name: str) -> tuple[str, ...]:
    """The texts of all children of that name; empty ones do not count."""
    texts = ("".join(str(part) for part in child.itertext()).strip() for child in _children(element, name))
    return tuple(text for text in texts if text)


def _text(element: etree._Element, name: str) -> str | None:
    return next(iter(_texts(element, name)), None)


def _needed(element: etree._Element, name: str, where: str) -> str:
    text = _text(element, name)
    if text is None:
        raise wrong(f"{where}/{name}", "it is empty; fill it in", f"{name}が空です。入力してください。")
    return text


def _time(text: str, where: str) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise wrong(
            where,
            f"{text!r} is no time; write it like 2026-07-22T09:31:00+09:00",
            "時刻の書き方が違います。2026-07-22T09:31:00+09:00 のように書いてください。",
        ) from error


def _optional_time(element: etree._Element, name: str, where: str) -> datetime | None:
    text = _text(element, name)
    return None if text is None else _time(text, f"{where}/{name}")


def _pairs(element: etree._Element, name: str) -> tuple[NamedValue, ...]:
    return tuple(
        NamedValue(_text(child, "valueName") or "", _text(child, "value") or "")
        for child in _children(element, name)
    )


def _words(text: str | None) -> tuple[str, ...]:
    return tuple(quoted or plain for quoted, plain in _WORDS.findall(text or ""))


def _references(text: str | None, own: str) -> tuple[Reference, ...]:
    """What the document refers to; that some refer to themselves is overlooked."""
    references = []
    for word in (text or "").split():
        parts = word.split(",")
        if len(parts) < 3 or not all(parts):
            raise wrong(
                "alert/references",
                f"{word!r} is not of the form sender,identifier,sent",
                "referencesは「sender,identifier,sent」の形で書いてください。",
            )
        sent = _time(parts[-1], "alert/references")
        reference = Reference(parts[0], ",".join(parts[1:-1]), sent)
        if reference.identifier != own:
            references.append(reference)
    return tuple(references)


def _resource(element: etree._Element, where: str) -> Resource:
    size = _number(element, "size", f"{where}/resource")
    return Resource(
        description=_needed(element, "resourceDesc", f"{where}/resource"),
        mime_type=_needed(element, "mimeType", f"{where}/resource"),
        size=None if size is None else int(size),
        uri=_text(element, "uri"),
        deref_uri=_text(element, "derefUri"),
        digest=_text(element, "digest"),
    )


def _area(element: etree._Element, where: str) -> Area:
    return Area(
        description=_needed(element, "areaDesc", where),
        polygons=tuple(_polygon(text, f"{where}/polygon") for text in _texts(element, "polygon")),
        circles=tuple(_circle(text, f"{where}/circle") for text in _texts(element, "circle")),
        geocodes=_pairs(element, "geocode"),
        altitude=_number(element, "altitude", where),
        ceiling=_number(element, "ceiling", where),
    )


def _number(element: etree._Element, name: str, where: str) -> float | None:
    text = _text(element, name)
    if text is None:
        return None
    if len(text) > 15:
        raise wrong(f"{where}/{name}", "the number has too many digits", "数字の桁が多すぎます。")
    return float(text)


def _point(text: str, where: str) -> tuple[float, float]:
    try:
        latitude, longitude = (float(number) for number in text.split(","))
    except ValueError:
        latitude = longitude = float("nan")
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise wrong(
            where,
            f"{text!r} is no point; write latitude,longitude in degrees (WGS 84)",
            "地点は「緯度,経度」（世界測地系、度）で書いてください。",
        )
    return latitude, longitude


def _polygon(text: str, where: str) -> tuple[tuple[float, float], ...]:
    ring = tuple(_point(pair, where) for pair in text.split())
    if len(ring) < 4 or ring[0] != ring[-1]:
        raise wrong(
            where,
            "a polygon needs at least four points, the last one the same as the first",
            "多角形には4点以上が必要で、最後の点は最初の点と同じにします。",
        )
    return ring


def _circle(text: str, where: str) -> tuple[float, float, float]:
    centre, _, radius = text.partition(" ")
    latitude, longitude = _point(centre, where)
    try:
        kilometres = float(radius)
    except ValueError:
        kilometres = -1.0
    if not 0 <= kilometres <= 20_038:
        raise wrong(
            where,
            f"{text!r} is no circle; write latitude,longitude and the radius in km",
            "円は「緯度,経度 半径(km)」で書いてください。",
        )
    return latitude, longitude, kilometres
