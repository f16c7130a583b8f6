"""Every drill is marked at both ends, in every template, language and medium; no real alert is; the gate holds."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from alertd.alert import Alert, Area, Status
from alertd.channel import Medium
from alertd.city import City
from alertd.errors import WrongAlert
from alertd.marks import gate, has_marks, marks
from alertd.render import languages, render
from alertd.template import Template, fill, templates
from alertd.words import Words, said

NOW = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
EVERY = sorted(templates().values(), key=lambda one: one.id)


def _alert(template: Template, status: Status) -> Alert:
    values = {blank.name: blank.example for blank in template.blanks if blank.required}
    for blank in template.blanks:
        if blank.whole:
            values |= {f"{blank.name}@{language}": "Please note." for language in ("en", "ja-easy")}
    return fill(
        template,
        values,
        city=City(),
        status=status,
        identifier="marks",
        sent=NOW,
        expires=NOW + timedelta(hours=1),
        areas=(Area(description="嵐南地区"),),
    )


def _words(template: Template, status: Status) -> list[tuple[str, Medium, Words]]:
    alert = _alert(template, status)
    return [
        (language, medium, render(alert, language, medium, City()))
        for language in languages(alert)
        for medium in Medium
    ]


def _spoken(words: Words) -> list[str]:
    found = [words.headline, words.text]
    if words.short_text is not None:
        found.append(words.short_text)
    if words.script is not None:
        found.append("\n".join(said(words.script)))
    return found


@pytest.mark.parametrize("template", EVERY, ids=lambda one: one.id)
@pytest.mark.parametrize("status", [Status.EXERCISE, Status.TEST])
def test_every_drill_and_test_is_marked_at_both_ends(template: Template, status: Status) -> None:
    said_in_japanese = "訓練" if status is Status.EXERCISE else "試験"
    for language, _, words in _words(template, status):
        mine = marks(status, language)
        assert mine is not None
        assert words.headline.startswith(mine.prefix)
        for text in _spoken(words)[1:]:
            lines = [line for line in text.splitlines() if line.strip()]
            assert has_marks(lines[0]) and has_marks(lines[-1]), (language, text)
            if language.startswith("ja") or "【" in lines[0]:
                assert said_in_japanese in lines[0]


@pytest.mark.parametrize("template", EVERY, ids=lambda one: one.id)
def test_no_real_alert_has_a_mark_and_the_gate_lets_it_pass(template: Template) -> None:
    for language, _, words in _words(template, Status.ACTUAL):
        assert not any(has_marks(text) for text in _spoken(words)), language
        gate(words, Status.ACTUAL, language)
        with pytest.raises(WrongAlert):
            gate(words, Status.EXERCISE, language)


@pytest.mark.parametrize("template", EVERY, ids=lambda one: one.id)
def test_the_gate_stops_a_drill_that_lost_a_mark_and_a_real_alert_that_got_one(template: Template) -> None:
    for language, medium, words in _words(template, Status.EXERCISE):
        mine = marks(Status.EXERCISE, language)
        assert mine is not None
        with pytest.raises(WrongAlert):
            gate(words, Status.ACTUAL, language)
        if medium is not Medium.TEXT:
            continue  # what is spoken says it before each repetition too
        lines = words.text.splitlines()
        for less in (
            replace(words, headline=words.headline.removeprefix(mine.prefix)),
            replace(words, text="\n".join(lines[1:])),
            replace(words, text="\n".join(lines[:-1])),
            replace(words, text="避難してください。"),
        ):
            with pytest.raises(WrongAlert):
                gate(less, Status.EXERCISE, language)
