"""A list of shelters as cities publish it: CSV in three formats, read with repairs, written in the newest.

A: 自治体標準オープンデータセット (39 columns) · B: the older 推奨データセット (26) · C: the lists of
国土地理院. Columns are found by their names, in any order; others are kept as they are.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from alertd.errors import Problem, WrongInput
from alertd.shelter import Designation, Shelter

#: of a file, in bytes
LARGEST = 20 * 1024 * 1024
#: format A, in its order
COLUMNS = (
    "全国地方公共団体コード", "ID", "名称", "名称_カナ", "名称_英字", "所在地_全国地方公共団体コード", "町字ID",
    "所在地_連結表記", "所在地_都道府県", "所在地_市区町村", "所在地_町字", "所在地_番地以下", "建物名等(方書)",
    "緯度", "経度", "標高", "電話番号", "内線番号", "連絡先メールアドレス", "連絡先FormURL",
    "連絡先備考（その他、SNSなど）", "郵便番号", "市区町村コード", "地方公共団体名",
    *(f"災害種別_{kind}" for kind in Designation),
    "指定避難所との重複", "想定収容人数", "対象となる町会・自治会", "URL", "画像", "画像_ライセンス", "備考",
)  # fmt: skip
#: what a column is called in the three formats; the first one is what it is kept as
_NAMES: dict[str, tuple[str, ...]] = {
    "ID": ("ID", "共通ID", "NO"),
    "名称": ("名称", "施設・場所名"),
    "名称_カナ": ("名称_カナ",),
    "名称_英字": ("名称_英字", "名称_英語"),
    "所在地_連結表記": ("所在地_連結表記", "住所"),
    "緯度": ("緯度",),
    "経度": ("経度",),
    "想定収容人数": ("想定収容人数",),
    "地方公共団体名": ("地方公共団体名", "都道府県名及び市町村名", "市区町村名"),
    "全国地方公共団体コード": ("全国地方公共団体コード", "都道府県コード又は市区町村コード"),
    "指定避難所との重複": ("指定避難所との重複", "指定避難所との住所同一"),
}
#: kept in columns of their own
_OWN = frozenset({"ID", "名称", "名称_カナ", "名称_英字", "所在地_連結表記", "緯度", "経度", "想定収容人数"})
_CODES = ("全国地方公共団体コード", "所在地_全国地方公共団体コード", "市区町村コード")
#: Japan with its islands, in degrees
_SOUTH, _NORTH, _WEST, _EAST = 20.0, 46.0, 122.0, 154.5


@dataclass(frozen=True, slots=True)
class ShelterList:
    """What a file holds, and what was mended in it."""

    shelters: tuple[Shelter, ...]
    #: line and what was done, for people
    repairs: tuple[str, ...]


def read(document: bytes) -> ShelterList:
    """The shelters of a list. Raises WrongInput with the line of every mistake that cannot be mended."""
    text = _text(document)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text)))
    except csv.Error as error:
        raise WrongInput(
            Problem("file", f"it cannot be read as a list: {error}", "CSVとして読み取れません。")
        ) from error
    rows = [row for row in rows if any(cell.strip() for cell in row)]
    if not rows:
        raise WrongInput(Problem("file", "it is empty", "ファイルが空です。"))
    heads = [unicodedata.normalize("NFC", head).strip() for head in rows[0]]
    places = _places(heads)
    if "名称" not in places:
        raise WrongInput(
            Problem(
                "line 1",
                "no column is called 名称 or 施設・場所名; the first line must name the columns",
                "「名称」の列がありません。1行目に列の名前が必要です。",
            )
        )
    found: dict[str, Shelter] = {}
    problems: list[Problem] = []
    repairs: list[str] = []
    for line, row in enumerate(rows[1:], start=2):
        cells = {head: row[place].strip() if place < len(row) else "" for head, place in places.items()}
        try:
            shelter = _shelter(cells, line, repairs)
        except ValueError as error:
            problems.append(Problem(f"line {line}", str(error)))
            continue
        if shelter.id in found:
            repairs.append(f"line {line}: {shelter.id} stands twice; the later line counts")
        found[shelter.id] = shelter
    if problems:
        raise WrongInput(problems)
    return ShelterList(tuple(found.values()), tuple(repairs))


def write(shelters: Iterable[Shelter]) -> bytes:
    """The shelters in format A: UTF-8 with BOM, CRLF, and no cell that a spreadsheet would run."""
    output = io.StringIO(newline="")
    writer = csv.writer(output, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for one in shelters:
        cells: dict[str, str] = {
            **one.details,
            "ID": one.id,
            "名称": one.name,
            "名称_カナ": one.kana,
            "名称_英字": one.name_en,
            "所在地_連結表記": one.address,
            "緯度": "" if one.latitude is None else f"{one.latitude:.6f}",
            "経度": "" if one.longitude is None else f"{one.longitude:.6f}",
            "想定収容人数": "" if one.capacity is None else str(one.capacity),
            **{f"災害種別_{kind}": "1" if kind in one.designated_for else "" for kind in Designation},
        }
        writer.writerow([_safe(cells.get(name, "")) for name in COLUMNS])
    return b"\xef\xbb\xbf" + output.getvalue().encode()


def _text(document: bytes) -> str:
    """UTF-8, with or without BOM, UTF-16 as Excel writes it, else CP932."""
    if len(document) > LARGEST:
        raise WrongInput(Problem("file", f"it is larger than {LARGEST:,} bytes"))
    wide = document.startswith((b"\xff\xfe", b"\xfe\xff"))
    for encoding in ("utf-16",) if wide else ("utf-8-sig", "cp932"):
        try:
            return document.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise WrongInput(
        Problem(
            "file",
            "it is neither UTF-8 nor UTF-16 nor Shift_JIS",
            "文字コードが分かりません。UTF-8で保存してください。",
        )
    )


def _delimiter(text: str) -> str:
    first = text.partition("\n")[0]
    return "\t" if first.count("\t") > first.count(",") else ","


def _places(heads: Sequence[str]) -> dict[str, int]:
    """Where each column is, by the name it is kept as."""
    kept: dict[str, int] = {}
    for name, others in _NAMES.items():
        place = next((heads.index(other) for other in others if other in heads), None)
        if place is not None:
            kept[name] = place
    for kind in Designation:
        for head in (f"災害種別_{kind}", str(kind)):
            if head in heads:
                kept[f"災害種別_{kind}"] = heads.index(head)
                break
    taken = set(kept.values())
    for place, head in enumerate(heads):
        if place not in taken and head and head not in kept:
            kept[head] = place
    return kept


def _shelter(cells: Mapping[str, str], line: int, repairs: list[str]) -> Shelter:
    name = cells["名称"]
    if not name:
        raise ValueError("it has no name")
    latitude, longitude = _point(cells.get("緯度", ""), cells.get("経度", ""), line, repairs)
    details = {
        head: _code(value, line, repairs) if head in _CODES else value
        for head, value in cells.items()
        if head not in _OWN and not head.startswith("災害種別_") and value
    }
    capacity = re.sub(r"[,，人\s]", "", unicodedata.normalize("NFKC", cells.get("想定収容人数", "")))
    return Shelter(
        id=(cells.get("ID") or f"{name}/{cells.get('所在地_連結表記', '')}")[:32],
        name=name[:200],
        kana=cells.get("名称_カナ", "")[:200],
        name_en=cells.get("名称_英字", "")[:200],
        address=cells.get("所在地_連結表記", "")[:300],
        latitude=latitude,
        longitude=longitude,
        designated_for=frozenset(kind for kind in Designation if _flag(cells.get(f"災害種別_{kind}", ""))),
        capacity=int(capacity) if capacity.isdecimal() else None,
        details=details,
    )


def _flag(cell: str) -> bool:
    return unicodedata.normalize("NFKC", cell).strip().lower() in {
        "1",
        "○",
        "〇",
        "◯",
        "true",
        "yes",
        "有",
        "はい",
    }


def _point(latitude: str, longitude: str, line: int, repairs: list[str]) -> tuple[float | None, float | None]:
    if not latitude or not longitude:
        return None, None
    try:
        north, east = (float(unicodedata.normalize("NFKC", cell)) for cell in (latitude, longitude))
    except ValueError:
        raise ValueError(f"{latitude!r}, {longitude!r} is no place in degrees") from None
    if _in_japan(north, east):
        return north, east
    if _in_japan(east, north):
        repairs.append(f"line {line}: latitude and longitude were swapped")
        return east, north
    raise ValueError(f"{latitude}, {longitude} lies outside Japan")


def _in_japan(latitude: float, longitude: float) -> bool:
    return _SOUTH <= latitude <= _NORTH and _WEST <= longitude <= _EAST


def _code(value: str, line: int, repairs: list[str]) -> str:
    """A municipal code has six digits; spreadsheets take the zero in front away."""
    if re.fullmatch(r"\d{5}", value) and value[0] != "0" and _check_digit("0" + value[:4]) == value[4]:
        repairs.append(f"line {line}: {value} became 0{value}")
        return "0" + value
    return value


def _check_digit(five: str) -> str:
    """Of JIS X 0402: 11 minus the weighted sum modulo 11, its last digit."""
    total = sum(int(digit) * weight for digit, weight in zip(five, (6, 5, 4, 3, 2), strict=True))
    return str((11 - total % 11) % 10)


def _safe(cell: str) -> str:
    return f"'{cell}" if cell[:1] in ("=", "+", "@", "\t", "\r") or re.match(r"-(?!\d)", cell) else cell
