"""The dictionary of readings: how names and words are read that the voice would get wrong.

CSV files with the columns surface, reading, pronunciation, accent, source, verified_by:
those that are shipped, then those of the installation, which win. Only what is read wrong
without it belongs here, because every entry may spoil another word.
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
from collections.abc import Iterable
from pathlib import Path

from alertd.errors import Problem, WrongInput
from alertd.speech import KnownReading, Reading
from tts.kana import is_kana, morae, to_katakana

SHIPPED = Path(__file__).with_name("readings")
#: what people have given one by one; read after every other file, so that it wins
BY_HAND = "by-hand.csv"
COLUMNS = ("surface", "reading", "pronunciation", "accent", "source", "verified_by")


class Dictionary:
    """The shipped readings and those in one folder; seen anew whenever a file changes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._seen: tuple[tuple[str, int, int], ...] = ()
        self._digest = ""

    def digest(self) -> str:
        """Of all files; costs a look at their dates when nothing has changed."""
        files = self._files()
        seen = tuple((str(file), file.stat().st_mtime_ns, file.stat().st_size) for file in files)
        if seen != self._seen or not self._digest:
            self._digest = hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()
            self._seen = seen
        return self._digest

    def entries(self, *, without: Path | None = None) -> list[KnownReading]:
        """Every entry, the installation's in place of shipped ones for the same word; those
        of the file `without` are left out."""
        found: dict[str, KnownReading] = {}
        for file in self._files():
            if file == without:
                continue
            for entry in entries_of(file.read_text(encoding="utf-8-sig"), file.name):
                found[entry.reading.surface] = entry
        return list(found.values())

    def readings(self, *, without: Path | None = None) -> list[Reading]:
        """What voices are taught."""
        return [entry.reading for entry in self.entries(without=without)]

    def keep(self, entry: KnownReading) -> None:
        """Writes one entry into the file of what people have given, in place of one for the
        same word. Raises WrongInput."""
        file = self.folder / BY_HAND
        there = file.read_text(encoding="utf-8-sig") if file.is_file() else written_out([])
        # what is written must be read again, or every voice would fall silent
        entries_of(written_out([entry]), BY_HAND)
        kept = [one for one in entries_of(there, BY_HAND) if one.reading.surface != entry.reading.surface]
        self.folder.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(".part")
        part.write_text(written_out([*kept, entry]), encoding="utf-8")
        os.replace(part, file)

    def _files(self) -> list[Path]:
        own = sorted(self.folder.glob("*.csv"), key=lambda file: (file.name == BY_HAND, file.name))
        return [*sorted(SHIPPED.glob("*.csv")), *own]


def written_out(entries: Iterable[KnownReading]) -> str:
    """The entries as one CSV file, as `entries_of` reads it."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    for entry in entries:
        reading = entry.reading
        accent = "" if reading.accent is None else reading.accent
        rows.writerow(
            (reading.surface, reading.kana, reading.pronunciation, accent, entry.source, entry.verified_by)
        )
    return text.getvalue()


def entries_of(text: str, name: str) -> list[KnownReading]:
    """The entries of one CSV file. Raises WrongInput with every row that is wrong."""
    rows = csv.DictReader(io.StringIO(text))
    missing = {"surface", "reading"} - set(rows.fieldnames or ())
    if missing:
        raise WrongInput(Problem(name, f"the column {' and '.join(sorted(missing))} is missing"))
    entries: list[KnownReading] = []
    problems: list[Problem] = []
    for number, row in enumerate(rows, start=2):
        cells = {column: (row.get(column) or "").strip() for column in COLUMNS}
        problem = _problem(cells)
        if problem:
            problems.append(Problem(f"{name}, line {number}", problem))
            continue
        entries.append(
            KnownReading(
                reading=Reading(
                    surface=cells["surface"],
                    kana=to_katakana(cells["reading"]),
                    pronunciation=to_katakana(cells["pronunciation"]),
                    accent=int(cells["accent"]) if cells["accent"] else None,
                ),
                source=cells["source"],
                verified_by=cells["verified_by"],
            )
        )
    if problems:
        raise WrongInput(problems)
    return entries


def _problem(cells: dict[str, str]) -> str | None:
    if not cells["surface"] or "," in cells["surface"] or '"' in cells["surface"]:
        return "surface: give the word as it is written, without commas and quotation marks"
    for column in ("reading", "pronunciation"):
        if (cells[column] and not is_kana(cells[column])) or (column == "reading" and not cells[column]):
            return f"{column}: give it in hiragana or katakana, not {cells[column]!r}"
    spoken = cells["pronunciation"] or cells["reading"]
    if cells["accent"] and not (cells["accent"].isdigit() and int(cells["accent"]) <= morae(spoken)):
        return f"accent: give the mora after which the pitch falls, 0 to {morae(spoken)}"
    return None
