"""What many tests need: a site over fake or real channels, people in it, and an alert."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pyotp import TOTP
from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from alertd import issue, papers, second_factor
from alertd.alert import Alert, Area, Category, Certainty, Info, MsgType, Severity, Status, Urgency
from alertd.audience import Audience
from alertd.channel import Channel, ChannelSettings
from alertd.city import City
from alertd.clock import Clock
from alertd.config import Approval, Config, Web, Worker
from alertd.db import writing
from alertd.dispatch import Person, Role
from alertd.recipient import RecipientKind
from alertd.site import Site
from alertd.tables import AreaRow, ContactRow, OperatorRow, RecipientRow
from tests.furnished import furnish

#: the start of every test that stops the clock
START = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)

WRITER = Person(1, "起案 花子", frozenset({Role.DRAFT, Role.VIEW}))
APPROVER = Person(2, "承認 太郎", frozenset({Role.APPROVE, Role.SEND, Role.VIEW}))
BOTH = Person(3, "夜勤 次郎", frozenset({Role.DRAFT, Role.APPROVE, Role.SEND, Role.VIEW}))
TRAINEE = Person(4, "研修 三郎", frozenset({Role.TRAINEE}))


def make_site(
    folder: Path,
    database_url: str,
    settings: Mapping[str, ChannelSettings],
    channels: Mapping[str, Channel],
    *,
    clock: Clock | None = None,
    lease: float = 8.0,
    patience: float = 10.0,
    exercise: int = 2,
) -> Site:
    """A site with these channels already open; its tables are there, and four operators."""
    config = Config(
        file=None,
        city=City(),
        storage=folder / "var",
        database_url=database_url,
        broker_url="embedded",
        web=Web(),
        approval=Approval(exercise=1 if exercise == 1 else 2, real_per_hour=10_000),
        worker=Worker(lease=lease, patience=patience),
        channels=settings,
    )
    site = Site.open(config, clock)
    site._channels.update(channels)
    furnish(site.engine)
    with writing(site.engine) as session:
        for person in (WRITER, APPROVER, BOTH, TRAINEE):
            session.add(
                OperatorRow(
                    id=person.id,
                    name=person.name,
                    password_hash="-",
                    roles=sorted(person.roles),
                    created_at=START,
                )
            )
        session.add(AreaRow(code="RNN", name="嵐南", name_en="Rannan", households=9000))
        session.add(AreaRow(code="RHK", name="嵐北", name_en="Ranhoku", households=7900))
        session.add(AreaRow(code="IGR", name="井栗", name_en="Iguri", households=4500))
    return site


def enrol(site: Site, person: Person) -> TOTP:
    """Gives an operator a second factor; the device, which shows a code for each moment."""
    secret = second_factor.new_secret()
    device, before = TOTP(secret, interval=second_factor.STEP), site.clock.now() - timedelta(minutes=5)
    with writing(site.engine) as session:
        row = session.get_one(OperatorRow, person.id)
        second_factor.enrol(session, site.secret, row, secret, device.at(before), before, person.name)
    return device


def add_people(
    site: Site,
    addresses: list[str],
    *,
    kind: str = "fake",
    area: str = "RNN",
    language: str = "ja",
    needs_support: bool = False,
    preference: int = 1,
    section: str | None = None,
    who: RecipientKind = RecipientKind.PERSON,
) -> list[int]:
    """One recipient with one contact for each address; returns the recipients' numbers."""
    numbers: list[int] = []
    with writing(site.engine) as session:
        for at in range(0, len(addresses), 5000):
            part = addresses[at : at + 5000]
            made = session.scalars(
                insert(RecipientRow).returning(RecipientRow.id, sort_by_parameter_order=True),
                [
                    {
                        "name": f"三条 {at + n}",
                        "kana": "",
                        "kind": who,
                        "area": area,
                        "language": language,
                        "needs_support": needs_support,
                        "active": True,
                        "created_at": START,
                    }
                    for n in range(len(part))
                ],
            ).all()
            session.execute(
                insert(ContactRow),
                [
                    {
                        "recipient_id": number,
                        "kind": kind,
                        "address": address,
                        "preference": preference,
                        "active": True,
                        "section": section,
                    }
                    for number, address in zip(made, part, strict=True)
                ],
            )
            numbers += made
    return numbers


def make_alert(
    *,
    identifier: str = "sanjo.152048.test.1",
    status: Status = Status.EXERCISE,
    severity: Severity = Severity.SEVERE,
    sent: datetime = START,
    life: timedelta = timedelta(hours=6),
    text: str = "五十嵐川の水位が上がっています。川から離れてください。",
) -> Alert:
    """A short alert in Japanese without a level."""
    return Alert(
        identifier=identifier,
        sender="bosai@sanjo.example.jp",
        sent=sent,
        status=status,
        msg_type=MsgType.ALERT,
        infos=(
            Info(
                language="ja-JP",
                event="お知らせ",
                categories=(Category.SAFETY,),
                urgency=Urgency.IMMEDIATE,
                severity=severity,
                certainty=Certainty.LIKELY,
                headline="川の水位のお知らせ",
                description=text,
                expires=sent + life,
                areas=(Area(description="嵐南"),),
            ),
        ),
    )


def submit(
    site: Site,
    alert: Alert | None = None,
    *,
    channels: tuple[str, ...] = ("mail",),
    audience: Audience | None = None,
    person: Person = WRITER,
    life_threat: bool = False,
    anew: str = "試験のための発令",
) -> int:
    """Submits an alert to 嵐南, one of its own whatever went before; returns the dispatch."""
    submission = issue.Submission(
        alert=alert or make_alert(sent=site.clock.now().replace(microsecond=0)),
        audience=audience or Audience(areas=("RNN",)),
        channels=channels,
        life_threat=life_threat,
        anew=anew,
    )
    return issue.submit(site, submission, person)


def as_its_owner(session: Session) -> None:
    """From here on this transaction may change what the database itself keeps: so may who owns it."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SET LOCAL session_replication_role = replica"))
        return
    for name in ("audit_not_changed", "audit_not_erased", "two_people", "two_people_at_once"):
        session.execute(text(f"DROP TRIGGER IF EXISTS {name}"))


def content_hash(site: Site, dispatch_id: int) -> str:
    """What an approver is shown."""
    with writing(site.engine) as session:
        row, _ = papers.locked(session, dispatch_id)
        return row.content_hash


def approve(site: Site, dispatch_id: int, person: Person = APPROVER) -> None:
    """Approves what is stored."""
    issue.approve(site, dispatch_id, person, seen=content_hash(site, dispatch_id))
