"""Drafts from outside, what is in force, and texts to copy: the pages, as people use them without JavaScript."""

from __future__ import annotations

import re

from httpx import Client

from alertd import cap, incoming, shelter
from alertd.alert import Status
from alertd.db import reading, writing
from alertd.dispatch import Role
from alertd.incoming import Taken
from alertd.jma import notice as jma_notice
from alertd.shelter import Designation, Shelter
from alertd.tables import AlertRow, DispatchRow
from tests import factories
from tests.console.desk import Desk, approve, check, csrf, form_of, hidden, submit
from tests.unit.test_cap import document
from tests.unit.test_jma import _telegram

GRAVE = _telegram(("レベル４土砂災害危険警報", "49", "発表"))


def take(desk: Desk, content: bytes) -> int:
    receipt = incoming.take(desk.site, content, "file:test")
    assert receipt.taken is Taken.DRAFT and receipt.number is not None
    return receipt.number


def form(page: str, **changes: object) -> dict[str, object]:
    return {
        "csrf": csrf(page),
        "key": hidden(page, "key"),
        "status": "Exercise",
        "area": ["RNN"],
        "channel": ["mail"],
        "life": "6",
        **changes,
    }


def test_a_warning_of_the_agency_is_submitted_with_what_a_person_changed(desk: Desk, writer: Client) -> None:
    number = take(desk, GRAVE)
    assert "外部からの下書きが1件" in writer.get("/").text
    assert "レベル4土砂災害危険警報" in writer.get("/drafts").text
    page = writer.get(f"/drafts/{number}").text
    assert "JMA" in page and re.search(r'name="everybody" value="yes" checked', page)
    assert "市の避難指示などではありません" in page
    changed = form(
        page, **{"headline:0": "気象庁：土砂災害に注意", "description:0": "山の近くから離れてください。"}
    )
    answer = writer.post(f"/drafts/{number}/submit", data=changed)
    assert answer.status_code == 303, answer.text
    dispatch = int(answer.headers["location"].rpartition("/")[2])
    with reading(desk.site.engine) as session:
        row = session.get_one(DispatchRow, dispatch)
        alert = cap.parse(session.get_one(AlertRow, row.alert_id).document)
        assert incoming.waiting(session) == []
    assert row.state == "submitted" and alert.status is Status.EXERCISE
    assert alert.infos[0].headline == "気象庁：土砂災害に注意"
    assert {area.description for area in alert.infos[0].areas} == {"嵐南地区"}
    again = writer.post(f"/drafts/{number}/submit", data=changed)
    assert again.headers["location"] == f"/alerts/{dispatch}", "a second click submits nothing anew"


def test_a_draft_that_is_another_one_minutes_later_says_whether_it_is_an_update(
    desk: Desk, writer: Client
) -> None:
    numbers = [take(desk, document(identifier=identifier).encode()) for identifier in ("one", "two")]
    first = writer.get(f"/drafts/{numbers[0]}").text
    sent = writer.post(f"/drafts/{numbers[0]}/submit", data=form(first, status="Actual"))
    before = int(sent.headers["location"].rpartition("/")[2])
    factories.approve(desk.site, before)
    second = writer.get(f"/drafts/{numbers[1]}").text
    data = form(second, status="Actual")
    asked = writer.post(f"/drafts/{numbers[1]}/submit", data=data)
    assert asked.status_code == 422 and "続報ですか、新しい警報ですか。" in asked.text
    data["key"] = hidden(asked.text, "key")
    done = writer.post(f"/drafts/{numbers[1]}/submit", data=data | {"again": f"update:{before}"})
    with reading(desk.site.engine) as session:
        row = session.get_one(DispatchRow, int(done.headers["location"].rpartition("/")[2]))
        alert = cap.parse(session.get_one(AlertRow, row.alert_id).document)
    assert row.follows_id == before and alert.infos[0].headline == "[UPDATE] A headline"


def test_what_was_not_actual_is_not_offered_as_real_and_refused_when_forced(
    desk: Desk, writer: Client
) -> None:
    number = take(desk, document().replace("<status>Actual<", "<status>Exercise<").encode())
    page = writer.get(f"/drafts/{number}").text
    assert 'name="status" value="Actual"' not in page and 'name="status" value="Exercise"' in page
    answer = writer.post(f"/drafts/{number}/submit", data=form(page, status="Actual"))
    assert answer.status_code == 422
    with reading(desk.site.engine) as session:
        assert len(incoming.waiting(session)) == 1


def test_what_is_wrong_is_said_and_what_was_typed_stays(desk: Desk, writer: Client) -> None:
    number = take(desk, document().encode())
    wrong: tuple[tuple[dict[str, object], str], ...] = (
        ({"area": []}, "対象地区を1つ以上"),
        ({"area": ["RNN"], "everybody": "yes"}, "同時に選べません"),
        ({"channel": []}, "no channel was chosen"),
        ({"key": "made-up"}, "もう一度確かめて"),
        ({"headline:0": "避難勧告"}, "避難勧告"),
    )
    page = writer.get(f"/drafts/{number}").text
    for changes, says in wrong:
        typed = {**form(page, **{"description:0": "私の文"}), **changes}
        answer = writer.post(f"/drafts/{number}/submit", data=typed)
        assert answer.status_code == 422 and says in answer.text and "私の文" in answer.text, says


def test_a_draft_is_put_aside_by_those_who_may(desk: Desk, writer: Client) -> None:
    number = take(desk, document().encode())
    viewer = desk.signed_in(Role.VIEW)
    page = viewer.get(f"/drafts/{number}").text
    assert "この下書きを使わない" not in page and "A headline" in page
    token = csrf(page)
    assert viewer.post(f"/drafts/{number}/dismiss", data={"csrf": token}).status_code == 403
    mine = csrf(writer.get(f"/drafts/{number}").text)
    assert writer.post(f"/drafts/{number}/dismiss", data={"csrf": mine}).status_code == 303
    assert "待っている下書きはありません" in writer.get("/drafts").text


def test_words_of_a_document_are_shown_as_text_and_never_run(desk: Desk, writer: Client) -> None:
    number = take(desk, document(headline="&lt;script&gt;alert(1)&lt;/script&gt;", sender="x@y").encode())
    for path in ("/drafts", f"/drafts/{number}"):
        assert "<script>alert" not in writer.get(path).text


def test_orders_and_warnings_stand_side_by_side_and_are_told_apart(
    desk: Desk, writer: Client, approver: Client
) -> None:
    assert "発令中のものはありません" in writer.get("/in-force").text
    number = submit(writer, form_of(writer))
    approve(approver, number)
    desk.send(number)
    take(desk, GRAVE)
    page = writer.get("/in-force").text
    assert "避難指示" in page and "警戒レベル4" in page and "解除まで" in page
    assert "レベル4相当" in page and "市の避難指示などではありません" in page
    table = writer.get("/in-force.csv")
    assert table.content.startswith(b"\xef\xbb\xbf") and "嵐南" in table.text and "避難指示" in table.text
    assert "レベル4土砂災害危険警報" not in table.text, "only the city's own orders"
    with writing(desk.site.engine) as session:
        assert [row.level for row in jma_notice.notices(session)] == [4]


def test_the_texts_to_copy_are_on_a_page_with_their_lengths(desk: Desk, writer: Client) -> None:
    number = submit(writer, form_of(writer, Status.EXERCISE))
    page = writer.get(f"/alerts/{number}/copy")
    assert page.status_code == 200 and page.text.count("<textarea") == 6 == page.text.count("readonly")
    assert "配信区分：訓練" in page.text and "／15文字" in page.text and "／280文字" in page.text
    assert f"/alerts/{number}/copy" in writer.get(f"/alerts/{number}").text
    assert writer.get("/alerts/999/copy").status_code == 404


def test_only_shelters_designated_for_the_danger_are_offered_and_others_are_refused(
    desk: Desk, writer: Client
) -> None:
    with writing(desk.site.engine) as session:
        shelter.store(
            session,
            [
                Shelter(id="1", name="八幡会館", designated_for=frozenset({Designation.FLOOD})),
                Shelter(id="2", name="横町児童遊園", designated_for=frozenset({Designation.EARTHQUAKE})),
            ],
        )
    page = writer.get("/alerts/new/flood-4?status=Actual").text
    assert "八幡会館" in page and "横町児童遊園" not in page
    answer = check(writer, {**form_of(writer), "blank:shelters": "八幡会館、横町児童遊園"})
    assert (
        answer.status_code == 422
        and "「横町児童遊園」は、この災害の避難場所に指定されていません" in answer.text
    )
    assert check(writer, {**form_of(writer), "blank:shelters": "八幡会館"}).status_code == 200
