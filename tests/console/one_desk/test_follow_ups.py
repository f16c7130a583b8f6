"""続報, 訂正, 取消, 解除 and 切替: five ways to go on from an alert, and what each does to it."""

from __future__ import annotations

import re
import threading
from datetime import timedelta
from html import unescape

from httpx import Client
from sqlalchemy import select

from alertd import cap, plan
from alertd.alert import Alert, MsgType, ResponseType, Status
from alertd.db import reading
from alertd.dispatch import Role
from alertd.send import drain
from alertd.tables import AlertRow, DispatchRow
from tests import factories
from tests.console.desk import Desk, approve, check, csrf, form_of, hidden, submit

HOWS = {"update": "続報", "correction": "訂正", "cancel": "取消", "all-clear": "解除", "switch": "切替"}


def _alert(desk: Desk, number: int) -> Alert:
    with reading(desk.site.engine) as session:
        row = session.get_one(DispatchRow, number)
        return cap.parse(session.get_one(AlertRow, row.alert_id).document)


def _form(page: str, **changes: object) -> dict[str, object]:
    """What a browser would send of the form on a page."""
    page = page[page.index('<form id="draft"') :]
    found: dict[str, list[str]] = {}
    for tag in re.findall(r"<input[^>]*>", page):
        kind = re.search(r'type="(\w+)"', tag)
        name, value = re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)
        if name is None or (kind and kind[1] in ("checkbox", "radio") and " checked" not in tag):
            continue
        found.setdefault(unescape(name[1]), []).append(unescape(value[1]) if value else "")
    for name, text in re.findall(r'<textarea[^>]*name="([^"]*)"[^>]*>([^<]*)<', page):
        found.setdefault(unescape(name), []).append(unescape(text))
    return {"life": "6", **found, **changes}


def _submit(writer: Client, page: str, template: str = "flood-4", **changes: object) -> int:
    return submit(writer, _form(page, **changes), template)


def test_the_board_offers_five_ways_each_with_its_word(desk: Desk, writer: Client, sent: int) -> None:
    page = writer.get(f"/alerts/{sent}").text
    for how, word in HOWS.items():
        assert re.search(rf'class="follow-up f-{how}"[^>]*><strong>{word}</strong>', page), how
    assert len(set(re.findall(r'class="follow-up f-[\w-]+" href="([^"]+)"', page))) == 5
    assert "follow-up" not in desk.signed_in(Role.VIEW).get(f"/alerts/{sent}").text


def test_more_to_say_is_an_update_with_the_facts_filled_in(
    desk: Desk, writer: Client, approver: Client, sent: int
) -> None:
    page = writer.get(f"/alerts/{sent}/follow-up/update").text
    assert hidden(page, "blank:river") == "五十嵐川" and hidden(page, "blank:shelters") == "第一中学校"
    number = _submit(writer, page, **{"blank:shelters": "第一中学校、嵐南小学校"})
    found, before = _alert(desk, number), _alert(desk, sent)
    assert found.msg_type is MsgType.UPDATE and before.reference in found.references
    assert (found.infos[0].headline or "").startswith("【続報】")
    assert (found.infos[0].parameter("alertd:call") or "").startswith("続報です。")
    assert approve(approver, number, _typed(approver, number)).status_code == 303
    assert desk.send(number).channels["mail"].outcomes["accepted"] == 3
    assert "この発令には続きがあります" in writer.get(f"/alerts/{sent}").text


def test_a_correction_goes_to_exactly_those_of_the_alert_and_stops_its_wrong_words(
    desk: Desk, writer: Client, approver: Client
) -> None:
    wrong = submit(writer, form_of(writer))
    approve(approver, wrong)
    plan.plan(desk.site, wrong)
    drain(desk.site, "mail", threading.Event())  # the telephones wait
    factories.add_people(desk.site, ["new@example.jp"], kind="email")
    number = _submit(
        writer,
        writer.get(f"/alerts/{wrong}/follow-up/correction").text,
        **{"blank:shelters": "嵐南小学校"},
    )
    assert approve(approver, number, _typed(approver, number)).status_code == 303
    told = desk.send(number)
    assert (told.channels["mail"].planned, told.channels["phone"].planned) == (4, 2)
    assert _alert(desk, wrong).reference in _alert(desk, number).references
    assert "訂正" in (_alert(desk, number).infos[0].headline or "")
    assert desk.send(wrong).channels["phone"].outcomes["cancelled"] == 2
    reference = _alert(desk, wrong).identifier
    heard = [one.address for one in desk.far_end.heard() if reference in one.references]
    assert "new@example.jp" not in heard and "refused@example.jp" not in heard
    assert {"a0@example.jp", "+81256000001"} <= set(heard)


def test_the_all_clear_is_an_update_and_no_cancel(desk: Desk, writer: Client, sent: int) -> None:
    page = writer.get(f"/alerts/{sent}/follow-up/all-clear").text
    assert "避難指示の解除（洪水）" in page
    number = _submit(writer, page, "flood-lifted")
    found = _alert(desk, number)
    assert found.msg_type is MsgType.UPDATE and found.infos[0].response_types == (ResponseType.ALL_CLEAR,)
    assert _alert(desk, sent).reference in found.references


def test_a_danger_without_a_template_of_its_own_is_lifted_by_prepared_words(
    desk: Desk, writer: Client, approver: Client
) -> None:
    form = {**form_of(writer), "blank:place": "嵐南小学校付近", "blank:river": "", "blank:shelters": ""}
    page = writer.get("/alerts/new/bear?status=Actual").text
    blanks = {name: "嵐南小学校の近く" for name in re.findall(r'name="(blank:[^"@]+)"', page)}
    blanks |= {"blank:time": "", "blank:phone": "", "blank:web": ""}
    form = {key: value for key, value in form.items() if not key.startswith("blank:")} | blanks
    number = submit(writer, form, "bear")
    approve(approver, number, _typed(approver, number))
    desk.send(number)
    page = writer.get(f"/alerts/{number}/follow-up/all-clear").text
    assert "解除" in page
    answer = [
        writer.post(
            f"/alerts/{number}/follow-up/all-clear", data={"csrf": csrf(page), "key": hidden(page, "key")}
        )
        for _ in range(2)
    ]
    assert {one.status_code for one in answer} == {303}
    assert answer[0].headers["location"] == answer[1].headers["location"], "a double click is one alert"
    made = int(answer[0].headers["location"].rpartition("/")[2])
    assert _alert(desk, made).infos[0].response_types == (ResponseType.ALL_CLEAR,)


def _typed(approver: Client, number: int) -> str:
    found = re.search(r'class="to-type">([^<]+)<', approver.get(f"/alerts/{number}/approve").text)
    assert found is not None
    return unescape(found[1])


def test_a_switch_takes_the_place_of_the_alert(desk: Desk, writer: Client, sent: int) -> None:
    page = writer.get(f"/alerts/{sent}/follow-up/switch").text
    assert "template=flood-5" in page and "template=flood-4" not in page and "template=bear" in page
    page = writer.get(f"/alerts/{sent}/follow-up/switch?template=flood-3").text
    assert hidden(page, "blank:river") == "五十嵐川"
    found = _alert(desk, _submit(writer, page, "flood-3"))
    assert _alert(desk, sent).reference in found.references


def test_a_follow_up_for_some_of_the_areas_leaves_the_alert_in_force_elsewhere(
    desk: Desk, writer: Client, approver: Client, sent: int
) -> None:
    page = writer.get(f"/alerts/{sent}/follow-up/update").text
    form = _form(page, area=["RNN"])
    checked = writer.post("/alerts/new/flood-4/check", data=form)
    assert "ほかの地区では前の発令が続きます" in checked.text
    number = submit(writer, form)
    assert _alert(desk, number).references == ()
    with reading(desk.site.engine) as session:
        row = session.get_one(DispatchRow, number)
        assert (row.follows_id, row.follow_up) == (sent, "update")


def test_a_drill_is_followed_up_by_a_drill(desk: Desk, writer: Client, sent: int) -> None:
    page = writer.get(f"/alerts/{sent}/follow-up/update").text
    answer = writer.post("/alerts/new/flood-4/check", data=_form(page, status=str(Status.EXERCISE)))
    assert answer.status_code == 422 and "もとの発令と同じ" in answer.text


def test_what_did_not_go_out_is_not_followed_up(desk: Desk, writer: Client) -> None:
    number = submit(writer, form_of(writer))
    assert "f-update" not in writer.get(f"/alerts/{number}").text
    assert writer.get(f"/alerts/{number}/follow-up/update").status_code == 409
    assert writer.get(f"/alerts/{number}/follow-up/sideways").status_code == 404


ASKED = "続報ですか、新しい警報ですか。"


def test_a_second_alert_of_the_kind_within_minutes_is_asked_whether_it_is_a_follow_up(
    desk: Desk, writer: Client, sent: int
) -> None:
    asked = check(writer, form_of(writer)).text
    assert ASKED in asked and f'value="update:{sent}"' in asked
    for other in ({"area": ["IGR"]}, {"status": str(Status.EXERCISE)}):
        assert ASKED not in check(writer, form_of(writer, **other)).text, other
    desk.clock.advance(timedelta(minutes=10, seconds=1))
    assert ASKED not in check(writer, form_of(writer)).text


def _handed_in(desk: Desk) -> int:
    with reading(desk.site.engine) as session:
        return len(session.scalars(select(DispatchRow.id).where(DispatchRow.corrects_id.is_(None))).all())


def test_nothing_is_submitted_before_its_author_says_update_or_new(
    desk: Desk, writer: Client, approver: Client
) -> None:
    before = submit(writer, form_of(writer))
    approve(approver, before)
    count = _handed_in(desk)
    page = check(writer, form_of(writer)).text
    form = {
        **form_of(writer),
        "key": hidden(page, "key"),
        "beside": re.findall(r'name="beside" value="(\d+)"', page),
    }
    for answer in ({}, {"again": "new"}, {"again": "new", "anew": "別"}, {"again": "update"}):
        refused = writer.post("/alerts/new/flood-4/submit", data=form | answer)
        assert refused.status_code == 422 and ASKED in refused.text and "まだ提出していません" in refused.text
    assert _handed_in(desk) == count
    done = writer.post(
        "/alerts/new/flood-4/submit", data=form | {"again": "new", "anew": "大平川で新しく越水した"}
    )
    number = int(done.headers["location"].rpartition("/")[2])
    assert "大平川で新しく越水した" in approver.get(f"/alerts/{number}/approve").text
    assert "大平川で新しく越水した" in approver.get(f"/chronicle?alert={number}").text


def test_update_is_read_once_more_with_its_new_words_and_then_handed_in(
    desk: Desk, writer: Client, approver: Client
) -> None:
    before = submit(writer, form_of(writer))
    approve(approver, before)
    form = form_of(writer)
    form["key"] = hidden(check(writer, form).text, "key")
    page = writer.post("/alerts/new/flood-4/submit", data=form | {"again": f"update:{before}"})
    assert page.status_code == 200 and "【続報】" in page.text and ASKED not in page.text
    assert hidden(page.text, "follows") == str(before) and hidden(page.text, "key") == form["key"]
    form |= {"follows": hidden(page.text, "follows"), "follow_up": hidden(page.text, "follow_up")}
    done = writer.post("/alerts/new/flood-4/submit", data=form)
    number = int(done.headers["location"].rpartition("/")[2])
    assert _alert(desk, before).reference in _alert(desk, number).references


def test_what_waits_for_approval_is_shown_and_cannot_be_updated(desk: Desk, writer: Client) -> None:
    waits = submit(writer, form_of(writer))
    page = check(writer, form_of(writer)).text
    assert f'href="/alerts/{waits}"' in page and f'value="update:{waits}"' not in page
    form = {**form_of(writer), "key": hidden(page, "key"), "again": f"update:{waits}"}
    assert writer.post("/alerts/new/flood-4/submit", data=form).status_code == 409


def test_calling_off_is_one_click_on_its_page(desk: Desk, writer: Client, sent: int) -> None:
    answer = writer.get(f"/alerts/{sent}/follow-up/cancel")
    assert answer.headers["location"] == f"/alerts/{sent}/stop"
    page = writer.get(f"/alerts/{sent}/stop").text
    ticked = dict(re.findall(r'type="radio" name="(\w+)" value="([^"]+)" checked', page))
    answer = writer.post(f"/alerts/{sent}/stop", data={"csrf": csrf(page), **ticked})
    number = int(answer.headers["location"].rpartition("/")[2])
    assert _alert(desk, number).msg_type is MsgType.CANCEL
    assert "f-correction" not in writer.get(f"/alerts/{number}").text
