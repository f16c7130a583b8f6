"""The walk of one alert through the console: compose, check, submit, approve by another, board, stop."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

from httpx import Client

from alertd import cap
from alertd.alert import Status
from alertd.db import reading
from alertd.dispatch import State
from alertd.tables import AlertRow, DispatchRow
from alertd.typed_reading import readings_of
from tests.console.desk import Desk, approve, check, csrf, form_of, hidden, submit
from tests.factories import BOTH, WRITER


def test_an_alert_walks_from_the_form_to_the_board(desk: Desk, writer: Client, approver: Client):
    number = submit(writer, form_of(writer))
    assert "承認待ち" in approver.get("/").text
    assert approve(approver, number).status_code == 303
    told = desk.send(number)
    assert told.channels["mail"].outcomes["accepted"] == 3
    assert told.channels["mail"].outcomes["failed"] == 1
    board = approver.get(f"/alerts/{number}").text
    assert "配信中" in board and "引き渡し済み" in board
    assert "sse-connect" in board and "<noscript>" in board


def test_what_is_checked_is_what_is_sent(desk: Desk, writer: Client, approver: Client):
    form = form_of(writer)
    checked = check(writer, {**form, "sounds": "yes"})
    shown = re.findall(r"/audio/([0-9a-f]{64})\.wav", checked.text)
    answer = writer.post("/alerts/new/flood-4/submit", data={**form, "key": hidden(checked.text, "key")})
    page = approver.get(answer.headers["location"] + "/approve").text
    assert shown and shown == re.findall(r"/audio/([0-9a-f]{64})\.wav", page)
    sound = approver.get(f"/audio/{shown[0]}.wav")
    assert sound.status_code == 200 and sound.content[:4] == b"RIFF"
    assert "㍿" in page, "characters that no voice can read are shown to the approver"


def test_the_words_are_shown_before_the_sounds_are_made(desk: Desk, writer: Client):
    form = form_of(writer)
    checked = check(writer, form)
    assert "音声はこのあとに用意します" in checked.text and "/audio/" not in checked.text
    added = writer.post("/alerts/new/flood-4/sounds", data={**form, "key": hidden(checked.text, "key")})
    assert "/audio/" in added.text and "音声はこのあとに用意します" not in added.text


def test_a_second_click_submits_nothing_anew(desk: Desk, writer: Client):
    form = form_of(writer)
    key = hidden(check(writer, form).text, "key")
    first = writer.post("/alerts/new/flood-4/submit", data={**form, "key": key})
    second = writer.post("/alerts/new/flood-4/submit", data={**form, "key": key})
    assert first.headers["location"] == second.headers["location"]
    with reading(desk.site.engine) as session:
        assert session.query(DispatchRow).filter(DispatchRow.state == State.SUBMITTED).count() == 1


def test_a_key_of_another_person_submits_nothing(desk: Desk, writer: Client):
    key = hidden(check(writer, form_of(writer)).text, "key")
    other = desk.signed_in(BOTH.name)
    answer = other.post("/alerts/new/flood-4/submit", data={**form_of(other), "key": key})
    assert answer.status_code == 200 and "提出されませんでした" in answer.text


def test_a_stale_check_page_must_be_looked_at_again(desk: Desk, writer: Client):
    form = form_of(writer)
    key = hidden(check(writer, form).text, "key")
    desk.clock.advance(timedelta(minutes=16))
    answer = writer.post("/alerts/new/flood-4/submit", data={**form, "key": key})
    assert answer.status_code == 200 and "提出されませんでした" in answer.text
    assert desk.signed_in(WRITER.name).get("/").text.count("/alerts/1") == 0


def test_a_blank_left_is_named_beside_its_field(writer: Client):
    answer = check(writer, {**form_of(writer), "blank:river": ""})
    assert answer.status_code == 422
    assert 'id="error-river"' in answer.text and "空欄です" in answer.text
    assert 'value="第一中学校"' in answer.text, "what was typed is kept"


def test_nobody_is_not_everybody(writer: Client):
    answer = check(writer, {**form_of(writer), "area": []})
    assert answer.status_code == 422 and "対象地区を1つ以上" in answer.text


def test_everybody_and_an_area_exclude_each_other(writer: Client):
    answer = check(writer, {**form_of(writer), "everybody": "yes"})
    assert answer.status_code == 422 and "同時に選べません" in answer.text


def test_a_drill_word_in_a_real_alert_is_refused(writer: Client):
    answer = check(writer, {**form_of(writer), "blank:shelters": "これは訓練です"})
    assert answer.status_code == 422 and "訓練" in answer.text


def test_a_real_alert_offers_only_channels_that_carry_it(writer: Client):
    page = writer.get("/alerts/new/flood-4?status=Actual").text
    assert 'value="mail"' in page and 'value="radio"' not in page
    drill = writer.get("/alerts/new/flood-4?status=Exercise").text
    assert 'value="radio"' in drill


def test_a_channel_that_does_not_carry_it_is_refused_also_when_it_is_named(writer: Client):
    answer = check(writer, {**form_of(writer), "channel": ["radio"]})
    key = re.search(r'name="key" value="([^"]*)"', answer.text)
    if key is not None:
        form = {**form_of(writer), "channel": ["radio"], "key": key[1]}
        answer = writer.post("/alerts/new/flood-4/submit", data=form)
    assert answer.status_code == 422


def test_a_trainee_is_offered_drills_only(desk: Desk):
    trainee = desk.signed_in("研修 三郎")
    assert "status=Actual" not in trainee.get("/alerts/new").text
    assert trainee.get("/alerts/new/flood-4?status=Actual").status_code == 422


def test_the_author_cannot_approve(desk: Desk):
    both = desk.signed_in(BOTH.name)
    number = submit(both, form_of(both))
    page = both.get(f"/alerts/{number}/approve").text
    assert "別の人の承認が必要です" in page and f'action="/alerts/{number}/approve"' not in page
    form = {"csrf": csrf(page), "seen": desk.report(number).content_hash, "typed": "避難指示 嵐南地区"}
    answer = both.post(f"/alerts/{number}/approve", data=form)
    assert answer.status_code == 409 and "別の人" in answer.text
    assert desk.report(number).state is State.SUBMITTED


def test_the_wrong_words_approve_nothing(desk: Desk, writer: Client, approver: Client):
    number = submit(writer, form_of(writer))
    for typed in ("", "はい", "訓練", "避難指示", "高齢者等避難 嵐南地区"):
        answer = approve(approver, number, typed)
        assert answer.status_code == 422 and "正確に入力" in answer.text
    assert desk.report(number).state is State.SUBMITTED


def test_a_drill_is_confirmed_by_its_own_word(desk: Desk, writer: Client, approver: Client):
    form = form_of(writer, Status.EXERCISE, channel=["mail", "radio"])
    number = submit(writer, form)
    assert approve(approver, number, "避難指示 嵐南地区").status_code == 422
    assert approve(approver, number, "訓練").status_code == 303


def test_what_was_not_seen_is_not_approved(desk: Desk, writer: Client, approver: Client):
    number = submit(writer, form_of(writer))
    page = approver.get(f"/alerts/{number}/approve").text
    form = {"csrf": csrf(page), "seen": "0" * 64, "typed": "避難指示 嵐南地区"}
    answer = approver.post(f"/alerts/{number}/approve", data=form)
    assert answer.status_code == 409 and "内容が変わりました" in answer.text


def test_a_rejection_needs_a_reason(desk: Desk, writer: Client, approver: Client):
    number = submit(writer, form_of(writer))
    token = csrf(approver.get(f"/alerts/{number}/approve").text)
    assert approver.post(f"/alerts/{number}/reject", data={"csrf": token, "reason": ""}).status_code == 422
    answer = approver.post(f"/alerts/{number}/reject", data={"csrf": token, "reason": "川の名前が違う"})
    assert answer.status_code == 303
    assert desk.report(number).state is State.REJECTED


def test_stopping_tells_those_who_were_reached(desk: Desk, writer: Client, approver: Client):
    number = submit(writer, form_of(writer))
    approve(approver, number)
    desk.send(number)
    page = approver.get(f"/alerts/{number}/stop").text
    assert "取消" in page
    form = {"csrf": csrf(page), "reason": "文面の誤り", "correct": "yes"}
    answer = approver.post(f"/alerts/{number}/stop", data=form)
    assert answer.status_code == 303
    correction = int(answer.headers["location"].rpartition("/")[2])
    assert correction != number
    told = desk.send(correction)
    assert told.channels["mail"].planned == 3, "exactly those who were reached"
    board = approver.get(f"/alerts/{number}").text
    assert f'href="/alerts/{correction}"' in board
    again = approver.post(f"/alerts/{number}/stop", data=form)
    assert again.status_code == 409 and "先に操作" in again.text


def test_the_unreached_are_named_and_their_addresses_kept_from_viewers(
    desk: Desk, writer: Client, approver: Client
):
    number = submit(writer, form_of(writer))
    approve(approver, number)
    desk.send(number)
    page = approver.get(f"/alerts/{number}/unreached").text
    assert "refused@example.jp" in page and "不達" in page
    viewer = desk.signed_in("view").get(f"/alerts/{number}/unreached").text
    assert "三条" in viewer and "@example.jp" not in viewer


def test_the_form_works_without_its_script(writer: Client):
    form = form_of(writer)
    counted = writer.post("/alerts/new/flood-4", data=form)
    assert counted.status_code == 200 and "16,900" in counted.text
    assert 'value="RNN" checked' in counted.text.replace("\n", " ") or "checked" in counted.text


def test_the_language_changes_and_the_form_stays(writer: Client):
    english = writer.post("/alerts/new/flood-4", data={**form_of(writer), "language": "en"})
    assert "Evacuation Order" in english.text and 'value="五十嵐川"' in english.text
    assert "New alert" in writer.get("/alerts/new").text, "and it is remembered"


def test_a_real_alert_and_a_drill_differ_in_word_shape_and_colour(writer: Client):
    real = writer.get("/alerts/new/flood-4?status=Actual").text
    drill = writer.get("/alerts/new/flood-4?status=Exercise").text
    assert "本番</strong>" in real and "mode-real" in real and "<path" in real
    assert "訓練</strong>" in drill and "mode-drill" in drill and "<circle" in drill


def test_a_simulated_channel_marks_every_page(desk: Desk, writer: Client):
    for path in ("/", "/alerts/new", "/alerts/new/flood-4?status=Exercise"):
        assert "デモデータ — 実在の発令ではありません" in writer.get(path).text
    assert "デモデータ" in desk.public.get("/").text
    assert "模擬" in writer.get("/alerts/new/flood-4?status=Exercise").text


def test_a_typed_reading_is_checked_kept_and_goes_with_the_alert(
    desk: Desk, writer: Client, approver: Client
):
    wrong = check(writer, {**form_of(writer), "readings": "五十嵐川=ikarashi"})
    assert wrong.status_code == 422
    assert 'id="error-readings"' in wrong.text and "ひらがなかカタカナ" in wrong.text
    assert ">五十嵐川=ikarashi</textarea>" in wrong.text, "what was typed is kept"

    form = {**form_of(writer), "readings": "五十嵐川=いからしがわ\r\n第一中学校=だいいちちゅう"}
    checked = check(writer, form)
    assert hidden(checked.text, "readings").split() == ["五十嵐川=いからしがわ", "第一中学校=だいいちちゅう"]
    number = submit(writer, form)
    with reading(desk.site.engine) as session:
        document = session.get_one(AlertRow, session.get_one(DispatchRow, number).alert_id).document
    assert readings_of(cap.parse(document).infos)["第一中学校"] == "だいいちちゅう"
    assert "読み方" in approver.get(f"/alerts/{number}/approve").text


def test_a_preset_ticks_its_areas_and_keeps_what_was_typed(desk: Desk, writer: Client):
    presets = {"五十嵐川 第1陣": ("RNN", "RHK"), "井栗だけ": ("IGR",)}
    desk.site.config = replace(desk.site.config, presets=presets)
    form = form_of(writer, area=["IGR"], preset="五十嵐川 第1陣")
    page = writer.post("/alerts/new/flood-4", data=form).text
    ticked = re.findall(r'name="area" value="(\w+)" checked', page)
    assert sorted(ticked) == ["RHK", "RNN"]
    assert 'value="五十嵐川"' in page, "the river stays"
    unknown = writer.post("/alerts/new/flood-4", data=form_of(writer, area=["IGR"], preset="?")).text
    assert re.findall(r'name="area" value="(\w+)" checked', unknown) == ["IGR"]


def test_a_correction_that_reaches_nobody_shows_nobody_and_not_whom_the_alert_was_for(
    desk: Desk, writer: Client, approver: Client
):
    number = submit(writer, form_of(writer))
    approve(approver, number)
    page = approver.get(f"/alerts/{number}/stop").text
    form = {"csrf": csrf(page), "reason": "文面の誤り", "correct": "yes"}
    answer = approver.post(f"/alerts/{number}/stop", data=form)
    correction = int(answer.headers["location"].rpartition("/")[2])
    for planned in (False, True):
        if planned:
            desk.send(correction)
        board = approver.get(f"/alerts/{correction}").text
        counts = re.findall(r"</th>\s*<td>([\d,]+)</td>", board.partition('class="tally"')[2])
        assert counts == ["0", "0"], "mail and phone"
