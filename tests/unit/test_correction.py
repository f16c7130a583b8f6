"""Corrections say plainly whether the notice was wrong or the danger is over."""

import dataclasses
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from alertd import cap
from alertd.alert import Alert, Area, MsgType, ResponseType, Severity, Status
from alertd.channel import Medium
from alertd.city import City
from alertd.correction import all_clear, cancellation
from alertd.errors import WrongAlert
from alertd.lint import Gravity, lint
from alertd.reissue import reissue
from alertd.render import languages, render
from alertd.template import fill, template

NOW = datetime(2026, 11, 23, 6, 20, tzinfo=UTC)
LATER = NOW + timedelta(minutes=3)
CITY = City()
CORPUS = Path(__file__).parents[2].parent / "shared" / "data" / "cap" / "valid"


def alert(of: str = "flood-4", status: Status = Status.ACTUAL) -> Alert:
    chosen = template(of)
    return fill(
        chosen,
        {blank.name: blank.example for blank in chosen.blanks if blank.name != "area"},
        city=CITY,
        status=status,
        identifier="sanjo.1",
        sent=NOW,
        expires=NOW + timedelta(hours=6),
        areas=[Area(description="嵐南地区")],
    )


def cancelled(of: Alert) -> Alert:
    return cancellation(of, identifier="sanjo.2", sent=LATER, expires=LATER + timedelta(hours=1), city=CITY)


def ended(of: Alert) -> Alert:
    return all_clear(of, identifier="sanjo.2", sent=LATER, expires=LATER + timedelta(hours=1), city=CITY)


def test_a_cancellation_names_its_alert_and_speaks_its_languages() -> None:
    original = alert()
    correction = cancelled(original)
    assert correction.msg_type is MsgType.CANCEL
    assert correction.references == (original.reference,)
    assert languages(correction) == languages(original)
    assert correction.infos[0].areas == original.infos[0].areas
    assert correction.severity is Severity.SEVERE


def test_a_cancellation_says_that_nobody_need_evacuate() -> None:
    correction = cancelled(alert())
    for language, words in (
        ("ja", "避難の必要は"),
        ("ja-easy", "だいじょうぶ"),
        ("en", "not need to evacuate"),
    ):
        for medium in Medium:
            assert words in render(correction, language, medium, CITY).text
    assert "【取消】" in render(correction, "ja", Medium.TEXT, CITY).headline


def test_a_cancelled_bear_sends_nobody_home() -> None:
    assert "避難" not in render(cancelled(alert("bear")), "ja", Medium.TEXT, CITY).text


def test_an_all_clear_is_an_update_and_carries_no_level() -> None:
    over = ended(alert())
    assert over.msg_type is MsgType.UPDATE
    assert over.infos[0].response_types == (ResponseType.ALL_CLEAR,)
    assert over.infos[0].parameter("alertLevel") is None
    assert "【解除】" in (over.infos[0].headline or "") and "誤り" not in (over.infos[0].description or "")


@pytest.mark.parametrize("make", [cancelled, ended])
@pytest.mark.parametrize("status", [Status.ACTUAL, Status.EXERCISE])
def test_a_correction_lints_clean_and_keeps_the_status(make: object, status: Status) -> None:
    correction = make(alert(status=status))  # type: ignore[operator]
    assert correction.status is status
    findings = lint(correction, CITY, now=LATER)
    assert [finding for finding in findings if finding.severity is Gravity.BLOCK] == []
    assert cap.parse(cap.write(correction)) == correction


@pytest.mark.skipif(not CORPUS.is_dir(), reason=f"the CAP corpus is not at {CORPUS}")
@pytest.mark.parametrize("path", sorted(CORPUS.glob("*")), ids=lambda path: path.name)
def test_a_document_from_outside_can_be_passed_on_as_a_drill_and_called_off(path: Path) -> None:
    passed = reissue(
        cap.parse(path.read_bytes()),
        status=Status.EXERCISE,
        identifier="sanjo.3",
        sent=NOW,
        expires=NOW + timedelta(hours=1),
        city=CITY,
    )
    assert passed.status is Status.EXERCISE and passed.sender == CITY.sender
    assert [finding for finding in lint(passed, CITY, now=NOW) if finding.severity is Gravity.BLOCK] == []
    assert render(cancelled(passed), languages(cancelled(passed))[0], Medium.CALL, CITY).text


def test_a_test_from_outside_never_becomes_real() -> None:
    outside = alert(status=Status.TEST)
    passed = reissue(
        outside, status=Status.ACTUAL, identifier="x", sent=NOW, expires=NOW + timedelta(hours=1), city=CITY
    )
    assert passed.status is Status.TEST


def test_a_cancel_from_outside_is_not_passed_on() -> None:
    outside = dataclasses.replace(cancelled(alert()), sender="other@example.jp")
    with pytest.raises(WrongAlert, match="msgType"):
        reissue(outside, status=Status.ACTUAL, identifier="x", sent=NOW, expires=NOW, city=CITY)
