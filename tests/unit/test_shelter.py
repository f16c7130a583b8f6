"""Shelters: lists as cities publish them, mended where they can be, and offered for what they are designated for."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from alertd import shelter_list
from alertd.errors import WrongInput
from alertd.hazard import Hazard
from alertd.shelter import Designation, Shelter, offered, unfit

DATA = Path(__file__).parents[2].parent / "shared" / "data"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"the lists of Sanjo are not at {DATA}")
HEAD = "市区町村コード,ID,名称,緯度,経度,災害種別_洪水,災害種別_地震,想定収容人数,備考"


def read(*lines: str, head: str = HEAD, encoding: str = "utf-8") -> shelter_list.ShelterList:
    return shelter_list.read("\r\n".join((head, *lines)).encode(encoding))


def one(line: str, **changes: str) -> Shelter:
    found = read(line, **changes).shelters
    assert len(found) == 1
    return found[0]


@needs_data
def test_sanjos_list_is_read_and_ten_sites_are_for_floods() -> None:
    found = shelter_list.read((DATA / "sanjo_emergency_sites_std.csv").read_bytes())
    assert len(found.shelters) == 38 and found.repairs == ()
    for_floods = {site.name for site in offered(found.shelters, Hazard.FLOOD)}
    assert len(for_floods) == 10 and "八幡会館" in for_floods and "一ノ門児童遊園" not in for_floods
    outside = next(site for site in found.shelters if site.name == "県央研究所")
    assert "燕市" in outside.address, "a site may lie in the next town"


@needs_data
def test_what_is_written_is_what_was_read() -> None:
    first = shelter_list.read((DATA / "sanjo_emergency_sites_std.csv").read_bytes()).shelters
    written = shelter_list.write(first)
    assert written.startswith(b"\xef\xbb\xbf") and written.count(b"\r\n") == 39
    assert next(csv.reader(io.StringIO(written.decode("utf-8-sig")))) == list(shelter_list.COLUMNS)
    assert shelter_list.read(written).shelters == first
    assert len(shelter_list.COLUMNS) == 39


@needs_data
def test_the_three_formats_say_the_same_of_a_site() -> None:
    newest = shelter_list.read((DATA / "sanjo_emergency_sites_std.csv").read_bytes()).shelters
    features = json.loads((DATA / "gsi_emergency_152048.json").read_text("utf-8"))["features"]
    output = io.StringIO()
    writer = csv.DictWriter(output, list(features[0]["properties"]))
    writer.writeheader()
    writer.writerows(feature["properties"] for feature in features)
    of_gsi = shelter_list.read(output.getvalue().encode("cp932", "replace")).shelters
    assert {(s.id, s.name, s.designated_for) for s in of_gsi} == {
        (s.id, s.name, s.designated_for) for s in newest
    }
    older = one(
        "15204,7,八幡会館,新潟県三条市,37.63,138.95,1,,200",
        head="都道府県コード又は市区町村コード,NO,名称,住所,緯度,経度,災害種別_洪水,災害種別_地震,想定収容人数",
    )
    assert (older.id, older.address, older.designated_for) == (
        "7",
        "新潟県三条市",
        frozenset({Designation.FLOOD}),
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932", "utf-16"])
def test_every_usual_encoding_is_read(encoding: str) -> None:
    assert one("152048,A1,嵐南小学校,37.63,138.95,1,,300,", encoding=encoding).name == "嵐南小学校"


def test_a_sheet_with_tabs_columns_in_any_order_and_more_of_them_is_read() -> None:
    site = one("嵐南小学校\t○\tA1\t何か", head="名称\t災害種別_地震\tID\t市独自の列", encoding="utf-16")
    assert (site.id, site.designated_for, site.details) == (
        "A1",
        frozenset({Designation.EARTHQUAKE}),
        {"市独自の列": "何か"},
    )


@pytest.mark.parametrize("flag", ["1", "○", "〇", "◯", "true", "TRUE", "１"])
def test_every_usual_way_to_say_yes_is_understood(flag: str) -> None:
    assert one(f"152048,A1,x,37.63,138.95,{flag},,,").designated_for == {Designation.FLOOD}


@pytest.mark.parametrize("flag", ["", "0", "×", "false", "-"])
def test_everything_else_is_no(flag: str) -> None:
    assert one(f"152048,A1,x,37.63,138.95,{flag},,,").designated_for == frozenset()


def test_swapped_coordinates_and_a_lost_zero_are_mended_and_said() -> None:
    found = read("92011,A1,x,138.95,37.63,1,,,")
    site = found.shelters[0]
    assert (site.latitude, site.longitude) == (37.63, 138.95)
    assert site.details["市区町村コード"] == "092011"
    assert len(found.repairs) == 2 and all(repair.startswith("line 2") for repair in found.repairs)
    assert one("15204,A1,x,,,1,,,").details["市区町村コード"] == "15204", "not every five digits lost a zero"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("152048,A1,,37.63,138.95,1,,,", "no name"),
        ("152048,A1,x,51.5,-0.1,1,,,", "outside Japan"),
        ("152048,A1,x,north,138.95,1,,,", "no place"),
    ],
)
def test_what_cannot_be_mended_is_said_by_its_line(line: str, says: str) -> None:
    with pytest.raises(WrongInput, match=says) as caught:
        read("152048,A0,good,37.63,138.95,1,,,", line)
    assert caught.value.problems[0].field == "line 3"


@pytest.mark.parametrize("document", [b"", b"a,b\n1,2\n", b"\xff\x00\xff", "名称\n".encode("utf-16")[:5]])
def test_what_is_no_list_is_refused(document: bytes) -> None:
    try:
        assert shelter_list.read(document).shelters == ()
    except WrongInput as error:
        assert error.problems[0].message


def test_no_cell_runs_in_a_spreadsheet() -> None:
    sneaky = Shelter(id="A1", name="=cmd()", address="+81", details={"備考": "@x", "電話番号": "-0256"})
    text = shelter_list.write([sneaky]).decode("utf-8-sig")
    assert "'=cmd()" in text and "'+81" in text and "'@x" in text and ",-0256," in text


def test_a_site_is_offered_in_the_dangers_it_is_designated_for_alone() -> None:
    park = Shelter(id="1", name="ふれあい公園", designated_for=frozenset({Designation.EARTHQUAKE}))
    hall = Shelter(id="2", name="八幡会館", designated_for=frozenset({Designation.FLOOD}))
    school = Shelter(id="3", name="第一中学校")
    known = [park, hall, school]
    assert offered(known, Hazard.FLOOD) == [hall] and offered(known, Hazard.EARTHQUAKE) == [park]
    assert offered(known, Hazard.LANDSLIDE) == [] and offered(known, Hazard.SNOW) == known
    assert unfit(known, "ふれあい公園、八幡会館、第一中学校", Hazard.FLOOD) == [park]
    assert unfit(known, "ふれあい公園", None) == []
