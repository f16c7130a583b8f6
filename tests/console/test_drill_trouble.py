"""What the checks of a drill find, and why it ended, is read by operators in their own language."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from operator_console import drill_trouble
from operator_console.catalogue import translate

DRILL = Path(__file__).resolve().parents[2] / "alertd" / "drill"


class _Reader:
    """Somebody who reads Japanese."""

    def say(self, message: str, **values: object) -> str:
        return translate("ja", message, **values)


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    assert isinstance(node, ast.JoinedStr)
    return "".join(str(part.value) if isinstance(part, ast.Constant) else "訓練" for part in node.values)


def _sentences() -> list[str]:
    """Every sentence of the guard, of the sections, of the hindrance, with something filled in."""
    found = []
    for name in ("guard.py", "submission.py", "hindrance.py"):
        for node in ast.walk(ast.parse((DRILL / name).read_text(encoding="utf-8"))):
            if isinstance(node, ast.Yield | ast.Return) and isinstance(
                node.value, ast.JoinedStr | ast.Constant
            ):
                said = _text(node.value)
                if " " in said:
                    found.append(said)
    return sorted(set(found))


def _filled(sentence: str) -> str:
    return (
        sentence.replace("dispatch 訓練", "dispatch 7")
        .replace("it is 訓練,", "it is cancelled,")
        .replace("its status is 訓練,", "its status is Actual,")
    )


@pytest.mark.parametrize("sentence", _sentences())
def test_every_sentence_of_a_check_is_said_in_japanese(sentence: str) -> None:
    said = drill_trouble.said(_Reader(), _filled(sentence))  # type: ignore[arg-type]
    assert said.theirs == "" and any("ぁ" <= letter <= "ん" for letter in said.ours), said


def test_there_are_sentences() -> None:
    assert len(_sentences()) >= 12


def test_the_end_of_a_drill_is_told_sentence_by_sentence() -> None:
    words = drill_trouble.why(
        _Reader(),  # type: ignore[arg-type]
        "message 2: it was armed more than 24 hours before; arm it again; channel drill-mail: connection refused",
    )
    assert [one.theirs for one in words] == ["", "connection refused"]
    assert words[0].ours == "2番目の通知：24時間より前の承認です。もう一度承認してください。"
    assert words[1].ours == "配信手段drill-mailが応答しません："


def test_a_persons_own_reason_stays_as_it_is() -> None:
    assert drill_trouble.why(_Reader(), "大雨のため") == [drill_trouble.Said("", "大雨のため")]  # type: ignore[arg-type]
    assert drill_trouble.why(_Reader(), None) == ()  # type: ignore[arg-type]
