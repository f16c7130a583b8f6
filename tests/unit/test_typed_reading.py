"""A reading that the operator types for one alert travels with it and is checked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from alertd import cap
from alertd.alert import Alert, Area, Status
from alertd.channel import Medium
from alertd.city import City
from alertd.correction import cancellation
from alertd.errors import WrongAlert
from alertd.render import render
from alertd.template import fill, template
from alertd.typed_reading import readings_of, typed, with_readings

NOW = datetime(2026, 11, 23, 6, 20, tzinfo=UTC)
CITY = City()


@pytest.fixture
def alert() -> Alert:
    return fill(
        template("flood-4"),
        {"river": "五十嵐川", "shelters": "下田中学校"},
        city=CITY,
        status=Status.EXERCISE,
        identifier="sanjo.1",
        sent=NOW,
        expires=NOW + timedelta(hours=6),
        areas=[Area(description="嵐南地区")],
    )


def test_it_goes_from_the_line_through_the_document_to_the_voice(alert: Alert) -> None:
    read = with_readings(alert, typed(["下田=しただ", "", " 五十嵐川＝ｲｶﾗｼｶﾞﾜ "]))
    again = cap.parse(cap.write(read))
    for language in ("ja", "ja-easy"):
        script = render(again, language, Medium.CALL, CITY).script
        assert script is not None
        assert script.readings["下田"] == "しただ"
        assert script.readings["五十嵐川"] == "イカラシガワ", "it wins over the city's own"
    english = render(again, "en", Medium.CALL, CITY).script
    assert english is not None and not english.readings


def test_the_correction_reads_the_names_in_the_same_way(alert: Alert) -> None:
    read = with_readings(alert, {"下田": "しただ"})
    undone = cancellation(read, identifier="c", sent=NOW, expires=NOW + timedelta(hours=1), city=CITY)
    assert readings_of(undone.infos) == {"下田": "しただ"}


@pytest.mark.parametrize("line", ["下田", "下田=", "=しただ", "下田=shitada", "下田=下田", "下田=しただ!"])
def test_what_is_no_reading_is_refused_by_name_in_both_languages(line: str) -> None:
    with pytest.raises(WrongAlert, match=r"下田|しただ") as refused:
        typed(["五十嵐川=いからしがわ", line])
    (problem,) = refused.value.problems
    assert problem.field == "readings" and problem.message_ja


def test_a_word_that_the_alert_does_not_say_is_refused(alert: Alert) -> None:
    with pytest.raises(WrongAlert, match="does not say 見附"):
        with_readings(alert, {"見附": "みつけ"})
    assert with_readings(alert, {}) == alert
