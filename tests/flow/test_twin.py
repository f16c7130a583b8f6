"""Update or new: a real alert of the same kind minutes after another one waits for its author's word."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import select

from alertd import cap, issue, request
from alertd.alert import Alert, MsgType, NamedValue, Status
from alertd.audience import Audience, Elsewhere
from alertd.db import reading
from alertd.errors import SentJustBefore, WrongAlert
from alertd.hazard import HAZARD_CODE, LEVEL_PARAMETER
from alertd.tables import AlertRow, AuditRow, DispatchRow
from tests import factories
from tests.factories import BOTH, WRITER
from tests.flow.conftest import City

REASON = "別の川で新しく越水した"


@pytest.fixture
def town(city: City) -> City:
    factories.add_people(city.site, ["rannan@example.jp"])
    factories.add_people(city.site, ["ranhoku@example.jp"], area="RHK")
    return city


def flood(city: City, name: str, *, status: Status = Status.ACTUAL, level: str = "4") -> Alert:
    alert = factories.make_alert(identifier=name, status=status, sent=city.clock.now().replace(microsecond=0))
    info = replace(
        alert.infos[0],
        event_codes=(NamedValue(HAZARD_CODE, "flood"),),
        parameters=(NamedValue(LEVEL_PARAMETER, level),),
    )
    return replace(alert, infos=(info,))


def hand_in(city: City, alert: Alert, *, anew: str = "", beside: tuple[int, ...] | None = None) -> int:
    submission = issue.Submission(
        alert=alert, audience=Audience(areas=("RNN",)), channels=("mail",), anew=anew, beside=beside
    )
    return issue.submit(city.site, submission, WRITER)


def count(city: City) -> int:
    with reading(city.site.engine) as session:
        return len(session.scalars(select(DispatchRow.id).where(DispatchRow.corrects_id.is_(None))).all())


def test_the_second_is_refused_until_its_author_says_which_it_is(town: City) -> None:
    first = hand_in(town, flood(town, "first"))
    town.clock.advance(timedelta(minutes=9))
    with pytest.raises(SentJustBefore, match=r"update-of.*new-because") as asked:
        hand_in(town, flood(town, "second"))
    assert asked.value.twins == (first,) and count(town) == 1, "nothing is stored"
    hand_in(town, flood(town, "second"), anew=REASON)
    with reading(town.site.engine) as session:
        row = session.scalars(select(DispatchRow).where(DispatchRow.anew.is_not(None))).one()
        noted = session.scalars(select(AuditRow).where(AuditRow.subject == f"dispatch:{row.id}")).one()
    assert row.anew == REASON and noted.detail["anew"] == REASON


def test_as_an_update_it_references_the_one_before(town: City) -> None:
    first = hand_in(town, flood(town, "first"))
    factories.approve(town.site, first)
    made = issue.Submission(
        alert=flood(town, "second"), audience=Audience(areas=("RNN",)), channels=("mail",)
    )
    update = request.following_up(town.site, made, update_of=first, new_because="")
    number = issue.submit(town.site, update, WRITER)
    with reading(town.site.engine) as session:
        row = session.get_one(DispatchRow, number)
        document = cap.parse(session.get_one(AlertRow, row.alert_id).document)
    assert (row.follows_id, row.follow_up) == (first, "update")
    assert document.msg_type is MsgType.UPDATE and document.references[0].identifier == "first"
    assert (document.infos[0].headline or "").startswith("【続報】")


def test_what_is_another_matter_is_not_asked_about(town: City) -> None:
    hand_in(town, flood(town, "first"))
    assert hand_in(town, flood(town, "another-level", level="5"))
    assert hand_in(town, flood(town, "a-drill", status=Status.EXERCISE))
    other = Audience(areas=("RHK",))
    made = issue.Submission(alert=flood(town, "another-area"), audience=other, channels=("mail",))
    assert issue.submit(town.site, made, WRITER)


@pytest.mark.parametrize(
    "audience",
    [
        Audience(everybody=True),
        Audience(areas=("RHK",), elsewhere=(Elsewhere(channel="mail", areas=("RNN",)),), why="越水の恐れ"),
    ],
    ids=["the whole city", "one channel elsewhere"],
)
def test_areas_that_overlap_in_any_way_are_asked_about(town: City, audience: Audience) -> None:
    hand_in(town, flood(town, "first"))
    made = issue.Submission(alert=flood(town, "second"), audience=audience, channels=("mail",))
    with pytest.raises(SentJustBefore):
        issue.submit(town.site, made, WRITER)


def test_after_ten_minutes_or_when_the_first_was_sent_back_nothing_is_asked(town: City) -> None:
    first = hand_in(town, flood(town, "first"))
    issue.reject(town.site, first, BOTH, reason="避難所が違います")
    second = hand_in(town, flood(town, "second"))
    town.clock.advance(timedelta(minutes=8))
    factories.approve(town.site, second)
    town.clock.advance(timedelta(minutes=8))
    with pytest.raises(SentJustBefore):
        hand_in(town, flood(town, "third"))
    town.clock.advance(timedelta(minutes=3))
    assert hand_in(town, flood(town, "third"))


def test_drills_are_asked_nothing_and_nothing_is_asked_because_of_them(town: City) -> None:
    for name in ("drill-1", "drill-2"):
        hand_in(town, flood(town, name, status=Status.EXERCISE))
    assert hand_in(town, flood(town, "real"))


def test_a_reason_counts_for_what_its_author_was_shown(town: City) -> None:
    first = hand_in(town, flood(town, "first"))
    second = hand_in(town, flood(town, "second"), anew=REASON)
    with pytest.raises(SentJustBefore) as asked:
        hand_in(town, flood(town, "third"), anew=REASON, beside=(first,))
    assert asked.value.twins == (second, first)
    with pytest.raises(WrongAlert, match="why it is an alert of its own"):
        hand_in(town, flood(town, "third"), anew="別")
    assert hand_in(town, flood(town, "third"), anew=REASON, beside=(first, second))


def test_an_update_of_an_older_one_is_asked_about_the_newer_one(town: City) -> None:
    first = hand_in(town, flood(town, "first"))
    factories.approve(town.site, first)
    newer = hand_in(town, flood(town, "newer"), anew=REASON)
    made = issue.Submission(alert=flood(town, "more"), audience=Audience(areas=("RNN",)), channels=("mail",))
    with pytest.raises(SentJustBefore) as asked:
        issue.submit(
            town.site, request.following_up(town.site, made, update_of=first, new_because=""), WRITER
        )
    assert newer in asked.value.twins


def test_of_two_who_hand_in_the_same_at_once_one_is_asked(town: City) -> None:
    gate = Barrier(2)

    def deed(name: str) -> bool:
        alert = flood(town, name)
        gate.wait()
        try:
            hand_in(town, alert)
        except SentJustBefore:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(deed, ("one", "two"))) == [False, True]
