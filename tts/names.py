"""Names with kana from anywhere: read from a CSV, checked against the voice, kept if needed.

A name that the voice reads right already is not kept, because every entry of a dictionary
may spoil another word.
"""

from __future__ import annotations

import csv
import io
import os
import re
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path

from alertd.errors import Problem, WrongInput
from alertd.speech import CheckedName, ImportedNames, KnownReading, Reading
from tts.dictionary import written_out
from tts.kana import is_kana, same_sound, to_katakana

#: columns of a word and of its kana: ours, town lists, 自治体標準オープンデータ, address books
_PAIRS = (
    ("surface", "reading"),
    ("town", "town_kana"),
    ("名称", "名称_カナ"),
    ("施設名", "施設名カナ"),
    ("町名", "町名カナ"),
    ("町域名", "町域名カナ"),
    ("氏名", "フリガナ"),
    ("name", "kana"),
)
#: the post office's KEN_ALL: no header, 15 columns, kana in the 6th, town in the 9th
_KEN_ALL_COLUMNS, _KEN_ALL_KANA, _KEN_ALL_TOWN = 15, 5, 8
_NO_TOWN = "以下に掲載がない場合"
#: a name must be read right alone and in the words that alerts put around it
_CARRIERS = (("", ""), ("", "地区に"), ("三条市", "の"))
#: an entry can spoil another name, which then needs one too
_ROUNDS = 4

Teach = Callable[[Sequence[Reading]], None]
Read = Callable[[str], str]


def names_of(data: bytes) -> list[Reading]:
    """The names in a CSV file, UTF-8 (BOM or not) or CP932. Raises WrongInput.

    Rows without kana are passed over; what is in brackets is not part of a name.
    """
    rows = list(csv.reader(io.StringIO(_decoded(data))))
    if not rows:
        raise WrongInput("the file is empty; give a CSV with names and their kana")
    word, kana, first, rows = _columns(rows)
    found: dict[str, Reading] = {}
    problems: list[Problem] = []
    for number, row in enumerate(rows, start=first):
        cells = [unicodedata.normalize("NFKC", cell).strip() for cell in row]
        if len(cells) <= max(word, kana) or not cells[word] or not cells[kana] or cells[word] == _NO_TOWN:
            continue
        surface, reading = (re.sub(r"[(].*", "", cells[at]).strip() for at in (word, kana))
        reading = re.sub(r"[\s・･]", "", reading)
        if is_kana(reading) and surface and not set(surface) & set(',"'):
            found[surface] = Reading(surface=surface, kana=to_katakana(reading))
        else:
            problems.append(Problem(f"line {number}", f"the kana of {surface} is not kana: {reading!r}"))
    if problems:
        raise WrongInput(problems)
    return list(found.values())


def checked(names: Sequence[Reading], read: Read) -> list[CheckedName]:
    """Each name with the first wrong reading that the voice gives it in any setting."""
    found = ((name, _heard(name, read)) for name in names)
    return [
        CheckedName(name.surface, name.kana, heard, same_sound(name.kana, heard)) for name, heard in found
    ]


def import_names(
    names: Sequence[Reading],
    known: Sequence[Reading],
    file: Path,
    *,
    source: str,
    teach: Teach,
    read: Read,
    dry_run: bool = False,
) -> ImportedNames:
    """Keep those names in `file` that the voice would read wrong; an earlier import under
    the same name is replaced.

    1. teach what is known  2. find the names it reads wrong  3. teach these too, and again
    those that an entry of another name has spoilt  4. write.
    """
    teach(known)
    after = checked(names, read)
    needed: dict[str, Reading] = {}
    for _ in range(_ROUNDS):
        wrong = {name.surface for name in after if not name.right} - set(needed)
        if not wrong:
            break
        needed |= {name.surface: name for name in names if name.surface in wrong}
        teach([*(entry for entry in known if entry.surface not in needed), *needed.values()])
        after = checked(names, read)
    if dry_run:
        teach(known)
    elif needed:
        _write(file, list(needed.values()), source)
    return ImportedNames(
        already_right=len(names) - len(needed),
        learnt=tuple(name for name in after if name.right and name.surface in needed),
        still_wrong=tuple(name for name in after if not name.right),
        file=file if needed and not dry_run else None,
    )


def _heard(name: Reading, read: Read) -> str:
    """The kana of the name: right when it is right alone and among other words."""
    heard = ""
    for before, after in _CARRIERS:
        heard = read(f"{before}{name.surface}{after}").removeprefix(read(before)).removesuffix(read(after))
        if not same_sound(heard, name.kana):
            break
    return heard


def _columns(rows: list[list[str]]) -> tuple[int, int, int, list[list[str]]]:
    """Where word and kana stand, the line on which the names begin, and their rows."""
    header = [cell.strip() for cell in rows[0]]
    for word, kana in _PAIRS:
        if word in header and kana in header:
            return header.index(word), header.index(kana), 2, rows[1:]
    if len(header) == _KEN_ALL_COLUMNS and header[0].isdigit():
        return _KEN_ALL_TOWN, _KEN_ALL_KANA, 1, rows
    pairs = "; ".join(f"{word} and {kana}" for word, kana in _PAIRS)
    raise WrongInput(f"no columns of names and kana were found; give the columns {pairs}")


def _decoded(data: bytes) -> str:
    for encoding in ("utf-8-sig", "cp932"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise WrongInput("the file is neither UTF-8 nor CP932; save it again as UTF-8")


def _write(file: Path, names: Sequence[Reading], source: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    part.write_text(
        written_out(KnownReading(reading=name, source=source) for name in names), encoding="utf-8"
    )
    os.replace(part, file)
