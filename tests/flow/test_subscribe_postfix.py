"""With a real Postfix between us and the world: blank mail comes in, and what it bounces finds its alert."""

from __future__ import annotations

import smtplib
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import select

from alertd import inbox, postman, store
from alertd.channel import Outcome, Reason
from alertd.clock import SystemClock
from alertd.config import Inbox
from alertd.db import reading
from alertd.demo.smtp_fault import Fault, Stage
from alertd.demo.smtp_ledger import Mail
from alertd.demo.smtp_server import SimulatedSmtpServer
from alertd.tables import ContactRow, DeliveryRow
from channels.mail_in import Listener
from tests import factories
from tests.flow.test_subscribe_mail import sent
from tests.post_office import BLANK_MAIL, post_office, text_of
from tests.postfix import running_postfix

GONE = "gone@example.jp"
_TAKES = 30


def _until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + _TAKES
    while not true():
        assert time.monotonic() < deadline, "it does not come"
        time.sleep(0.05)


def test_blank_mail_and_bounces_go_through_a_real_postfix(tmp_path: Path):
    """One town, one Postfix: a resident registers by an empty mail, an alert bounces for somebody else."""
    url = f"sqlite:///{tmp_path / 'alertd.db'}"
    site = factories.make_site(tmp_path, url, {}, {}, clock=SystemClock())
    refusal = Fault(stage=Stage.RCPT, recipient=GONE, reply="550 5.1.1 No such user here")
    listener = Listener(lambda *mail: inbox.take_in(site, *mail), host="127.0.0.1", port=0, protocol="lmtp")
    listener.start()
    try:
        with (
            SimulatedSmtpServer(faults=[refusal]) as world,
            running_postfix(
                domain="in.sanjo.example.jp", inbox=listener.place[1], outside=world.port
            ) as port,
            post_office(site, port=port) as office,
        ):
            object.__setattr__(site.config, "inbox", Inbox(blank_mail=(BLANK_MAIL,)))

            # 1. A blank mail: Postfix hands it to us by LMTP, and our letter goes out through it.
            with smtplib.SMTP("127.0.0.1", port) as telephone:
                telephone.sendmail("hana@example.jp", [BLANK_MAIL], "From: hana@example.jp\r\n\r\n")
            _until(lambda: postman.post(site) or world.mails)
            _until(lambda: world.mails)
            (letter,) = world.mails
            assert letter.recipient == "hana@example.jp" and "/r/" in text_of(letter)

            # 2. An alert: Postfix takes both mails over, the world refuses one, Postfix sends its notification.
            number = sent(office, GONE, "there@example.jp")
            _until(lambda: _outcome(site.engine, number, GONE) is Outcome.FAILED)
            with reading(site.engine) as session:
                rows = {_address(session, row): row for row in session.scalars(select(DeliveryRow))}
                said = [(one.outcome, one.reason) for one in store.receipts(session, rows[GONE].id)]
                detail = store.receipts(session, rows[GONE].id)[-1].detail
            assert rows["there@example.jp"].outcome is Outcome.ACCEPTED
            assert said == [(Outcome.ACCEPTED, None), (Outcome.FAILED, Reason.BAD_ADDRESS)]
            assert detail is not None and "5.1.1" in detail and "No such user here" in detail
            _until(lambda: "there@example.jp" in {mail.recipient for mail in world.mails})
            assert _keys(world.mails).issuperset({rows["there@example.jp"].id})
    finally:
        listener.stop()
        site.close()


def _outcome(engine, number: int, address: str) -> Outcome | None:
    with reading(engine) as session:
        rows = session.scalars(select(DeliveryRow).where(DeliveryRow.dispatch_id == number))
        return next((row.outcome for row in rows if _address(session, row) == address), None)


def _address(session, row: DeliveryRow) -> str:
    address: str = session.get_one(ContactRow, row.contact_id).address
    return address


def _keys(mails: object) -> set[int]:
    """The deliveries that the return paths of alerts name."""
    assert isinstance(mails, tuple)
    alerts = [mail for mail in mails if isinstance(mail, Mail) and "X-Alertd-Status" in mail.parsed()]
    return {int(mail.sender.removeprefix("bounce+").partition("-")[0]) for mail in alerts}
