"""A telegram of the Meteorological Agency: 気象庁防災情報XML, read with suspicion.

Only Body/Warning/Item/Kind says what is in force, by its Status: the headlines of every
telegram hold fixed sentences with the gravest words in them. Names are compared in NFKC,
because their digits are full-width.

Source: JMA, 気象庁防災情報XMLフォーマット (jmx 1.x); the names of 2026-05-29.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from lxml import etree

from alertd.alert import Status
from alertd.cap.reader import wrong

#: the largest telegram that is read, in bytes; the largest of JMA's samples has 140 kB
LIMIT = 1024 * 1024
_ROOT = "http://xml.kishou.go.jp/jmaxml1/"
_STATUSES = {"通常": Status.ACTUAL, "訓練": Status.EXERCISE, "試験": Status.TEST}
#: what the Status of a Kind says when it is over
_OVER = frozenset({"解除", "発表警報・注意報はなし", "なし"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One warning in one area."""

    name: str
    code: str
    #: 発表, 継続, 解除, 警報から注意報, …
    status: str
    condition: str = ""

    @property
    def over(self) -> bool:
        """Whether it is lifted. Flood code 22 is lifted down to an advisory, which holds."""
        if self.code == "22" and "氾濫" in self.name:
            return False
        return self.status in _OVER or self.name in _OVER or self.code == "00"


@dataclass(frozen=True, slots=True)
class Item:
    """The warnings of one area."""

    area: str
    area_name: str
    kinds: tuple[Kind, ...]


@dataclass(frozen=True, slots=True)
class Shaken:
    """The greatest seismic intensity that was observed in an area: 3, 4, 5-, 5+, 6-, 6+, 7."""

    area: str
    name: str
    intensity: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Telegram:
    """What a telegram says, as far as we use it. Times are aware and UTC."""

    title: str
    status: Status
    office: str
    event: str
    #: 発表, 訂正, 遅延, 取消
    info_type: str
    serial: str
    kind: str
    reported_at: datetime
    valid_until: datetime | None
    headline: str
    #: by the block that they stand in: JMA repeats itself for prefecture, district, municipality
    warnings: tuple[tuple[Item, ...], ...] = ()
    origin_at: datetime | None = None
    epicentre: str | None = None
    magnitude: str | None = None
    shaken: tuple[Shaken, ...] = ()
    #: coasts and what is said of each
    tsunami: tuple[Item, ...] = ()

    @property
    def identifier(self) -> str:
        """What tells this telegram from every other one of its minute."""
        parts = (self.title, self.office, self.event, self.serial, self.info_type)
        return ":".join(part for part in parts if part)[:300]


def is_telegram(document: bytes) -> bool:
    """Whether it looks like one of JMA's."""
    return _ROOT.encode() in document[:2000]


def parse(document: bytes) -> Telegram:
    """The telegram that a document holds. Raises WrongAlert, naming the element."""
    root = _tree(document)
    control, head = _one(root, "Control"), _one(root, "Head")
    status = _STATUSES.get(_text(control, "Status"))
    if status is None:
        raise wrong(
            "Control/Status",
            f"{_text(control, 'Status')!r} is not known; it should be 通常, 訓練 or 試験",
            "電文の種別（通常・訓練・試験）が分かりません。",
        )
    body = next(_children(root, "Body"), None)
    found = Telegram(
        title=_plain(_text(control, "Title")),
        status=status,
        office=_text(control, "PublishingOffice"),
        event=_text(head, "EventID"),
        info_type=_text(head, "InfoType"),
        serial=_text(head, "Serial"),
        kind=_plain(_text(head, "InfoKind")),
        reported_at=_needed_time(head, "ReportDateTime"),
        valid_until=_time(_text(head, "ValidDateTime")),
        headline=_text(head, "Headline", "Text"),
    )
    return found if body is None else _with_body(found, body)


def _with_body(telegram: Telegram, body: etree._Element) -> Telegram:
    quake = next(_children(body, "Earthquake"), None)
    if quake is not None:
        telegram = replace(
            telegram,
            origin_at=_time(_text(quake, "OriginTime")),
            epicentre=_text(quake, "Hypocenter", "Area", "Name") or None,
            magnitude=_magnitude(quake),
        )
    return replace(
        telegram,
        warnings=tuple(
            tuple(found for item in _children(block, "Item") for found in _items(item, telegram.title))
            for name in ("Warning", "VolcanoInfo")
            for block in _children(body, name)
        ),
        shaken=tuple(_shaken(body)),
        tsunami=tuple(
            found
            for item in body.iterfind("{*}Tsunami/{*}Forecast/{*}Item")
            for found in _items(item, telegram.title, under="Category")
        ),
    )


def _items(item: etree._Element, title: str, under: str | None = None) -> Iterator[Item]:
    """One for each area: most items name one, some a list of them."""
    listed = [area for areas in _children(item, "Areas") for area in _children(areas, "Area")]
    holder = next(_children(item, under), item) if under else item
    kinds = tuple(_kind(kind, title) for kind in _children(holder, "Kind"))
    for area in [*_children(item, "Area"), *listed]:
        yield Item(_text(area, "Code"), _plain(_text(area, "Name")), kinds)


def _kind(kind: etree._Element, title: str) -> Kind:
    name = _plain(_text(kind, "Name"))
    # 土砂災害警戒情報 calls its kinds 警戒 and 解除: the title says of what
    if name == "警戒":
        name = title
    return Kind(
        name=name,
        code=_text(kind, "Code"),
        status=_text(kind, "Status") or _text(kind, "Condition"),
        condition=_plain(_text(kind, "Condition")),
    )


def _shaken(body: etree._Element) -> Iterator[Shaken]:
    for pref in body.iterfind("{*}Intensity/{*}Observation/{*}Pref"):
        for area in _children(pref, "Area"):
            yield Shaken(_text(area, "Code"), _text(area, "Name"), _text(area, "MaxInt"))
            for city in _children(area, "City"):
                yield Shaken(_text(city, "Code"), _text(city, "Name"), _text(city, "MaxInt"))


def _magnitude(quake: etree._Element) -> str | None:
    found = next(_children(quake, "Magnitude"), None)
    return _plain(found.get("description", "")) or None if found is not None else None


def _tree(document: bytes) -> etree._Element:
    flat = document.replace(b"\0", b"").upper()
    if len(document) > LIMIT:
        raise wrong("document", f"{len(document):,} bytes is too large", "電文が大きすぎます。")
    if b"<!DOCTYPE" in flat or b"<!ENTITY" in flat:
        raise wrong("document", "it has a document type; refused", "文書型宣言のある電文は受け付けません。")
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
        raise wrong(
            "document", f"it is not well-formed XML: {error}", f"XMLとして読めません（{error}）。"
        ) from error
    if root.tag != f"{{{_ROOT}}}Report":
        raise wrong("Report", "it is no telegram of JMA", "気象庁防災情報XMLではありません。")
    return root


def _children(element: etree._Element, name: str) -> Iterator[etree._Element]:
    """The children of that name, whatever version of the namespace they are in."""
    return element.iterchildren(f"{{*}}{name}")


def _one(element: etree._Element, name: str) -> etree._Element:
    found = next(_children(element, name), None)
    if found is None:
        raise wrong(name, "it is missing", f"{name}がありません。")
    return found


def _text(element: etree._Element, *names: str) -> str:
    """The text at the end of the path; empty when there is none."""
    found: etree._Element | None = element
    for name in names:
        found = next(_children(found, name), None) if found is not None else None
    return "".join(str(part) for part in found.itertext()).strip() if found is not None else ""


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", unicodedata.normalize("NFKC", text)).strip()


def _needed_time(element: etree._Element, name: str) -> datetime:
    found = _time(_text(element, name))
    if found is None:
        raise wrong(f"Head/{name}", "it is no time", f"{name}の時刻が読めません。")
    return found


def _time(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
        return found.astimezone(UTC) if found.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None
