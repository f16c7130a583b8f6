"""What registering needs: subscriptions, their areas, departures, and letters."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from alertd.tables import Instant

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def _number() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "subscription",
        sa.Column("contact_id", _number(), nullable=False),
        sa.Column("categories", sa.Integer(), nullable=False),
        sa.Column("how", sa.String(length=16), nullable=False),
        sa.Column("registered_by", sa.String(length=64), nullable=True),
        sa.Column("opted_in_at", Instant(), nullable=False),
        sa.Column("text_version", sa.String(length=80), nullable=False),
        sa.Column("network", sa.String(length=64), nullable=True),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name=op.f("fk_subscription_contact_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("contact_id", name=op.f("pk_subscription")),
    )
    op.create_table(
        "subscribed_area",
        sa.Column("contact_id", _number(), nullable=False),
        sa.Column("area", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["contact_id"],
            ["subscription.contact_id"],
            name=op.f("fk_subscribed_area_contact_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("contact_id", "area", name=op.f("pk_subscribed_area")),
    )
    op.create_index(op.f("ix_subscribed_area_area"), "subscribed_area", ["area"])
    op.create_table(
        "departure",
        sa.Column("id", _number(), autoincrement=True, nullable=False),
        sa.Column("contact_id", _number(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("cause", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name=op.f("fk_departure_contact_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_departure")),
    )
    op.create_index(op.f("ix_departure_contact_id"), "departure", ["contact_id"])
    op.create_index(op.f("ix_departure_at"), "departure", ["at"])
    op.create_table(
        "letter",
        sa.Column("id", _number(), autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("address", sa.String(length=320), nullable=False),
        sa.Column("domain", sa.String(length=253), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=False),
        sa.Column("how", sa.String(length=16), nullable=False),
        sa.Column("network", sa.String(length=64), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("due_at", Instant(), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("claimed_until", Instant(), nullable=True),
        sa.Column("sent_at", Instant(), nullable=True),
        sa.Column("fate", sa.String(length=16), nullable=True),
        sa.Column("detail", sa.String(length=300), nullable=True),
        sa.Column("nonce", sa.String(length=32), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=True),
        sa.Column("link_until", Instant(), nullable=True),
        sa.Column("used_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_letter")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_letter_token_hash")),
    )
    due = sa.text("due_at IS NOT NULL")
    op.create_index("ix_letter_due", "letter", ["due_at"], sqlite_where=due, postgresql_where=due)
    op.create_index("ix_letter_address", "letter", ["address", "sent_at"])
    op.create_index("ix_letter_domain", "letter", ["domain", "sent_at"])
    op.create_index("ix_letter_network", "letter", ["network", "created_at"])
    op.create_index(op.f("ix_letter_created_at"), "letter", ["created_at"])
