"""The Sheet: paper for when screens are dark; A4 as PDF, in the visitor's language, the same every time.

A drill and a real alert differ by word, shape and edge on every page, so that they
differ on a black-and-white printer and in a pile too.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import segno
from reportlab.graphics.shapes import Drawing, Rect
from reportlab.lib.colors import black
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.platypus import (
    BaseDocTemplate,
    CondPageBreak,
    Flowable,
    Frame,
    KeepTogether,
    LongTable,
    PageTemplate,
    Paragraph,
    Spacer,
    TableStyle,
)
from reportlab.platypus import PageBreak as NextPage

from alertd import paper
from alertd.alert import Status
from alertd.chart import Chart
from alertd.chart_print import printed
from alertd.paper import Face, Page

#: something to tick
BOX = "□"


@dataclass(frozen=True, slots=True)
class Heading:
    """A line above what belongs together."""

    text: str


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph; a line break stays one."""

    text: str


@dataclass(frozen=True, slots=True)
class ReadOut:
    """Words that somebody reads aloud: large, with room between the lines, in a frame."""

    text: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Names and values side by side."""

    rows: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under heads that are repeated on every page; a row is never parted by a page.

    `widths` are shares of the page's width. An empty cell leaves room to write.
    """

    heads: Sequence[str]
    widths: Sequence[float]
    rows: Sequence[Sequence[str]]

    @property
    def words(self) -> frozenset[int]:
        """The columns in which a cell begins with a letter, from 0; all others hold figures."""
        return frozenset(column for row in self.rows for column, cell in enumerate(row) if cell[:1].isalpha())


@dataclass(frozen=True, slots=True)
class Code:
    """A QR code with what it is for beside it; `side` in millimetres."""

    content: str
    caption: str
    side: float = 35.0


@dataclass(frozen=True, slots=True)
class Picture:
    """A chart across the page."""

    chart: Chart


@dataclass(frozen=True, slots=True)
class PageBreak:
    """What follows begins on a new page."""


Block = Heading | Text | ReadOut | Facts | Table | Code | Picture | PageBreak


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A title, what is under it, and what is at the foot of every page."""

    title: str
    blocks: Sequence[Block]
    #: None = it belongs to no alert, and has no band
    status: Status | None = None
    #: who made it and when, how it must be kept
    foot: str = ""
    #: of the band and the page numbers
    language: str = "ja"
    wide: bool = False


def pdf(sheet: Sheet, font: Path | None = None) -> bytes:
    """The sheet as PDF; the same sheet and font give the same bytes.

    `font` is a TrueType font with Japanese, which is embedded; None = one that the system
    has, else the one that readers of PDF bring along. Raises WrongInput when the file
    is no such font.
    """
    face = paper.face(font)
    size = landscape(A4) if sheet.wide else A4
    output = io.BytesIO()
    document = BaseDocTemplate(
        output, pagesize=size, title=sheet.title, author="", creator="alertd", invariant=1
    )
    band = paper.BAND if sheet.status is not None else 0.0
    frame = Frame(
        paper.MARGIN,
        paper.MARGIN + paper.FOOT + band,
        size[0] - 2 * paper.MARGIN,
        size[1] - 2 * paper.MARGIN - paper.FOOT - 2 * band,
        leftPadding=0,
        rightPadding=0,
        topPadding=3 * mm,
        bottomPadding=0,
    )
    document.addPageTemplates(PageTemplate(frames=[frame]))
    setter = _Typesetter(face, frame._width)
    story = [setter.paragraph(sheet.title, size=18), Spacer(0, 3 * mm), *setter.flowables(sheet.blocks)]
    canvas = partial(Page, face=face, status=sheet.status, foot=sheet.foot, language=sheet.language)
    document.build(story, canvasmaker=canvas)
    return output.getvalue()


# private steps ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Typesetter:
    """Makes blocks into what reportlab lays out."""

    face: Face
    width: float

    def flowables(self, blocks: Iterable[Block]) -> list[Flowable]:
        made: list[Flowable] = []
        for block in blocks:
            made += self._block(block)
        return made

    def paragraph(self, text: str, *, size: float = 10.5, leading: float = 1.5) -> Paragraph:
        style = ParagraphStyle(
            "text",
            fontName=self.face.name,
            fontSize=size,
            leading=size * leading,
            # Latin words are parted between words, Japanese anywhere
            wordWrap=None if text.isascii() else "CJK",
            textColor=black,
        )
        return Paragraph(escape(self.face.printable(text)).replace("\n", "<br/>"), style)

    def _block(self, block: Block) -> list[Flowable]:
        gap = Spacer(0, 3 * mm)
        match block:
            case Heading(text):
                heading = self.paragraph(text, size=13)
                heading.keepWithNext = True
                return [CondPageBreak(_UNDER_A_HEADING), Spacer(0, 2 * mm), heading]
            case Text(text):
                return [self.paragraph(text), gap]
            case ReadOut(text):
                return [self._read_out(text), gap]
            case Facts(rows):
                return [self._facts(rows), gap]
            case Table():
                return [self._table(block), gap]
            case Code(content, caption, side):
                return [self._code(content, caption, side * mm), gap]
            case Picture(chart):
                return [printed(chart, self.face, self.width), gap]
            case PageBreak():
                return [NextPage()]

    def _read_out(self, text: str) -> Flowable:
        lines = [[self.paragraph(line, size=20, leading=1.8)] for line in text.split("\n")]
        table = LongTable(lines, colWidths=[self.width], splitInRow=0)
        table.setStyle(
            TableStyle(
                [
                    ("BOX", (0, 0), (-1, -1), 2, black),
                    *_padding(4 * mm),
                    ("TOPPADDING", (0, 0), (-1, -1), 1 * mm),
                    ("BOTTOMPADDING", (0, 0), (-1, -1), 3 * mm),
                ]
            )
        )
        return table

    def _facts(self, rows: Sequence[tuple[str, str]]) -> Flowable:
        cells = [[self.paragraph(name, size=9.5), self.paragraph(value)] for name, value in rows]
        table = LongTable(cells, colWidths=[self.width * 0.22, self.width * 0.78])
        table.setStyle(TableStyle([("LINEBELOW", (0, 0), (-1, -1), 0.4, black), *_padding(1.2 * mm), _TOP]))
        return table

    def _table(self, block: Table) -> Flowable:
        share = self.width / sum(block.widths)
        cells = [
            [self.paragraph(cell, size=8.5, leading=1.3) for cell in block.heads],
            *([self.paragraph(cell, size=9.5, leading=1.4) for cell in row] for row in block.rows),
        ]
        table = LongTable(
            cells, colWidths=[width * share for width in block.widths], repeatRows=1, splitInRow=0
        )
        table.setStyle(
            TableStyle(
                [
                    ("GRID", (0, 0), (-1, -1), 0.4, black),
                    ("LINEBELOW", (0, 0), (-1, 0), 1.5, black),
                    *_padding(1.2 * mm),
                    _TOP,
                ]
            )
        )
        return table

    def _code(self, content: str, caption: str, side: float) -> Flowable:
        beside = self.width - side - 4 * mm
        table = LongTable([[_qr(content, side), self.paragraph(caption)]], colWidths=[side + 4 * mm, beside])
        table.setStyle(TableStyle([*_padding(0), ("VALIGN", (0, 0), (-1, -1), "MIDDLE")]))
        return KeepTogether([table])


#: a heading goes to the next page when less than this is left for what it is the heading of
_UNDER_A_HEADING = 45 * mm
_TOP = ("VALIGN", (0, 0), (-1, -1), "TOP")


def _padding(size: float) -> list[tuple[Any, ...]]:
    sides = ("LEFTPADDING", "RIGHTPADDING", "TOPPADDING", "BOTTOMPADDING")
    return [(side, (0, 0), (-1, -1), size) for side in sides]


def _qr(content: str, side: float) -> Drawing:
    """The code with its quiet zone of four modules (ISO/IEC 18004)."""
    rows = [list(row) for row in segno.make(content, error="m", micro=False).matrix_iter(border=4)]
    module = side / len(rows)
    drawing = Drawing(side, side)
    for y, row in enumerate(rows):
        x = 0
        while x < len(row):
            end = x
            while end < len(row) and row[end]:
                end += 1
            if end > x:
                drawing.add(
                    Rect(x * module, side - (y + 1) * module, (end - x) * module, module,
                         fillColor=black, strokeWidth=0, strokeColor=None)
                )  # fmt: skip
            x = end + 1
    return drawing
