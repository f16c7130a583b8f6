"""JMA's telegrams: each of its samples read for what it says, old names and new ones, and nothing but the Status."""

from __future__ import annotations

import random
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from alertd import jma
from alertd.alert import Severity, Status
from alertd.city import City
from alertd.config import Feeds
from alertd.errors import WrongAlert
from alertd.hazard import LEVEL_PARAMETER, Hazard
from alertd.jma.draft import draft_of
from alertd.jma.warning import hazard, in_force, level, ours
from alertd.jma.words import EQUIVALENT
from alertd.lint import lint

SAMPLES = Path(__file__).parents[2].parent / "shared" / "data" / "jma" / "sample"
needs_samples = pytest.mark.skipif(not SAMPLES.is_dir(), reason=f"JMA's samples are not at {SAMPLES}")
CITY = City()


def sample(name: str) -> jma.Telegram:
    return jma.parse(next(SAMPLES.glob(f"*{name}.xml")).read_bytes())


def feeds(*areas: str, **changes: object) -> Feeds:
    return Feeds(areas=areas, **changes)  # type: ignore[arg-type]


#: sample -> (title, status, JMA's code of a place, what is in force there: name, status, level, hazard)
WARNINGS: dict[str, tuple[str, str, list[tuple[str, str, int | None, Hazard]]]] = {
    "VPWW53": ("気象特別警報・警報・注意報", "2920100", [("大雨特別警報", "発表", 5, Hazard.LANDSLIDE)]),
    "VPWW54": ("気象警報・注意報(H27)", "3520100", [("高潮警報", "発表", 4, Hazard.STORM_SURGE)]),
    "VXWW50": ("土砂災害警戒情報", "4010000", [("土砂災害警戒情報", "継続", 4, Hazard.LANDSLIDE)]),
    "VPOA50": (
        "記録的短時間大雨情報",
        "270000",
        [("記録的短時間大雨情報", "発表", None, Hazard.INLAND_FLOOD)],
    ),
    "VPHW51": ("竜巻注意情報(目撃情報付き)", "1310100", [("竜巻注意情報", "発表", None, Hazard.STORM)]),
    "VFVO50": ("噴火警報・予報", "2020800", [("火口周辺警報", "発表", None, Hazard.VOLCANO)]),
}
#: sample -> (title, status, drafts by our places)
OTHERS = {
    "VXSE51": ("震度速報", Status.ACTUAL),
    "VXSE53": ("震源・震度に関する情報", Status.EXERCISE),
    "VTSE41": ("津波警報・注意報・予報a", Status.ACTUAL),
    "VXSE43": ("緊急地震速報(警報)", Status.ACTUAL),
}


@needs_samples
@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.xml")), ids=lambda path: path.stem[-6:])
def test_every_sample_is_read(path: Path) -> None:
    telegram = jma.parse(path.read_bytes())
    name = path.stem[-6:]
    title, status = OTHERS.get(name) or (WARNINGS[name][0], Status.ACTUAL)
    assert (telegram.title, telegram.status) == (title, status)
    assert telegram.info_type == "発表" and telegram.reported_at.tzinfo is UTC and telegram.office


@needs_samples
@pytest.mark.parametrize("name", WARNINGS)
def test_what_is_in_force_in_a_place_is_read_from_the_body_alone(name: str) -> None:
    _, place, first = WARNINGS[name]
    found = in_force(ours(sample(name), [place]))
    said = [(one.kind.name, one.kind.status, one.level, one.hazard) for one in found]
    assert said[: len(first)] == first
    assert all(not one.kind.over for one in found)


@needs_samples
def test_what_is_lifted_is_not_in_force_whatever_the_headline_says() -> None:
    assert in_force(ours(sample("VXWW50"), ["4013000"])) == ()
    # the fixed sentence about 特別警報 stands in every telegram of that kind
    assert "特別警報" in (SAMPLES / "15_08_01_130412_VPWW53.xml").read_text("utf-8")
    everything = [one.kind.name for block in sample("VPWW54").warnings for one in in_force(block)]
    assert everything and not [name for name in everything if "特別警報" in name]


@needs_samples
@pytest.mark.parametrize("name", WARNINGS)
def test_a_grave_warning_for_our_place_becomes_a_draft_that_is_no_order(name: str) -> None:
    telegram, place = sample(name), WARNINGS[name][1]
    # what only goes on has been a draft before
    fresh = in_force(ours(telegram, [place]))[0].kind.status == "発表"
    draft = draft_of(telegram, feeds(place), CITY)
    assert (draft is not None) is fresh
    assert draft_of(telegram, feeds("1520400"), CITY) is None, "not about us"
    if draft is None:
        return
    assert [info.language for info in draft.infos] == ["ja-JP", "ja-x-easy", "en-US"]
    for info in draft.infos:
        assert info.parameter(LEVEL_PARAMETER) is None, "only the city gives a level"
        assert info.description and (
            "避難指示" in info.description or "not an evacuation order" in info.description
        )
    same = WARNINGS[name][2][0][2]
    assert draft.infos[0].parameter(EQUIVALENT) == (str(same) if same else None)
    now = telegram.reported_at
    blocked = [one for one in lint(draft, CITY, now=now) if one.severity == "block"]
    assert not [one for one in blocked if one.field != "expires"], blocked


@needs_samples
def test_an_earthquake_fills_the_template_with_the_intensity_of_our_municipality() -> None:
    telegram = sample("VXSE53")
    draft = draft_of(telegram, feeds("2230600"), CITY)
    assert draft is not None and draft.status is Status.EXERCISE
    assert "5弱" in (draft.infos[0].headline or "") and "午後1時45分" in (draft.infos[0].description or "")
    assert "5 Lower" in (draft.infos[-1].headline or "")
    assert draft_of(telegram, feeds("2230600", intensity="5+"), CITY) is None
    assert draft_of(telegram, feeds("1520400"), CITY) is None
    assert telegram.epicentre == "駿河湾" and telegram.magnitude == "M5.9"


@needs_samples
def test_a_tsunami_is_a_draft_for_our_coast_alone() -> None:
    telegram = sample("VTSE41")
    assert draft_of(telegram, feeds("1520400"), CITY) is None, "inland"
    draft = draft_of(telegram, feeds("1520400", coasts=("210",)), CITY)
    assert draft is not None and "大津波警報" in (draft.infos[0].headline or "")
    mere_ripples = next(one.area for one in telegram.tsunami if "若干" in one.kinds[0].name)
    assert draft_of(telegram, feeds("1520400", coasts=(mere_ripples,)), CITY) is None


@needs_samples
def test_an_early_warning_of_seconds_is_never_a_draft() -> None:
    assert draft_of(sample("VXSE43"), feeds("9350", "703"), CITY) is None


@needs_samples
def test_a_telegram_that_is_taken_back_is_no_draft() -> None:
    telegram = replace(sample("VPWW53"), info_type="取消")
    assert draft_of(telegram, feeds("2920100"), CITY) is None


@pytest.mark.parametrize(
    ("name", "expected", "threat"),
    [
        ("レベル５氾濫特別警報", 5, Hazard.FLOOD),
        ("レベル４土砂災害危険警報", 4, Hazard.LANDSLIDE),
        ("レベル４大雨危険警報", 4, Hazard.INLAND_FLOOD),
        ("レベル３高潮警報", 3, Hazard.STORM_SURGE),
        ("レベル２氾濫注意報", 2, Hazard.FLOOD),
        ("大雨特別警報", 5, Hazard.INLAND_FLOOD),
        ("土砂災害警戒情報", 4, Hazard.LANDSLIDE),
        ("洪水警報", 3, Hazard.FLOOD),
        ("氾濫危険情報", 4, Hazard.FLOOD),
        ("暴風雪特別警報", None, Hazard.SNOW),
        ("大雪警報", None, Hazard.SNOW),
        ("噴火警報（火口周辺）レベル３（入山規制）", None, Hazard.VOLCANO),
        ("乾燥注意報", None, None),
    ],
)
def test_old_names_and_those_of_2026_give_their_level_and_hazard(
    name: str, expected: int | None, threat: Hazard | None
) -> None:
    assert level(name) == expected
    assert hazard(jma._plain(name)) is threat


def _telegram(
    *kinds: tuple[str, str, str], title: str = "気象警報・注意報（土砂災害）", status: str = "通常"
) -> bytes:
    """One of 2026: the digits are full-width."""
    listed = "".join(
        f"<Kind><Name>{name}</Name><Code>{code}</Code><Status>{said}</Status></Kind>"
        for name, code, said in kinds
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><Report xmlns="http://xml.kishou.go.jp/jmaxml1/"><Control>'
        f"<Title>{title}</Title><DateTime>2026-11-23T00:55:00Z</DateTime><Status>{status}</Status>"
        "<EditorialOffice>新潟地方気象台</EditorialOffice><PublishingOffice>新潟地方気象台</PublishingOffice></Control>"
        '<Head xmlns="http://xml.kishou.go.jp/jmaxml1/informationBasis1/"><Title>新潟県気象警報・注意報</Title>'
        "<ReportDateTime>2026-11-23T09:55:00+09:00</ReportDateTime><EventID/><InfoType>発表</InfoType><Serial/>"
        "<InfoKind>気象警報・注意報</InfoKind><Headline><Text>特別警報を発表した場合は</Text></Headline></Head>"
        '<Body xmlns="http://xml.kishou.go.jp/jmaxml1/body/meteorology1/"><Warning type="市町村等"><Item>'
        f"{listed}<Area><Name>三条市</Name><Code>1520400</Code></Area></Item></Warning></Body></Report>"
    ).encode()


def test_the_names_of_2026_make_a_draft_with_the_level_they_correspond_to() -> None:
    telegram = jma.parse(_telegram(("レベル４土砂災害危険警報", "49", "発表"), ("雷注意報", "14", "継続")))
    draft = draft_of(telegram, feeds("1520400"), CITY)
    assert draft is not None and draft.severity is Severity.SEVERE
    first = draft.infos[0]
    assert first.headline == "気象庁：レベル4土砂災害危険警報（警戒レベル4相当） 三条市"
    assert "雷注意報" not in (first.description or ""), "an advisory is no reason to wake anybody"
    assert (
        draft.infos[2].headline
        == "Weather agency: landslide danger warning (equivalent to level 4), Sanjo City"
    )


@pytest.mark.parametrize(
    ("kinds", "holding"),
    [
        ([("レベル４土砂災害危険警報", "49", "解除")], []),
        ([("レベル２氾濫注意報", "22", "警報解除")], ["レベル2氾濫注意報"]),
        ([("レベル２氾濫注意報", "22", "解除")], ["レベル2氾濫注意報"]),
        ([("氾濫注意報解除", "10", "解除")], []),
        ([("大雨注意報", "10", "警報から注意報")], ["大雨注意報"]),
        ([("", "00", "発表警報・注意報はなし")], []),
    ],
)
def test_only_the_status_of_a_kind_says_whether_it_holds(
    kinds: list[tuple[str, str, str]], holding: list[str]
) -> None:
    telegram = jma.parse(_telegram(*kinds))
    assert [one.kind.name for one in in_force(ours(telegram, ["1520400"]))] == holding


def test_the_smallest_of_our_areas_speaks() -> None:
    telegram = jma.parse(_telegram(("レベル３大雨警報", "03", "発表")))
    assert ours(telegram, ["9999999", "1520400"])[0].area_name == "三条市"
    assert ours(telegram, ["150000"]) == ()


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"<Report/>",
        b'<Report xmlns="http://xml.kishou.go.jp/jmaxml1/"/>',
        b'<!DOCTYPE x [<!ENTITY a "b">]><Report xmlns="http://xml.kishou.go.jp/jmaxml1/">&a;</Report>',
        _telegram(("x", "1", "発表"), status="謎"),
        re.sub(
            rb"<ReportDateTime>.*?</ReportDateTime>", b"<ReportDateTime>now</ReportDateTime>", _telegram()
        ),
        _telegram() + b" " * jma.LIMIT,
    ],
)
def test_what_is_no_telegram_is_refused_with_the_element(document: bytes) -> None:
    with pytest.raises(WrongAlert) as caught:
        jma.parse(document)
    assert all(problem.field and problem.message for problem in caught.value.problems)


def test_a_drill_of_the_agency_stays_a_drill() -> None:
    telegram = jma.parse(_telegram(("レベル５大雨特別警報", "33", "発表"), status="訓練"))
    draft = draft_of(telegram, feeds("1520400"), CITY)
    assert draft is not None and draft.status is Status.EXERCISE
    assert telegram.reported_at == datetime(2026, 11, 23, 0, 55, tzinfo=UTC)


def test_a_damaged_telegram_is_read_or_refused_and_nothing_else() -> None:
    chance = random.Random(20261123)
    documents = [path.read_bytes() for path in sorted(SAMPLES.glob("*.xml")) if path.stat().st_size < 30_000]
    documents.append(_telegram(("レベル４土砂災害危険警報", "49", "発表")))
    refused = read = 0
    for _ in range(300):
        damaged = bytearray(chance.choice(documents))
        for _ in range(chance.randint(1, 3)):
            at = chance.randrange(len(damaged))
            piece = chance.choice(
                [b"9" * 40, b"<", b"&#0;", b" ", b"T24:00:00", b"\xff", b"<Kind/>", b"</Body>"]
            )
            damaged[at : at + chance.randint(0, 30)] = piece
        try:
            telegram = jma.parse(bytes(damaged))
        except WrongAlert:
            refused += 1
        else:
            draft_of(telegram, feeds("1520400", "4010000", coasts=("210",)), CITY)
            read += 1
    assert refused and read
