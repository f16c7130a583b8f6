"""Templates are complete in every language, and blanks cannot be left or misused."""

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest

from alertd import cap
from alertd.alert import Alert, Area, MsgType, NamedValue, Status
from alertd.city import City
from alertd.errors import NotFound, WrongAlert
from alertd.hazard import LEVELS
from alertd.lint import Gravity, lint
from alertd.template import Spoken, Template, fill, template, templates

NOW = datetime(2026, 11, 23, 6, 20, tzinfo=UTC)
CITY = City()
ALL = list(templates().values())


def examples(of: Template) -> dict[str, str]:
    values = {blank.name: blank.example for blank in of.blanks if blank.name != "area"}
    whole = [blank for blank in of.blanks if blank.whole]
    return values | {f"{b.name}@{language}": "Text" for b in whole for language in ("ja-easy", "en")}


def filled(of: Template, **values: str) -> Alert:
    return fill(
        of,
        examples(of) | values,
        city=CITY,
        status=Status.ACTUAL,
        identifier="sanjo.1",
        sent=NOW,
        expires=NOW + timedelta(hours=6),
        areas=[Area(description="嵐南地区", geocodes=(NamedValue("alertd:area", "RNN"),))],
    )


@pytest.mark.parametrize("of", ALL, ids=lambda of: of.id)
def test_every_template_speaks_every_language_and_lints_clean(of: Template) -> None:
    alert = filled(of)
    assert [info.language for info in alert.infos] == ["ja-JP", "ja-x-easy", "en-US"]
    blocks = [finding for finding in lint(alert, CITY, now=NOW) if finding.severity is Gravity.BLOCK]
    assert blocks == []


@pytest.mark.parametrize("of", ALL, ids=lambda of: of.id)
def test_every_template_has_words_for_calls_and_machines(of: Template) -> None:
    for info in filled(of).infos:
        assert info.parameter(Spoken.CALL) and info.parameter(Spoken.SHORT)


@pytest.mark.parametrize("of", ALL, ids=lambda of: of.id)
def test_every_filled_template_is_valid_cap(of: Template) -> None:
    alert = filled(of)
    assert cap.parse(cap.write(alert)) == alert


@pytest.mark.parametrize("of", ALL, ids=lambda of: of.id)
def test_a_level_stands_only_where_the_hazard_has_it(of: Template) -> None:
    assert of.level is None or of.level in LEVELS[of.hazard]


def test_the_gravest_templates_come_first() -> None:
    assert [of.level for of in ALL][:4] == [5, 4, 4, 3]


def test_an_optional_blank_takes_its_sentence_along() -> None:
    with_shelters = filled(template("flood-4")).infos[0]
    without = filled(template("flood-4"), shelters="").infos[0]
    assert "避難所は、第一中学校" in (with_shelters.parameter(Spoken.CALL) or "")
    assert "避難所は" not in (without.parameter(Spoken.CALL) or "")
    assert "開いている" not in (without.instruction or "")
    assert "■問い合わせ" in (without.instruction or "") and "\n\n" not in (without.instruction or "")


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"river": ""}, "river"),
        ({"rivre": "五十嵐川"}, "rivre"),
        ({"river": "{river}"}, "river"),
        ({"river": "○○川"}, "river"),
        ({"river": "a\r\nBcc: x@example.jp"}, "river"),
        ({"river": "=?UTF-8?Q?x?="}, "river"),
        ({"river": "川" * 200}, "river"),
        ({"time": "25:00"}, "time"),
        ({"web": "javascript:alert(1)"}, "web"),
        ({"phone": "おかけください"}, "phone"),
    ],
)
def test_a_wrong_value_is_refused_by_the_name_of_its_blank(values: dict[str, str], field: str) -> None:
    with pytest.raises(WrongAlert) as caught:
        filled(template("flood-4"), **values)
    assert [problem.field for problem in caught.value.problems] == [field]
    assert caught.value.problems[0].message_ja


def test_all_wrong_blanks_are_named_at_once() -> None:
    with pytest.raises(WrongAlert) as caught:
        filled(template("bear"), place="", time="x")
    assert {problem.field for problem in caught.value.problems} == {"place", "time"}


def test_no_area_is_an_error_and_never_everybody() -> None:
    with pytest.raises(WrongAlert, match="area"):
        fill(
            template("flood-4"),
            {"river": "五十嵐川"},
            city=CITY,
            status=Status.ACTUAL,
            identifier="x",
            sent=NOW,
            expires=NOW,
            areas=[],
        )


def test_names_of_places_are_said_in_each_language() -> None:
    japanese, easy, english = filled(template("flood-4")).infos
    assert "五十嵐川が" in (japanese.description or "")
    assert "五十嵐川（いからしがわ）" in (easy.description or "")
    assert "The Ikarashi River may overflow" in (english.description or "")
    assert english.areas[0].description == "Rannan District"


def test_a_time_is_said_in_each_language() -> None:
    japanese, easy, english = filled(template("flood-4"), time="9:05").infos
    assert "午前9時5分" in (japanese.description or "")
    assert "9時（じ） 5分（ふん）" in (easy.description or "")
    assert "9:05 a.m." in (english.description or "")


def test_a_value_for_one_language_wins_there() -> None:
    english = filled(template("bear"), **{"place@en": "Fukuzawa"}).infos[2]
    assert english.headline == "Bear sighted (Fukuzawa)"


def test_a_free_text_is_left_out_where_it_was_not_translated() -> None:
    of = template("notice")
    values = {"subject": "窓口", "words": "開きます。", "subject@en": "Office", "words@en": "Open"}
    alert = fill(
        of,
        values,
        city=CITY,
        status=Status.ACTUAL,
        identifier="x",
        sent=NOW,
        expires=NOW,
        areas=[Area(description="三条市全域")],
    )
    assert [info.language for info in alert.infos] == ["ja-JP", "en-US"]


def test_with_references_it_is_an_update() -> None:
    first = filled(template("flood-4"))
    lifted = fill(
        template("flood-lifted"),
        {},
        city=CITY,
        status=Status.ACTUAL,
        identifier="sanjo.2",
        sent=NOW,
        expires=NOW,
        areas=first.infos[0].areas,
        references=[first.reference],
    )
    assert lifted.msg_type is MsgType.UPDATE and lifted.references == (first.reference,)


def test_a_city_without_a_language_leaves_it_out() -> None:
    city = City(languages=("ja",))
    alert = fill(
        template("fire"),
        {"place": "下田"},
        city=city,
        status=Status.ACTUAL,
        identifier="x",
        sent=NOW,
        expires=NOW,
        areas=[Area(description="下田")],
    )
    assert len(alert.infos) == 1


def test_an_unknown_template_names_the_known_ones() -> None:
    with pytest.raises(NotFound, match="flood-4"):
        template("flod-4")


def test_a_hole_without_a_blank_is_found() -> None:
    of = template("fire")
    wording = dataclasses.replace(of.wordings["ja"], description="{oops}です。")
    broken = dataclasses.replace(of, wordings={"ja": wording})
    with pytest.raises(WrongAlert, match="oops"):
        filled(broken)
