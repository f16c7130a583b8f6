"""The chronicle: what happened when, told from the audit trail, with notes that cannot be changed."""

from __future__ import annotations

from httpx import Client

from alertd import audit, chronicle
from alertd.db import reading, writing
from alertd.dispatch import Role
from tests.console.desk import Desk, approve, csrf, form_of, submit
from tests.factories import WRITER


def note(browser: Client, text: str, **more: str) -> int:
    token = csrf(browser.get("/chronicle").text)
    return browser.post("/chronicle", data={"csrf": token, "text": text, **more}).status_code


def test_it_tells_who_did_what_to_an_alert(desk: Desk, writer: Client, approver: Client):
    number = submit(writer, form_of(writer))
    approve(approver, number)
    desk.send(number)
    told = writer.get(f"/chronicle?alert={number}").text
    assert told.index("配信開始") < told.index("承認") < told.index("起案・提出"), "the latest first"
    assert "2026-11-23 10:00:00" in told, "in Japan's time"


def test_a_note_stays_and_belongs_to_its_alert(desk: Desk, writer: Client):
    number = submit(writer, form_of(writer))
    assert note(writer, "消防から入電：堤防に亀裂", source="telephone", alert=str(number)) == 303
    assert note(writer, "=HYPERLINK(1)") == 303
    told = writer.get(f"/chronicle?alert={number}").text
    assert "堤防に亀裂 (電話)" in told and "HYPERLINK" not in told
    table = writer.get("/chronicle.csv").text
    assert "'=HYPERLINK(1)" in table, "no spreadsheet computes it"
    assert table.index("堤防に亀裂") < table.index("HYPERLINK"), "on paper the oldest first"
    with reading(desk.site.engine) as session:
        assert audit.verify(session) is None


def test_an_empty_note_is_refused_with_the_remedy(desk: Desk, writer: Client):
    assert note(writer, "  ") == 422
    assert note(writer, "あ" * 1001) == 422


def test_who_only_looks_adds_nothing(desk: Desk):
    viewer = desk.signed_in(Role.VIEW)
    page = viewer.get("/chronicle").text
    assert 'name="text"' not in page
    assert viewer.post("/chronicle", data={"csrf": csrf(page), "text": "x"}).status_code == 403


def test_it_is_printed(desk: Desk, writer: Client):
    note(writer, "避難所を開設した")
    answer = writer.get("/chronicle.pdf")
    assert answer.headers["content-type"] == "application/pdf" and answer.content.startswith(b"%PDF-")


def test_many_entries_come_page_by_page(desk: Desk, writer: Client):
    with writing(desk.site.engine) as session:
        for number in range(104):
            chronicle.add(session, WRITER, desk.clock.now(), text=f"記録その{number}。")
    assert note(writer, "記録その104。") == 303
    first = writer.get("/chronicle").text
    assert "記録その104。" in first and "記録その3。" not in first
    older = first.partition('href="/chronicle?before=')[2].partition('"')[0]
    assert "記録その3。" in writer.get(f"/chronicle?before={older}").text
