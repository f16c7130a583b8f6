"""The columns of a list of recipients: their names, what may stand in them, and how the file is read."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from alertd.errors import Problem, WrongRecipients
from alertd.language import NAMES as LANGUAGE_NAMES
from alertd.recipient import RecipientKind

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
    "holder": ("代理人氏名", "代理人", "holder"),
    "relation": ("続柄", "relation"),
    "holder_phone": ("代理人電話", "代理人電話番号", "holder_phone"),
    "fm": ("fm放送", "fm"),
    "radio": ("防災無線", "防災行政無線", "radio"),
    "gateway": ("子局番号", "子局", "gateway"),
    "radio_phone": ("遠隔制御", "遠隔制御番号", "radio_phone"),
    "desk": ("担当", "手配先", "desk"),
    "press": ("報道メール", "press"),
    "area": ("地区", "地区コード", "area"),
    "association": ("自治会", "自治会名", "町内会", "association"),
    "street": ("住所", "street"),
    "language": ("言語", "language"),
    "support": ("要支援者", "support", "needs_support"),
    "groups": ("区分", "グループ", "groups"),
    "state": ("状態", "state"),
}
#: columns that hold an address as its channel wants it
AS_WRITTEN = ("fm", "radio", "gateway", "radio_phone", "desk")
#: a column with addresses of any other kind of channel, such as `contact:pager`
CONTACT = re.compile(r"contact:[a-z][a-z0-9_-]{0,31}")
#: columns of which a list needs one
ADDRESSES = {"email", "phone", "phone2", "holder_phone", "press", *AS_WRITTEN}
KINDS = {
    "": RecipientKind.PERSON,
    "個人": RecipientKind.PERSON,
    "世帯": RecipientKind.HOUSEHOLD,
    "団体": RecipientKind.ORGANISATION,
    "放送局": RecipientKind.STATION,
    "屋外拡声子局": RecipientKind.LOUDSPEAKER,
    "報道機関": RecipientKind.PRESS,
} | {kind.value: kind for kind in RecipientKind}
KIND_NAMES = {kind: name for name, kind in KINDS.items() if re.match(r"[一-鿿]", name)}
YES = frozenset({"1", "○", "〇", "◯", "true", "yes", "y", "はい", "有", "要", "該当"})
NO = frozenset({"", "0", "false", "no", "n", "いいえ", "無", "不要", "×", "-"})
LANGUAGES = {name: code for code, names in LANGUAGE_NAMES.items() for name in (code.lower(), names[0])}
HEADINGS = {
    "id": "受付番号",
    "name": "氏名",
    "kana": "フリガナ",
    "kind": "種類",
    "email": "メール",
    "phone": "電話番号",
    "phone2": "電話番号2",
    "holder": "代理人氏名",
    "relation": "続柄",
    "holder_phone": "代理人電話",
    "fm": "FM放送",
    "radio": "防災無線",
    "gateway": "子局番号",
    "radio_phone": "遠隔制御",
    "desk": "担当",
    "press": "報道メール",
    "area": "地区",
    "association": "自治会",
    "street": "住所",
    "language": "言語",
    "support": "要支援者",
    "groups": "区分",
}


def wrong(field: str, message: str, message_ja: str) -> WrongRecipients:
    return WrongRecipients(Problem(field, message, message_ja))


def decoded(document: bytes) -> str:
    if len(document) > LIMIT:
        raise wrong("file", "it is too large; split it", "ファイルが大きすぎます。分割してください。")
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
    raise wrong(
        "file",
        "its characters cannot be read; save it as CSV UTF-8",
        "文字コードを読み取れません。「CSV UTF-8」で保存し直してください。",
    )


def delimiter(text: str) -> str:
    first = text.split("\n", 1)[0]
    return "\t" if first.count("\t") > first.count(",") else ","


def key(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip().lower()


def headings_of(row: Sequence[str]) -> tuple[dict[int, str], dict[str, str]]:
    """Which cell is which column, and what the list calls it."""
    names = {key(name): column for column, names in COLUMNS.items() for name in names}
    columns: dict[int, str] = {}
    for number, heading in enumerate(row):
        column = names.get(key(heading)) or (key(heading) if CONTACT.fullmatch(key(heading)) else None)
        if column in columns.values():
            raise wrong(
                heading,
                "there are two columns of that meaning; remove one",
                f"「{heading}」にあたる列が2つあります。1つにしてください。",
            )
        if column is not None:
            columns[number] = column
    found = set(columns.values())
    for needed in ("name", "area"):
        if needed not in found:
            raise wrong(
                HEADINGS[needed],
                f"the column is missing; the first line must name the columns, among them {needed}",
                f"「{HEADINGS[needed]}」の列がありません。1行目に列の名前を入れてください。",
            )
    if not found & ADDRESSES and not any(CONTACT.fullmatch(column) for column in found):
        raise wrong(
            "メール",
            "there is no column with addresses; add メール (email) or 電話番号 (phone)",
            "連絡先の列がありません。「メール」か「電話番号」の列を加えてください。",
        )
    return columns, {column: row[number] for number, column in columns.items()}
