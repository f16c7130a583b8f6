"""The trial call: a Test to one recipient by telephone, in fixed words, to see that the number is right.

It goes the way of every alert, with its document, deliveries, receipts and audit rows.
One person may send it, because nobody else hears it and its words cannot be chosen; it
is limited in number, and waits for the morning and for real alerts.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from alertd import issue, store
from alertd.alert import Alert, Area, Category, Certainty, Info, MsgType, Scope, Severity, Status, Urgency
from alertd.audience import Audience
from alertd.channel import Answer, Outcome, Reason
from alertd.city import City
from alertd.db import reading
from alertd.dispatch import Move, Person, State
from alertd.errors import MoveRefused, NotFound, Problem, WrongAudience
from alertd.issue import Submission
from alertd.quiet import quiet_until
from alertd.site import Site
from alertd.store.freezes import open_below
from alertd.tables import AlertRow, ContactRow, DeliveryRow, DispatchRow, RecipientRow

#: trial calls in an hour, over the whole installation
MOST = 60
#: between two trial calls to the same recipient
PAUSE = timedelta(minutes=10)
#: how long it may be tried
_LIFE = timedelta(hours=1)


def begin(site: Site, recipient_id: int, person: Person) -> int:
    """Calls one recipient now; returns the dispatch.

    Raises NotFound, WrongAudience when there is no number or no channel for it, and
    MoveRefused when it must not be now.
    """
    now = site.clock.now().replace(microsecond=0)
    with reading(site.engine) as session:
        _must_exist(session, recipient_id)
        channel = _channel(site, session, recipient_id, now)
        _must_be_now(session, recipient_id, now)
    submission = Submission(
        alert=_alert(site.config.city, recipient_id, now),
        audience=Audience(recipient=recipient_id),
        channels=(channel,),
        template=store.TRIAL,
    )
    number = issue.submit(site, submission, person)
    with reading(site.engine) as session:
        seen = session.get_one(DispatchRow, number).content_hash
    issue.let_go(site, number, person, Move.TRY, seen=seen)
    return number


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A trial call and what came of it; outcome None = it is under way."""

    dispatch_id: int
    at: datetime
    outcome: Outcome | None
    reason: Reason | None
    answer: Answer | None

    @property
    def heard(self) -> bool:
        """Somebody listened to the end, or pressed a key."""
        return self.outcome in (Outcome.DELIVERED, Outcome.ACKNOWLEDGED)

    @property
    def over(self) -> bool:
        """The first attempt has ended, whatever came of it."""
        return self.outcome not in (None, Outcome.ACCEPTED)


def last_trials(session: Session, recipients: Collection[int]) -> Mapping[int, Trial]:
    """The last trial call to each of these recipients who had one."""
    latest = (
        select(func.max(DeliveryRow.id))
        .join(DispatchRow, DispatchRow.id == DeliveryRow.dispatch_id)
        .where(DeliveryRow.recipient_id.in_(recipients), DispatchRow.template == store.TRIAL)
        .group_by(DeliveryRow.recipient_id)
    )
    rows = session.execute(
        select(DeliveryRow, DispatchRow.submitted_at)
        .join(DispatchRow, DispatchRow.id == DeliveryRow.dispatch_id)
        .where(DeliveryRow.id.in_(latest))
    )
    found = {
        row.recipient_id: Trial(
            dispatch_id=row.dispatch_id, at=at, outcome=row.outcome, reason=row.reason, answer=row.answer
        )
        for row, at in rows
    }
    begun = session.scalars(
        select(DispatchRow)
        .where(
            DispatchRow.template == store.TRIAL,
            DispatchRow.state == State.APPROVED,
            DispatchRow.corrects_id.is_(None),
        )
        .order_by(DispatchRow.id)
    )
    for dispatch in begun:
        recipient = dispatch.audience.get("recipient")
        if isinstance(recipient, int) and recipient in recipients:
            found[recipient] = Trial(
                dispatch_id=dispatch.id, at=dispatch.submitted_at, outcome=None, reason=None, answer=None
            )
    return found


def _must_exist(session: Session, recipient_id: int) -> None:
    row = session.get(RecipientRow, recipient_id)
    if row is None or not row.active:
        raise NotFound(f"there is no recipient of the number {recipient_id}")


def _channel(site: Site, session: Session, recipient_id: int, now: datetime) -> str:
    """The section that calls this recipient and carries tests; not at night."""
    contact = session.scalars(
        select(ContactRow)
        .where(ContactRow.recipient_id == recipient_id, ContactRow.kind == "voice", ContactRow.active)
        .order_by(ContactRow.preference, ContactRow.id)
        .limit(1)
    ).first()
    if contact is None:
        raise WrongAudience(
            Problem("recipient", "there is no telephone number to call", "電話番号が登録されていません。")
        )
    names = [
        name
        for name, settings in site.settings.items()
        if settings.reaches == "voice" and Status.TEST in settings.carries and contact.section in (None, name)
    ]
    if not names:
        raise WrongAudience(
            Problem(
                "channels",
                "no telephone section carries Test; add it to `carries` of one",
                "試験（Test）を送れる電話の設定がありません。管理者に連絡してください。",
            )
        )
    if quiet_until(site.settings[names[0]].quiet_hours, now) is not None:
        raise MoveRefused("people are left in peace at night; call in the morning")
    return names[0]


def _must_be_now(session: Session, recipient_id: int, now: datetime) -> None:
    if not open_below(session, now):
        raise MoveRefused("nothing is sent for now: everything is frozen or maintained; call later")
    real = session.scalar(
        select(func.count())
        .select_from(DispatchRow)
        .join(AlertRow, AlertRow.id == DispatchRow.alert_id)
        .where(
            DispatchRow.state.in_((State.APPROVED, State.SENDING)),
            AlertRow.status == Status.ACTUAL,
            DispatchRow.expires_at > now,
        )
    )
    if real:
        raise MoveRefused("a real alert is going out, and it needs the lines; call when it has ended")
    made = select(func.count()).select_from(DispatchRow).where(
        DispatchRow.template == store.TRIAL, DispatchRow.corrects_id.is_(None)
    )  # fmt: skip
    if (session.scalar(made.where(DispatchRow.submitted_at > now - timedelta(hours=1))) or 0) >= MOST:
        raise MoveRefused(f"there were {MOST} trial calls in the last hour; go on in an hour")
    lately = session.scalars(
        select(DispatchRow.audience).where(
            DispatchRow.template == store.TRIAL, DispatchRow.submitted_at > now - PAUSE
        )
    )
    if any(rule.get("recipient") == recipient_id for rule in lately):
        raise MoveRefused("this number had a trial call a few minutes ago; wait ten minutes")


def _alert(city: City, recipient_id: int, now: datetime) -> Alert:
    """The document: private, in words that nobody can choose."""
    words = {
        "ja-JP": (
            "電話のお知らせの試験",
            f"{city.name}です。災害のときに、お知らせを電話で伝える試験をしています。"
            "この電話が聞こえていれば、登録はできています。いま、避難などの必要はありません。",
        ),
        "ja-easy": (
            "電話（でんわ）の テスト",
            f"{city.name}です。災害（さいがい）の とき、この 電話（でんわ）に お知（し）らせをします。"
            "聞（き）こえて いれば だいじょうぶです。いま、何（なに）も しなくて いいです。",
        ),
        "en": (
            "Trial call",
            f"This is {city.name_en}. In a disaster we will call this number. "
            "If you can hear this, your registration works. There is nothing you need to do now.",
        ),
    }
    infos = tuple(
        Info(
            language=language,
            event=title,
            headline=title,
            description=text,
            categories=(Category.SAFETY,),
            urgency=Urgency.UNKNOWN,
            severity=Severity.MINOR,
            certainty=Certainty.OBSERVED,
            expires=now + _LIFE,
            areas=(Area(description=city.name),),
        )
        for language, (title, text) in words.items()
    )
    return Alert(
        identifier=f"{city.code}.trial.{now:%Y%m%dT%H%M%S}.{secrets.token_hex(4)}",
        sender=city.sender,
        sent=now,
        status=Status.TEST,
        msg_type=MsgType.ALERT,
        scope=Scope.PRIVATE,
        addresses=(f"recipient:{recipient_id}",),
        infos=infos,
    )
