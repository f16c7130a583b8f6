"""CAP 1.2 documents: read with suspicion, written so that nobody finds fault.

Source: OASIS Common Alerting Protocol 1.2 (2010-07-01). A document from outside is
refused before it is parsed when it is large or brings a document type; it then has to
be valid against the OASIS schema and to keep the rules that a schema cannot express.
Signatures are not checked: who may hand in documents is for the caller to know.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import resources
from typing import TypeVar

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
from alertd.cap_write import NAMESPACE, write
from alertd.errors import Problem, WrongAlert

__all__ = ["LIMIT", "parse", "write"]

#: the largest document that is read, in bytes
LIMIT = 256 * 1024

_DECLARED = re.compile(rb"^(?:\xef\xbb\xbf)?\s*<\?xml[^>]*?encoding\s*=\s*[\"']([A-Za-z0-9._-]+)[\"']")
_ENCODINGS = re.compile(r"utf-?8|utf-?16(le|be)?|us-ascii|iso-8859-\d+|windows-125\d|shift_jis|euc-jp", re.I)
_WORDS = re.compile(r'"([^"]*)"|(\S+)')

T = TypeVar("T")


def parse(document: bytes) -> Alert:
    """The alert that a CAP 1.2 document holds.

    1. Refuse what is too large, has a document type, or an unusual encoding.
    2. Parse without entities, network or DTD.
    3. Validate against the schema.
    4. Read, and check what the schema cannot say.

    Raises WrongAlert, naming the element and the remedy.
    """
    _refuse_danger(document)
    root = _tree(document)
    _validate(root)
    alert = _alert(root)
    _check(alert)
    return alert


def _wrong(field: str, message: str, message_ja: str) -> WrongAlert:
    return WrongAlert(Problem(field, message, message_ja))


def _refuse_danger(document: bytes) -> None:
    if len(document) > LIMIT:
        raise _wrong(
            "document",
            f"{len(document):,} bytes is too large; a CAP document may have {LIMIT:,}: link to large files instead",
            f"CAP文書が大きすぎます（{len(document):,}バイト）。{LIMIT:,}バイト以内にしてください。",
        )
    # without the zero bytes, UTF-16 and UTF-32 cannot hide the words
    flat = document.replace(b"\0", b"").upper()
    if b"<!DOCTYPE" in flat or b"<!ENTITY" in flat:
        raise _wrong(
            "document",
            "it has a document type (<!DOCTYPE>), which CAP does not use and which is refused; remove it",
            "文書型宣言（<!DOCTYPE>）のあるCAP文書は受け付けません。宣言を削除してください。",
        )
    declared = _DECLARED.match(document)
    if declared and not _ENCODINGS.fullmatch(declared[1].decode("ascii")):
        raise _wrong(
            "document",
            f"the encoding {declared[1].decode('ascii')} is not read; save the document as UTF-8",
            "この文字コードは読めません。UTF-8で保存してください。",
        )


def _tree(document: bytes) -> etree._Element:
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(document, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise _wrong(
            "document", f"it is not well-formed XML: {error}", f"XMLとして読めません（{error}）。"
        ) from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise _wrong("document", "it has a document type; remove it", "文書型宣言を削除してください。")
    name = etree.QName(root)
    if name.localname != "alert" or name.namespace != NAMESPACE:
        raise _wrong(
            "alert",
            f"the outermost element is {name.localname} of namespace {name.namespace or 'none'}; "
            f"CAP 1.2 needs <alert xmlns='{NAMESPACE}'>",
            "CAP 1.2の文書ではありません。最初の要素と名前空間を確認してください。",
        )
    return root


def _validate(root: etree._Element) -> None:
    # a schema keeps the errors of its last document, so each document gets its own
    schema = etree.XMLSchema(
        etree.fromstring(resources.files("alertd").joinpath("schema/cap-1.2.xsd").read_bytes())
    )
    if schema.validate(root):
        return
    problems = []
    for error in list(schema.error_log)[:8]:
        message = re.sub(r"\{[^}]*\}", "", error.message)
        field = _place(root, error.path)
        problems.append(
            Problem(
                field, f"{message} (line {error.line})", f"CAP 1.2の決まりに合いません（{error.line}行目）。"
            )
        )
    raise WrongAlert(problems)


def _place(root: etree._Element, path: str | None) -> str:
    found = root.xpath(path) if path else []
    if not isinstance(found, list) or not found or not isinstance(found[0], etree._Element):
        return "alert"
    names: list[str] = []
    element: etree._Element | None = found[0]
    while element is not None:
        name = etree.QName(element).localname
        earlier = sum(1 for e in element.itersiblings(preceding=True) if e.tag == element.tag)
        names.append(f"{name}[{earlier + 1}]" if earlier else name)
        element = element.getparent()
    return "/".join(reversed(names))


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
        raise _wrong(f"{where}/{name}", "it is empty; fill it in", f"{name}が空です。入力してください。")
    return text


def _time(text: str, where: str) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise _wrong(
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
            raise _wrong(
                "alert/references",
                f"{word!r} is not of the form sender,identifier,sent",
                "referencesは「sender,identifier,sent」の形で書いてください。",
            )
        sent = _time(parts[-1], "alert/references")
        reference = Reference(parts[0], ",".join(parts[1:-1]), sent)
        if reference.identifier != own:
            references.append(reference)
    return tuple(references)


def _alert(root: etree._Element) -> Alert:
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
        raise _wrong(f"{where}/{name}", "the number has too many digits", "数字の桁が多すぎます。")
    return float(text)


def _point(text: str, where: str) -> tuple[float, float]:
    try:
        latitude, longitude = (float(number) for number in text.split(","))
    except ValueError:
        latitude = longitude = float("nan")
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise _wrong(
            where,
            f"{text!r} is no point; write latitude,longitude in degrees (WGS 84)",
            "地点は「緯度,経度」（世界測地系、度）で書いてください。",
        )
    return latitude, longitude


def _polygon(text: str, where: str) -> tuple[tuple[float, float], ...]:
    ring = tuple(_point(pair, where) for pair in text.split())
    if len(ring) < 4 or ring[0] != ring[-1]:
        raise _wrong(
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
        raise _wrong(
            where,
            f"{text!r} is no circle; write latitude,longitude and the radius in km",
            "円は「緯度,経度 半径(km)」で書いてください。",
        )
    return latitude, longitude, kilometres


def _check(alert: Alert) -> None:
    """The rules of CAP 3.2 that its schema does not express."""
    problems = []
    for field, text in (("identifier", alert.identifier), ("sender", alert.sender)):
        if re.search(r"[\s,<&]", text):
            problems.append(
                Problem(
                    f"alert/{field}",
                    "it has a space, a comma, < or &; CAP forbids them",
                    f"{field}に空白・コンマ・<・& は使えません。",
                )
            )
    follows = alert.msg_type in (MsgType.UPDATE, MsgType.CANCEL, MsgType.ACK, MsgType.ERROR)
    if follows and not alert.references:
        problems.append(
            Problem(
                "alert/references",
                f"{alert.msg_type} needs the documents that it refers to; add sender,identifier,sent",
                f"{alert.msg_type}には、対象となる文書の指定（references）が必要です。",
            )
        )
    if not alert.infos and alert.msg_type not in (MsgType.ACK, MsgType.ERROR):
        problems.append(
            Problem(
                "alert/info",
                "there is none, so there is nothing to say; add an <info> with headline and description",
                "<info>がないため、伝える内容がありません。見出しと本文を加えてください。",
            )
        )
    if problems:
        raise WrongAlert(problems)
