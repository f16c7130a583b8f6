"""The list of recipients: a CSV that offices keep in spreadsheets, read with patience, written with care.

UTF-8 with or without BOM, CP932 and tab-separated UTF-16 are read; columns are found
by their names, Japanese or English, in any order. A row with a problem is not taken and
is reported with its line, its column and the remedy; the others are.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import jaconv

from alertd import address
from alertd.errors import Problem, WrongRecipients
from alertd.language import NAMES as LANGUAGE_NAMES
from alertd.recipient import Contact, Recipient, RecipientKind

#: the largest list, in bytes: a million rows
LIMIT = 200 * 1024 * 1024

#: column -> the names by which it is known
COLUMNS: dict[str, tuple[str, ...]] = {
    "id": ("受付番号", "番号", "id", "external_id"),
    "name": ("氏名", "名前", "名称", "name"),
    "kana": ("フリガナ", "ふりがな", "カナ", "kana"),
    "kind": ("種類", "受信者種別", "kind"),
    "email": ("メール", "メールアドレス", "eメール", "email", "mail"),
    "phone": ("電話番号", "電話", "電話番号1", "phone", "telephone"),
    "phone2": ("電話番号2", "電話2", "phone2"),
    "fm": ("fm放送", "fm"),
    "radio": ("防災無線", "防災行政無線", "radio"),
    "area": ("地区", "地区コード", "area"),
    "language": ("言語", "language"),
    "support": ("要支援者", "support", "needs_support"),
    "groups": ("区分", "グループ", "groups"),
    "state": ("状態", "state"),
}
_KINDS = {
    "": RecipientKind.PERSON,
    "個人": RecipientKind.PERSON,
    "世帯": RecipientKind.HOUSEHOLD,
    "団体": RecipientKind.ORGANISATION,
    "放送局": RecipientKind.STATION,
    "屋外拡声子局": RecipientKind.LOUDSPEAKER,
} | {kind.value: kind for kind in RecipientKind}
_KIND_NAMES = {kind: name for name, kind in _KINDS.items() if re.match(r"[一-鿿]", name)}
_YES = frozenset({"1", "○", "〇", "◯", "true", "yes", "y", "はい", "有", "要", "該当"})
_NO = frozenset({"", "0", "false", "no", "n", "いいえ", "無", "不要", "×", "-"})
_LANGUAGES = {name: code for code, names in LANGUAGE_NAMES.items() for name in (code.lower(), names[0])}
_HEADINGS = {
    "id": "受付番号",
    "name": "氏名",
    "kana": "フリガナ",
    "kind": "種類",
    "email": "メール",
    "phone": "電話番号",
    "phone2": "電話番号2",
    "fm": "FM放送",
    "radio": "防災無線",
    "area": "地区",
    "language": "言語",
    "support": "要支援者",
    "groups": "区分",
}


@dataclass(frozen=True, slots=True)
class RowProblem:
    """Why a row was not taken, or what was odd: line (the heading is 1), column, remedy."""

    line: int
    column: str
    message: str
    message_en: str

    def __str__(self) -> str:
        return f"line {self.line}, {self.column}: {self.message_en}"


@dataclass(frozen=True, slots=True)
class RecipientList:
    """The recipients of a list, in its order, and the problems of the rows that were not taken."""

    recipients: tuple[Recipient, ...]
    problems: tuple[RowProblem, ...]


T = TypeVar("T")


class _WrongCell(Exception):
    """A cell cannot be used: column, Japanese, English."""


def read(document: bytes, *, areas: Mapping[str, str]) -> RecipientList:
    """The recipients in the CSV; `areas` gives the name of each area code.

    Raises WrongRecipients when the file as a whole cannot be read: unknown encoding,
    no heading, a needed column missing.
    """
    text = _decoded(document)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    recipients: list[Recipient] = []
    problems: list[RowProblem] = []
    seen: dict[tuple[str, str], int] = {}
    by_area = {_key(name): code for code, name in areas.items()} | {_key(code): code for code in areas}
    try:
        columns, headings = _heading(next(rows, []))
        for row in rows:
            line = rows.line_num
            cells = _cells(row, columns)
            if not any(cells.values()) or cells.get("state") in ("停止", "stopped"):
                continue
            try:
                recipient = _recipient(cells, by_area)
                _refuse_duplicates(recipient, seen, line)
            except _WrongCell as wrong:
                column, message, message_en = wrong.args
                heading = headings.get(column, _HEADINGS.get(column, column))
                problems.append(RowProblem(line, heading, message, message_en))
            else:
                recipients.append(recipient)
    except csv.Error as error:
        raise _wrong(
            f"line {rows.line_num}",
            f"the row cannot be read ({error}); look for a lost quotation mark",
            '行を読み取れません。引用符（"）の閉じ忘れがないか確認してください。',
        ) from error
    return RecipientList(tuple(recipients), tuple(problems))


def _wrong(field: str, message: str, message_ja: str) -> WrongRecipients:
    return WrongRecipients(Problem(field, message, message_ja))


def _decoded(document: bytes) -> str:
    if len(document) > LIMIT:
        raise _wrong("file", "it is too large; split it", "ファイルが大きすぎます。分割してください。")
    if document.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings: tuple[str, ...] = ("utf-16",)
    else:
        encodings = ("utf-8-sig", "cp932")
    for encoding in encodings:
        try:
            text = document.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise _wrong(
        "file",
        "its characters cannot be read; save it as CSV UTF-8",
        "文字コードを読み取れません。「CSV UTF-8」で保存し直してください。",
    )


def _delimiter(text: str) -> str:
    first = text.split("\n", 1)[0]
    return "\t" if first.count("\t") > first.count(",") else ","


def _key(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip().lower()


def _heading(row: Sequence[str]) -> tuple[dict[int, str], dict[str, str]]:
    """Which cell is which column, and what the list calls it."""
    names = {_key(name): column for column, names in COLUMNS.items() for name in names}
    columns: dict[int, str] = {}
    for number, heading in enumerate(row):
        column = names.get(_key(heading))
        if column in columns.values():
            raise _wrong(
                heading,
                "there are two columns of that meaning; remove one",
                f"「{heading}」にあたる列が2つあります。1つにしてください。",
            )
        if column is not None:
            columns[number] = column
    found = set(columns.values())
    for needed in ("name", "area"):
        if needed not in found:
            raise _wrong(
                _HEADINGS[needed],
                f"the column is missing; the first line must name the columns, among them {needed}",
                f"「{_HEADINGS[needed]}」の列がありません。1行目に列の名前を入れてください。",
            )
    if not found & {"email", "phone", "phone2", "fm", "radio"}:
        raise _wrong(
            "メール",
            "there is no column with addresses; add メール (email) or 電話番号 (phone)",
            "連絡先の列がありません。「メール」か「電話番号」の列を加えてください。",
        )
    return columns, {column: row[number] for number, column in columns.items()}


def _cells(row: Sequence[str], columns: Mapping[int, str]) -> dict[str, str]:
    return {
        column: _unguarded(row[number].strip()) for number, column in columns.items() if number < len(row)
    }


def _unguarded(cell: str) -> str:
    return cell[1:] if re.match(r"'[=+\-@'\t\r]", cell) else cell


def _recipient(cells: Mapping[str, str], by_area: Mapping[str, str]) -> Recipient:
    for column, cell in cells.items():
        if not address.safe(cell):
            raise _WrongCell(
                column,
                "改行・制御文字・「=?」は使えません。削除してください。",
                "it has a line break, a control character or '=?'; remove it",
            )
    name = cells.get("name", "")
    if not name:
        raise _WrongCell("name", "空欄です。名前を入力してください。", "it is empty; fill in the name")
    area = by_area.get(_key(cells.get("area", "")))
    if area is None:
        known = "、".join(dict.fromkeys(by_area.values()))
        raise _WrongCell(
            "area",
            f"「{cells.get('area', '')}」という地区はありません。{known} のいずれかにしてください。",
            f"there is no area {cells.get('area', '')!r}; use one of {known}",
        )
    needs_support = _flag("support", cells.get("support", ""))
    return Recipient(
        name=name,
        kana=jaconv.hira2kata(jaconv.h2z(cells.get("kana", ""))),
        kind=_choice("kind", cells.get("kind", ""), _KINDS),
        area=area,
        language=_choice("language", cells.get("language", "") or "ja", _LANGUAGES),
        groups=tuple(group for group in re.split(r"[、;；\s]+", cells.get("groups", "")) if group),
        needs_support=needs_support,
        contacts=_contacts(cells, calls_first=needs_support),
        external_id=cells.get("id") or None,
    )


def _flag(column: str, cell: str) -> bool:
    text = _key(cell)
    if text not in _YES and text not in _NO:
        raise _WrongCell(column, "1 か 0 を入力してください。", "write 1 or 0")
    return text in _YES


def _choice(column: str, cell: str, table: Mapping[str, T]) -> T:
    try:
        return table[_key(cell)]
    except KeyError:
        known = "、".join(name for name in table if name)
        message = f"「{cell}」は使えません。{known} のいずれかにしてください。"
        raise _WrongCell(column, message, f"{cell!r} is not known; use one of {known}") from None


def _contacts(cells: Mapping[str, str], *, calls_first: bool) -> tuple[Contact, ...]:
    """Mail before calls; for those who need support, calls before mail."""
    mails = [("email", _checked("email", cells, address.email))] if cells.get("email") else []
    calls = [
        ("voice", _checked(column, cells, address.phone))
        for column in ("phone", "phone2")
        if cells.get(column)
    ]
    others = [(column, cells[column]) for column in ("fm", "radio") if cells.get(column)]
    found = dict.fromkeys([*others, *(calls + mails if calls_first else mails + calls)])
    if not found:
        raise _WrongCell(
            "email",
            "連絡先がありません。メールか電話番号を入力してください。",
            "there is no address; fill in a mail address or a telephone number",
        )
    return tuple(
        Contact(kind=kind, address=text, preference=number)
        for number, (kind, text) in enumerate(found, start=1)
    )


def _checked(column: str, cells: Mapping[str, str], check: Callable[[str], str]) -> str:
    try:
        return check(cells[column])
    except WrongRecipients as wrong:
        problem = wrong.problems[0]
        raise _WrongCell(column, problem.message_ja, problem.message) from None


def _refuse_duplicates(recipient: Recipient, seen: dict[tuple[str, str], int], line: int) -> None:
    """One address belongs to one row: a household is called once."""
    for contact in recipient.contacts:
        first = seen.get((contact.kind, contact.address.lower()))
        if first is not None:
            raise _WrongCell(
                {"voice": "phone"}.get(contact.kind, contact.kind),
                f"{first}行目と同じ連絡先です。どちらか1行にまとめてください。",
                f"line {first} has the same address; keep one of the two",
            )
    seen.update({(contact.kind, contact.address.lower()): line for contact in recipient.contacts})


def write(recipients: Iterable[Recipient]) -> bytes:
    """The list as CSV for spreadsheets: UTF-8 with BOM, CRLF; `read` takes it back.

    A cell that a spreadsheet would compute gets an apostrophe in front.
    """
    output = io.StringIO(newline="")
    writer = csv.writer(output, lineterminator="\r\n")
    writer.writerow(_HEADINGS.values())
    for recipient in recipients:
        writer.writerow([_guarded(cell) for cell in _row(recipient)])
    return b"\xef\xbb\xbf" + output.getvalue().encode()


def _row(recipient: Recipient) -> list[str]:
    by_kind: dict[str, list[str]] = {}
    for contact in sorted(recipient.contacts, key=lambda contact: contact.preference):
        by_kind.setdefault(contact.kind, []).append(contact.address)
    phones = [address.phone_in_japan(number) for number in by_kind.get("voice", [])]
    return [
        recipient.external_id or "",
        recipient.name,
        recipient.kana,
        _KIND_NAMES[recipient.kind],
        *(by_kind.get("email") or [""])[:1],
        *[*phones, "", ""][:2],
        *(by_kind.get("fm") or [""])[:1],
        *(by_kind.get("radio") or [""])[:1],
        recipient.area,
        recipient.language,
        "1" if recipient.needs_support else "0",
        "、".join(recipient.groups),
    ]


def _guarded(cell: str) -> str:
    return f"'{cell}" if re.match(r"['=+\-@\t\r]", cell) else cell
