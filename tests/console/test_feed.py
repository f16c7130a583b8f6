"""The public feed: what went out, what holds, and nothing sent twice to a reader who has it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from httpx import Client
from pydantic import SecretStr

from alertd import cap
from alertd.alert import MsgType, Status
from alertd.cap.profile import faults
from alertd.db import writing
from alertd.tables import OutlineRow
from tests.console.desk import Desk, approve, form_of, submit
from tests.unit.test_cap_signature import pem, verified

#: a square around the middle of the city, in GeoJSON's order
SQUARE = {
    "type": "Polygon",
    "coordinates": [[[138.9, 37.6], [139.0, 37.6], [139.0, 37.7], [138.9, 37.7], [138.9, 37.6]]],
}


def _sent(
    desk: Desk, writer: Client, approver: Client, status: Status = Status.ACTUAL, template: str = "flood-4"
) -> str:
    form = form_of(writer, status)
    if template == "flood-lifted":
        form = {name: value for name, value in form.items() if name != "blank:river"}
    number = submit(writer, form, template)
    page = approver.get(f"/alerts/{number}/approve").text
    words = re.search(r'class="to-type">([^<]+)<', page)
    assert words is not None, page
    answer = approve(approver, number, words[1])
    assert answer.status_code == 303, answer.text
    desk.send(number)
    return desk.report(number).identifier


def _in_force(desk: Desk) -> list[dict[str, Any]]:
    answer = desk.public.get("/cap/in-force.geojson")
    assert answer.headers["content-type"] == "application/geo+json"
    features: list[dict[str, Any]] = answer.json()["features"]
    return features


def test_an_order_is_on_the_map_until_it_is_lifted_by_an_update(desk: Desk, writer: Client, approver: Client):
    with writing(desk.site.engine) as session:
        session.add(OutlineRow(code="RNN", geometry=SQUARE))
    assert _in_force(desk) == []
    ordered = _sent(desk, writer, approver)
    features = _in_force(desk)
    assert {(f["properties"]["area"], f["properties"]["level"]) for f in features} == {("RNN", 4), ("RHK", 4)}
    with_ground = [f for f in features if f["geometry"]]
    assert [f["properties"]["area"] for f in with_ground] == ["RNN"]
    assert with_ground[0]["geometry"]["coordinates"][0][0][0] == [138.9, 37.6]
    document = cap.parse(desk.public.get(f"/cap/{ordered}.xml").content)
    assert document.infos[0].areas[0].polygons or document.infos[0].areas[1].polygons
    desk.clock.advance(timedelta(minutes=10))
    lifted = _sent(desk, writer, approver, template="flood-lifted")
    update = cap.parse(desk.public.get(f"/cap/{lifted}.xml").content)
    assert update.msg_type is MsgType.UPDATE and update.references == (document.reference,)
    assert _in_force(desk) == []


@pytest.mark.parametrize("status", [Status.ACTUAL, Status.EXERCISE])
def test_what_is_published_has_nothing_for_a_strict_reader(
    desk: Desk, writer: Client, approver: Client, status: Status
):
    identifier = _sent(desk, writer, approver, status)
    alert = cap.parse(desk.public.get(f"/cap/{identifier}.xml").content)
    assert faults(alert, desk.site.config.city) == ()
    marked = "【訓練】" in (alert.infos[0].headline or "")
    assert marked is (status is Status.EXERCISE)


def test_a_reader_who_has_it_gets_it_no_second_time(desk: Desk, writer: Client, approver: Client):
    identifier = _sent(desk, writer, approver)
    for page in ("feed.atom", "feed.json", "in-force.geojson", f"{identifier}.xml", f"{identifier}.json"):
        path = f"/cap/{page}"
        first = desk.public.get(path)
        assert first.status_code == 200 and first.content, path
        tag, changed = first.headers["etag"], first.headers["last-modified"]
        for headers in (
            {"If-None-Match": tag},
            {"If-None-Match": f'"other", W/{tag}'},
            {"If-None-Match": "*"},
            {"If-Modified-Since": changed},
        ):
            again = desk.public.get(path, headers=headers)
            assert again.status_code == 304 and not again.content, (path, headers)
            assert again.headers["etag"] == tag
        for headers in (
            {"If-None-Match": '"other"'},
            {"If-None-Match": '"other"', "If-Modified-Since": changed},
            {"If-Modified-Since": "Mon, 01 Jan 2024 00:00:00 GMT"},
            {"If-Modified-Since": "yesterday"},
        ):
            assert desk.public.get(path, headers=headers).status_code == 200, (path, headers)
        assert desk.public.head(path).headers["etag"] == tag


def test_the_tag_changes_with_the_content(desk: Desk, writer: Client, approver: Client):
    tag = desk.public.get("/cap/feed.atom").headers["etag"]
    _sent(desk, writer, approver)
    answer = desk.public.get("/cap/feed.atom", headers={"If-None-Match": tag})
    assert answer.status_code == 200 and b"<entry>" in answer.content


def test_the_json_says_what_the_document_says(desk: Desk, writer: Client, approver: Client):
    identifier = _sent(desk, writer, approver)
    document = cap.parse(desk.public.get(f"/cap/{identifier}.xml").content)
    said = desk.public.get(f"/cap/{identifier}.json").json()
    assert said["identifier"] == document.identifier and said["sent"].endswith("+09:00")
    assert [info["headline"] for info in said["info"]] == [info.headline for info in document.infos]
    assert {"valueName": "JIS_X0402", "value": "152048"} in said["info"][0]["area"][0]["geocode"]
    assert json.loads(desk.public.get("/cap/feed.json").content)[0] == said


def test_what_never_went_out_is_nowhere(desk: Desk, writer: Client):
    number = submit(writer, form_of(writer))
    identifier = desk.report(number).identifier
    assert desk.public.get(f"/cap/{identifier}.xml").status_code == 404
    assert desk.public.get(f"/cap/{identifier}.json").status_code == 404
    assert _in_force(desk) == []


def test_an_order_that_still_holds_is_renewed_for_readers_of_cap(
    desk: Desk, writer: Client, approver: Client
) -> None:
    ordered = _sent(desk, writer, approver)
    assert ".r1" not in desk.public.get("/cap/feed.atom").text
    assert desk.public.get(f"/cap/{ordered}.r1.xml").status_code == 404
    desk.clock.advance(timedelta(hours=5, minutes=1))
    assert f"/cap/{ordered}.r1.xml" in desk.public.get("/cap/feed.atom").text
    renewed = cap.parse(desk.public.get(f"/cap/{ordered}.r1.xml").content)
    assert renewed.msg_type is MsgType.UPDATE and renewed.references[0].identifier == ordered
    assert renewed.expires is not None and renewed.expires > desk.clock.now() + timedelta(hours=4)


def test_a_document_is_signed_where_there_is_a_key(desk: Desk, writer: Client, approver: Client) -> None:
    plain = _sent(desk, writer, approver)
    key = SecretStr(pem(rsa.generate_private_key(public_exponent=65537, key_size=2048)))
    stored = desk.public.get(f"/cap/{plain}.xml")
    web = desk.site.config.web.model_copy(update={"signing_key": key})
    desk.site.config = replace(desk.site.config, web=web)
    published = desk.public.get(f"/cap/{plain}.xml")
    assert verified(published.content) and cap.parse(published.content) == cap.parse(stored.content)
    again = desk.public.get(f"/cap/{plain}.xml", headers={"If-None-Match": published.headers["etag"]})
    assert again.status_code == 304
