"""The pages of reference: templates, readings, areas, groups, channels."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator

import pytest
from httpx import Client
from sqlalchemy import select

from alertd.db import reading, writing
from alertd.dispatch import Role
from alertd.tables import AreaRow, AuditRow, MembershipRow, OutlineRow
from alertd.template import templates
from tests.console.desk import Desk, csrf
from tts.synthesizer import open_synthesizer

SQUARE = [[139.0, 37.6], [139.1, 37.6], [139.1, 37.7], [139.0, 37.7], [139.0, 37.6]]


@pytest.fixture
def spoken(desk: Desk) -> Iterator[Desk]:
    """A desk with the real voice and its dictionary."""
    synthesizer = open_synthesizer(desk.site.config.storage)
    desk.site._synthesizer = synthesizer
    yield desk
    synthesizer.close()


@pytest.mark.parametrize("identifier", sorted(templates()))
def test_every_template_shows_what_it_would_say_in_every_language(writer: Client, identifier: str):
    answer = writer.get(f"/templates/{identifier}")
    assert answer.status_code == 200
    assert 'class="error"' not in answer.text, "its examples fit its blanks"
    free = any(blank.whole for blank in templates()[identifier].blanks)
    for language in ("ja",) if free else templates()[identifier].wordings:
        assert f'id="in-{language}"' in answer.text
    assert f"alertd/templates/{identifier}.toml" in answer.text
    assert "訓練" in answer.text, "a preview can never be taken for an alert"


def test_templates_are_found_by_any_word_of_theirs(writer: Client):
    found = writer.get("/templates", params={"q": "クマ"}).text
    assert "/templates/" in found and "/templates/flood-4" not in found
    assert "該当するものはありません" in writer.get("/templates", params={"q": "ないもの"}).text
    assert writer.get("/templates/none").status_code == 404


def test_a_template_can_be_listened_to(desk: Desk, writer: Client):
    token = csrf(writer.get("/templates/flood-4").text)
    form = {"csrf": token, "language": "ja", "medium": "call"}
    answer = writer.post("/templates/flood-4/hear", data=form)
    digest = re.search(r"/audio/([0-9a-f]{64})\.wav", answer.text)
    assert digest is not None
    assert writer.get(digest[0]).content.startswith(b"RIFF")
    assert writer.post("/templates/flood-4/hear", data={**form, "medium": "text"}).status_code == 404


def test_a_reading_given_by_hand_wins_and_says_who_gave_it_and_why(spoken: Desk, writer: Client):
    token = csrf(writer.get("/readings").text)
    form = {
        "csrf": token,
        "surface": "大平",
        "kana": "おおだいら",
        "accent": "",
        "reason": "区長に電話で確認",
    }
    assert writer.post("/readings", data=form).status_code == 303
    page = writer.get("/readings", params={"q": "大平"}).text
    assert "オオダイラ" in page and "区長に電話で確認" in page
    heard = writer.post("/readings/hear", data={"csrf": token, "text": "大平地区"}).text
    assert "オーダイラチク" in heard and "<audio" in heard
    with reading(spoken.site.engine) as session:
        row = session.scalars(select(AuditRow).where(AuditRow.action == "reading.kept")).one()
    assert row.detail["reason"] == "区長に電話で確認"
    again = {**form, "kana": "タイヘイ", "reason": "訂正：住民の指摘"}
    assert writer.post("/readings", data=again).status_code == 303
    assert "オオダイラ" not in writer.get("/readings", params={"q": "大平"}).text, (
        "it takes the other's place"
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"kana": "大平"},
        {"surface": "平"},
        {"reason": ""},
        {"accent": "9"},
        {"surface": 'a"b,c'},
        {"kana": ""},
    ],
)
def test_a_reading_that_would_spoil_the_voice_is_refused(spoken: Desk, writer: Client, wrong: dict[str, str]):
    token = csrf(writer.get("/readings").text)
    form = {"surface": "大平", "kana": "おおだいら", "accent": "", "reason": "区長に電話で確認"}
    assert writer.post("/readings", data={"csrf": token, **form, **wrong}).status_code == 422
    assert "オオダイラ" not in writer.get("/readings", params={"q": "大平"}).text


def test_areas_tell_how_many_live_there_and_are_drawn_from_geojson(desk: Desk):
    admin = desk.signed_in(Role.ADMINISTER)
    feature = {
        "type": "Feature",
        "properties": {"code": "RNN"},
        "geometry": {"type": "Polygon", "coordinates": [SQUARE]},
    }
    document = json.dumps({"type": "FeatureCollection", "features": [feature]}).encode()
    page = admin.get("/areas").text
    assert "<svg" not in page.split("<main")[1]
    form = {"csrf": csrf(page)}
    bad = admin.post("/areas/outlines", data=form, files={"file": ("a.geojson", b"{}")})
    assert bad.status_code == 422 and "GeoJSON" in bad.text
    good = admin.post("/areas/outlines", data=form, files={"file": ("a.geojson", document)})
    assert good.status_code == 303
    assert "<title>嵐南" in admin.get("/areas").text
    rows = list(csv.DictReader(io.StringIO(admin.get("/areas.csv").content.decode("utf-8-sig"))))
    assert sum(int(row["recipients"]) for row in rows) > 0


def test_no_cell_of_an_export_is_computed(desk: Desk):
    with writing(desk.site.engine) as session:
        row = session.get(AreaRow, "RNN")
        assert row is not None
        row.name = "=1+1"
    text = desk.signed_in(Role.VIEW).get("/areas.csv").content.decode("utf-8-sig")
    assert "'=1+1" in text and ",=1+1" not in text


def test_a_group_shows_its_members_page_by_page(desk: Desk, writer: Client):
    with writing(desk.site.engine) as session:
        session.add_all(MembershipRow(recipient_id=number, group_name="民生委員") for number in (1, 2, 3))
    assert "民生委員" in writer.get("/groups").text
    page = writer.get("/groups/members", params={"name": "民生委員", "after": "2"}).text
    assert "<td>3</td>" in page and "<td>1</td>" not in page
    assert writer.get("/groups/members", params={"name": "ない"}).status_code == 404


def test_channels_say_what_they_carry_and_that_they_are_simulated(writer: Client):
    page = writer.get("/channels").text
    assert "(radio)" in page and "模擬" in page


def test_the_map_shows_the_areas_of_an_alert_in_the_colour_of_its_level(
    desk: Desk, writer: Client, sent: int
):
    assert 'class="map"' not in writer.get(f"/alerts/{sent}").text, "without outlines there is no map"
    with writing(desk.site.engine) as session:
        session.add(OutlineRow(code="RNN", geometry={"type": "Polygon", "coordinates": [SQUARE]}))
        far = [[lon + 0.2, lat] for lon, lat in SQUARE]
        session.add(OutlineRow(code="IGR", geometry={"type": "Polygon", "coordinates": [far]}))
    board = writer.get(f"/alerts/{sent}").text
    assert re.search(r'class="area meant map-level-4" data-code="RNN"><title>嵐南', board)
    assert re.search(r'class="area" data-code="IGR"', board)
    form = writer.get("/alerts/new/flood-4?status=Actual").text
    assert 'data-choose="area"' in form and "map.js" in form
    assert "map-level-4" in writer.get("/in-force").text
