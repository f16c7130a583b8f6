"""What must not go out is blocked by name, and what is odd is pointed at."""

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest

from alertd.alert import Alert, Area, MsgType, NamedValue, Status
from alertd.city import City
from alertd.forbidden import OLD_NAMES
from alertd.hazard import HAZARD_CODE, LEVEL_PARAMETER, Hazard
from alertd.lint import Finding, Gravity, lint
from alertd.template import Spoken, fill, template

NOW = datetime(2026, 11, 23, 6, 20, tzinfo=UTC)
CITY = City()


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


def with_info(of: Alert, **changes: object) -> Alert:
    first = dataclasses.replace(of.infos[0], **changes)  # type: ignore[arg-type]
    return dataclasses.replace(of, infos=(first, *of.infos[1:]))


def found(of: Alert, gravity: Gravity = Gravity.BLOCK) -> list[Finding]:
    findings = [finding for finding in lint(of, CITY, now=NOW) if finding.severity is gravity]
    assert all(finding.message and finding.message_en and finding.field for finding in findings)
    return findings


def fields(of: Alert, gravity: Gravity = Gravity.BLOCK) -> set[str]:
    return {finding.field for finding in found(of, gravity)}


def warnings(of: Alert) -> str:
    return " | ".join(finding.message_en for finding in found(of, Gravity.WARN))


def test_a_good_alert_has_no_finding() -> None:
    assert lint(alert(), CITY, now=NOW) == ()


@pytest.mark.parametrize("old", [*OLD_NAMES, "避難指示（緊急）"])
def test_an_old_name_is_blocked_and_the_new_one_is_told(old: str) -> None:
    findings = found(with_info(alert(), description=f"{old}を発表しました。"))
    assert [finding.field for finding in findings] == ["info[1]/description"]
    assert "書き換えて" in findings[0].message


@pytest.mark.parametrize("left", ["{地区}", "○○川", "●●地区", "◯◯", "___"])
def test_a_blank_left_is_blocked(left: str) -> None:
    assert fields(with_info(alert(), instruction=f"{left}へ。")) == {"info[1]/instruction"}


@pytest.mark.parametrize("hazard", [Hazard.EARTHQUAKE, Hazard.SNOW, Hazard.WILDLIFE, Hazard.NOTICE])
def test_a_level_on_a_hazard_that_has_none_is_blocked(hazard: Hazard) -> None:
    wrong = with_info(alert(), event_codes=(NamedValue(HAZARD_CODE, hazard),))
    assert f"info[1]/parameter {LEVEL_PARAMETER}" in fields(wrong)


def test_a_level_in_the_text_counts_as_well() -> None:
    assert fields(with_info(alert("bear"), description="警戒レベル４です。")) == {
        f"info[1]/parameter {LEVEL_PARAMETER}"
    }


def test_a_tsunami_has_level_4_only() -> None:
    tsunami = (NamedValue(HAZARD_CODE, Hazard.TSUNAMI),)
    assert found(with_info(alert("flood-4"), event_codes=tsunami)) == []
    assert fields(with_info(alert("flood-5"), event_codes=tsunami))


@pytest.mark.parametrize(
    "headline", ["【警戒レベル5】避難指示", "【警戒レベル4】緊急安全確保", "高齢者等避難"]
)
def test_a_headline_that_belies_the_level_is_blocked(headline: str) -> None:
    assert "info[1]/headline" in fields(with_info(alert(), headline=headline))


@pytest.mark.parametrize(
    "text", ["訓練のため避難してください。", "This is a drill.", "テスト配信です。", "【訓練】"]
)
def test_drill_words_in_a_real_alert_are_blocked(text: str) -> None:
    assert fields(with_info(alert(), description=text)) == {"info[1]/description"}


def test_the_announcement_of_a_drill_may_speak_of_it() -> None:
    assert found(alert("drill-notice")) == []


@pytest.mark.parametrize("text", ["これは訓練ではありません。", "This is NOT a drill.", "大地震です。"])
@pytest.mark.parametrize("status", [Status.EXERCISE, Status.TEST])
def test_phrases_that_mislead_are_blocked_in_drills(text: str, status: Status) -> None:
    assert fields(with_info(alert(status=status), description=text)) == {"info[1]/description"}


@pytest.mark.parametrize("headline", ["a\r\nBcc: x", "a\nb", "a\x00b", "=?UTF-8?Q?x?=", "a\u2028b"])
def test_a_headline_that_is_no_safe_header_is_blocked(headline: str) -> None:
    assert "info[1]/headline" in fields(with_info(alert("fire"), headline=headline))


def test_a_text_too_long_for_a_call_is_blocked() -> None:
    long = (NamedValue(Spoken.CALL, "川から離れてください。" * 60),)
    findings = found(with_info(alert("fire"), parameters=long))
    assert [finding.field for finding in findings] == [f"ja {Spoken.CALL}"]


def test_a_text_hard_to_follow_by_ear_is_pointed_out() -> None:
    long = (NamedValue(Spoken.CALL, "川から離れてください。" * 20),)
    assert "morae" in warnings(with_info(alert("fire"), parameters=long))


def test_an_expired_alert_is_blocked() -> None:
    past = NOW - timedelta(seconds=1)
    expired = alert()
    infos = tuple(dataclasses.replace(info, expires=past) for info in expired.infos)
    assert fields(dataclasses.replace(expired, infos=infos)) == {"expires"}


def test_an_alert_without_info_is_blocked() -> None:
    assert fields(dataclasses.replace(alert(), infos=())) == {"info"}


@pytest.mark.parametrize("status", [Status.DRAFT, Status.SYSTEM])
def test_a_draft_is_blocked(status: Status) -> None:
    assert "status" in fields(dataclasses.replace(alert(), status=status))


def test_a_cancel_that_names_no_alert_is_blocked() -> None:
    assert fields(dataclasses.replace(alert(), msg_type=MsgType.CANCEL)) == {"references"}


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        ("避難所へ避難してください。", False),
        ("避難所に移動してください。", False),
        ("避難所へは向かわず、2階へ。", True),
        ("避難所へ向かわないでください。", True),
    ],
)
def test_a_level_5_text_that_sends_people_out_is_pointed_at(text: str, allowed: bool) -> None:
    assert ("shelter" in warnings(with_info(alert("flood-5"), instruction=text))) is not allowed


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"description": "燕市で火災が発生しました。"}, "燕市"),
        ({"headline": "長" * 161}, "160"),
        ({"description": "あ" * 401}, "400"),
        ({"areas": ()}, "area"),
        ({"event_codes": (NamedValue(HAZARD_CODE, Hazard.FIRE),)}, "free text"),
        ({"parameters": (NamedValue(Spoken.CALL, "https://sanjo.example.jp へ"),)}, "cannot be heard"),
    ],
)
def test_what_is_odd_is_pointed_at(changes: dict[str, object], word: str) -> None:
    odd = with_info(alert("fire"), **changes)
    assert word in warnings(odd)
    assert found(odd) == []


def test_old_and_future_times_are_pointed_at() -> None:
    old = dataclasses.replace(alert(), sent=NOW - timedelta(minutes=31))
    early = dataclasses.replace(alert(), sent=NOW + timedelta(hours=1))
    assert "30 minutes" in warnings(old) and "future" in warnings(early)


def test_japanese_left_in_english_is_pointed_at() -> None:
    assert "English name" in " ".join(
        finding.message_en for finding in lint(alert("missing-person"), CITY, now=NOW)
    )


def test_a_language_without_a_voice_is_pointed_at() -> None:
    findings = lint(alert(), CITY, now=NOW, voices={"ja", "ja-easy"})
    assert [finding.field for finding in findings] == ["language en"]


def test_what_blocks_comes_first() -> None:
    mixed = with_info(alert(), description="避難勧告 燕市", areas=())
    gravities = [finding.severity for finding in lint(mixed, CITY, now=NOW)]
    assert gravities == sorted(gravities) and len(set(gravities)) == 2


@pytest.mark.parametrize("text", ["11", "abc", "テスト", "ｔｅｓｔ", "あああ", "1"])
def test_a_text_that_tries_something_out_is_blocked_in_a_real_alert(text: str) -> None:
    assert fields(with_info(alert("notice"), headline=text)) == {"info[1]/headline"}
    assert fields(with_info(alert("notice"), description=text)) == {"info[1]/description"}


def test_a_short_text_that_says_something_is_not_blocked() -> None:
    assert fields(with_info(alert("notice"), headline="断水", description="4時に断水します。")) == set()
