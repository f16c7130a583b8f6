"""Copy-ready texts: within their limits, whole sentences only, drills marked first and last."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

import pytest

from alertd.alert import Alert, Status
from alertd.copy_ready import (
    AREA_MAIL_LONG,
    AREA_MAIL_SHORT,
    AREA_MAIL_TITLE,
    LINE_LONGEST,
    X_WEIGHT,
    copies,
    form_4,
    weight,
)
from alertd.marks import has_marks
from alertd.orders import spells
from alertd.template import templates
from tests.unit.test_cap_profile import CITY, filled
from tests.unit.test_orders import AREAS, NOW, order

HOUSEHOLDS = {"嵐南": 9000}


def texts(alert: Alert) -> dict[str, str]:
    return {copy.id: copy.text for copy in copies(alert, HOUSEHOLDS, CITY)}


@pytest.mark.parametrize("status", [Status.ACTUAL, Status.EXERCISE, Status.TEST])
@pytest.mark.parametrize("name", sorted(templates()))
def test_every_template_fits_everywhere_in_whole_sentences(name: str, status: Status) -> None:
    alert = filled(templates()[name], status)
    found = {copy.id: copy for copy in copies(alert, HOUSEHOLDS, CITY)}
    assert all(copy.limit is None or copy.size <= copy.limit for copy in found.values())
    title = found["area-mail-title"].text
    assert 0 < len(title) <= AREA_MAIL_TITLE
    assert len(title) + len(found["area-mail-200"].text) <= AREA_MAIL_SHORT
    assert len(found["area-mail-500"].text) <= AREA_MAIL_LONG
    assert weight(found["x"].text) <= X_WEIGHT and len(found["line"].text) <= LINE_LONGEST
    info = alert.infos[0]
    whole = f"{info.headline}\n{info.description}\n{info.instruction or ''}"
    for line in found["area-mail-500"].text.split("\n"):
        assert line in whole or has_marks(line), line
    assert all(
        has_marks(found[place].text) is (status is not Status.ACTUAL)
        for place in ("x", "line", "area-mail-200")
    )


def test_an_area_mail_names_no_address_and_x_does() -> None:
    found = texts(filled(templates()["flood-4"]))
    assert "https://" not in found["area-mail-200"] + found["area-mail-500"]
    assert found["x"].endswith("https://sanjo.example.jp/bosai")


def test_the_entry_for_l_alert_has_what_it_asks_for() -> None:
    text = texts(filled(templates()["flood-4"]))["l-alert"]
    for line in (
        "配信区分：本番",
        "更新区分：新規",
        "発令・解除：発令",
        "種別：避難指示（警戒レベル4）",
        "災害：洪水",
        "市町村コード：152048",
        "対象地区：嵐南地区（9,000世帯）",
        "対象世帯数：9,000",
    ):
        assert line in text.splitlines(), line
    lifted = texts(filled(templates()["flood-lifted"]))["l-alert"]
    assert "発令・解除：解除" in lifted and "種別：避難指示" in lifted, (
        "lifting keeps the kind that is lifted"
    )
    assert "配信区分：訓練" in texts(filled(templates()["flood-4"], Status.EXERCISE))["l-alert"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("abc", 3), ("避難", 4), ("避難 a", 6), ("https://example.jp/very/long/address/of/a/page", 23), ("", 0)],
)
def test_x_counts_as_x_does(text: str, expected: int) -> None:
    assert weight(text) == expected


def test_the_report_to_the_prefecture_has_every_order_and_when_it_ended() -> None:
    alerts = [
        order("flood-3", "RNN"),
        order("flood-4", "RNN", "RHK", at=30),
        order("flood-lifted", "RNN", at=90),
        order("heavy-snow", "RNN", at=91),
    ]
    text = form_4(spells(alerts, AREAS), {"RNN": 9000}, CITY).decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text)))
    assert rows[0][:4] == ["市町村", "地区", "災害種別", "種別"]
    assert [(row[1], row[3], row[4], row[5][11:], row[6][11:], row[7]) for row in rows[1:]] == [
        ("嵐南", "高齢者等避難", "3", "15:00", "15:30", "9000"),
        ("嵐北", "避難指示", "4", "15:30", "", ""),
        ("嵐南", "避難指示", "4", "15:30", "16:30", "9000"),
    ]
    assert NOW + timedelta(0) == alerts[0].sent
