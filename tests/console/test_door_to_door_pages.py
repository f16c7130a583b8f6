"""The pages of the door-to-door day: calls for help, the list of the unreached, and the results of visits."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta

import pytest
from httpx import Client
from sqlalchemy import select

from alertd import audit, receive
from alertd.channel import Answer, Outcome, Receipt
from alertd.db import reading, writing
from alertd.dispatch import Role
from alertd.tables import AuditRow, DeliveryRow, RecipientRow
from tests.console.desk import Desk, approve, csrf, form_of, submit
from tests.factories import TRAINEE, WRITER


@pytest.fixture
def sent(desk: Desk, writer: Client, approver: Client) -> int:
    """A real alert that went out; in 嵐南 two people could not be reached by mail."""
    number = submit(writer, form_of(writer))
    approve(approver, number)
    desk.send(number)
    with writing(desk.site.engine) as session:
        for row in session.scalars(select(RecipientRow).where(RecipientRow.area == "RNN")):
            row.association, row.street = "本町一丁目自治会", f"本町1-{row.id}"
    return number


def deliveries(desk: Desk, *, failed: bool) -> list[DeliveryRow]:
    with reading(desk.site.engine) as session:
        rows = session.scalars(select(DeliveryRow).order_by(DeliveryRow.id)).all()
    return [row for row in rows if (row.outcome in (Outcome.FAILED, Outcome.DEFERRED)) is failed]


def say(desk: Desk, delivery: int, answer: Answer) -> None:
    with writing(desk.site.engine) as session:
        said = Receipt(key="", outcome=Outcome.ACKNOWLEDGED, answer=answer)
        receive.record(session, desk.site, delivery, 1, said, desk.clock.now())


def test_a_call_for_help_is_on_the_board_and_on_its_own_page(desk: Desk, writer: Client, sent: int):
    assert "data-help-open" not in writer.get(f"/alerts/{sent}").text
    calling = deliveries(desk, failed=False)[-1]
    say(desk, calling.id, Answer.HELP)
    assert "1人が助けを求めています" in writer.get("/").text
    for path in (f"/alerts/{sent}", "/help"):
        page = writer.get(path).text
        assert f'data-help-open="{calling.id} "' in page, path
        assert "1人が待っています" in page and 'role="alert"' in page, path


def test_a_forgotten_drill_does_not_ring_for_ever(desk: Desk, writer: Client, sent: int):
    say(desk, deliveries(desk, failed=False)[-1].id, Answer.HELP)
    desk.clock.advance(timedelta(hours=73))
    late = desk.signed_in(WRITER.name)
    assert "data-help-open" not in late.get("/help").text
    assert "1人が待っています" in late.get(f"/alerts/{sent}").text, "its board still tells"


def test_it_comes_to_an_open_page_by_itself(desk: Desk, writer: Client, sent: int):
    calling = deliveries(desk, failed=False)[-1]
    say(desk, calling.id, Answer.HELP)
    with writer.stream("GET", "/help/events") as answer:
        for line in answer.iter_lines():
            if line.startswith("data:") and "data-help-open" in line:
                assert f'data-help-open="{calling.id} "' in line
                break


def test_one_takes_it_and_the_other_is_told(desk: Desk, writer: Client, approver: Client, sent: int):
    calling = deliveries(desk, failed=False)[-1]
    say(desk, calling.id, Answer.HELP)
    path = f"/help/{calling.id}/take"
    answer = writer.post(path, data={"csrf": csrf(writer.get("/help").text), "board": str(sent)})
    assert (answer.status_code, answer.headers["location"]) == (303, f"/alerts/{sent}")
    late = approver.post(path, data={"csrf": csrf(approver.get("/help").text)})
    assert late.status_code == 409 and "すでに別の人が対応しています" in late.text
    board = approver.get(f"/alerts/{sent}").text
    assert 'data-help-open=""' in board and f"{WRITER.name}が対応中" in board
    back = writer.post(f"/help/{calling.id}/give-back", data={"csrf": csrf(writer.get("/help").text)})
    assert back.headers["location"] == "/help"
    assert "1人が待っています" in writer.get("/help").text
    with reading(desk.site.engine) as session:
        deeds = session.scalars(select(AuditRow.action).where(AuditRow.action.like("help.%"))).all()
        assert list(deeds) == ["help.taken", "help.given_back"]
        assert audit.verify(session) is None


def test_a_trainee_cannot_take_a_real_call_for_help(desk: Desk, sent: int):
    calling = deliveries(desk, failed=False)[-1]
    say(desk, calling.id, Answer.HELP)
    trainee = desk.signed_in(TRAINEE.name)
    answer = trainee.post(f"/help/{calling.id}/take", data={"csrf": csrf(trainee.get("/help").text)})
    assert answer.status_code == 409 and "訓練生" in answer.text


def test_who_may_only_look_sees_names_and_no_numbers(desk: Desk, sent: int):
    calling = next(row for row in deliveries(desk, failed=False) if row.channel == "phone")
    say(desk, calling.id, Answer.HELP)
    viewer = desk.signed_in(Role.VIEW)
    person = deliveries(desk, failed=True)[0].recipient_id
    for path in (f"/alerts/{sent}", "/help", f"/alerts/{sent}/unreached", f"/alerts/{sent}/people/{person}"):
        page = viewer.get(path).text
        assert "三条" in page and "0256-00-000" not in page and "本町1-" not in page, path
        assert "refused@example.jp" not in page and "/take" not in page and 'name="result' not in page, path
    assert viewer.get(f"/alerts/{sent}/unreached.pdf").status_code == 403
    assert viewer.get(f"/alerts/{sent}/unreached.csv").status_code == 403


def test_the_list_is_counted_and_filtered_by_association(desk: Desk, writer: Client, sent: int):
    missed = deliveries(desk, failed=True)
    with writing(desk.site.engine) as session:
        session.get_one(RecipientRow, missed[1].recipient_id).association = "南四日町自治会"
    page = writer.get(f"/alerts/{sent}/unreached").text
    assert "本町一丁目自治会" in page and "南四日町自治会" in page
    link = re.search(r'href="([^"]+)" lang="ja">南四日町自治会', page)
    assert link is not None
    narrow = writer.get(link[1].replace("&amp;", "&")).text
    assert f'name="result:{missed[1].recipient_id}"' in narrow
    assert f'name="result:{missed[0].recipient_id}"' not in narrow


def test_a_sheet_of_results_is_entered_as_one_form(desk: Desk, writer: Client, sent: int):
    first, second = (row.recipient_id for row in deliveries(desk, failed=True))
    path = f"/alerts/{sent}/unreached?area=RNN&association=本町一丁目自治会"
    form = {
        "csrf": csrf(writer.get(path).text),
        f"result:{first}": "evacuated",
        f"note:{first}": "隣の人と一緒",
        f"result:{second}": "absent",
    }
    answer = writer.post(path, data=form)
    assert answer.status_code == 303 and "association=" in answer.headers["location"]
    page = writer.get(path).text
    assert f'name="result:{first}"' not in page, "reached"
    assert f'name="result:{second}"' in page and "不在" in page
    tally = desk.report(sent).channels["mail"]
    assert (tally.met, tally.answers["evacuating"]) == (1, 1)
    assert "訪問で確認 1" in writer.get(f"/alerts/{sent}").text
    assert "隣の人と一緒" in writer.get(f"/alerts/{sent}/people/{first}").text


def test_an_empty_or_wrong_sheet_enters_nothing(desk: Desk, writer: Client, sent: int):
    [first, _] = (row.recipient_id for row in deliveries(desk, failed=True))
    path = f"/alerts/{sent}/unreached"
    token = csrf(writer.get(path).text)
    for wrong in ({}, {f"result:{first}": "gone"}, {"result:x": "safe"}):
        answer = writer.post(path, data={"csrf": token, **wrong})
        assert answer.status_code == 422 and "何も記録していません" in answer.text
    answer = writer.post(path, data={"csrf": token, f"result:{first}": "safe", "result:999999": "safe"})
    assert answer.status_code == 404
    assert desk.report(sent).channels["mail"].met == 0, "all or none"


def test_a_slip_is_put_right_on_the_persons_page(desk: Desk, writer: Client, sent: int):
    person = deliveries(desk, failed=True)[0].recipient_id
    path = f"/alerts/{sent}/people/{person}"
    token = csrf(writer.get(path).text)
    assert writer.post(path, data={"csrf": token}).status_code == 422
    writer.post(path, data={"csrf": token, "result": "safe"})
    assert f'name="result:{person}"' not in writer.get(f"/alerts/{sent}/unreached").text
    writer.post(path, data={"csrf": token, "result": "absent", "note": "会えたのは隣の人"})
    assert f'name="result:{person}"' in writer.get(f"/alerts/{sent}/unreached").text
    assert "会えたのは隣の人" in writer.get(path).text


def test_the_spreadsheet_computes_nothing(desk: Desk, writer: Client, sent: int):
    person = deliveries(desk, failed=True)[0].recipient_id
    with writing(desk.site.engine) as session:
        session.get_one(RecipientRow, person).name = "=1+1"
    answer = writer.get(f"/alerts/{sent}/unreached.csv")
    assert (
        answer.content.startswith(b"\xef\xbb\xbf") and "attachment" in answer.headers["content-disposition"]
    )
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))
    assert {row["番号"]: row["名前"] for row in rows}[str(person)] == "'=1+1"
    assert {row["自治会"] for row in rows} == {"本町一丁目自治会"} and len(rows) == 2


def test_the_paper_is_a_pdf_of_its_alert(desk: Desk, writer: Client, sent: int):
    answer = writer.get(f"/alerts/{sent}/unreached.pdf?area=RNN&association=本町一丁目自治会")
    assert answer.headers["content-type"] == "application/pdf" and answer.content.startswith(b"%PDF-")
    nobody = writer.get(f"/alerts/{sent}/unreached.pdf?association=なし")
    assert nobody.content.startswith(b"%PDF-") and len(nobody.content) < len(answer.content)


def test_who_was_missed_gets_it_again_after_a_second_persons_approval(
    desk: Desk, writer: Client, approver: Client, sent: int
):
    page = writer.get(f"/alerts/{sent}/unreached").text
    assert "届いていない方にもう一度送る" in page
    desk.clock.advance(timedelta(seconds=1))
    answer = writer.post(f"/alerts/{sent}/resend", data={"csrf": csrf(page)})
    assert answer.status_code == 303
    number = int(answer.headers["location"].rpartition("/")[2])
    assert "前の配信が届いていない方" in approver.get(f"/alerts/{number}/approve").text
    assert approve(approver, number).status_code == 303
    told = desk.send(number)
    assert {name: tally.planned for name, tally in told.channels.items()} == {"mail": 2, "phone": 0}
    token = csrf(approver.get("/").text)
    refused = approver.post(f"/alerts/{sent}/resend", data={"csrf": token})
    assert refused.status_code == 403, "approving is not writing"
