"""The list of subscribers as CSV for spreadsheets: address, areas, kinds of news, language."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from alertd import address
from alertd.category import EVERYTHING, NAMES, Category
from alertd.errors import WrongRecipients
from alertd.language import NAMES as LANGUAGES
from alertd.recipient_columns import decoded, delimiter, key, wrong
from alertd.spreadsheet import guarded
from alertd.subscription import Choice

HEADINGS = {"address": "メールアドレス", "areas": "地区", "categories": "受け取る情報", "language": "言語"}
_NAMES = {
    "address": ("メールアドレス", "メール", "address", "email", "mail"),
    "areas": ("地区", "area", "areas"),
    "categories": ("受け取る情報", "情報", "categories"),
    "language": ("言語", "language"),
}
#: stands for every area, and for every category
WHOLE = "すべて"
_ALL = frozenset(key(word) for word in (WHOLE, "全部", "市内全域", "all", "*"))
_LANGUAGES = {key(name): code for code, names in LANGUAGES.items() for name in (code, *names)}
_CATEGORIES = {key(name): one for one, names in NAMES.items() for name in (one, *names)}


@dataclass(frozen=True, slots=True)
class RowProblem:
    """What is wrong with a row: line (the heading is 1), column, in Japanese and in English."""

    line: int
    column: str
    message: str
    message_en: str


@dataclass(frozen=True, slots=True)
class SubscriberList:
    """The subscribers of a list in its order, and the rows that cannot be taken."""

    subscribers: tuple[tuple[str, Choice], ...]
    problems: tuple[RowProblem, ...]


class _WrongCell(Exception):
    """A cell cannot be used: column, Japanese, English."""


def read(document: bytes, *, areas: Mapping[str, str]) -> SubscriberList:
    """The subscribers in a CSV (UTF-8, CP932 or UTF-16); `areas` gives the name of each area code.

    A row with a problem is not taken and is named; an address that comes again counts
    once. Raises WrongRecipients when the file as a whole cannot be read.
    """
    text = decoded(document)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter(text), strict=True)
    by_name = {key(name): code for code, name in areas.items()} | {key(code): code for code in areas}
    found: dict[str, tuple[str, Choice]] = {}
    problems: list[RowProblem] = []
    try:
        columns = _columns(next(rows, []))
        for row in rows:
            cells = {name: _open(row[at]) for at, name in columns.items() if at < len(row)}
            if not any(cells.values()):
                continue
            try:
                who, choice = _subscriber(cells, by_name)
                found.setdefault(who.lower(), (who, choice))
            except _WrongCell as cell:
                column, message, message_en = cell.args
                problems.append(RowProblem(rows.line_num, HEADINGS[column], message, message_en))
    except csv.Error as error:
        raise wrong(
            f"line {rows.line_num}",
            f"the row cannot be read ({error}); look for a lost quotation mark",
            '行を読み取れません。引用符（"）の閉じ忘れがないか確認してください。',
        ) from error
    return SubscriberList(tuple(found.values()), tuple(problems))


def write(subscribers: Iterable[tuple[str, Choice]], *, areas: Mapping[str, str]) -> bytes:
    """The list as CSV: UTF-8 with BOM, CRLF; `read` takes it back."""
    output = io.StringIO(newline="")
    writer = csv.writer(output, lineterminator="\r\n")
    writer.writerow(HEADINGS.values())
    for who, choice in subscribers:
        where = WHOLE if len(choice.areas) == len(areas) else "、".join(areas[code] for code in choice.areas)
        what = "、".join(NAMES[one][0] for one in choice.categories)
        spoken = LANGUAGES.get(choice.language, (choice.language,))[0]
        writer.writerow([guarded(cell) for cell in (who, where, what, spoken)])
    return b"\xef\xbb\xbf" + output.getvalue().encode()


# private steps ------------------------------------------------------------------------


def _columns(headings: list[str]) -> dict[int, str]:
    known = {key(word): name for name, words in _NAMES.items() for word in words}
    columns = {at: known[key(word)] for at, word in enumerate(headings) if key(word) in known}
    for needed in ("address", "areas"):
        if needed not in columns.values():
            raise wrong(
                HEADINGS[needed],
                "the column is missing; the first line must name the columns",
                f"「{HEADINGS[needed]}」の列がありません。1行目に列の名前を入れてください。",
            )
    return columns


def _open(cell: str) -> str:
    text = cell.strip()
    return text[1:] if re.match(r"'[=+\-@'\t\r]", text) else text


def _subscriber(cells: Mapping[str, str], by_name: Mapping[str, str]) -> tuple[str, Choice]:
    try:
        who = address.email(cells.get("address", ""))
    except WrongRecipients as refusal:
        problem = refusal.problems[0]
        raise _WrongCell("address", problem.message_ja, problem.message) from None
    spoken = key(cells.get("language", "")) or "ja"
    if spoken not in _LANGUAGES:
        raise _WrongCell("language", "その言語はありません。", "there is no such language")
    return who, Choice(
        language=_LANGUAGES[spoken],
        areas=_areas(cells.get("areas", ""), by_name),
        categories=_categories(cells.get("categories", "")),
    )


def _areas(cell: str, by_name: Mapping[str, str]) -> tuple[str, ...]:
    if key(cell) in _ALL:
        return tuple(dict.fromkeys(by_name.values()))
    found = []
    for word in _words(cell):
        code = by_name.get(key(word)) or by_name.get(key(word).removesuffix("地区"))
        if code is None:
            raise _WrongCell("areas", f"「{word}」という地区はありません。", f"there is no area {word!r}")
        found.append(code)
    if not found:
        raise _WrongCell("areas", "地区を1つ以上入力してください。", "name at least one area")
    return tuple(dict.fromkeys(found))


def _categories(cell: str) -> tuple[Category, ...]:
    if not cell or key(cell) in _ALL:
        return EVERYTHING
    found = {Category.LIFE}
    for word in _words(cell):
        if key(word) not in _CATEGORIES:
            message = f"「{word}」という情報はありません。"
            raise _WrongCell("categories", message, f"there is no category {word!r}")
        found.add(_CATEGORIES[key(word)])
    return tuple(one for one in Category if one in found)


def _words(cell: str) -> list[str]:
    return [word for word in re.split(r"[、,;；\n]+", cell) if word.strip()]
