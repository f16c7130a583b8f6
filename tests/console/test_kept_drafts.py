"""Kept drafts: nothing that was typed is lost, nothing of it is ever sent, and old facts are asked about."""

from __future__ import annotations

import re
from datetime import timedelta

from httpx import Client
from sqlalchemy import func, select

from alertd.alert import Status
from alertd.db import reading
from alertd.relay import Relay
from alertd.tables import DispatchRow, SavedDraftRow
from tests.console.desk import Desk, check, csrf, form_of, hidden
from tests.factories import BOTH, TRAINEE


def _kept(desk: Desk, writer: Client) -> tuple[dict[str, object], int]:
    page = writer.get("/alerts/new/flood-4?status=Actual").text
    form = form_of(writer, draft=hidden(page, "draft"))
    answer = writer.post("/alerts/new/flood-4/keep", data=form)
    assert answer.status_code == 200 and "保存しました" in answer.text
    found = re.search(r"/drafts/kept/(\d+)", writer.get("/drafts").text)
    assert found is not None
    return form, int(found[1])


def test_what_is_typed_is_kept_once_and_taken_up_by_whoever_comes_next(desk: Desk, writer: Client) -> None:
    form, number = _kept(desk, writer)
    writer.post("/alerts/new/flood-4/keep", data={**form, "blank:river": "刈谷田川"})
    other = desk.signed_in(BOTH.name)
    assert other.get("/drafts").text.count("/drafts/kept/") == 2, "one draft: its link and its button"
    page = other.get(f"/drafts/kept/{number}").text
    assert hidden(page, "blank:river") == "刈谷田川"
    assert 'value="RNN" checked' in page and hidden(page, "draft") == form["draft"]


def test_without_script_a_button_keeps_it(desk: Desk, writer: Client) -> None:
    answer = writer.post("/alerts/new/flood-4/save", data=form_of(writer))
    assert answer.status_code == 200 and "保存しました" in answer.text
    assert hidden(answer.text, "blank:river") == "五十嵐川"


def test_a_draft_never_sends_itself(desk: Desk, writer: Client) -> None:
    _kept(desk, writer)
    relay = Relay(desk.site, None)
    for _ in range(5):
        desk.clock.advance(timedelta(days=1))
        relay.tick()
    relay.close()
    with reading(desk.site.engine) as session:
        assert session.scalar(select(func.count()).select_from(DispatchRow)) == 0
    assert desk.far_end.heard() == []


def test_a_draft_older_than_a_day_is_submitted_only_after_a_fresh_look(desk: Desk, writer: Client) -> None:
    form, number = _kept(desk, writer)
    desk.clock.advance(timedelta(hours=24, seconds=1))
    writer = desk.signed_in("起案 花子")
    assert "24時間より前" in writer.get(f"/drafts/kept/{number}").text
    form["csrf"] = csrf(writer.get("/").text)
    checked = check(writer, form)
    assert 'name="fresh"' in checked.text
    key = hidden(checked.text, "key")
    refused = writer.post("/alerts/new/flood-4/submit", data={**form, "key": key})
    assert refused.status_code == 422 and "確かめ直した" in refused.text
    with reading(desk.site.engine) as session:
        assert session.scalar(select(func.count()).select_from(DispatchRow)) == 0
    again = {**form, "key": hidden(refused.text, "key"), "fresh": "yes"}
    assert writer.post("/alerts/new/flood-4/submit", data=again).status_code == 303


def test_a_submitted_draft_leaves_the_list_and_keeps_its_form(desk: Desk, writer: Client) -> None:
    form, _ = _kept(desk, writer)
    key = hidden(check(writer, form).text, "key")
    writer.post("/alerts/new/flood-4/submit", data={**form, "key": key})
    writer.post("/alerts/new/flood-4/keep", data=form)
    assert "/drafts/kept/" not in writer.get("/drafts").text
    with reading(desk.site.engine) as session:
        row = session.scalars(select(SavedDraftRow)).one()
        assert row.dispatch_id is not None and row.form["blank:river"] == ["五十嵐川"]


def test_a_draft_is_put_away(desk: Desk, writer: Client) -> None:
    _, number = _kept(desk, writer)
    token = csrf(writer.get("/drafts").text)
    assert writer.post(f"/drafts/kept/{number}/put-away", data={"csrf": token}).status_code == 303
    assert writer.get(f"/drafts/kept/{number}").status_code == 404


def test_a_trainee_never_gets_hold_of_a_real_draft(desk: Desk, writer: Client) -> None:
    _, number = _kept(desk, writer)
    trainee = desk.signed_in(TRAINEE.name)
    assert "/drafts/kept/" not in trainee.get("/drafts").text
    assert trainee.get(f"/drafts/kept/{number}").status_code == 422
    assert Status.ACTUAL not in trainee.get("/alerts/new").text
