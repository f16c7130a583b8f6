"""The paper of a sheet: its font, and what is on every page: the band, the foot, the number."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from reportlab.lib.colors import black, white
from reportlab.lib.units import mm
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.pdfmetrics import registerFont
from reportlab.pdfbase.ttfonts import TTFError, TTFont
from reportlab.pdfgen.canvas import Canvas

from alertd.alert import Status
from alertd.errors import Problem, WrongInput

#: stands for a character that the font does not have, as printers have always done
_MISSING = "〓"
#: TrueType fonts with Japanese that systems bring along, the best for reading aloud first
_FONTS = (
    "/usr/share/fonts/opentype/ipaexfont-gothic/ipaexg.ttf",
    "/usr/share/fonts/opentype/ipafont-gothic/ipag.ttf",
    "/usr/share/fonts/truetype/fonts-japanese-gothic.ttf",
    "/usr/share/fonts/ipa-gothic/ipag.ttf",
    "/usr/share/fonts/OTF/ipag.ttf",
)
#: comes with every reader of PDF, and is not embedded
_READERS_OWN = "HeiseiKakuGo-W5"
_WORDS = {
    Status.ACTUAL: ("本　番", "REAL"),
    Status.EXERCISE: ("訓　練", "DRILL"),
    Status.TEST: ("テスト", "TEST"),
}
_NOTES = {
    Status.ACTUAL: ("実際の発令です", "This is a real alert"),
    Status.EXERCISE: ("これは訓練です", "This is only a drill"),
    Status.TEST: ("これは試験です", "This is only a test"),
}
#: around everything
MARGIN = 14 * mm
#: the height of the band at the top and at the bottom
BAND = 12 * mm
#: the height of the foot
FOOT = 9 * mm


@dataclass(frozen=True, slots=True)
class Face:
    """A registered font."""

    name: str
    #: characters that it has; None = every one of Unicode's basic plane
    has: frozenset[int] | None

    def printable(self, text: str) -> str:
        """The text without control characters, and with a sign for each character that the font lacks."""
        return "".join(one if self._knows(one) else _MISSING for one in text if one == "\n" or one >= " ")

    def _knows(self, one: str) -> bool:
        return one == "\n" or (ord(one) in self.has if self.has is not None else ord(one) < 0x10000)


def face(path: Path | None) -> Face:
    """The TrueType font in the file, else one that the system has, else the readers' own. Raises WrongInput."""
    found = path or next((Path(name) for name in _FONTS if Path(name).is_file()), None)
    if found is not None:
        return _registered(found)
    registerFont(UnicodeCIDFont(_READERS_OWN))
    return Face(_READERS_OWN, None)


@cache
def _registered(path: Path) -> Face:
    name = f"{path.stem}-{hashlib.sha256(bytes(path)).hexdigest()[:8]}"
    try:
        font = TTFont(name, str(path))
    except (TTFError, OSError) as error:
        raise WrongInput(
            Problem(
                "font",
                f"{path} is no TrueType font that can be embedded; name another one ({error})",
                f"{path} は埋め込める TrueType フォントではありません。別のフォントを指定してください。",
            )
        ) from error
    registerFont(font)
    return Face(name, frozenset(font.face.charToGlyph))


class Page(Canvas):  # type: ignore[misc]
    """A canvas that draws band, foot and number on every page once the last one is known."""

    def __init__(
        self, *args: Any, face: Face, status: Status | None, foot: str, language: str, **kept: Any
    ) -> None:
        super().__init__(*args, **kept)
        self._face, self._status, self._foot = face, status, foot
        self._tongue = 0 if language == "ja" else 1
        self._pages: list[dict[str, Any]] = []

    def showPage(self) -> None:
        self._pages.append(dict(self.__dict__))
        self._startPage()

    def save(self) -> None:
        for number, page in enumerate(self._pages, start=1):
            self.__dict__.update(page)
            self._frame(number, len(self._pages))
            super().showPage()
        super().save()

    def _frame(self, number: int, pages: int) -> None:
        width, height = self._pagesize
        low = MARGIN + 2 * mm + (BAND if self._status is not None else 0.0)
        self.setFont(self._face.name, 8.5)
        self.drawString(MARGIN, low, self._face.printable(self._foot))
        self.drawRightString(width - MARGIN, low, (f"{number}／{pages}", f"{number} / {pages}")[self._tongue])
        if self._status is not None:
            self._band(self._status, MARGIN, MARGIN, width - 2 * MARGIN)
            self._band(self._status, MARGIN, height - MARGIN - BAND, width - 2 * MARGIN)

    def _band(self, status: Status, x: float, y: float, width: float) -> None:
        """Real: a black band with triangles. Drill and test: an open band of dashes with circles."""
        real = status is Status.ACTUAL
        self.saveState()
        self.setStrokeColor(black)
        self.setLineWidth(1.5)
        if not real:
            self.setDash(5, 3)
        self.setFillColor(black if real else white)
        self.rect(x, y, width, BAND - 1.5 * mm, fill=1, stroke=1)
        self.setDash()
        self.setFillColor(white if real else black)
        self._sign(x + 7 * mm, y + 5.2 * mm, real=real)
        self._sign(x + width - 7 * mm, y + 5.2 * mm, real=real)
        self.setFont(self._face.name, 19)
        self.drawString(x + 15 * mm, y + 2.9 * mm, _WORDS[status][self._tongue])
        self.setFont(self._face.name, 11)
        self.drawRightString(x + width - 15 * mm, y + 3.7 * mm, _NOTES[status][self._tongue])
        self.restoreState()

    def _sign(self, x: float, y: float, *, real: bool) -> None:
        size = 3.4 * mm
        if not real:
            self.circle(x, y, size * 0.9, fill=0, stroke=1)
            return
        path = self.beginPath()
        path.moveTo(x, y + size)
        path.lineTo(x + size, y - size * 0.85)
        path.lineTo(x - size, y - size * 0.85)
        path.close()
        self.drawPath(path, fill=1, stroke=0)
