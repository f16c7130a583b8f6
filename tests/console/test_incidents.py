"""What went wrong elsewhere: for each wrong send that became known, the block that stops it here.

The cases are public: city notices, newspapers and reports of inquiries.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from httpx import Client
from sqlalchemy import func, select, update

from alertd import incoming, plan
from alertd.alert import Area, Status
from alertd.audience import Audience
from alertd.cap import parse, write
from alertd.city import City
from alertd.db import reading, writing
from alertd.dispatch import State
from alertd.errors import MoveRefused, WrongAlert, WrongAudience
from alertd.hazard import HAZARD_CODE, Hazard
from alertd.reissue import reissue
from alertd.relay import Relay
from alertd.store import artefacts
from alertd.tables import AlertRow, DispatchRow
from alertd.template import fill, template
from operator_console.confirmation import words_to_type
from tests import factories
from tests.console.desk import Desk, approve, check, csrf, form_of, hidden, submit
from tests.drill_town import Town
from tests.factories import APPROVER, START, TRAINEE, WRITER


def dispatches(desk: Desk) -> int:
    """How many an operator could find in the list."""
    with reading(desk.site.engine) as session:
        return session.scalar(select(func.count(DispatchRow.id)).where(DispatchRow.state != State.DRAFT)) or 0


def words(desk: Desk, number: int) -> list[str]:
    """The finished texts of a dispatch."""
    with reading(desk.site.engine) as session:
        return [made.text for made in artefacts(session, number)]


def drill(template_id: str = "flood-4", **values: str):
    """A drill made from a template, with its blanks filled."""
    chosen = template(template_id)
    filled = {blank.name: blank.example for blank in chosen.blanks if blank.name != "area"} | values
    return fill(
        chosen,
        filled,
        city=City(),
        status=Status.EXERCISE,
        identifier=f"sanjo.{template_id}",
        sent=START,
        expires=START + timedelta(hours=6),
        areas=[Area(description="嵐南")],
    )


def test_hawaii_2018_a_drill_that_says_it_is_no_drill(desk: Desk):
    for text in ("これは訓練ではありません。", "This is not a drill."):
        alert = factories.make_alert(identifier="hawaii", text=f"弾道ミサイルが発射されました。{text}")
        with pytest.raises(WrongAlert, match=r"訓練ではありません|not a drill"):
            factories.submit(desk.site, alert)
    assert dispatches(desk) == 0


def test_ontario_2020_a_training_sign_in_reaches_the_live_system(desk: Desk):
    trainee = desk.signed_in(TRAINEE.name)
    page = trainee.get("/alerts/new/flood-4?status=Actual")
    assert page.status_code != 200 or 'value="Actual"' not in page.text
    form = form_of(trainee, Status.EXERCISE, channel=["mail"]) | {"status": "Actual"}
    answer = check(trainee, form)
    assert answer.status_code in (403, 409, 422), "the form was altered by hand"
    with pytest.raises(MoveRefused, match="trainee"):
        factories.submit(desk.site, factories.make_alert(status=Status.ACTUAL), person=TRAINEE)


def test_los_angeles_2025_an_area_that_got_lost_becomes_everybody(desk: Desk, writer: Client):
    answer = check(writer, form_of(writer, area=[]))
    assert answer.status_code == 422
    with pytest.raises(WrongAudience):
        factories.submit(desk.site, audience=Audience())
    with pytest.raises(WrongAudience):
        factories.submit(desk.site, audience=Audience(areas=("NOWHERE",)))
    assert dispatches(desk) == 0


def test_eas_2018_not_sent_it_said_and_a_second_press_made_a_twin(desk: Desk, writer: Client):
    form = form_of(writer)
    key = hidden(check(writer, form).text, "key")
    pressed = [
        writer.post("/alerts/new/flood-4/submit", data={**form, "key": key}).headers["location"]
        for _ in range(2)
    ]
    assert pressed[0] == pressed[1] and dispatches(desk) == 1


def test_tallahassee_2005_the_code_of_a_real_hazard_in_a_test(desk: Desk):
    number = factories.submit(desk.site, drill("flood-5"))
    with reading(desk.site.engine) as session:
        stored = parse(session.scalars(select(AlertRow.document).order_by(AlertRow.id)).first() or b"")
    assert stored.infos[0].event_code(HAZARD_CODE) != Hazard.DRILL, "its code is that of a real flood"
    assert all("これは訓練です" in text or "DRILL" in text.upper() for text in words(desk, number))


def test_verizon_2011_a_test_that_is_not_marked_as_one(desk: Desk):
    alert = factories.make_alert(status=Status.TEST, text="ただちに避難してください。")
    number = factories.submit(desk.site, alert, channels=("mail", "fm"), audience=Audience(everybody=True))
    for text in words(desk, number):
        assert text.count("試験") >= 2, "at both ends"


def test_nara_2025_a_rule_for_real_events_registered_for_drills_too():
    for status in (Status.EXERCISE, Status.TEST, Status.SYSTEM, Status.DRAFT):
        document = parse(write(factories.make_alert(status=status)))
        made = reissue(
            document,
            status=Status.ACTUAL,
            identifier="sanjo.1",
            sent=START,
            expires=START + timedelta(hours=1),
            city=City(),
        )
        assert made.status is status, "whatever the rule says, a drill stays one"


def test_higashiizu_a_trainee_chooses_really_send(desk: Desk):
    trainee = desk.signed_in(TRAINEE.name)
    for template_id in ("earthquake", "flood-4"):
        page = trainee.get(f"/alerts/new/{template_id}").text
        assert 'value="Actual"' not in page


def test_ofunato_a_delivery_that_was_only_being_checked(desk: Desk, writer: Client):
    submit(writer, form_of(writer))
    relay = Relay(desk.site, lambda _: True)
    relay.tick()
    relay.close()
    assert desk.far_end.heard() == [], "nothing goes out before another person approved it"


def test_otsu_2014_somebody_believes_to_be_in_the_training_mode(desk: Desk, writer: Client, approver: Client):
    number = submit(writer, form_of(writer))
    page = approver.get(f"/alerts/{number}/approve").text
    assert "本番" in page and 'class="mode-real"' in page
    assert approve(approver, number, "訓練").status_code == 422
    assert desk.report(number).state is State.SUBMITTED


def test_wakayama_2018_a_joint_drill_leaks_into_the_public_mail(desk: Desk):
    only_real = desk.far_end.settings(kind="email", carries=(Status.ACTUAL,))
    desk.site.config.channels["mail"] = only_real  # type: ignore[index]
    with pytest.raises(WrongAlert, match="Exercise"):
        factories.submit(desk.site)


def test_koto_2019_a_test_from_above_is_passed_on_to_residents(desk: Desk):
    document = write(factories.make_alert(identifier="above", status=Status.TEST))
    receipt = incoming.take(desk.site, document, "feed")
    with reading(desk.site.engine) as session:
        assert receipt.number is not None
        assert not incoming.may_be_real(incoming.draft(session, receipt.number))
    assert dispatches(desk) == 0, "it is a draft, for a person to look at"


def test_yamaguchi_2019_a_drill_only_to_confirm_the_steps(desk: Desk, writer: Client):
    form = form_of(writer)
    for _ in range(3):
        assert check(writer, form).status_code == 200
    assert dispatches(desk) == 0, "looking at what would be sent stores nothing"


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    made = Town.open(tmp_path, f"sqlite:///{tmp_path / 'town.db'}")
    yield made
    made.close()


def test_watari_2016_a_reserved_drill_that_nobody_called_off(town: Town):
    town.schedule()
    # closely around its start, which was reserved for two days later
    for hours, step in ((47, 60), (51, 5), (72, 60)):
        town.go_to(START + timedelta(hours=hours), step=timedelta(minutes=step))
    assert town.drill_end.heard() == [], "what nobody armed within a day before does not begin"


def test_nabari_2017_a_notice_of_maintenance_with_the_emergency_tool(
    desk: Desk, writer: Client, approver: Client
):
    page = writer.get("/alerts/new/notice?status=Actual").text
    form: dict[str, object] = {
        "status": "Actual", "csrf": csrf(page), "area": ["RNN"], "channel": ["mail"], "life": "6",
        "blank:subject": "システムの保守", "blank:words": "今夜システムを保守します。",
        "blank:phone": "", "blank:web": "",
    }  # fmt: skip
    number = submit(writer, form, "notice")
    shown = approver.get(f"/alerts/{number}/approve").text
    assert "自由文" in shown, "the second person is told that nobody has prepared these words"
    with reading(desk.site.engine) as session:
        alert = parse(session.scalars(select(AlertRow.document).order_by(AlertRow.id)).first() or b"")
    assert "お知らせ" in words_to_type(alert, "ja"), "and types what it is"


def test_ono_2019_a_contractor_tries_real_words_on_the_live_system(desk: Desk):
    text = "テスト配信：大規模テロが発生しました。"
    with pytest.raises(WrongAlert, match="drill or a test"):
        factories.submit(desk.site, factories.make_alert(status=Status.ACTUAL, text=text))


@pytest.mark.parametrize("text", ["11", "abc"])
def test_yasu_2021_what_somebody_types_to_try_it_out(desk: Desk, text: str):
    with pytest.raises(WrongAlert, match="only"):
        factories.submit(desk.site, factories.make_alert(status=Status.ACTUAL, text=text))


def test_kawatana_2021_a_text_of_last_year_goes_out_with_nobody_there(
    desk: Desk, writer: Client, approver: Client
):
    form = form_of(writer)
    key = hidden(check(writer, form).text, "key")
    number = submit(writer, form_of(writer))
    desk.clock.advance(timedelta(hours=7))
    writer, approver = desk.signed_in(WRITER.name), desk.signed_in(APPROVER.name)
    assert approve(approver, number).status_code == 409, "what has expired is not approved"
    late = form_of(writer) | {"key": key}
    assert writer.post("/alerts/new/flood-4/submit", data=late).status_code != 303
    assert dispatches(desk) == 1, "a page that was checked hours ago submits nothing"


def test_miyakojima_data_of_a_test_left_in_the_system(desk: Desk, writer: Client):
    assert check(writer, form_of(writer) | {"blank:shelters": "テスト避難所"}).status_code in (200, 422)
    with pytest.raises(WrongAlert):
        text = "【テスト配信】避難所を開設しました。"
        factories.submit(desk.site, factories.make_alert(status=Status.ACTUAL, text=text))


def test_kawasaki_2017_a_feed_that_was_wrong_is_passed_on_by_itself(desk: Desk):
    real = factories.make_alert(identifier="feed", status=Status.ACTUAL)
    assert incoming.take(desk.site, write(real), "feed").taken is incoming.Taken.DRAFT
    relay = Relay(desk.site, lambda _: True)
    relay.tick()
    relay.close()
    assert dispatches(desk) == 0 and desk.far_end.heard() == []


def test_seika_sent_while_it_was_being_drafted(desk: Desk, writer: Client):
    form = form_of(writer)
    answer = writer.post("/alerts/new/flood-4/submit", data=form)
    assert answer.status_code != 303, "without the key of the check page nothing is submitted"
    assert dispatches(desk) == 0


def test_genkai_the_mail_of_an_old_drill_in_a_real_event(desk: Desk):
    text = "【訓練】避難所を開設しました。これは訓練です。"
    with pytest.raises(WrongAlert, match="drill or a test"):
        factories.submit(desk.site, factories.make_alert(status=Status.ACTUAL, text=text))


def test_nhk_2019_a_drill_that_is_switched_to_the_outside(desk: Desk):
    number = factories.submit(desk.site)
    with writing(desk.site.engine) as session:
        row = session.scalars(select(AlertRow).order_by(AlertRow.id)).first()
        assert row is not None
        real = write(factories.make_alert(status=Status.ACTUAL))
        session.execute(update(AlertRow).where(AlertRow.id == row.id).values(document=real, status="Actual"))
    with pytest.raises(MoveRefused, match="read it anew"):
        factories.approve(desk.site, number)


def test_fdma_a_change_of_the_system_between_approval_and_sending(desk: Desk):
    number = factories.submit(desk.site)
    factories.approve(desk.site, number)
    factories.add_people(desk.site, [f"new{n}@example.jp" for n in range(200)], kind="email")
    assert plan.plan(desk.site, number) == 0, "more than twice as many as were approved"
    assert desk.report(number).state is State.CANCELLED
