"""Settled settings: what changed in a section that sends is looked at by two people before real alerts go by it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from alertd import settled, store
from alertd.alert import Status
from alertd.channel import ChannelSettings
from alertd.city import City as CityNames
from alertd.config import Approval, Config, Web, Worker, shared
from alertd.db import reading
from alertd.dispatch import Person, Role
from alertd.errors import MoveRefused
from alertd.readiness import readiness, ready
from alertd.settled import Pending
from alertd.site import Site
from alertd.tables import AuditRow, SettledRow
from alertd.watched import watched
from tests.factories import APPROVER, BOTH, TRAINEE, WRITER
from tests.flow.conftest import City
from tests.flow.test_freeze import going_out

CONFIRMERS = (APPROVER, BOTH)


class Sent(ChannelSettings):
    """Settings with a secret."""

    host: str = ""
    password: SecretStr = SecretStr("")


def configured(channels: dict[str, ChannelSettings]) -> Config:
    return Config(
        file=None,
        city=CityNames(),
        storage=Path("var"),
        database_url="",
        broker_url="embedded",
        web=Web(),
        approval=Approval(),
        worker=Worker(),
        channels=channels,
    )


def restarted(city: City, **changes: object) -> Site:
    """The same installation, started with a file in which these keys of [channels.mail] differ."""
    site = city.site
    mail = site.config.channels["mail"]
    given = {**mail.model_dump(exclude_unset=True), **changes}
    site.config = replace(site.config, channels={**site.config.channels, "mail": type(mail)(**given)})
    settled.look(site)
    return site


def waiting(site: Site) -> Pending:
    with reading(site.engine) as session:
        return settled.pending(session, site.clock.now())


def told(site: Site) -> list[str]:
    with reading(site.engine) as session:
        rows = session.scalars(select(AuditRow.action).where(AuditRow.action.startswith("settings.")))
        return [action.removeprefix("settings.") for action in rows]


def test_the_first_start_confirms_itself_and_the_same_file_never_asks(city: City) -> None:
    dispatch = going_out(city, 3)
    for _ in range(3):
        settled.look(city.site)
    assert waiting(city.site) == Pending() and set(told(city.site)) == {"first"}
    assert city.drain() == 3 and city.mail(dispatch).outcomes["accepted"] == 3


def test_a_changed_section_holds_real_alerts_until_two_people_have_confirmed_it(city: City) -> None:
    settled.look(city.site)
    dispatch = going_out(city, 3)
    site = restarted(city, attempts=3)
    city.tick()
    assert city.drain() == 0 and city.heard() == []
    (one,) = waiting(site).differences
    assert (one.section, one.keys, one.live) == ("channels.mail", {"attempts": (None, "3")}, True)
    assert waiting(site).holds == ["mail"]
    seen = waiting(site).digest
    assert not settled.confirm(site, APPROVER, seen=seen)
    assert not settled.confirm(site, APPROVER, seen=seen), "the same person twice counts once"
    assert city.drain() == 0
    assert settled.confirm(site, BOTH, seen=seen)
    assert city.drain() == 3 and city.mail(dispatch).outcomes["accepted"] == 3
    assert waiting(site) == Pending() and site.unsettled == {}
    assert told(site)[-2:] == ["confirm_begun", "confirmed"]


def test_who_runs_already_goes_on_with_what_was_confirmed(city: City) -> None:
    settled.look(city.site)
    dispatch = going_out(city, 3)
    config, running = city.site.config, dict(city.site.unsettled)
    restarted(city, attempts=3)
    city.site.config, city.site.unsettled = config, running  # another process, which was not restarted
    assert city.drain() == 3 and city.mail(dispatch).outcomes["accepted"] == 3


def test_drill_sections_and_rules_hold_nothing_and_are_confirmed_all_the_same(city: City) -> None:
    settled.look(city.site)
    going_out(city, 3)
    site = city.site
    mail = site.config.channels["mail"]
    drill = type(mail)(**{**mail.model_dump(exclude_unset=True), "carries": (Status.EXERCISE,)})
    site.config = replace(
        site.config,
        channels={"mail": mail, "mail-drill": drill},
        approval=Approval(exercise=2, hold=5.0),
    )
    settled.look(site)
    assert [one.section for one in waiting(site).differences] == ["approval", "channels.mail-drill"]
    assert waiting(site).holds == [] and city.drain() == 3


def test_a_new_section_that_carries_real_alerts_waits_and_one_that_is_gone_is_told(city: City) -> None:
    settled.look(city.site)
    site = city.site
    mail = site.config.channels["mail"]
    site.config = replace(site.config, channels={"second": mail})
    settled.look(site)
    assert waiting(site).holds == ["mail", "second"] and set(site.unsettled) == {"second"}
    for person in CONFIRMERS:
        settled.confirm(site, person, seen=waiting(site).digest)
    with reading(site.engine) as session:
        assert "channels.mail" not in session.scalars(select(SettledRow.section)).all()


def test_the_first_sections_that_carry_real_alerts_confirm_themselves(city: City) -> None:
    site = city.site
    channels = site.config.channels
    site.config = replace(site.config, channels={})
    settled.look(site)
    site.config = replace(site.config, channels=channels)
    settled.look(site)
    assert waiting(site) == Pending() and site.unsettled == {}


def test_any_change_in_between_voids_what_was_confirmed(city: City) -> None:
    settled.look(city.site)
    site = restarted(city, attempts=3)
    seen = waiting(site).digest
    settled.confirm(site, APPROVER, seen=seen)
    restarted(city, attempts=4)
    with pytest.raises(MoveRefused, match="not those that you were shown"):
        settled.confirm(site, BOTH, seen=seen)
    assert waiting(site).differences[0].agreed_by is None
    assert not settled.confirm(site, BOTH, seen=waiting(site).digest)


def test_the_old_file_put_back_sends_at_once(city: City) -> None:
    settled.look(city.site)
    going_out(city, 3)
    before = city.site.config
    site = restarted(city, attempts=3)
    site.config = before
    settled.look(site)
    assert waiting(site) == Pending() and city.drain() == 3
    assert told(site)[-1] == "put_back"


def test_in_an_emergency_one_person_lets_it_send_and_the_alarm_stays(city: City) -> None:
    settled.look(city.site)
    dispatch = going_out(city, 3)
    site = restarted(city, attempts=3)
    seen = waiting(site).digest
    with pytest.raises(MoveRefused, match="reason"):
        settled.let_go_alone(site, APPROVER, seen=seen, reason=" ")
    settled.let_go_alone(site, APPROVER, seen=seen, reason="堤防決壊、もう一人と連絡が取れない")
    assert city.drain() == 3 and city.mail(dispatch).outcomes["accepted"] == 3
    (one,) = waiting(site).differences
    assert one.alone_by == APPROVER.name and one.agreed_by is None
    with reading(site.engine) as session:
        assert [row.name for row in store.alarms(session)] == [settled.ALARM]
    assert "let_go_alone" in told(site)
    restarted(city, attempts=9)
    going_out(city, 1, name="second")
    assert city.drain() == 0, "what changes after that waits anew"


def test_a_word_counts_for_a_day_and_only_of_who_may(city: City) -> None:
    settled.look(city.site)
    site = restarted(city, attempts=3)
    seen = waiting(site).digest
    for person in (WRITER, TRAINEE, Person(BOTH.id, BOTH.name, frozenset({Role.SEND}))):
        with pytest.raises(MoveRefused, match="role"):
            settled.confirm(site, person, seen=seen)
        with pytest.raises(MoveRefused, match="role"):
            settled.let_go_alone(site, person, seen=seen, reason="緊急のため")
    settled.confirm(site, APPROVER, seen=seen)
    city.clock.advance(settled.AGREED_FOR)
    assert not settled.confirm(site, BOTH, seen=seen)
    assert settled.confirm(site, APPROVER, seen=seen)
    with pytest.raises(MoveRefused, match="no settings wait"):
        settled.confirm(site, BOTH, seen=seen)


def test_where_nobody_confirms_every_file_is_taken_and_the_trail_says_so(city: City) -> None:
    city.site.config = replace(city.site.config, approval=Approval(confirm_settings=False))
    settled.look(city.site)
    going_out(city, 3)
    site = restarted(city, attempts=3)
    assert waiting(site) == Pending() and city.drain() == 3
    assert told(site) == ["unconfirmed", "unconfirmed"]


def test_readiness_says_which_real_alerts_wait(city: City) -> None:
    settled.look(city.site)
    site = restarted(city, attempts=3)
    (look,) = [one for one in readiness(site) if one.what == "settings"]
    assert not look.well and "mail" in look.finding and not ready(readiness(site))


def test_another_program_with_the_old_file_does_not_hide_what_waits(city: City) -> None:
    settled.look(city.site)
    before = city.site.config
    site = restarted(city, attempts=3)
    changed, held = site.config, dict(site.unsettled)
    site.config = before
    settled.look(site)
    site.config, site.unsettled = changed, held
    assert waiting(site) == Pending()
    settled.look_again(site)
    assert waiting(site).holds == ["mail"]


def test_a_secret_that_changed_is_seen_and_never_shown() -> None:
    config = configured({"a": Sent(kind="fake", host="x", password=SecretStr("hunter2"))})
    other = configured({"a": Sent(kind="fake", host="x", password=SecretStr("hunter3"))})
    login = configured({"a": Sent(kind="fake", host="smtp://me:hunter2@x", password=SecretStr("1"))})
    said = [watched(one, b"key")["channels.a"].said for one in (config, other, login)]
    assert said[0]["password"] != said[1]["password"]
    assert "hunter" not in str(said) and "•••" in said[0]["password"] and "•••" in said[2]["host"]
    assert watched(config, b"key") == watched(shared(config, 4), b"key"), "a share of it is no change"


def test_what_the_file_leaves_out_is_no_setting_so_a_new_version_changes_nothing() -> None:
    said = watched(configured({"a": Sent(kind="fake")}), b"key")["channels.a"].said
    assert dict(said) == {"kind": '"fake"'}
