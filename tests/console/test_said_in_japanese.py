"""What the rules and the engine say is read by operators in their own language."""

from __future__ import annotations

import ast
import csv
from contextlib import ExitStack
from pathlib import Path

import pytest
from httpx import Client

from alertd import halt
from alertd.language import reading_order
from operator_console import details, reading_source, refusal
from operator_console.catalogue import translate
from tests.console.desk import Desk, approve, form_of, submit
from tests.factories import APPROVER

ALERTD = Path(__file__).resolve().parents[2] / "alertd"


def _text(node: ast.expr) -> str:
    """A text, with `…` for what is filled in."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    assert isinstance(node, ast.JoinedStr), "a refusal says its sentence where it is raised"
    return "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)


def _refusals() -> set[str]:
    """Every sentence with which the engine refuses a move, apart from the command line's own."""
    found = set()
    for file in ALERTD.rglob("*.py"):
        if "cli" in file.parts or "demo" in file.parts:
            continue
        source = file.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(source)) if "MoveRefused" in source else ():
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "MoveRefused":
                found.add(_text(node.args[0]))
    return found


def test_every_refusal_is_said_in_the_operators_language() -> None:
    sentences = _refusals()
    assert len(sentences) > 40
    assert [one for one in sorted(sentences) if not any(piece in one for piece in refusal._KNOWN)] == []


def test_what_the_engine_says_of_a_delivery_is_read_in_japanese(
    desk: Desk, writer: Client, approver: Client
) -> None:
    number = submit(writer, form_of(writer))
    approve(approver, number)
    halt.halt(desk.site, number, APPROVER, ["mail"])
    desk.send(number)
    page = approver.get(f"/alerts/{number}/channels/mail").text
    assert "操作者がこの手段を停止" in page and "stopped by an operator" not in page
    person = approver.get(f"/alerts/{number}/people/1").text
    assert "操作者がこの手段を停止" in person


class _Visit:
    def say(self, message: str) -> str:
        return f"<{message}>"


@pytest.mark.parametrize(
    ("detail", "ours", "theirs"),
    [
        ("250 2.0.0 Ok: queued as 4711", "", "250 2.0.0 Ok: queued as 4711"),
        ("bounce: 550 5.1.1 user unknown", "<came back: >", "550 5.1.1 user unknown"),
        ("taken off the air for something more urgent; released", None, "released"),
    ],
)
def test_the_far_ends_own_words_stay_as_they_are(detail: str, ours: str | None, theirs: str) -> None:
    said, rest = details.said(_Visit(), detail)  # type: ignore[arg-type]
    assert rest == theirs and (ours is None or said == ours)


@pytest.mark.parametrize(
    ("detail", "ours"),
    [
        ("on the air for 61.5 s, to the end", "61.5秒間、最後まで放送"),
        ("cut short after 72.6 of 119.5 s", "119.5秒のうち72.6秒で途切れた"),
        ("at the station", "放送局が受け取った"),
    ],
)
def test_what_a_transmitter_says_is_read_in_japanese(detail: str, ours: str) -> None:
    class Japanese:
        def say(self, text: str, **values: object) -> str:
            return translate("ja", text, **values)

    assert details.said(Japanese(), detail) == (ours, "")  # type: ignore[arg-type]


def test_every_source_of_a_shipped_reading_is_said_in_japanese() -> None:
    folder = ALERTD.parent / "tts" / "readings"
    with ExitStack() as opened:
        lists = [csv.DictReader(opened.enter_context(file.open())) for file in folder.glob("*.csv")]
        assert {row["source"] for rows in lists for row in rows} <= set(reading_source.KNOWN)


def test_the_words_of_a_channel_are_read_in_japanese_first() -> None:
    assert sorted(["xx", "en", "vi", "ja-easy", "ja"], key=reading_order) == [
        "ja",
        "ja-easy",
        "en",
        "vi",
        "xx",
    ]
