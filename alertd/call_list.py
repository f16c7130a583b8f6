"""The call list: names and telephone numbers on paper, for the day when everything else is down."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from sqlalchemy import select
from sqlalchemy.orm import Session

from alertd.address import phone_in_japan
from alertd.city import JST, City
from alertd.sheet import BOX, Block, Heading, PageBreak, Sheet, Table, Text
from alertd.tables import AreaRow, ContactRow, RecipientRow

#: of the columns, as shares of the page
_WIDTHS = (2, 2.4, 6.5, 9, 7.5, 5, 6)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Words:
    title: str
    heads: tuple[str, ...]
    support: str
    results: tuple[str, ...]
    unknown: str
    people: str
    order: str
    nobody: str
    foot: str


_JAPANESE = _Words(
    title="電話連絡名簿（手で電話をかけるとき）",
    heads=("番号", "支援", "氏名", "電話番号", "住所", "結果", "時刻・メモ"),
    support="要支援",
    results=("話せた", "出ない", "助けが必要"),
    unknown="自治会の記載なし",
    people="{people}人（うち要支援者{need}人）",
    order=(
        "要支援者から順に電話してください。出ないときは次の番号にかけます。"
        "全員にかけたら、出なかった人にもう一度かけます。"
    ),
    nobody="電話番号のある人はいません。",
    foot="{city}　{time}現在　個人情報：鍵のかかる場所に保管し、古い版は裁断してください",
)
_ENGLISH = _Words(
    title="Call list, for calling by hand",
    heads=("No.", "Support", "Name", "Telephone", "Address", "Result", "Time, remark"),
    support="support",
    results=("reached", "no answer", "needs help"),
    unknown="Association not known",
    people="{people} people, of them {need} need support",
    order=(
        "Call those who need support first. No answer: take the next number. "
        "In the end call once more who did not answer."
    ),
    nobody="Nobody here has a telephone number.",
    foot="{city}, as of {time}. Personal data: keep it locked away, shred old copies.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One person with every number, the first to be called first."""

    recipient_id: int
    name: str
    kana: str
    area_name: str
    association: str
    street: str
    needs_support: bool
    #: number as Japan writes it, and who answers there (empty = the person)
    numbers: tuple[tuple[str, str], ...]


def listed(session: Session, areas: Sequence[str] = ()) -> list[Listed]:
    """Everybody with a telephone number, or those of some areas.

    In the order of the areas, then by association, who needs support first, then by kana.
    """
    query = (
        select(RecipientRow, AreaRow.name, ContactRow.address, ContactRow.holder)
        .join(ContactRow, ContactRow.recipient_id == RecipientRow.id)
        .outerjoin(AreaRow, AreaRow.code == RecipientRow.area)
        .where(RecipientRow.active, ContactRow.active, ContactRow.kind == "voice")
        .order_by(
            AreaRow.position,
            RecipientRow.area,
            RecipientRow.association,
            RecipientRow.needs_support.desc(),
            RecipientRow.id,
            ContactRow.preference,
            ContactRow.id,
        )
    )
    if areas:
        query = query.where(RecipientRow.area.in_(areas))
    found: dict[int, Listed] = {}
    numbers: dict[int, list[tuple[str, str]]] = {}
    rows = session.execute(query).all()
    for row, _, address, holder in rows:
        numbers.setdefault(row.id, []).append((phone_in_japan(address), holder))
    for row, area, _, _ in rows:
        if row.id not in found:
            found[row.id] = Listed(
                recipient_id=row.id,
                name=row.name,
                kana=row.kana,
                area_name=area or row.area,
                association=row.association,
                street=row.street,
                needs_support=row.needs_support,
                numbers=tuple(numbers[row.id]),
            )
    return [one for _, some in groupby(found.values(), _place) for one in sorted(some, key=_reading)]


def _place(one: Listed) -> tuple[str, str, bool]:
    return one.area_name, one.association, one.needs_support


def _reading(one: Listed) -> str:
    return one.kana


def call_sheet(people: Iterable[Listed], city: City, now: datetime, language: str = "ja") -> Sheet:
    """The list as a sheet; each association begins on a page of its own."""
    words = _JAPANESE if language == "ja" else _ENGLISH
    blocks: list[Block] = []
    for place, found in _by_place(people):
        if blocks:
            blocks.append(PageBreak())
        need = sum(one.needs_support for one in found)
        counted = words.people.format(people=len(found), need=need)
        rows = [_row(one, words) for one in found]
        blocks += [
            Heading(f"{place[0]}　{place[1] or words.unknown}　{counted}"),
            Text(words.order),
            Table(words.heads, _WIDTHS, rows),
        ]
    name = city.name if language == "ja" else city.name_en
    return Sheet(
        title=words.title,
        blocks=blocks or [Text(words.nobody)],
        foot=words.foot.format(city=name, time=f"{now.astimezone(JST):%Y-%m-%d %H:%M}"),
        language=language,
        wide=True,
    )


def _by_place(people: Iterable[Listed]) -> Iterator[tuple[tuple[str, str], list[Listed]]]:
    for place, found in groupby(people, key=lambda one: (one.area_name, one.association)):
        yield place, list(found)


def _row(one: Listed, words: _Words) -> list[str]:
    return [
        str(one.recipient_id),
        words.support if one.needs_support else "",
        "\n".join(filter(None, (one.name, one.kana))),
        "\n".join(f"{BOX} {number} {holder}".strip() for number, holder in one.numbers),
        one.street,
        "\n".join(f"{BOX} {result}" for result in words.results),
        "",
    ]
