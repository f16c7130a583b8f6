"""The directory on screen: search, import with a look first, trial calls, and the printed call list."""

from __future__ import annotations

import re

import pytest
from httpx import Client, Response
from sqlalchemy import func, select

from alertd import plan
from alertd.db import reading
from alertd.dispatch import Role
from alertd.tables import AlertRow, AuditRow, ContactRow, DispatchRow, RecipientRow
from tests import factories
from tests.console.desk import Desk, approve, csrf, form_of, hidden, submit
from tests.factories import APPROVER, WRITER

FORM = (
    "受付番号,氏名,フリガナ,電話番号,住所,地区,自治会,区分,要支援者,代理人氏名,代理人電話,続柄,状態\r\n"
    "R-1,三条ハナ,サンジョウ ハナ,0256-00-0101,本町1-2-3,嵐南,本町一丁目自治会,高齢,1,三条花子,090-0000-0001,長女,有効\r\n"
    "R-2,燕次郎,ツバメ ジロウ,119,本町1-2-4,嵐南,本町一丁目自治会,高齢,0,,,,有効\r\n"
)
#: how the first of them stands in a table
ROW = '<th scope="row" lang="ja">三条ハナ'


@pytest.fixture
def clerk(desk: Desk) -> Client:
    return desk.signed_in(Role.ADMINISTER)


def upload(browser: Client, document: bytes) -> Response:
    token = csrf(browser.get("/recipients/import").text)
    return browser.post("/recipients/import", data={"csrf": token}, files={"file": ("名簿.csv", document)})


def people(desk: Desk) -> int:
    with reading(desk.site.engine) as session:
        return session.scalar(select(func.count()).select_from(RecipientRow)) or 0


@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp932"])
def test_a_list_is_looked_at_first_and_stored_after_a_second_look(desk: Desk, clerk: Client, encoding: str):
    before = people(desk)
    looked = upload(clerk, FORM.encode(encoding))
    assert looked.status_code == 200 and people(desk) == before, "nothing is stored yet"
    assert "<dt>新規</dt><dd>1</dd>" in looked.text and "<dt>取り込めない行</dt><dd>1</dd>" in looked.text
    assert "<td>3</td>" in looked.text and "119" in looked.text, "the row and what is wrong with it"
    form = {"csrf": csrf(looked.text), "packed": hidden(looked.text, "packed")}
    stored = clerk.post("/recipients/import/confirm", data=form)
    assert people(desk) == before + 1 and "新規1人" in stored.text
    assert "三条ハナ" in stored.text and "試験の電話をかける" in stored.text, "a test call is offered"
    again = clerk.post("/recipients/import/confirm", data=form)
    assert people(desk) == before + 1 and "変更なし1人" in again.text


def test_what_is_no_list_is_refused_in_words(desk: Desk, clerk: Client):
    for document in (b"", b"\x00\xff\xfe", "氏名だけ\r\n三条\r\n".encode()):
        answer = upload(clerk, document)
        assert answer.status_code == 422 and 'class="error"' in answer.text
    token = csrf(clerk.get("/recipients/import").text)
    for packed in ("", "###", "aGVsbG8="):
        answer = clerk.post("/recipients/import/confirm", data={"csrf": token, "packed": packed})
        assert answer.status_code == 422 and "もう一度ファイルを選んでください" in answer.text


def test_a_file_without_the_sessions_token_is_refused(desk: Desk, clerk: Client):
    answer = clerk.post("/recipients/import", data={"csrf": "x"}, files={"file": ("a.csv", FORM.encode())})
    assert answer.status_code == 403


def test_people_are_found_by_name_reading_number_and_association(desk: Desk, clerk: Client):
    looked = upload(clerk, FORM.encode())
    clerk.post(
        "/recipients/import/confirm",
        data={"csrf": csrf(looked.text), "packed": hidden(looked.text, "packed")},
    )
    for words in (
        "三条ハナ",
        "さんじょう はな",
        "本町一丁目",
        "0256-00-0101",
        "00-0101",
        "R-1",
        "０９０－０００００００１",
    ):
        assert ROW in clerk.get("/recipients", params={"q": words}).text, words
    for words in ("%", "_", "燕次郎", "三条ハナ 南"):
        assert ROW not in clerk.get("/recipients", params={"q": words}).text, words


def test_the_directory_goes_on_page_by_page(desk: Desk, clerk: Client):
    factories.add_people(desk.site, [f"+8125611{n:04}" for n in range(60)], kind="voice")
    first = clerk.get("/recipients").text
    link = re.search(r'href="(/recipients\?[^"]*after=\d+[^"]*)"', first)
    assert link is not None
    second = clerk.get(link[1].replace("&amp;", "&")).text
    assert "次のページ" not in second and "最初から" in second


def test_a_trial_call_is_made_and_its_result_is_shown(desk: Desk, clerk: Client):
    with reading(desk.site.engine) as session:
        person = session.scalars(select(ContactRow.recipient_id).where(ContactRow.kind == "voice")).first()
    token = csrf(clerk.get("/recipients").text)
    assert clerk.post(f"/recipients/{person}/test-call", data={"csrf": token}).status_code == 303
    with reading(desk.site.engine) as session:
        number = session.scalars(select(DispatchRow.id).where(DispatchRow.template == "trial-call")).first()
    assert number is not None
    plan.plan(desk.site, number)
    assert "発信中" in clerk.get("/recipients").text
    desk.send(number)
    assert f'href="/alerts/{number}"' in clerk.get("/recipients").text
    again = clerk.post(f"/recipients/{person}/test-call", data={"csrf": token})
    assert again.status_code == 409 and "10分待ってください" in again.text
    assert "電話のお知らせの試験" not in clerk.get("/").text, "the list of alerts is for alerts"


def test_a_trial_call_waits_for_a_real_alert(desk: Desk, writer: Client, approver: Client):
    number = submit(writer, form_of(writer))
    approve(approver, number)
    with reading(desk.site.engine) as session:
        person = session.scalars(select(ContactRow.recipient_id).where(ContactRow.kind == "voice")).first()
        before = session.scalar(select(func.count()).select_from(AlertRow))
    answer = writer.post(
        f"/recipients/{person}/test-call", data={"csrf": csrf(writer.get("/recipients").text)}
    )
    assert answer.status_code == 409 and "本番の発令を配信中" in answer.text
    with reading(desk.site.engine) as session:
        assert session.scalar(select(func.count()).select_from(AlertRow)) == before


def test_the_call_list_is_for_few_and_leaves_a_trace(desk: Desk, approver: Client, writer: Client):
    answer = approver.get("/recipients/call-list.pdf?area=RHK")
    assert answer.headers["content-type"] == "application/pdf" and answer.content.startswith(b"%PDF-")
    assert writer.get("/recipients/call-list.pdf").status_code == 403
    with reading(desk.site.engine) as session:
        row = session.scalars(select(AuditRow).where(AuditRow.action == "recipients.printed")).one()
    assert (row.actor, row.detail) == (APPROVER.name, {"areas": ["RHK"], "people": 2})


def test_who_may_only_look_does_not_see_the_directory(desk: Desk):
    viewer = desk.signed_in(Role.VIEW)
    assert viewer.get("/recipients").status_code == 403
    assert 'href="/recipients"' not in viewer.get("/").text
    assert 'href="/recipients"' in desk.signed_in(WRITER.name).get("/").text
