"""The figures, charts and calendar of drills."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

from alertd.chart import Bar, Curve, Word, bars, curves, svg
from alertd.drill.ics import Entry, calendar
from alertd.result.pace import pace as pace_of
from alertd.result.words import length

T = datetime(2027, 6, 26, 22, 0, tzinfo=UTC)


def test_the_times_of_the_shares_are_those_of_all_planned_and_not_of_those_reached() -> None:
    moments = [(T + timedelta(seconds=second), 1) for second in range(1, 96)]
    pace = pace_of(moments, 100, T, timedelta(seconds=60))
    assert pace.seconds == {0: 1.0, 50: 50.0, 90: 90.0, 95: 95.0, 99: None}
    assert (pace.reached, pace.in_time, pace.percent) == (95, 60, 60.0)
    assert pace.curve[-1] == (95.0, 95.0)


def test_nobody_planned_and_nobody_reached_are_no_errors() -> None:
    assert pace_of([], 0, T, timedelta(minutes=1)).percent == 0.0
    assert pace_of([], 10, T, timedelta(minutes=1)).seconds[0] is None


def test_a_curve_of_a_hundred_thousand_stays_small() -> None:
    moments = [(T + timedelta(seconds=number / 10), 10) for number in range(10_000)]
    assert len(pace_of(moments, 100_000, T, timedelta(minutes=1)).curve) < 300


def test_charts_are_svg_without_a_style_and_with_words_for_those_who_do_not_see_them() -> None:
    chart = curves(
        "到達 <b>", [Curve('mail "x"', [(0, 0), (30, 90)])], until=60, goal=(95, 30), unit="分：秒"
    )
    for drawn in (
        svg(chart),
        svg(bars("これまで", [Bar("今回", 97.0, "1:05"), Bar("2026", 120, "")], goal=95)),
    ):
        root = ElementTree.fromstring(drawn)
        assert root.get("role") == "img" and root.get("aria-label")
        assert "style" not in drawn and "<script" not in drawn and "<b>" not in drawn


def test_lengths_read_as_people_say_them() -> None:
    assert [length("ja", second) for second in (None, 0.4, 42, 65, 600)] == [
        "—",
        "0.4秒",
        "42秒",
        "1分05秒",
        "10分",
    ]
    assert [length("en", second) for second in (None, 0.4, 42, 65)] == ["—", "0.4 s", "42 s", "1:05"]


def test_a_calendar_keeps_to_its_standard() -> None:
    entry = Entry(
        uid="drill-1@sanjo.example.jp",
        title="水害対応総合防災訓練、その2; 三条市全域の住民と職員が参加する毎年の訓練",
        description="一行目\n二行目, 三",
        starts_at=T,
        lasts=timedelta(hours=4),
    )
    document = calendar([entry], made_at=T, city="三条市")
    lines = document.split(b"\r\n")
    assert all(len(line) <= 75 for line in lines) and lines[-1] == b""
    unfolded = document.replace(b"\r\n ", b"").decode()
    assert "SUMMARY:【訓練】水害対応総合防災訓練、その2\\; 三条市全域" in unfolded
    assert "DESCRIPTION:一行目\\n二行目\\, 三" in unfolded
    assert "DTSTART:20270626T220000Z" in unfolded and "DTEND:20270627T020000Z" in unfolded


def test_a_long_name_of_a_bar_has_room() -> None:
    for name, room in (("Community FM interrupt (fm)", 27 * 7), ("防災行政無線（応答あり）", 12 * 13)):
        chart = bars("reached", [Bar(name, 50.0, "")], goal=None)
        label = next(shape for shape in chart.shapes if isinstance(shape, Word) and shape.text == name)
        assert label.x >= room
