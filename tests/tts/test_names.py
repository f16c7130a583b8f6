"""Names with kana: a city's own list makes every name right, and nothing else wrong."""

from pathlib import Path

import pytest

from alertd.errors import WrongInput
from alertd.speech import KeepsReadings, Say, Script
from tts.names import names_of
from tts.synthesizer import open_synthesizer

TOWNS = Path(__file__).parents[3] / "shared" / "data" / "sanjo_towns.csv"


@pytest.fixture
def opened(tmp_path):
    synthesizer = open_synthesizer(tmp_path)
    yield synthesizer
    synthesizer.close()


def csv_of(*names):
    return "\n".join(["town,town_kana", *names]).encode()


def said(synthesizer, text):
    return synthesizer.reading(Script(language="ja", parts=(Say(text),)))


@pytest.mark.skipif(not TOWNS.exists(), reason="the post office's town list is not here")
def test_every_town_of_the_post_office_is_read_right_after_the_import(opened):
    data = TOWNS.read_bytes()
    imported = opened.import_readings(data, "sanjo_towns.csv")
    assert imported.still_wrong == ()
    assert [name for name in opened.check_readings(data) if not name.right] == []
    assert len(opened.check_readings(data)) == 95


def test_only_what_is_read_wrong_is_kept(opened):
    imported = opened.import_readings(csv_of("長野,ナガノ", "大平,オオダイラ"), "towns.csv")
    assert isinstance(opened, KeepsReadings)
    assert [name.surface for name in imported.learnt] == ["大平"]
    assert imported.already_right == 1
    assert said(opened, "長野県と大平地区") == "ナガノケントオーダイラチク"
    assert any(entry.source == "towns.csv" for entry in opened.readings())


def test_a_later_import_replaces_and_others_see_it(opened, tmp_path):
    other = open_synthesizer(tmp_path)
    opened.import_readings(csv_of("大平,オオダイラ"), "towns.csv")
    assert said(other, "大平地区") == "オーダイラチク"
    opened.import_readings(csv_of("大平,タイヘイ"), "towns.csv")
    assert said(other, "大平地区") == "タイヘーチク"
    other.close()


def test_a_dry_run_keeps_nothing(opened):
    assert opened.import_readings(csv_of("大平,オオダイラ"), "towns.csv", dry_run=True).file is None
    assert said(opened, "大平地区") != "オーダイラチク"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932"])
def test_lists_come_in_the_encodings_that_offices_use(encoding):
    names = names_of("名称,名称_カナ,備考\n第一公園,ダイイチコウエン,\n無名,,\n".encode(encoding))
    assert [(name.surface, name.kana) for name in names] == [("第一公園", "ダイイチコウエン")]


def test_the_post_offices_own_file_is_understood():
    row = '15204,"955  ","9550000","ﾆｲｶﾞﾀｹﾝ","ｻﾝｼﾞｮｳｼ","{kana}","新潟県","三条市","{town}",0,0,0,0,0,0'
    lines = [
        row.format(kana="ｲｶﾆｹｲｻｲｶﾞﾅｲﾊﾞｱｲ", town="以下に掲載がない場合"),
        row.format(kana="ｱｻﾋﾁｮｳ(ｿﾉﾀ)", town="旭町（その他）"),
    ]
    names = names_of("\n".join(lines).encode("cp932"))
    assert [(name.surface, name.kana) for name in names] == [("旭町", "アサヒチョウ")]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty"),
        (b"a,b\n1,2\n", "no columns"),
        ("town,town_kana\n旭町,asahi\n".encode(), "line 2.*旭町"),
        ("旭町".encode("utf-16"), "UTF-8|no columns"),
    ],
)
def test_a_wrong_file_is_refused_by_name(data, message):
    with pytest.raises(WrongInput, match=message):
        names_of(data)
