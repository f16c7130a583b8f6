"""The judge of the chaos runs sees what it must: each broken promise is found by its ledger."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from alertd import plan
from alertd.alert import Status
from alertd.clock import SystemClock
from alertd.db import reading, writing
from alertd.messages import DELIVERY
from alertd.relay import Relay
from alertd.send import drain
from alertd.tables import AuditRow, DeliveryRow
from alertd.testing import FakeChannel, FakeFarEnd
from alertd.token import seal
from tests import factories
from tests.chaos.judge import Verdict, judge
from tests.chaos.layout import Population, ledger_file
from tests.chaos.town import Town

Entry = dict[str, Any]


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """A town in which three mails and three calls of a real alert have arrived."""
    far_end = FakeFarEnd(tmp_path / "far_end")
    settings = {name: far_end.settings() for name in ("mail", "phone")}
    channels = {name: FakeChannel(name, settings[name]) for name in settings}
    url = f"sqlite:///{tmp_path / 'alertd.db'}"
    site = factories.make_site(tmp_path, url, settings, channels, clock=SystemClock())
    for name in settings:
        factories.add_people(site, [f"{name}{n}@example.jp" for n in range(3)], section=name)
    alert = factories.make_alert(status=Status.ACTUAL, sent=site.clock.now().replace(microsecond=0))
    number = factories.submit(site, alert, channels=("mail", "phone"))
    factories.approve(site, number)
    plan.plan(site, number)
    for name in settings:
        drain(site, name, threading.Event())
    relay = Relay(site, lambda _: True)
    relay.tick()
    relay.close()
    people = Population(mail=3, phone=3, fm=0, radio=0)
    yield Town(tmp_path, site, people, {}, None, {number: Status.ACTUAL})
    site.close()


def judged(
    town: Town, change: Callable[[list[Entry], list[Entry]], object] = lambda mail, phone: None
) -> Verdict:
    """The verdict on ledgers that tell the truth but for the change."""
    at = town.site.clock.now()
    mail: list[Entry] = []
    phone: list[Entry] = []
    with reading(town.site.engine) as session:
        for row in session.scalars(select(DeliveryRow)):
            key = seal(town.site.secret, DELIVERY, row.id)
            if row.channel == "mail":
                mail.append({"at": at.isoformat(), "key": key, "status": "Actual"})
            else:
                url = f"http://127.0.0.1/callbacks/phone?key={key}&attempt=1"
                phone.append({"at": at.isoformat(), "event": "created", "sid": key, "url": url})
    change(mail, phone)
    for name, entries in (("mail", mail), ("phone", phone)):
        ledger_file(town.folder, name).write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    return judge(town, [])


def test_true_ledgers_break_no_promise(town: Town) -> None:
    verdict = judged(town)
    assert verdict.broken == []
    assert (verdict.deliveries, verdict.lost, verdict.doubles) == (6, 0, 0)


def test_a_mail_that_never_arrived_is_lost(town: Town) -> None:
    verdict = judged(town, lambda mail, phone: mail.pop())
    assert verdict.lost == 1
    assert any("never did" in sentence for sentence in verdict.broken)


def test_a_mail_twice_without_a_death_is_too_much(town: Town) -> None:
    verdict = judged(town, lambda mail, phone: mail.append(mail[0]))
    assert verdict.doubles == 1
    assert any("more than 0" in sentence for sentence in verdict.broken)


def test_a_second_call_while_the_first_goes_on_is_a_double(town: Town) -> None:
    verdict = judged(town, lambda mail, phone: phone.append({**phone[0], "sid": "another"}))
    assert verdict.double_calls == 1
    assert verdict.broken


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda mail, phone: mail[0].update(status="Exercise"), "is marked Exercise"),
        (lambda mail, phone: mail[0].update(at="2020-01-01T00:00:00+00:00"), "before dispatch"),
        (lambda mail, phone: mail.append({**mail[0], "key": "no-key-of-ours"}), "no key of ours"),
    ],
    ids=["unmarked", "early", "stranger"],
)
def test_an_effect_that_was_not_approved_is_found(
    town: Town, change: Callable[[list[Entry], list[Entry]], object], found: str
) -> None:
    assert any(found in sentence for sentence in judged(town, change).broken)


def test_what_is_stored_must_be_what_was_said(town: Town) -> None:
    with writing(town.site.engine) as session:
        session.execute(update(DeliveryRow).where(DeliveryRow.id == 1).values(outcome="failed"))
    assert any("not what their receipts say" in sentence for sentence in judged(town).broken)


def test_a_dispatch_that_is_not_over_is_found(town: Town) -> None:
    later = town.site.clock.now() + timedelta(hours=1)
    with writing(town.site.engine) as session:
        session.execute(update(DeliveryRow).where(DeliveryRow.id == 1).values(due_at=later))
    assert any("are open" in sentence for sentence in judged(town).broken)


def test_a_changed_audit_trail_is_found(town: Town) -> None:
    with writing(town.site.engine) as session:
        factories.as_its_owner(session)
        session.execute(update(AuditRow).where(AuditRow.id == 2).values(actor="somebody else"))
    assert any("audit trail is broken" in sentence for sentence in judged(town).broken)
