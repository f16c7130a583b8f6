"""Copy-ready texts: what a person types into systems that take no program's word, each within its limit.

Only whole sentences are taken, so that nothing is cut in the middle. A drill says so
first and last. The limits are those that contracts and services had when this was
written; a city checks them against its own.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from alertd.alert import Alert, Info, ResponseType, Status
from alertd.city import JST, City
from alertd.hazard import HAZARD_CODE, LEVEL_PARAMETER, NAMES, ORDERS, hazard_of
from alertd.language import spoken_in
from alertd.marks import marks
from alertd.orders import Spell

#: title and text of an area mail (緊急速報メール), in characters: the older contracts and the newer
AREA_MAIL_TITLE, AREA_MAIL_SHORT, AREA_MAIL_LONG = 15, 200, 500
#: X counts a full-width character twice, and an address as 23
X_WEIGHT, X_ADDRESS = 280, 23
LINE_LONGEST = 5000

_ADDRESS = re.compile(r"https?://\S+")
_SENTENCE = re.compile(r"[^。！？\n]*[。！？]?\n?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """One text for one place."""

    #: where it goes: a short name for programs
    id: str
    #: where it goes, in Japanese and English
    title: tuple[str, str]
    text: str
    #: how much of the limit it takes, and the limit; None = there is none
    size: int
    limit: int | None


def copies(alert: Alert, households: Mapping[str, int], city: City) -> tuple[Copy, ...]:
    """The texts of one alert, in Japanese; `households` by the name of an area."""
    info = next((info for info in alert.infos if spoken_in(info) == "ja"), alert.infos[0])
    title = _area_mail_title(alert, info)
    return (
        _copy(
            "l-alert",
            ("Lアラート入力（県の防災情報システム）", "L-Alert entry"),
            _l_alert(alert, info, households, city),
        ),
        _copy("area-mail-title", ("緊急速報メール　件名", "Area mail: title"), title, AREA_MAIL_TITLE),
        _copy(
            "area-mail-200",
            (
                "緊急速報メール　本文（件名と合わせて200文字）",
                "Area mail: text (200 characters with the title)",
            ),
            _fitting(alert, info, AREA_MAIL_SHORT - len(title), len, address=False),
            AREA_MAIL_SHORT - len(title),
        ),
        _copy(
            "area-mail-500",
            ("緊急速報メール　本文（500文字）", "Area mail: text (500 characters)"),
            _fitting(alert, info, AREA_MAIL_LONG, len, address=False),
            AREA_MAIL_LONG,
        ),
        _copy("x", ("X（旧Twitter）", "X"), _fitting(alert, info, X_WEIGHT, weight), X_WEIGHT, weight),
        _copy("line", ("LINE", "LINE"), _fitting(alert, info, LINE_LONGEST, len), LINE_LONGEST),
    )


def weight(text: str) -> int:
    """What X counts: 2 for a full-width character, 1 for others, 23 for an address."""
    bare = _ADDRESS.sub("", text)
    wide = sum(
        2 if ord(one) > 0x10FF and one not in "‐‑‒–—―‘’“”" else 1
        for one in unicodedata.normalize("NFC", bare)
    )
    return wide + X_ADDRESS * len(_ADDRESS.findall(text))


def form_4(spells: Iterable[Spell], households: Mapping[str, int], city: City) -> bytes:
    """The orders for the report to the prefecture (第4号様式): CSV, UTF-8 with BOM, CRLF."""
    output = io.StringIO(newline="")
    writer = csv.writer(output, lineterminator="\r\n")
    writer.writerow(
        ["市町村", "地区", "災害種別", "種別", "警戒レベル", "発令日時", "解除日時", "世帯数", "人数"]
    )
    for spell in spells:
        order = spell.order
        if order.level is None:
            continue
        writer.writerow(
            [
                city.name,
                _safe(order.area_name),
                NAMES[order.hazard][0] if order.hazard is not None else "",
                ORDERS[order.level][0] if order.level in ORDERS else order.event,
                order.level,
                _when(order.since),
                _when(spell.ended_at) if spell.ended_at is not None else "",
                households.get(order.area, ""),
                "",
            ]
        )
    return b"\xef\xbb\xbf" + output.getvalue().encode()


def _l_alert(alert: Alert, info: Info, households: Mapping[str, int], city: City) -> str:
    """The fields in the order in which the entry asks for them."""
    lifted = ResponseType.ALL_CLEAR in info.response_types
    hazard = hazard_of(info.event_code(HAZARD_CODE))
    level = info.parameter(LEVEL_PARAMETER)
    kind = f"{info.event}（警戒レベル{level}）" if level else info.event
    names = [area.description for area in info.areas]
    counted = {name: households.get(name.removesuffix("地区"), households.get(name)) for name in names}
    listed = "、".join(f"{name}（{count:,}世帯）" if count else name for name, count in counted.items())
    total = sum(count or 0 for count in counted.values())
    status = {Status.ACTUAL: "本番", Status.EXERCISE: "訓練"}.get(alert.status, "試験")
    fields = [
        ("配信区分", status),
        ("更新区分", {"Alert": "新規", "Update": "更新", "Cancel": "取消"}.get(alert.msg_type, "新規")),
        ("発令・解除", "解除" if lifted else "発令"),
        ("種別", kind),
        ("災害", NAMES[hazard][0] if hazard is not None else "その他"),
        ("日時", _when(alert.sent)),
        ("市町村コード", city.code),
        ("対象地区", listed),
        ("対象世帯数", f"{total:,}" if total else "（入力してください）"),
        ("見出し", _marked_headline(alert, info)),
        ("補足情報", " ".join((info.description or "").split())),
        ("文書番号", alert.identifier),
    ]
    return "\n".join(f"{name}：{value}" for name, value in fields)


def _area_mail_title(alert: Alert, info: Info) -> str:
    """The event with the areas when they fit, else the event alone, else as much of it as fits."""
    mark = _prefix(alert)
    areas = "・".join(area.description for area in info.areas)
    lifted = "解除" if ResponseType.ALL_CLEAR in info.response_types else ""
    for title in (f"{mark}{info.event}{lifted} {areas}", f"{mark}{info.event}{lifted}"):
        if len(title) <= AREA_MAIL_TITLE:
            return title
    return f"{mark}{info.event}"[:AREA_MAIL_TITLE]


def _fitting(
    alert: Alert, info: Info, limit: int, measure: Callable[[str], int], *, address: bool = True
) -> str:
    """The headline, as many whole sentences as fit, and the address where one may be named."""
    found = marks(alert.status, "ja")
    first, last = (found.first, found.last) if found is not None else ("", "")
    foot = info.web if address and info.web else ""
    body = f"{info.description or ''}\n{info.instruction or ''}"
    sentences = [
        line for line in _sentences(body) if not _ADDRESS.search(line) and not line.startswith("■くわしくは")
    ]
    text = _joined(first, [_marked_headline(alert, info)], foot, last)
    taken = [_marked_headline(alert, info)]
    for sentence in sentences:
        longer = _joined(first, [*taken, sentence], foot, last)
        if measure(longer) > limit:
            break
        taken.append(sentence)
        text = longer
    return text if measure(text) <= limit else _joined("", [_marked_headline(alert, info)], "", "")[:limit]


def _joined(first: str, parts: Sequence[str], foot: str, last: str) -> str:
    return "\n".join(part for part in (first, *parts, foot, last) if part)


def _sentences(text: str) -> list[str]:
    return [found.strip() for found in _SENTENCE.findall(text) if found.strip()]


def _marked_headline(alert: Alert, info: Info) -> str:
    headline = info.headline or info.event
    mark = _prefix(alert)
    return headline if not mark or headline.startswith(mark) else f"{mark}{headline}"


def _prefix(alert: Alert) -> str:
    found = marks(alert.status, "ja")
    return found.prefix if found is not None else ""


def _copy(
    id: str,
    title: tuple[str, str],
    text: str,
    limit: int | None = None,
    measure: Callable[[str], int] = len,
) -> Copy:
    return Copy(id=id, title=title, text=text, size=measure(text), limit=limit)


def _when(at: datetime) -> str:
    return f"{at.astimezone(JST):%Y-%m-%d %H:%M}"


def _safe(cell: str) -> str:
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@") else cell
