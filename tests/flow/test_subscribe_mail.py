"""What comes in by mail: blank mails are answered, bounces find alert and recipient, canaries sing."""

from __future__ import annotations

import smtplib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from alertd import canary, hygiene, inbox, plan, postman, store, subscribe
from alertd.category import EVERYTHING
from alertd.channel import Outcome, Reason
from alertd.db import reading, writing
from alertd.inbox import Taken
from alertd.letter import LETTER
from alertd.messages import DELIVERY
from alertd.report import report
from alertd.send import drain
from alertd.site import Site
from alertd.store import subscriptions
from alertd.subscribe import leave
from alertd.subscription import Cause, Choice
from alertd.tables import AlarmRow, ContactRow, DeliveryRow, LetterRow
from alertd.testing import FixedClock
from alertd.token import seal
from channels.mail_in import Listener
from tests import factories
from tests.post_office import AUTHSERV, BLANK_MAIL, CANARY, PostOffice, post_office, text_of
from tests.unit.test_bounce import DSN


@contextmanager
def opened(folder: Path, database_url: str) -> Iterator[PostOffice]:
    site = factories.make_site(folder, database_url, {}, {}, clock=FixedClock(factories.START))
    with post_office(site) as office:
        yield office
    site.close()


@pytest.fixture
def office(tmp_path: Path) -> Iterator[PostOffice]:
    with opened(tmp_path, f"sqlite:///{tmp_path / 'alertd.db'}") as office:
        yield office


@pytest.fixture
def either(tmp_path: Path, database_url: str) -> Iterator[PostOffice]:
    """The same on SQLite and on PostgreSQL, where what is asked of the database differs."""
    with opened(tmp_path, database_url) as office:
        yield office


def clock(site: Site) -> FixedClock:
    assert isinstance(site.clock, FixedClock)
    return site.clock


def blank(sender: str = "hana@example.jp", headers: str = "") -> bytes:
    genuine = f"Authentication-Results: {AUTHSERV}; dkim=pass header.d={sender.rpartition('@')[2]}\r\n"
    return f"{headers or genuine}From: {sender}\r\nTo: {BLANK_MAIL}\r\n\r\n".encode()


def bounced(return_path: str, status: str = "5.1.1", action: str = "failed") -> bytes:
    return (
        DSN.replace("bounce+1-x@in.example.jp", return_path)
        .format(action=action, status=status, words="")
        .encode()
    )


def sent(office: PostOffice, *addresses: str, identifier: str = "sanjo.152048.test.1") -> int:
    """Sends a drill to these and whoever is on the list; returns its number."""
    if addresses:
        factories.add_people(office.site, list(addresses), kind="email")
    alert = factories.make_alert(identifier=identifier, sent=office.site.clock.now())
    number = factories.submit(office.site, alert, channels=("letters",))
    factories.approve(office.site, number)
    plan.plan(office.site, number)
    drain(office.site, "letters", threading.Event())
    return number


def outcomes(office: PostOffice, number: int) -> dict[str, int]:
    with reading(office.site.engine) as session:
        found = report(session, number).channels["letters"].outcomes
    return {name: count for name, count in found.items() if count}


# blank mails --------------------------------------------------------------------------


def test_a_blank_mail_is_answered_with_a_link(office: PostOffice):
    assert inbox.take_in(office.site, "hana@example.jp", [BLANK_MAIL], blank()) is Taken.ANSWERED
    (mail,) = office.post()
    assert mail.recipient == "hana@example.jp" and "/r/" in office.link(mail)
    assert mail.parsed()["Auto-Submitted"] == "auto-replied"


@pytest.mark.parametrize(("tag", "words"), [("en", "only once"), ("ja-easy", "登録（とうろく）")])
def test_a_tag_asks_for_another_language(office: PostOffice, tag: str, words: str):
    recipient = BLANK_MAIL.replace("@", f"+{tag}@").upper()
    assert inbox.take_in(office.site, "hana@example.jp", [recipient], blank()) is Taken.ANSWERED
    assert words in text_of(office.post()[0])


def test_who_is_not_genuine_gets_no_answer(office: PostOffice):
    forged = blank(
        headers="Authentication-Results: mx.evil.example.com; dmarc=pass header.from=example.jp\r\n"
    )
    assert inbox.take_in(office.site, "hana@example.jp", [BLANK_MAIL], forged) is Taken.UNANSWERED
    assert inbox.take_in(office.site, "", [BLANK_MAIL], blank()) is Taken.UNANSWERED
    assert office.post() == []


def test_a_hundred_blank_mails_give_one_answer(either: PostOffice):
    for _ in range(100):
        inbox.take_in(either.site, "hana@example.jp", [BLANK_MAIL], blank())
    assert len(either.post()) == 1


def test_two_postmen_at_once_send_a_victim_one_letter(either: PostOffice):
    for _ in range(60):
        inbox.take_in(either.site, "hana@example.jp", [BLANK_MAIL], blank())
    postmen = [threading.Thread(target=postman.post, args=(either.site,)) for _ in range(3)]
    for one in postmen:
        one.start()
    for one in postmen:
        one.join(30)
    assert len(either.arrived()) == 1


def test_a_double_click_registers_once(either: PostOffice):
    inbox.take_in(either.site, "hana@example.jp", [BLANK_MAIL], blank())
    token = either.link().rpartition("/")[2]
    choice = Choice(language="ja", areas=("RNN",), categories=EVERYTHING)
    ends: list[str] = []

    def click() -> None:
        try:
            ends.append(subscribe.confirm(either.site, token, choice, text_version=""))
        except subscribe.LinkGone:
            ends.append("gone")

    clicks = [threading.Thread(target=click) for _ in range(4)]
    for one in clicks:
        one.start()
    for one in clicks:
        one.join(30)
    assert sorted(ends) == ["gone", "gone", "gone", "registered"]


def test_our_own_answer_would_not_be_answered(office: PostOffice):
    inbox.take_in(office.site, "hana@example.jp", [BLANK_MAIL], blank())
    (mail,) = office.post()
    assert inbox.take_in(office.site, mail.sender, [BLANK_MAIL], mail.data) is Taken.UNANSWERED


def test_mail_for_nobody_is_let_go(office: PostOffice):
    assert inbox.take_in(office.site, "a@example.jp", ["info@in.sanjo.example.jp"], blank()) is Taken.IGNORED


# bounces ------------------------------------------------------------------------------


def test_a_bounce_is_told_of_its_alert_and_recipient(either: PostOffice):
    number = sent(either, "gone@example.jp", "there@example.jp")
    assert outcomes(either, number) == {"accepted": 2}
    mail = next(mail for mail in either.arrived() if mail.recipient == "gone@example.jp")
    for path in (mail.sender, mail.sender.lower(), mail.sender.upper()):
        assert inbox.take_in(either.site, "", [path], bounced(path)) is Taken.BOUNCE
    assert outcomes(either, number) == {"accepted": 1, "failed": 1}
    with reading(either.site.engine) as session:
        row = session.scalars(select(DeliveryRow).where(DeliveryRow.outcome == Outcome.FAILED)).one()
        said = store.receipts(session, row.id)
        address = session.get_one(ContactRow, row.contact_id).address
    assert (address, row.reason) == ("gone@example.jp", Reason.BAD_ADDRESS)
    assert [one.outcome for one in said] == [Outcome.ACCEPTED, Outcome.FAILED], "three times is once"


@pytest.mark.parametrize(("status", "action"), [("4.4.1", "delayed"), ("2.0.0", "delivered")])
def test_what_is_late_or_arrived_changes_nothing(office: PostOffice, status: str, action: str):
    number = sent(office, "late@example.jp")
    (mail,) = office.arrived()
    inbox.take_in(office.site, "", [mail.sender], bounced(mail.sender, status, action))
    assert outcomes(office, number) == {"accepted": 1}


def test_a_forged_return_path_has_no_effect(office: PostOffice):
    number = sent(office, "there@example.jp")
    (mail,) = office.arrived()
    forged = [
        mail.sender.replace("bounce+1-", "bounce+2-"),
        mail.sender[:-30] + "A" * 4 + "@in.sanjo.example.jp",
        f"bounce+{seal(office.site.secret, 'stop', 1)}@in.sanjo.example.jp",
        f"bounce+{seal(office.site.secret, DELIVERY, 99)}@in.sanjo.example.jp",
        "bounce+@in.sanjo.example.jp",
    ]
    for path in forged:
        assert inbox.take_in(office.site, "", [path], bounced(path)) is not Taken.BOUNCE
    assert outcomes(office, number) == {"accepted": 1}


def test_a_letter_that_bounces_is_noted(office: PostOffice):
    inbox.take_in(office.site, "hana@example.jp", [BLANK_MAIL], blank())
    (mail,) = office.post()
    assert mail.sender == f"bounce+{seal(office.site.secret, LETTER, 1)}@in.sanjo.example.jp"
    assert inbox.take_in(office.site, "", [mail.sender], bounced(mail.sender)) is Taken.BOUNCE
    with reading(office.site.engine) as session:
        assert session.get_one(LetterRow, 1).fate == "bounced"


# hygiene ------------------------------------------------------------------------------


def bounce_on(
    office: PostOffice, days: list[int], status: str = "5.1.1", address: str = "gone@example.jp"
) -> None:
    """A drill on each of these days, whose mail to the address comes back."""
    factories.add_people(office.site, [address], kind="email")
    begin = clock(office.site).now()
    for number, day in enumerate(days):
        clock(office.site).advance(begin + timedelta(days=day) - clock(office.site).now())
        sent(office, identifier=f"drill.{address}.{number}")
        for mail in office.arrived():
            if mail.recipient == address:
                inbox.take_in(office.site, "", [mail.sender], bounced(mail.sender, status))


def active(office: PostOffice, address: str = "gone@example.jp") -> bool:
    with reading(office.site.engine) as session:
        return subscriptions.contacts_at(session, address)[0].active


def test_an_address_that_is_dead_for_weeks_is_taken_off(either: PostOffice):
    bounce_on(either, [0, 4, 9])
    (sick,) = hygiene.report(either.site).ailing
    assert sick.dead and len(sick.days) == 3
    assert hygiene.suspend(either.site) == 1 and hygiene.suspend(either.site) == 0
    assert not active(either)
    found = hygiene.report(either.site)
    assert (found.suspended, found.addresses) == (1, 0)


@pytest.mark.parametrize("days", [[0, 0, 0, 0], [0, 1, 2], [0, 1, 2, 3, 4], [0, 30]])
def test_one_disaster_takes_nobody_off(office: PostOffice, days: list[int]):
    bounce_on(office, days)
    assert hygiene.suspend(office.site) == 0 and active(office)


def test_a_provider_that_refuses_everybody_takes_nobody_off(office: PostOffice):
    gone = [f"g{number}@carrier.example.jp" for number in range(25)]
    factories.add_people(office.site, gone, kind="email")
    for number, day in enumerate((0, 5, 10)):
        clock(office.site).advance(timedelta(days=day and 5))
        sent(office, identifier=f"drill.{number}")
        for mail in office.arrived():
            inbox.take_in(office.site, "", [mail.sender], bounced(mail.sender))
    assert hygiene.suspend(office.site) == 0, "twenty-five at once are the carrier's fault"


@pytest.mark.parametrize("status", ["4.2.2", "5.2.2", "5.7.1", "4.4.1"])
def test_soft_bounces_take_nobody_off(office: PostOffice, status: str):
    bounce_on(office, [0, 10, 20, 30, 40], status)
    assert hygiene.suspend(office.site) == 0 and active(office)


def test_who_was_reached_in_between_stays(office: PostOffice):
    bounce_on(office, [0, 4])
    clock(office.site).advance(timedelta(days=2))
    sent(office, identifier="reached")
    office.arrived()
    clock(office.site).advance(timedelta(days=1))
    bounce_on(office, [0, 4], address="gone@example.jp")
    assert hygiene.suspend(office.site) == 0


# leaving in the middle of a dispatch --------------------------------------------------


def test_who_leaves_after_the_claim_is_not_sent_to(either: PostOffice):
    """Claimed by a sender, not yet handed over: leaving is in time."""
    factories.add_people(either.site, ["first@example.jp", "leaver@example.jp"], kind="email")
    number = factories.submit(either.site, channels=("letters",))
    factories.approve(either.site, number)
    plan.plan(either.site, number)
    with writing(either.site.engine) as session:
        now = either.site.clock.now()
        until = now + timedelta(seconds=8)
        claimed = store.claim(session, "letters", "somebody", handed=False, limit=10, now=now, until=until)
        leaver = next(iter(subscriptions.contacts_at(session, "leaver@example.jp"))).id
    assert leaver in {one.contact_id for one in claimed}
    leave(either.site, leaver, Cause.LINK)
    clock(either.site).advance(timedelta(seconds=9))
    drain(either.site, "letters", threading.Event())
    assert [mail.recipient for mail in either.arrived()] == ["first@example.jp"]
    assert outcomes(either, number) == {"accepted": 1, "cancelled": 1}


# canaries -----------------------------------------------------------------------------


def test_a_canary_that_comes_back_proves_the_way_of_mail(either: PostOffice):
    canary.send(either.site)
    canary.send(either.site)
    (mail,) = either.post()
    assert mail.recipient == CANARY and canary.canaries(either.site)[0].arrived_at is None
    assert inbox.take_in(either.site, CANARY, ["canary@in.sanjo.example.jp"], mail.data) is Taken.CANARY
    assert canary.canaries(either.site)[0].arrived_at == either.site.clock.now()
    clock(either.site).advance(timedelta(minutes=31))
    canary.send(either.site)
    assert len(either.post()) == 1


def test_a_canary_that_falls_silent_raises_the_alarm(office: PostOffice):
    def alarm() -> bool:
        with reading(office.site.engine) as session:
            return session.get(AlarmRow, "canary") is not None

    mail = None
    for _ in range(4):
        canary.send(office.site)
        mail = next(iter(office.post()), mail)
        clock(office.site).advance(timedelta(minutes=30))
    canary.send(office.site)
    assert alarm()
    assert mail is not None
    inbox.take_in(office.site, CANARY, ["canary@in.sanjo.example.jp"], mail.data)
    canary.send(office.site)
    assert not alarm()


# the listener -------------------------------------------------------------------------


@pytest.mark.parametrize(("protocol", "replies"), [("lmtp", 2), ("smtp", 1)])
def test_the_listener_takes_mail_in_and_answers_each_recipient(
    office: PostOffice, protocol: str, replies: int
):
    listener = Listener(
        lambda *mail: inbox.take_in(office.site, *mail), host="127.0.0.1", port=0, protocol=protocol
    )
    listener.start()
    try:
        with socket.create_connection(listener.place, timeout=10) as line, line.makefile("rwb") as talk:

            def say(command: str) -> bytes:
                talk.write(f"{command}\r\n".encode())
                talk.flush()
                while (reply := talk.readline())[3:4] == b"-":
                    pass
                return reply[:3]

            assert talk.readline().startswith(b"220")
            assert say("LHLO mx.example.jp" if protocol == "lmtp" else "EHLO mx.example.jp") == b"250"
            assert say("MAIL FROM:<hana@example.jp>") == b"250"
            assert say(f"RCPT TO:<{BLANK_MAIL}>") == say("RCPT TO:<nobody@in.sanjo.example.jp>") == b"250"
            assert say("DATA") == b"354"
            assert say(blank().decode() + ".") == b"250"
            for _ in range(replies - 1):
                assert talk.readline().startswith(b"250")
            assert say("QUIT") == b"221"
    finally:
        listener.stop()
    assert len(office.post()) == 1


def test_what_cannot_be_taken_in_is_asked_for_again():
    def broken(*_: object) -> None:
        raise OSError("no database")

    listener = Listener(broken, host="127.0.0.1", port=0, protocol="lmtp")
    listener.start()
    try:
        with smtplib.LMTP(*listener.place) as server, pytest.raises(smtplib.SMTPDataError) as refused:
            server.sendmail("a@example.jp", [BLANK_MAIL], blank())
        assert refused.value.smtp_code == 451
    finally:
        listener.stop()
