"""One channel goes to other areas than the rest: with a reason, seen by everybody who decides, and bound by approval."""

from __future__ import annotations

from html import unescape

import pytest
from httpx import Client
from sqlalchemy import select

from alertd import people
from alertd.alert import Status
from alertd.audience import Audience, Elsewhere, audience_hash
from alertd.db import reading
from alertd.errors import WrongAudience
from alertd.tables import DeliveryRow, DispatchRow, RecipientRow
from tests.console.desk import Desk, approve, check, form_of, submit

WHY = "避難先の地区にもあらかじめ知らせる"
#: mail goes to 嵐南 alone, calls to 嵐北 too
APART: dict[str, object] = {"area": ["RNN"], "over:phone": ["RHK"], "why": WHY}


def test_each_channel_reaches_its_own_areas_and_everybody_sees_why(
    desk: Desk, writer: Client, approver: Client
):
    form = form_of(writer, Status.ACTUAL, **APART)
    checked = unescape(check(writer, form).text)
    assert "手段ごとの地区の変更" in checked and WHY in checked and "嵐北" in checked
    number = submit(writer, form)
    shown = [approver.get(f"/alerts/{number}/{page}").text for page in ("approve", "evidence")]
    assert approve(approver, number, "避難指示 嵐南地区").status_code == 303
    desk.send(number)
    shown += [approver.get(f"/alerts/{number}").text, approver.get("/chronicle").text]
    for page in shown:
        assert WHY in page and "嵐北" in page
    with reading(desk.site.engine) as session:
        reached = session.execute(
            select(DeliveryRow.channel, RecipientRow.area)
            .join(RecipientRow, RecipientRow.id == DeliveryRow.recipient_id)
            .where(DeliveryRow.dispatch_id == number)
        ).all()
    assert {tuple(row) for row in reached} == {("mail", "RNN"), ("phone", "RHK")}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"over:phone": ["RHK"]}, "理由を書いてください"),
        ({"why": WHY}, "理由だけが書かれています"),
        ({"over:phone": ["XXX"], "why": WHY}, "地区「XXX」はありません"),
        ({"over:phone": ["RNN"], "why": WHY}, "届く相手がいません"),
        ({"over:phone": ["*", "RHK"], "why": WHY}, "どちらかを選んでください"),
        ({"over:fm": ["*"], "why": WHY}, "配信手段に選ばれていません"),
        ({"over:phone": ["RHK"], "why": "長" * 201}, "200文字まで"),
    ],
)
def test_what_is_not_right_is_refused_with_what_to_do(
    desk: Desk, writer: Client, changes: dict[str, object], said: str
):
    answer = check(writer, form_of(writer, Status.ACTUAL, **{"area": ["RNN"], **changes}))
    assert answer.status_code == 422 and said in answer.text
    assert 'aria-describedby="error-elsewhere"' in answer.text
    assert '<details class="elsewhere" open>' in answer.text


def test_the_form_keeps_what_was_ticked(desk: Desk, writer: Client):
    form = form_of(writer, Status.ACTUAL, **{**APART, "over:phone": ["*"]})
    again = writer.post("/alerts/new/flood-4", data=form).text
    assert 'name="over:phone" value="*" checked' in " ".join(again.split())
    assert WHY in again


def test_it_is_counted_before_the_reason_is_written(desk: Desk, writer: Client):
    form = form_of(writer, Status.ACTUAL, **{**APART, "why": ""})
    counted = writer.post("/alerts/new/flood-4/count", data=form).text
    assert "phone" in counted and "理由を書いてください" not in counted


def test_a_draft_remembers_it(desk: Desk, writer: Client):
    page = check(writer, form_of(writer, Status.ACTUAL, **APART))
    assert page.status_code == 200
    number = writer.get("/drafts").text.split("/drafts/kept/")[1].split('"')[0].split("/")[0]
    kept = writer.get(f"/drafts/kept/{number}").text
    assert WHY in kept and '<details class="elsewhere" open>' in kept


def test_a_follow_up_goes_to_the_same_areas(desk: Desk, writer: Client, approver: Client):
    number = submit(writer, form_of(writer, Status.ACTUAL, **APART))
    approve(approver, number, "避難指示 嵐南地区")
    desk.send(number)
    page = writer.get(f"/alerts/{number}/follow-up/update")
    assert page.status_code == 200 and WHY in page.text


def test_the_rule_and_its_reason_are_in_the_hash_and_survive_the_database(desk: Desk, writer: Client):
    number = submit(writer, form_of(writer, Status.ACTUAL, **APART))
    with reading(desk.site.engine) as session:
        row = session.get_one(DispatchRow, number)
    stored = Audience.from_json(row.audience)
    assert stored.elsewhere == (Elsewhere(channel="phone", areas=("RHK",)),) and stored.why == WHY
    counts = {name: int(count) for name, count in row.counts.items()}
    assert audience_hash(stored, counts) == row.audience_hash
    assert audience_hash(stored.among(()), counts) != row.audience_hash


def test_the_whole_city_over_one_channel_is_everybody_there(desk: Desk):
    audience = Audience(
        areas=("RNN",), groups=("x",), elsewhere=(Elsewhere(channel="phone", everybody=True),), why=WHY
    )
    with reading(desk.site.engine) as session:
        lines = [desk.site.line(name) for name in ("mail", "phone")]
        assert people.count(session, audience, lines) == {"mail": 5, "phone": 2}
        assert [people.at_most(session, audience, line) for line in lines] == [5, 2]
    with pytest.raises(WrongAudience, match="once"):
        Audience(areas=("RNN",), elsewhere=(Elsewhere(channel="a", areas=("RHK",)),) * 2, why=WHY)
