"""The poster: one A4 page for notice boards with a QR code that leads to the registration page."""

from __future__ import annotations

import io
from pathlib import Path

import segno
from reportlab.lib.colors import Color, HexColor, black, white
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

from alertd import paper
from alertd.city import City

_WIDTH, _HEIGHT = A4
_MIDDLE = _WIDTH / 2
_BLUE = HexColor("#12324f")
_SIDE = 92 * mm


def poster(city: City, *, url: str, blank_mail: str | None, sender: str, font: Path | None = None) -> bytes:
    """The page as PDF; the same arguments give the same bytes.

    `url` is that of the registration page, `sender` the address that mails come from.
    Black on white but for its head, so that any office printer can make it.
    """
    face = paper.face(font).name
    output = io.BytesIO()
    canvas = Canvas(output, pagesize=A4, invariant=1)
    canvas.setTitle(f"{city.name} メール配信の登録")
    canvas.setFillColor(_BLUE)
    canvas.rect(0, _HEIGHT - 62 * mm, _WIDTH, 62 * mm, stroke=0, fill=1)
    _line(canvas, face, "命を守る情報をメールで", 269, 42, colour=white)
    _line(canvas, face, f"{city.name}　避難情報・クマ・断水・行方不明など", 254, 18, colour=white)
    _line(canvas, face, "登録料はいりません（通信料はご負担ください）", 243.5, 13, colour=white)
    _line(canvas, face, "スマートフォンのカメラで読み取り、メールアドレスを入れるだけ", 222, 17)
    _code(canvas, url, (_WIDTH - _SIDE) / 2, 124 * mm)
    _line(canvas, face, url, 118, 14)
    low = 107.0
    if blank_mail is not None:
        _line(canvas, face, "空メール（件名も本文もないメール）でも登録できます", low, 13)
        _line(canvas, face, blank_mail, low - 8, 17)
        low -= 20
    canvas.setStrokeColor(black)
    canvas.line(20 * mm, (low - 1) * mm, _WIDTH - 20 * mm, (low - 1) * mm)
    easy = "スマートフォンで 上（うえ）の しるしを 読（よ）んでください。"
    _line(canvas, face, "やさしい日本語（にほんご）", low - 10, 14)
    _line(canvas, face, easy, low - 20, 14)
    _line(canvas, face, "大切（たいせつ）な お知（し）らせが メールで 来（き）ます。", low - 28, 14)
    _line(canvas, face, "English", low - 40, 14)
    _line(
        canvas,
        face,
        f"Scan the code to get evacuation orders and alerts of {city.name_en} by mail.",
        low - 48,
        14,
    )
    domain = sender.rpartition("@")[2]
    _line(
        canvas, face, f"迷惑メール対策をしている方は「@{domain}」を受信できるように設定してください", 25, 11.5
    )
    _line(canvas, face, f"お問い合わせ・お手伝い：{city.name}　電話 {city.telephone}", 16, 14)
    canvas.showPage()
    canvas.save()
    return output.getvalue()


def _line(canvas: Canvas, face: str, text: str, height: float, size: float, *, colour: Color = black) -> None:
    """One line in the middle, `height` millimetres from below; smaller when it would not fit."""
    width = stringWidth(text, face, size)
    size *= min(1.0, (_WIDTH - 24 * mm) / width)
    canvas.setFillColor(colour)
    canvas.setFont(face, size)
    canvas.drawCentredString(_MIDDLE, height * mm, text)


def _code(canvas: Canvas, content: str, left: float, low: float) -> None:
    """The QR code, its quiet zone included, level M: a corner may be torn."""
    matrix = list(segno.make(content, error="m", micro=False).matrix_iter(border=4))
    step = _SIDE / len(matrix)
    canvas.setFillColor(black)
    for down, row in enumerate(matrix):
        for across, dark in enumerate(row):
            if dark:
                canvas.rect(
                    left + across * step, low + (len(matrix) - 1 - down) * step, step, step, stroke=0, fill=1
                )
