"""A sheet is the same every time, says on every page what it is, and loses nothing on the way."""

from __future__ import annotations

import base64
import re
import zlib
from pathlib import Path

import pytest

from alertd import paper
from alertd.alert import Status
from alertd.errors import WrongInput
from alertd.sheet import Code, Facts, Heading, PageBreak, ReadOut, Sheet, Table, Text, pdf

ROWS = [[str(number), f"三条 花子{number}", "0256-00-0001", ""] for number in range(90)]
LIST = Sheet(
    title="訪問の一覧",
    status=Status.EXERCISE,
    blocks=[Facts([("地区", "嵐南")]), Table(["番号", "氏名", "電話番号", "結果"], [1, 4, 3, 4], ROWS)],
    foot="三条市　取扱注意",
)


@pytest.fixture
def readers_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """No font is found; then the text in the file is plain UTF-16."""
    monkeypatch.setattr(paper, "_FONTS", ())


def pages(document: bytes) -> list[str]:
    """The text of each page in the order in which it was drawn."""
    found = []
    for stream in re.findall(rb"stream\r?\n(.*?)endstream", document, re.S):
        drawn = zlib.decompress(base64.a85decode(stream.strip(), adobe=True, ignorechars=b"\r\n "))
        texts = re.findall(rb"\(((?:[^\\()]|\\.)*)\) Tj", drawn, re.S)
        found.append("".join(_unescaped(text).decode("utf-16-be") for text in texts))
    return found


def _unescaped(text: bytes) -> bytes:
    """A PDF string (ISO 32000-1, 7.3.4.2)."""
    plain = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}
    return re.sub(
        rb"\\([0-7]{1,3}|.)",
        lambda found: bytes([int(found[1], 8)]) if found[1].isdigit() else plain.get(found[1], found[1]),
        text,
        flags=re.S,
    )


def test_the_same_sheet_is_the_same_file():
    assert pdf(LIST) == pdf(LIST)
    assert pdf(LIST).startswith(b"%PDF-")


def test_heads_band_foot_and_number_are_on_every_page(readers_own: None):
    found = pages(pdf(LIST))
    assert len(found) >= 3
    for number, page in enumerate(found, start=1):
        assert page.count("訓　練") == 2, "at the top and at the bottom"
        assert page.count("これは訓練です") == 2 and "本　番" not in page
        assert "氏名" in page and "取扱注意" in page and f"{number}／{len(found)}" in page


def test_no_row_is_lost(readers_own: None):
    text = "".join(pages(pdf(LIST)))
    for row in ROWS:
        assert row[1] in text, row


def test_a_real_sheet_is_told_from_a_drill_by_word_and_shape(readers_own: None):
    drill, real = (
        pdf(Sheet(title="報告", status=status, blocks=[])) for status in (Status.EXERCISE, Status.ACTUAL)
    )
    assert "本　番" in pages(real)[0] and "訓" not in pages(real)[0]
    assert "訓　練" in pages(drill)[0]
    english = Sheet(title="Report", status=Status.ACTUAL, blocks=[], language="en")
    assert "REAL" in pages(pdf(english))[0] and "1 / 1" in pages(pdf(english))[0]


def test_a_sheet_of_no_alert_has_no_band(readers_own: None):
    assert pages(pdf(Sheet(title="電話番号", blocks=[]))) == ["電話番号1／1"]


def test_text_is_text_and_never_markup(readers_own: None):
    said = Sheet(
        title="<b>&amp;</b>", blocks=[Text("<para>一</para>\n二\x07"), ReadOut("１\n２"), Heading("三")]
    )
    assert pages(pdf(said)) == ["<b>&amp;</b><para>一</para>二１２三1／1"]


def test_a_character_that_cannot_be_printed_leaves_a_mark(readers_own: None):
    assert "〓田" in pages(pdf(Sheet(title="𠮷田", blocks=[])))[0]


def test_no_line_begins_with_a_full_stop(readers_own: None):
    for length in range(30, 60):
        document = pdf(Sheet(title="一", blocks=[Text("あ" * length + "。")]))
        stream = re.findall(rb"stream\r?\n(.*?)endstream", document, re.S)[0]
        drawn = zlib.decompress(base64.a85decode(stream.strip(), adobe=True, ignorechars=b"\r\n "))
        lines = [
            _unescaped(text).decode("utf-16-be") for text in re.findall(rb"\(((?:[^\\()]|\\.)*)\) Tj", drawn)
        ]
        assert not any(line.startswith("。") for line in lines), length


def test_a_code_and_a_new_page_have_their_places(readers_own: None):
    url = "https://alert.city.example.jp/register"
    found = pages(pdf(Sheet(title="案内", blocks=[Code(url, "登録"), PageBreak(), Text("次")])))
    assert ["登録" in page for page in found] == [True, False]
    assert "次" in found[1]


def test_a_file_that_is_no_font_is_refused(tmp_path: Path):
    (tmp_path / "none.ttf").write_bytes(b"no font")
    for path in (tmp_path / "none.ttf", tmp_path / "missing.ttf"):
        with pytest.raises(WrongInput, match="TrueType"):
            pdf(LIST, path)
