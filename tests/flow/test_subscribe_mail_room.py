"""The mail room in the relay: letters at once, alarms off again, old requests forgotten, accidents survived."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from alertd import subscribe
from alertd.db import reading
from alertd.mail_room import MailRoom
from alertd.relay import Relay
from alertd.subscribe import TooMany
from alertd.subscription import How
from alertd.tables import AlarmRow, LetterRow
from alertd.testing import FixedClock
from tests import factories
from tests.post_office import PostOffice, post_office


@pytest.fixture
def office(tmp_path: Path) -> Iterator[PostOffice]:
    clock = FixedClock(factories.START)
    site = factories.make_site(tmp_path, f"sqlite:///{tmp_path / 'alertd.db'}", {}, {}, clock=clock)
    with post_office(site) as office:
        yield office
    site.close()


def ask(office: PostOffice, address: str = "hana@example.jp") -> None:
    subscribe.ask(office.site, address, language="ja", how=How.PAGE, network=None)


def pass_time(office: PostOffice, time: timedelta) -> None:
    assert isinstance(office.site.clock, FixedClock)
    office.site.clock.advance(time)


def letters(office: PostOffice) -> int:
    with reading(office.site.engine) as session:
        return session.scalar(select(func.count()).select_from(LetterRow)) or 0


def test_the_relay_sends_letters(office: PostOffice):
    ask(office)
    relay = Relay(office.site, lambda _: True)
    relay.tick()
    relay.close()
    assert "hana@example.jp" in {mail.recipient for mail in office.arrived()}


def test_an_address_that_nobody_confirmed_is_forgotten(office: PostOffice):
    object.__setattr__(
        office.site.config, "inbox", office.site.config.inbox.model_copy(update={"canaries": ()})
    )
    ask(office)
    room = MailRoom(office.site)
    room.tick()
    assert letters(office) == 1
    pass_time(office, timedelta(days=2, minutes=1))
    room.tick()
    assert letters(office) == 0


def test_a_flood_is_told_of_while_it_lasts(office: PostOffice):
    def alarm() -> bool:
        with reading(office.site.engine) as session:
            return session.get(AlarmRow, "registering") is not None

    limits = office.site.config.subscribe.model_copy(update={"per_hour": 3})
    object.__setattr__(office.site.config, "subscribe", limits)
    for number in range(3):
        ask(office, f"a{number}@example.jp")
    with pytest.raises(TooMany):
        ask(office)
    room = MailRoom(office.site)
    room.tick()
    assert alarm()
    pass_time(office, timedelta(minutes=61))
    room.tick()
    assert not alarm()


def test_an_accident_does_not_stop_the_relay(office: PostOffice, caplog: pytest.LogCaptureFixture):
    object.__setattr__(office.site.config, "inbox", None)
    room = MailRoom(office.site)
    for _ in range(5):
        room.tick()
    assert [record.message for record in caplog.records if "accident" in record.message] != []
    assert len([record for record in caplog.records if "accident" in record.message]) == 1, "it rests"
