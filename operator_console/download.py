"""A download: a file as the answer to a visit, as a spreadsheet, on paper, or as an archive."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from urllib.parse import quote

from fastapi import Response

from alertd import sheet
from alertd.result.words import local
from alertd.sheet import Sheet
from alertd.spreadsheet import guarded
from operator_console.visit import Visit


def spreadsheet(name: str, rows: Iterable[Sequence[object]]) -> Response:
    """The rows as CSV in UTF-8 with a mark for spreadsheets, CRLF; no cell is computed."""
    output = io.StringIO(newline="")
    writer = csv.writer(output, lineterminator="\r\n")
    for row in rows:
        writer.writerow([guarded(cell) if isinstance(cell, str) else cell for cell in row])
    return attached(b"\xef\xbb\xbf" + output.getvalue().encode(), "text/csv; charset=utf-8", f"{name}.csv")


def paper(visit: Visit, name: str, made: Sheet) -> Response:
    """The sheet as PDF, shown in the browser."""
    content = sheet.pdf(made, visit.site.config.paper.font)
    headers = {"Content-Disposition": f'inline; filename="{quote(name)}.pdf"'}
    return Response(content, media_type="application/pdf", headers=headers)


def attached(content: bytes, kind: str, name: str) -> Response:
    """The bytes as a file to keep."""
    headers = {"Content-Disposition": f'attachment; filename="{quote(name)}"'}
    return Response(content, media_type=kind, headers=headers)


def foot(visit: Visit) -> str:
    """Who printed it and when, for the foot of a sheet."""
    return f"{visit.operator.name}  {local(visit.now)}"
