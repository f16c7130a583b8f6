"""The list of recipients: a CSV that offices keep in spreadsheets, read with patience, written with care.

UTF-8 with or without BOM, CP932 and tab-separated UTF-16 are read; columns are found
by their names, Japanese or English, in any order. A row with a problem is not taken and
is reported with its line, its column and the remedy; the others are.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from alertd import address
from alertd.errors import WrongRecipients
from alertd.kana import full_width, hira2kata
from alertd.recipient import Contact, Recipient
from alertd.recipient_columns import (
    AS_WRITTEN,
    HEADINGS,
    KIND_NAMES,
    KINDS,
    LANGUAGES,
    NO,
    YES,
    decoded,
    delimiter,
    headings_of,
    key,
    wrong,
)
from alertd.spreadsheet import guarded


@dataclass(frozen=True, slots=True)
class RowProblem:
    """What is wrong with a row: line (the heading is 1), column, remedy."""

    line: int
    column: str
    message: str
    message_en: str
    #: True: the row was taken all the same, without what the problem names
    taken: bool = False

    def __str__(self) -> str:
        return f"line {self.line}, {self.column}: {self.message_en}"


@dataclass(frozen=True, slots=True)
class RecipientList:
    """The recipients of a list, in its order, and the problems of its rows."""

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
    text = decoded(document)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter(text), strict=True)
    recipients: list[Recipient] = []
    problems: list[RowProblem] = []
    seen: dict[tuple[str, str], int] = {}
    by_area = {key(name): code for code, name in areas.items()} | {key(code): code for code in areas}
    try:
        first = next(rows, [])
        columns, headings = headings_of(first)
        problems += [
            _not_kept(heading)
            for number, heading in enumerate(first)
            if number not in columns and heading.strip()
        ]
        for row in rows:
            line = rows.line_num
            cells = _cells(row, columns)
            if not any(cells.values()) or cells.get("state") in ("停止", "stopped"):
                continue
            try:
                recipient, twice = _without_twice(_recipient(cells, by_area, areas), seen, line)
            except _WrongCell as cell:
                column, message, message_en = cell.args
                heading = headings.get(column, HEADINGS.get(column, column))
                problems.append(RowProblem(line, heading, message, message_en))
            else:
                recipients.append(recipient)
                problems += [_twice(contact, first, line, headings) for contact, first in twice]
    except csv.Error as error:
        raise wrong(
            f"line {rows.line_num}",
            f"the row cannot be read ({error}); look for a lost quotation mark",
            '行を読み取れません。引用符（"）の閉じ忘れがないか確認してください。',
        ) from error
    return RecipientList(tuple(recipients), tuple(problems))


def _not_kept(heading: str) -> RowProblem:
    return RowProblem(
        1,
        heading,
        "この列は保存しません。ほかの列は取り込みます。",
        "this column is not kept; the others are taken",
        taken=True,
    )


def _cells(row: Sequence[str], columns: Mapping[int, str]) -> dict[str, str]:
    return {
        column: _unguarded(row[number].strip()) for number, column in columns.items() if number < len(row)
    }


def _unguarded(cell: str) -> str:
    return cell[1:] if re.match(r"'[=+\-@'\t\r]", cell) else cell


def _recipient(cells: Mapping[str, str], by_area: Mapping[str, str], areas: Mapping[str, str]) -> Recipient:
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
    area = by_area.get(key(cells.get("area", "")).removesuffix("地区"))
    if area is None:
        known = "、".join(list(areas.values())[:20])
        raise _WrongCell(
            "area",
            f"「{cells.get('area', '')}」という地区はありません。{known} のいずれかにしてください。",
            f"there is no area {cells.get('area', '')!r}; use one of {known}",
        )
    needs_support = _flag("support", cells.get("support", ""))
    return Recipient(
        name=name,
        kana=hira2kata(full_width(cells.get("kana", ""))),
        kind=_choice("kind", cells.get("kind", ""), KINDS),
        area=area,
        language=_choice("language", cells.get("language", "") or "ja", LANGUAGES),
        groups=tuple(group for group in re.split(r"[、;；\s]+", cells.get("groups", "")) if group),
        needs_support=needs_support,
        contacts=_contacts(cells, calls_first=needs_support),
        association=cells.get("association"),
        street=cells.get("street"),
        external_id=cells.get("id") or None,
    )


def _flag(column: str, cell: str) -> bool:
    text = key(cell)
    if text not in YES and text not in NO:
        raise _WrongCell(column, "1 か 0 を入力してください。", "write 1 or 0")
    return text in YES


def _choice(column: str, cell: str, table: Mapping[str, T]) -> T:
    try:
        return table[key(cell)]
    except KeyError:
        known = "、".join(name for name in table if name)
        message = f"「{cell}」は使えません。{known} のいずれかにしてください。"
        raise _WrongCell(column, message, f"{cell!r} is not known; use one of {known}") from None


def _contacts(cells: Mapping[str, str], *, calls_first: bool) -> tuple[Contact, ...]:
    """Mail before calls; for those who need support, calls before mail."""
    mails = [("email", _checked("email", cells, address.email))] if cells.get("email") else []
    calls = [
        ("voice", _checked(column, cells, address.phone))
        for column in ("phone", "phone2", "holder_phone")
        if cells.get(column)
    ]
    holders = {calls[-1]: _holder(cells)} if cells.get("holder_phone") else {}
    others = [(column, cells[column]) for column in AS_WRITTEN if cells.get(column)]
    others += [(name[8:], cell) for name, cell in cells.items() if name.startswith("contact:") and cell]
    if cells.get("press"):
        others.append(("press", _checked("press", cells, address.email)))
    found = dict.fromkeys([*others, *(calls + mails if calls_first else mails + calls)])
    if not found:
        raise _WrongCell(
            "email",
            "連絡先がありません。メールか電話番号を入力してください。",
            "there is no address; fill in a mail address or a telephone number",
        )
    return tuple(
        Contact(kind=kind, address=text, preference=number, holder=holders.get((kind, text)))
        for number, (kind, text) in enumerate(found, start=1)
    )


def _holder(cells: Mapping[str, str]) -> str:
    """Whose number the last one is: 三条花子（長女）"""
    name, relation = cells.get("holder", ""), cells.get("relation", "")
    return f"{name}（{relation}）" if relation else name


def _checked(column: str, cells: Mapping[str, str], check: Callable[[str], str]) -> str:
    try:
        return check(cells[column])
    except WrongRecipients as refusal:
        problem = refusal.problems[0]
        raise _WrongCell(column, problem.message_ja, problem.message) from None


def _without_twice(
    recipient: Recipient, seen: dict[tuple[str, str], int], line: int
) -> tuple[Recipient, list[tuple[Contact, int]]]:
    """The recipient without addresses of earlier rows, and those addresses with their rows.

    One address belongs to one row: a household is called once.
    """
    kept: list[Contact] = []
    twice: list[tuple[Contact, int]] = []
    for contact in recipient.contacts:
        first = seen.setdefault((contact.kind, contact.address.lower()), line)
        if first == line:
            kept.append(replace(contact, preference=len(kept) + 1))
        else:
            twice.append((contact, first))
    if not kept:
        contact, first = twice[0]
        raise _WrongCell(
            _column(contact),
            f"{first}行目と同じ連絡先です。どちらか1行にまとめてください。",
            f"line {first} has the same address; keep one of the two",
        )
    return replace(recipient, contacts=tuple(kept)), twice


def _twice(contact: Contact, first: int, line: int, headings: Mapping[str, str]) -> RowProblem:
    return RowProblem(
        line,
        headings.get(_column(contact), HEADINGS[_column(contact)]),
        f"{first}行目と同じ連絡先です。この連絡先を除いて取り込みます。",
        f"line {first} has the same address; the row is taken without it",
        taken=True,
    )


def _column(contact: Contact) -> str:
    return {"voice": "phone"}.get(contact.kind, contact.kind)


def write(recipients: Iterable[Recipient]) -> bytes:
    """The list as CSV for spreadsheets: UTF-8 with BOM, CRLF; `read` takes it back.

    A cell that a spreadsheet would compute gets an apostrophe in front.
    """
    output = io.StringIO(newline="")
    writer = csv.writer(output, lineterminator="\r\n")
    writer.writerow(HEADINGS.values())
    for recipient in recipients:
        writer.writerow([guarded(cell) for cell in _row(recipient)])
    return b"\xef\xbb\xbf" + output.getvalue().encode()


def _row(recipient: Recipient) -> list[str]:
    by_kind: dict[str, list[str]] = {}
    others: list[Contact] = []
    for contact in sorted(recipient.contacts, key=lambda contact: contact.preference):
        if contact.holder and contact.kind == "voice" and not others:
            others.append(contact)
        else:
            by_kind.setdefault(contact.kind, []).append(contact.address)
    holder, _, relation = (others[0].holder or "").rstrip("）").partition("（") if others else ("", "", "")
    phones = [address.phone_in_japan(number) for number in by_kind.get("voice", [])]
    return [
        recipient.external_id or "",
        recipient.name,
        recipient.kana,
        KIND_NAMES[recipient.kind],
        *(by_kind.get("email") or [""])[:1],
        *[*phones, "", ""][:2],
        holder,
        relation,
        address.phone_in_japan(others[0].address) if others else "",
        *((by_kind.get(kind) or [""])[0] for kind in (*AS_WRITTEN, "press")),
        recipient.area,
        recipient.association or "",
        recipient.street or "",
        recipient.language,
        "1" if recipient.needs_support else "0",
        "、".join(recipient.groups),
    ]
