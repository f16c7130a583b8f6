"""The tables: what is stored, on SQLite and PostgreSQL alike."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Dialect,
    Enum,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, validates
from sqlalchemy.types import TypeDecorator, TypeEngine

from alertd.alert import MsgType, Status
from alertd.channel import Answer, Outcome, Phase, Reason
from alertd.delivery import NOTHING_KNOWN
from alertd.dispatch import State
from alertd.recipient import RecipientKind
from alertd.sealed import Fingerprint, Sealed, same_as

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: what addresses of contacts are sealed for
CONTACT_ADDRESS = "contact.address"


class Instant(TypeDecorator[datetime]):
    """An aware time in UTC: microseconds since 1970 on SQLite, timestamptz on PostgreSQL."""

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(TIMESTAMP(timezone=True))
        return dialect.type_descriptor(BigInteger())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None or dialect.name == "postgresql":
            return value
        return (value - _EPOCH) // timedelta(microseconds=1)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if dialect.name == "postgresql":
            moment: datetime = value
            return moment.astimezone(UTC)
        return _EPOCH + timedelta(microseconds=value)


def _by_value(enum: type[StrEnum]) -> Enum:
    return Enum(
        enum, native_enum=False, length=16, values_callable=lambda members: [m.value for m in members]
    )


class Base(DeclarativeBase):
    """What all tables share: names for constraints, and how Python types are stored."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {
        datetime: Instant,
        dict[str, Any]: JSON,
        list[str]: JSON,
        list[dict[str, Any]]: JSON,
        State: _by_value(State),
        Status: _by_value(Status),
        MsgType: _by_value(MsgType),
        Outcome: _by_value(Outcome),
        Reason: _by_value(Reason),
        Phase: _by_value(Phase),
        Answer: _by_value(Answer),
        RecipientKind: _by_value(RecipientKind),
    }


#: row numbers: 64 bits on PostgreSQL, SQLite's own rowid there
Number = BigInteger().with_variant(Integer, "sqlite")


class AreaRow(Base):
    """A part of the city that can be alerted."""

    __tablename__ = "area"

    code: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    name_kana: Mapped[str] = mapped_column(String(200), default="")
    name_en: Mapped[str] = mapped_column(String(100), default="")
    households: Mapped[int] = mapped_column(default=0)
    #: order on screen
    position: Mapped[int] = mapped_column(default=0)


class OutlineRow(Base):
    """Where an area lies."""

    __tablename__ = "area_outline"

    code: Mapped[str] = mapped_column(
        String(32), ForeignKey("area.code", ondelete="CASCADE"), primary_key=True
    )
    #: a GeoJSON Polygon or MultiPolygon (RFC 7946)
    geometry: Mapped[dict[str, Any]]


class RecipientRow(Base):
    """A person, household, organisation, station or loudspeaker."""

    __tablename__ = "recipient"

    id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=True)
    name: Mapped[str] = mapped_column(Sealed("recipient.name", 200))
    kana: Mapped[str] = mapped_column(Sealed("recipient.kana", 200), default="")
    kind: Mapped[RecipientKind]
    area: Mapped[str] = mapped_column(String(32), index=True)
    #: 自治会: the neighbourhood association, whose people knock at doors
    association: Mapped[str] = mapped_column(String(100), default="", server_default="")
    #: where the door is, as neighbours say it
    street: Mapped[str] = mapped_column(Sealed("recipient.street", 200), default="", server_default="")
    language: Mapped[str] = mapped_column(String(16), default="ja")
    needs_support: Mapped[bool] = mapped_column(default=False)
    #: the number in the list that it came from; imports update by it
    external_id: Mapped[str | None] = mapped_column(String(64), unique=True)
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]


class MembershipRow(Base):
    """A recipient's place in a group."""

    __tablename__ = "membership"

    recipient_id: Mapped[int] = mapped_column(
        Number, ForeignKey("recipient.id", ondelete="CASCADE"), primary_key=True
    )
    group_name: Mapped[str] = mapped_column(String(64), primary_key=True, index=True)


class ContactRow(Base):
    """One address of a recipient on one kind of channel."""

    __tablename__ = "contact"
    __table_args__ = (Index("ix_contact_kind_address_key", "kind", "address_key"),)

    id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=True)
    recipient_id: Mapped[int] = mapped_column(
        Number, ForeignKey("recipient.id", ondelete="CASCADE"), index=True
    )
    #: the channel kind: email, voice, fm, radio, …
    kind: Mapped[str] = mapped_column(String(32))
    #: only by this channel section; None = any of the kind
    section: Mapped[str | None] = mapped_column(String(64))
    address: Mapped[str] = mapped_column(Sealed(CONTACT_ADDRESS, 320))
    #: the address is found by it
    address_key: Mapped[str] = mapped_column(Fingerprint(), default=same_as("address"), server_default="")
    #: who answers there, such as a daughter; empty = the recipient
    holder: Mapped[str] = mapped_column(Sealed("contact.holder", 100), default="", server_default="")
    #: 1 is tried first
    preference: Mapped[int] = mapped_column(default=1)
    #: False = has left the list
    active: Mapped[bool] = mapped_column(default=True)

    @validates("address")
    def _found_by(self, _name: str, address: str) -> str:
        self.address_key = address
        return address


class SubscriptionRow(Base):
    """What somebody who registered an address for it wants, and the record that they asked for it.

    A contact without one comes from the city's own lists and is told everything.
    """

    __tablename__ = "subscription"

    contact_id: Mapped[int] = mapped_column(
        Number, ForeignKey("contact.id", ondelete="CASCADE"), primary_key=True
    )
    #: `alertd.category.as_bits`
    categories: Mapped[int]
    #: by the page, by a blank mail, or by the staff (`alertd.subscription.How`)
    how: Mapped[str] = mapped_column(String(16))
    #: who of the staff did it for them
    registered_by: Mapped[str | None] = mapped_column(String(64))
    opted_in_at: Mapped[datetime]
    #: language and digest of the terms that they were shown
    text_version: Mapped[str] = mapped_column(String(80), default="")
    #: the network that the request came from, as /24 or /48
    network: Mapped[str | None] = mapped_column(String(64))
    changed_at: Mapped[datetime]


class SubscribedAreaRow(Base):
    """An area that a subscriber wants news of."""

    __tablename__ = "subscribed_area"

    contact_id: Mapped[int] = mapped_column(
        Number, ForeignKey("subscription.contact_id", ondelete="CASCADE"), primary_key=True
    )
    area: Mapped[str] = mapped_column(String(32), primary_key=True, index=True)


class SuppressionRow(Base):
    """An address that left and was erased; known by its fingerprint, so that no list brings it back."""

    __tablename__ = "suppression"

    kind: Mapped[str] = mapped_column(String(32), primary_key=True)
    address_key: Mapped[str] = mapped_column(Fingerprint(), primary_key=True)
    at: Mapped[datetime]


class DepartureRow(Base):
    """Somebody has left the list, or was taken off it because mail bounces; append-only."""

    __tablename__ = "departure"

    id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=True)
    contact_id: Mapped[int] = mapped_column(Number, ForeignKey("contact.id", ondelete="CASCADE"), index=True)
    at: Mapped[datetime] = mapped_column(index=True)
    #: `alertd.subscription.Cause`
    cause: Mapped[str] = mapped_column(String(16))


class LetterRow(Base):
    """A mail to one person about their registration: asked for, written and sent outside the web request.

    To be sent: `due_at` is not NULL · leased: `claimed_until > now`.
    """

    __tablename__ = "letter"
    __table_args__ = (
        Index(
            "ix_letter_due",
            "due_at",
            sqlite_where=text("due_at IS NOT NULL"),
            postgresql_where=text("due_at IS NOT NULL"),
        ),
        Index("ix_letter_address_key", "address_key"),
        Index("ix_letter_mailbox_key", "mailbox_key", "sent_at"),
        Index("ix_letter_domain", "domain", "sent_at"),
        Index("ix_letter_network", "network", "created_at"),
    )

    id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=True)
    #: `alertd.letter.LetterKind`
    kind: Mapped[str] = mapped_column(String(16))
    address: Mapped[str] = mapped_column(Sealed("letter.address", 320))
    address_key: Mapped[str] = mapped_column(Fingerprint(), default=same_as("address"), server_default="")
    #: the same for every `+tag`: letters are counted by it
    mailbox_key: Mapped[str] = mapped_column(Fingerprint(), server_default="")
    domain: Mapped[str] = mapped_column(String(253))
    language: Mapped[str] = mapped_column(String(16))
    #: what asked for it (`alertd.subscription.How`), and from which network, as /24 or /48
    how: Mapped[str] = mapped_column(String(16))
    network: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(index=True)
    due_at: Mapped[datetime | None]
    attempt: Mapped[int] = mapped_column(default=0)
    claimed_until: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    #: `alertd.letter.Fate`; None = still to be sent
    fate: Mapped[str | None] = mapped_column(String(16))
    #: the mail relay's words, for people
    detail: Mapped[str | None] = mapped_column(String(300))
    #: makes its link unlike that of any other letter
    nonce: Mapped[str] = mapped_column(String(32))
    #: SHA-256 of the token in its link, once it is written
    token_hash: Mapped[str | None] = mapped_column(String(64), unique=True)
    #: the link works until then, and only once
    link_until: Mapped[datetime | None]
    used_at: Mapped[datetime | None]


class AlertRow(Base):
    """A CAP document, byte for byte."""

    __tablename__ = "alert"
    __table_args__ = (UniqueConstraint("sender", "identifier", "sent"),)

    id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=True)
    identifier: Mapped[str] = mapped_column(String(200), index=True)
    sender: Mapped[str] = mapped_column(String(200))
    sent: Mapped[datetime]
    status: Mapped[Status]
    msg_type: Mapped[MsgType]
    #: headline in the city's first language, for lists
    headline: Mapped[str] = mapped_column(String(300))
    document: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]


class DispatchRow(Base):
    """One sending of one alert to one audience over some channels."""

    __tablename__ = "dispatch"

    id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=True)
    alert_id: Mapped[int] = mapped_column(Number, ForeignKey("alert.id"), index=True)
    state: Mapped[State] = mapped_column(index=True)
    #: 0 = Extreme … 4 = Unknown, and 5 more for a drill or test; claims go by it
    priority: Mapped[int]
    #: the template that it was made from; None = written freely or from CAP
    template: Mapped[str | None] = mapped_column(String(64))
    life_threat: Mapped[bool] = mapped_column(default=False)
    #: `Audience.as_json`; for a correction: who was reached by `corrects_id`
    audience: Mapped[dict[str, Any]]
    channels: Mapped[list[str]]
    #: contacts by channel, as the approver saw them
    counts: Mapped[dict[str, Any]]
    #: SHA-256 over the document and every artefact
    content_hash: Mapped[str] = mapped_column(String(64))
    audience_hash: Mapped[str] = mapped_column(String(64))
    expires_at: Mapped[datetime]
    submitted_by: Mapped[int] = mapped_column(Number, ForeignKey("operator.id"))
    submitted_at: Mapped[datetime]
    approved_by: Mapped[int | None] = mapped_column(Number, ForeignKey("operator.id"))
    approved_at: Mapped[datetime | None]
    #: why one person alone let it go out
    override_reason: Mapped[str | None] = mapped_column(String(500))
    #: until then an emergency override can be taken back before anything goes out
    hold_until: Mapped[datetime | None]
    #: who has looked at an emergency override afterwards
    reviewed_by: Mapped[int | None] = mapped_column(Number, ForeignKey("operator.id"))
    reviewed_at: Mapped[datetime | None]
    #: why it is an alert of its own although one of its kind went before within minutes (see alertd.twin)
    anew: Mapped[str | None] = mapped_column(String(300))
    #: who administers and says that it may go out beyond the hourly number (see alertd.hourly)
    permitted_by: Mapped[int | None] = mapped_column(Number, ForeignKey("operator.id"))
    permitted_at: Mapped[datetime | None]
    planned_at: Mapped[datetime | None]
    #: the first hand-over began
    first_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    cancelled_at: Mapped[datetime | None]
    #: the dispatch that this one calls off
    corrects_id: Mapped[int | None] = mapped_column(Number, ForeignKey("dispatch.id"), index=True)
    #: the newer dispatch that references this one's alert: old attempts stop where it calls
    superseded_by_id: Mapped[int | None] = mapped_column(Number, ForeignKey("dispatch.id"))
    #: the dispatch that this one follows up, and how (see alertd.follow_up)
    follows_id: Mapped[int | None] = mapped_column(Number, ForeignKey("dispatch.id"), index=True)
    follow_up: Mapped[str | None] = mapped_column(String(16))
    #: by name of a channel that is stopped: who stopped it, and when (see alertd.halt)
    stops: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default="{}")
    #: the step of a drill that it was made for; it goes out when the drill is armed and the step's time comes
    drill_step_id: Mapped[int | None] = mapped_column(
        Number, ForeignKey("drill_step.id"), unique=True, index=True
    )


class SavedDraftRow(Base):
    """What an operator was writing, kept while they type. No verb of the engine reads it, so it never sends."""

    __tablename__ = "saved_draft"

    id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=True)
    #: made when the form was opened; the form carries it
    token: Mapped[str] = mapped_column(String(43), unique=True)
    operator_id: Mapped[int] = mapped_column(Number, ForeignKey("operator.id"))
    template: Mapped[str] = mapped_column(String(64))
    status: Mapped[Status]
    #: the fields of the form, as they were typed
    form: Mapped[dict[str, Any]]
    saved_at: Mapped[datetime]
    #: when its facts were last known to be fresh: first written, or looked at anew by a person
    fresh_at: Mapped[datetime]
    #: submitted or put away; None = somebody may go on writing
    settled_at: Mapped[datetime | None] = mapped_column(index=True)
    dispatch_id: Mapped[int | None] = mapped_column(Number, ForeignKey("dispatch.id"))


class ArtefactRow(Base):
    """The finished words and sound of a dispatch for one channel and language."""

    __tablename__ = "artefact"
    __table_args__ = (UniqueConstraint("dispatch_id", "channel", "language"),)

    id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=True)
    dispatch_id: Mapped[int] = mapped_column(Number, ForeignKey("dispatch.id", ondelete="CASCADE"))
    channel: Mapped[str] = mapped_column(String(64))
    language: Mapped[str] = mapped_column(String(16))
    headline: Mapped[str]
    text: Mapped[str]
    short_text: Mapped[str | None]
    #: SHA-256 of the sound file; None = no sound
    audio_digest: Mapped[str | None] = mapped_column(String(64), index=True)
    audio_seconds: Mapped[float | None]
    voice: Mapped[str | None] = mapped_column(String(200))
    #: how the words are read, for the approver's eyes
    reading: Mapped[str | None]
    #: characters that no voice could read
    unread: Mapped[str | None]


class DeliveryRow(Base):
    """One dispatch to one contact. Ready, leased, handed over and final are derived:

    never looked at again: `due_at IS NULL` · leased: `claimed_until > now` · handed
    over and not heard of: `handed_at IS NOT NULL`.
    """

    __tablename__ = "delivery"
    __table_args__ = (
        UniqueConstraint("dispatch_id", "contact_id"),
        # PostgreSQL would check them row by row, half of the time that planning takes; there the
        # contact keeps its recipient, the artefacts keep their dispatch, and who takes contacts
        # away waits until nobody plans (see alertd.store.planning)
        ForeignKeyConstraint(["dispatch_id"], ["dispatch.id"]).ddl_if(dialect="sqlite"),
        ForeignKeyConstraint(["contact_id"], ["contact.id"]).ddl_if(dialect="sqlite"),
        ForeignKeyConstraint(["recipient_id"], ["recipient.id"]).ddl_if(dialect="sqlite"),
        # no index has owner, attempt or handed_at: to mark a hand-over writes none (and is HOT on PostgreSQL)
        Index(
            "ix_delivery_due",
            "channel",
            "priority",
            "turn",
            "due_at",
            "id",
            sqlite_where=text("due_at IS NOT NULL AND turn IS NOT NULL"),
            postgresql_where=text("due_at IS NOT NULL AND turn IS NOT NULL"),
        ),
        Index(
            "ix_delivery_handed",
            "channel",
            "due_at",
            sqlite_where=text("due_at IS NOT NULL AND turn IS NULL"),
            postgresql_where=text("due_at IS NOT NULL AND turn IS NULL"),
        ),
        Index(
            "ix_delivery_open",
            "dispatch_id",
            sqlite_where=text("due_at IS NOT NULL"),
            postgresql_where=text("due_at IS NOT NULL"),
        ),
        # all that the tally counts by, so that a board of a million reads no row
        Index("ix_delivery_tally", "dispatch_id", "channel", "outcome", "reason", "answer", "due_at"),
        Index("ix_delivery_person", "dispatch_id", "recipient_id"),
        Index(
            "ix_delivery_help",
            "dispatch_id",
            "id",
            sqlite_where=text("answer = 'help'"),
            postgresql_where=text("answer = 'help'"),
        ),
        Index(
            "ix_delivery_line",
            "channel",
            "line_until",
            sqlite_where=text("line_until IS NOT NULL"),
            postgresql_where=text("line_until IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=True)
    dispatch_id: Mapped[int] = mapped_column(Number)
    recipient_id: Mapped[int] = mapped_column(Number)
    contact_id: Mapped[int] = mapped_column(Number)
    channel: Mapped[str] = mapped_column(String(64))
    language: Mapped[str] = mapped_column(String(16))
    priority: Mapped[int]
    #: the delivery that this one corrects; it must be recorded before this one may go
    after_id: Mapped[int | None] = mapped_column(Number)
    #: hand-overs begun so far
    attempt: Mapped[int] = mapped_column(default=0)
    #: its turn among what is to be handed over: the attempts before; None = handed over, and only to be
    #: looked at. While a stream hands it over, its turn stays: `ClaimRow` tells which those are
    turn: Mapped[int | None] = mapped_column(default=0, server_default="0")
    #: of them, those that do not count as attempts: the far end never tried
    spared: Mapped[int] = mapped_column(default=0, server_default="0")
    #: the rank of the receipt that speaks (see alertd.delivery)
    standing: Mapped[int] = mapped_column(default=NOTHING_KNOWN)
    outcome: Mapped[Outcome | None]
    reason: Mapped[Reason | None]
    answer: Mapped[Answer | None]
    #: when to look at it next; None = never
    due_at: Mapped[datetime | None]
    #: the drain that has claimed it, and until when its lease runs
    owner: Mapped[str | None] = mapped_column(String(64))
    claimed_until: Mapped[datetime | None]
    #: the hand-over of this attempt began, and the far end may have it
    handed_at: Mapped[datetime | None]
    #: the outcome is known and the line is still in use, at most until then
    line_until: Mapped[datetime | None]


class ClaimRow(Base):
    """What a drain claimed at one time: where to look for what it holds. Whose a delivery is, its row says.

    Stays until nothing of it is held. A few rows, instead of an index that each claim would write.
    """

    __tablename__ = "claim"

    id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=True)
    channel: Mapped[str] = mapped_column(String(64))
    owner: Mapped[str] = mapped_column(String(64))
    #: before then, none of its leases lapses
    until: Mapped[datetime]
    #: numbers of deliveries
    deliveries: Mapped[list[int]] = mapped_column(JSON)


class TakingRow(Base):
    """Somebody of the city has taken a call for help, or a visit to somebody unreached, into their hands."""

    __tablename__ = "taking"

    #: once for each delivery: who comes first has it
    delivery_id: Mapped[int] = mapped_column(Number, ForeignKey("delivery.id"), primary_key=True)
    taken_by: Mapped[int] = mapped_column(Number, ForeignKey("operator.id"))
    taken_at: Mapped[datetime]
    #: what came of the visit (see alertd.help_wanted); None = still on the way
    result: Mapped[str | None] = mapped_column(String(16))
    note: Mapped[str | None] = mapped_column(Sealed("taking.note", 500))
    visited_at: Mapped[datetime | None]


class ReceiptRow(Base):
    """What a channel, the engine or a person said became of a delivery; append-only."""

    __tablename__ = "receipt"

    __table_args__ = (
        # PostgreSQL would lock the delivery once more for each; who writes a receipt has read its delivery
        ForeignKeyConstraint(["delivery_id"], ["delivery.id"]).ddl_if(dialect="sqlite"),
    )

    id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=True)
    delivery_id: Mapped[int] = mapped_column(Number, index=True)
    attempt: Mapped[int]
    outcome: Mapped[Outcome]
    reason: Mapped[Reason | None]
    answer: Mapped[Answer | None]
    ref: Mapped[str | None] = mapped_column(String(200))
    detail: Mapped[str | None] = mapped_column(String(500))
    #: of an airing
    phase: Mapped[Phase | None]
    #: the operator who entered it after a visit at the door; None = the far end or the engine
    said_by: Mapped[int | None] = mapped_column(Number, ForeignKey("operator.id"))
    #: a later visit put it right; it counts no more
    withdrawn_at: Mapped[datetime | None]
    received_at: Mapped[datetime]


class RolledUpRow(Base):
    """What is left of a dispatch whose deliveries and receipts were taken away (see alertd.roll_up)."""

    __tablename__ = "rolled_up"

    dispatch_id: Mapped[int] = mapped_column(Number, ForeignKey("dispatch.id"), primary_key=True)
    at: Mapped[datetime]
    #: `alertd.report.ChannelTally` by channel
    tallies: Mapped[dict[str, Any]]
    #: `alertd.store.figures.SaidOf`
    said: Mapped[dict[str, Any]]
    #: a list of `alertd.store.figures.AreaFigures`
    areas: Mapped[list[dict[str, Any]]]


class AiringRow(Base):
    """One use of a transmitter. Its course is in the receipts of its attempt."""

    __tablename__ = "airing"
    __table_args__ = (
        # at most one for each alert, transmitter and repeat
        UniqueConstraint("dispatch_id", "channel", "address", "repeat"),
        Index(
            "ix_airing_open",
            "channel",
            sqlite_where=text("released_at IS NULL"),
            postgresql_where=text("released_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=True)
    dispatch_id: Mapped[int] = mapped_column(Number, ForeignKey("dispatch.id"))
    delivery_id: Mapped[int] = mapped_column(Number, ForeignKey("delivery.id"), index=True)
    channel: Mapped[str] = mapped_column(String(64))
    address: Mapped[str] = mapped_column(String(320))
    #: 0 = the first time; more only after it was taken off for something more urgent, or by a person's word
    repeat: Mapped[int]
    attempt: Mapped[int]
    requested_at: Mapped[datetime]
    #: the transmitter is given back then, whoever holds it
    ends_by: Mapped[datetime]
    #: why it was taken off (see alertd.on_air); None = it was not
    taken_off: Mapped[str | None] = mapped_column(String(16))
    #: nothing of it is on the air any more; None = not proven yet
    released_at: Mapped[datetime | None]


class ChannelStateRow(Base):
    """How a channel is doing, over all workers."""

    __tablename__ = "channel_state"

    channel: Mapped[str] = mapped_column(String(64), primary_key=True)
    #: a worker looked for due deliveries
    looked_at: Mapped[datetime | None]
    #: the far end took something over
    succeeded_at: Mapped[datetime | None]
    #: nothing is handed over before; the far end was down
    resume_at: Mapped[datetime | None]
    #: how often in a row it was down
    failures: Mapped[int] = mapped_column(default=0)
    #: it has taken nothing since then, because it is asked too often
    busy_since: Mapped[datetime | None]
    #: the pace: the next hand-over may begin
    next_at: Mapped[datetime | None]
    #: an exclusive channel: who transmits, and until when its lease runs
    owner: Mapped[str | None] = mapped_column(String(64))
    owned_until: Mapped[datetime | None]
    #: the last link test, which nobody hears
    probed_at: Mapped[datetime | None]
    #: the last one that the far end answered
    answered_at: Mapped[datetime | None]
    #: what was wrong at the last one; None = nothing
    trouble: Mapped[str | None] = mapped_column(String(500))


class AlarmRow(Base):
    """Something that a person should look at; it is on while the row exists."""

    __tablename__ = "alarm"

    name: Mapped[str] = mapped_column(String(100), primary_key=True)
    message: Mapped[str] = mapped_column(String(500))
    raised_at: Mapped[datetime]


class FreezeRow(Base):
    """Nothing new is handed over while the row exists (see alertd.freeze); one for each scope."""

    __tablename__ = "freeze"

    scope: Mapped[str] = mapped_column(String(16), primary_key=True)
    set_by: Mapped[int] = mapped_column(Number, ForeignKey("operator.id"))
    set_at: Mapped[datetime]
    reason: Mapped[str] = mapped_column(String(300))
    #: it ends by itself then; None = people end it
    ends_at: Mapped[datetime | None]
    #: the first of the two people who lift it; None = nobody has said so yet
    lifted_by: Mapped[int | None] = mapped_column(Number, ForeignKey("operator.id"))
    lifted_at: Mapped[datetime | None]


class SettledRow(Base):
    """A section of the configuration as two people have confirmed it; see alertd.settled."""

    __tablename__ = "settled"

    section: Mapped[str] = mapped_column(String(100), primary_key=True)
    digest: Mapped[str] = mapped_column(String(64))
    #: key -> value as it is shown; secrets are masked
    said: Mapped[dict[str, Any]] = mapped_column(JSON)
    #: it carries real alerts
    live: Mapped[bool]
    #: names of those who confirmed it; empty = it was there first
    by: Mapped[str] = mapped_column(String(200))
    at: Mapped[datetime]


class UnsettledRow(Base):
    """A section with which a program runs and which nobody has confirmed yet; see alertd.settled."""

    __tablename__ = "unsettled"

    section: Mapped[str] = mapped_column(String(100), primary_key=True)
    #: empty = the section is gone
    digest: Mapped[str] = mapped_column(String(64))
    said: Mapped[dict[str, Any]] = mapped_column(JSON)
    live: Mapped[bool]
    seen_at: Mapped[datetime]
    #: the first of the two people who confirm it; None = nobody has yet
    agreed_by: Mapped[int | None] = mapped_column(Number, ForeignKey("operator.id"))
    agreed_at: Mapped[datetime | None]
    #: who lets it send alone in an emergency until it is confirmed, and why
    alone_by: Mapped[int | None] = mapped_column(Number, ForeignKey("operator.id"))
    alone_at: Mapped[datetime | None]
    alone_reason: Mapped[str | None] = mapped_column(String(300))


class AnnouncedRow(Base):
    """That those who may approve were told of a real alert by one way; see alertd.announce."""

    __tablename__ = "announced"

    dispatch_id: Mapped[int] = mapped_column(Number, ForeignKey("dispatch.id"), primary_key=True)
    way: Mapped[str] = mapped_column(String(16), primary_key=True)
    #: somebody tells it, or waits to try again, until then
    taken_until: Mapped[datetime]
    told_at: Mapped[datetime | None]


class PulseRow(Base):
    """A relay's or a worker's last sign of life, one row for each process; see alertd.pulse."""

    __tablename__ = "pulse"

    #: "relay", or "worker.NAME" for each channel that a worker serves
    program: Mapped[str] = mapped_column(String(80), primary_key=True)
    #: the machine's name and the process's number
    process: Mapped[str] = mapped_column(String(100), primary_key=True)
    at: Mapped[datetime]


class DrillRow(Base):
    """A scheduled drill: its scenario, and when it takes place."""

    __tablename__ = "drill"

    id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=True)
    #: the scenario's own name: drills of one name are compared with each other
    name: Mapped[str] = mapped_column(String(64), index=True)
    title: Mapped[str] = mapped_column(String(200))
    #: the scenario file as it was scheduled
    document: Mapped[str]
    #: once, at this time; None = by the scenario's calendar rule
    once_at: Mapped[datetime | None]
    created_by: Mapped[int] = mapped_column(Number, ForeignKey("operator.id"))
    created_at: Mapped[datetime]
    #: it will not take place any more
    ended_at: Mapped[datetime | None]


class OccurrenceRow(Base):
    """One taking place of a drill; there is one for each time, whoever makes it."""

    __tablename__ = "drill_occurrence"
    __table_args__ = (UniqueConstraint("drill_id", "starts_at"),)

    id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=True)
    drill_id: Mapped[int] = mapped_column(Number, ForeignKey("drill.id"))
    starts_at: Mapped[datetime] = mapped_column(index=True)
    #: words and sounds of every step are stored
    prepared_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None] = mapped_column(index=True)
    #: how it ended (see alertd.drill); None = it has not
    ending: Mapped[str | None] = mapped_column(String(16))
    #: why it ended so, or why it could not be prepared
    why: Mapped[str | None] = mapped_column(String(500))


class DrillStepRow(Base):
    """One message of an occurrence; its dispatch waits until the step's time."""

    __tablename__ = "drill_step"
    __table_args__ = (UniqueConstraint("occurrence_id", "position"),)

    id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=True)
    occurrence_id: Mapped[int] = mapped_column(Number, ForeignKey("drill_occurrence.id"))
    position: Mapped[int]
    #: what it is for (see alertd.drill)
    part: Mapped[str] = mapped_column(String(16))
    #: None = when the drill is broken off
    due_at: Mapped[datetime | None]
    #: who has armed it, when, and what they were shown
    armed_by: Mapped[int | None] = mapped_column(Number, ForeignKey("operator.id"))
    armed_at: Mapped[datetime | None]
    armed_hash: Mapped[str | None] = mapped_column(String(64))
    fired_at: Mapped[datetime | None]


class DrillCheckRow(Base):
    """One look at an occurrence before it begins: what was wrong then."""

    __tablename__ = "drill_check"

    occurrence_id: Mapped[int] = mapped_column(Number, ForeignKey("drill_occurrence.id"), primary_key=True)
    #: so many minutes before the start
    minutes: Mapped[int] = mapped_column(primary_key=True)
    checked_at: Mapped[datetime]
    #: none = all is well
    problems: Mapped[list[str]]


class OperatorRow(Base):
    """A person who can sign in."""

    __tablename__ = "operator"

    id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    #: Argon2id
    password_hash: Mapped[str] = mapped_column(String(200))
    roles: Mapped[list[str]]
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]
    #: the secret of the second factor, encrypted with the installation's key; None = has none
    second_factor: Mapped[str | None] = mapped_column(String(300))
    #: the time step of the last code that was taken: each code counts once
    second_factor_step: Mapped[int | None] = mapped_column(BigInteger)


class SessionRow(Base):
    """A signed-in browser; known by the SHA-256 of its cookie."""

    __tablename__ = "session"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    operator_id: Mapped[int] = mapped_column(
        Number, ForeignKey("operator.id", ondelete="CASCADE"), index=True
    )
    csrf: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    #: roughly where it was begun: a network, never an address; None = not known
    network: Mapped[str | None] = mapped_column(String(43))
    #: other sessions of the same person that were begun until then are known to be theirs
    others_known_at: Mapped[datetime | None]
    #: when and why somebody ended it; None = it lives, or its time has run out
    ended_at: Mapped[datetime | None]
    ended_why: Mapped[str | None] = mapped_column(String(16))


class HandOverRow(Base):
    """What one shift tells the next, and who took it over; see alertd.hand_over."""

    __tablename__ = "hand_over"

    id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=True)
    note: Mapped[str] = mapped_column(String(2000))
    given_by: Mapped[int] = mapped_column(Number, ForeignKey("operator.id"))
    given_at: Mapped[datetime]
    taken_by: Mapped[int | None] = mapped_column(Number, ForeignKey("operator.id"))
    taken_at: Mapped[datetime | None]


class AuditRow(Base):
    """Who did what; each row carries the hash of the one before."""

    __tablename__ = "audit"

    id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=True)
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(64))
    action: Mapped[str] = mapped_column(String(64))
    subject: Mapped[str] = mapped_column(String(100), index=True)
    detail: Mapped[dict[str, Any]]
    previous_hash: Mapped[str] = mapped_column(String(64))
    entry_hash: Mapped[str] = mapped_column(String(64), unique=True)


class InboxRow(Base):
    """A document from outside, kept byte for byte: a draft until somebody submits or dismisses it."""

    __tablename__ = "inbox"
    __table_args__ = (UniqueConstraint("sender", "identifier", "sent"),)

    id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=True)
    #: what the document is: "cap" or "jma"
    origin: Mapped[str] = mapped_column(String(8))
    #: how it came: a feed's address, "file", or the name of an API token
    source: Mapped[str] = mapped_column(String(500))
    identifier: Mapped[str] = mapped_column(String(300))
    sender: Mapped[str] = mapped_column(String(200))
    sent: Mapped[datetime]
    status: Mapped[Status]
    headline: Mapped[str] = mapped_column(String(300))
    document: Mapped[bytes] = mapped_column(LargeBinary)
    received_at: Mapped[datetime]
    #: submitted or dismissed; None = it waits for a person
    settled_at: Mapped[datetime | None]
    settled_by: Mapped[int | None] = mapped_column(Number, ForeignKey("operator.id"))
    #: what it was submitted as; None = it waits, or was dismissed
    dispatch_id: Mapped[int | None] = mapped_column(Number, ForeignKey("dispatch.id"))


class NoticeRow(Base):
    """A warning of the Meteorological Agency that is in force in one of its areas."""

    __tablename__ = "jma_notice"

    #: JMA's code of the area
    area: Mapped[str] = mapped_column(String(16), primary_key=True)
    #: the telegram's title and JMA's code of the warning
    kind: Mapped[str] = mapped_column(String(64), primary_key=True)
    area_name: Mapped[str] = mapped_column(String(100))
    name: Mapped[str] = mapped_column(String(100))
    #: the 警戒レベル that it corresponds to (相当); None = none
    level: Mapped[int | None]
    title: Mapped[str] = mapped_column(String(100))
    reported_at: Mapped[datetime]


class FeedRow(Base):
    """A feed that is looked at, and what its server said the last time."""

    __tablename__ = "feed"

    url: Mapped[str] = mapped_column(String(500), primary_key=True)
    etag: Mapped[str | None] = mapped_column(String(300))
    last_modified: Mapped[str | None] = mapped_column(String(100))
    visited_at: Mapped[datetime]
    #: the last visit that was answered
    answered_at: Mapped[datetime | None]
    #: why the last visit was in vain; None = it was not
    trouble: Mapped[str | None] = mapped_column(String(300))


class FetchedRow(Base):
    """A document of a feed that was fetched, and is not fetched again."""

    __tablename__ = "fetched"

    url: Mapped[str] = mapped_column(String(500), primary_key=True)
    fetched_at: Mapped[datetime] = mapped_column(index=True)


class ShelterRow(Base):
    """A designated emergency evacuation site (指定緊急避難場所) or shelter (指定避難所)."""

    __tablename__ = "shelter"

    #: the number in the list that it came from; imports update by it
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    kana: Mapped[str] = mapped_column(String(200), default="")
    name_en: Mapped[str] = mapped_column(String(200), default="")
    address: Mapped[str] = mapped_column(String(300), default="")
    #: degrees, WGS 84
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    #: what it is designated for (`alertd.shelter.Designation`); empty = a shelter to stay in
    designated_for: Mapped[list[str]]
    capacity: Mapped[int | None]
    #: every other column of the list, by its name
    details: Mapped[dict[str, Any]]


class TokenRow(Base):
    """A token of the API; known by its SHA-256. It acts as an operator who cannot sign in."""

    __tablename__ = "api_token"

    id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    operator_id: Mapped[int] = mapped_column(Number, ForeignKey("operator.id"))
    scopes: Mapped[list[str]]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class RepeatRow(Base):
    """What was answered to a request of the API, so that its repetition gets the same."""

    __tablename__ = "api_repeat"

    token_id: Mapped[int] = mapped_column(
        Number, ForeignKey("api_token.id", ondelete="CASCADE"), primary_key=True
    )
    #: the client's Idempotency-Key
    key: Mapped[str] = mapped_column(String(100), primary_key=True)
    #: SHA-256 of method, path and body
    request_hash: Mapped[str] = mapped_column(String(64))
    #: the answer's status; None = the first request is still at work, or died
    status: Mapped[int | None]
    answer: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(index=True)


class HookRow(Base):
    """An address that is told what happens to dispatches, in the order of the audit trail."""

    __tablename__ = "hook"

    id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=True)
    url: Mapped[str] = mapped_column(String(500))
    created_at: Mapped[datetime]
    #: the last row of the audit trail that it has been told of
    told: Mapped[int] = mapped_column(BigInteger)
    #: how often in a row it did not take an event over
    failures: Mapped[int] = mapped_column(default=0)
    #: not told anything before
    due_at: Mapped[datetime]
    stopped_at: Mapped[datetime | None]
