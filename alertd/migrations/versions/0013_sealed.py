"""Personal data is stored encrypted, and found by fingerprints."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from alertd.key_ring import KeyRing
from alertd.sealed import keys_of

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_SEALED = {
    "recipient": ("name", "kana", "street"),
    "contact": ("address", "holder"),
    "letter": ("address",),
    "taking": ("note",),
}
_KEY = {"taking": "delivery_id"}
#: rows that are rewritten at once
_AT_ONCE = 1000


def upgrade() -> None:
    connection = op.get_bind()
    postgresql = connection.dialect.name == "postgresql"
    if postgresql:
        for table, columns in _SEALED.items():
            for column in columns:
                op.alter_column(table, column, type_=sa.String())
    else:
        # what is overwritten leaves nothing readable in the file
        connection.exec_driver_sql("PRAGMA secure_delete = ON")
    for table, column in (("contact", "address_key"), ("letter", "address_key"), ("letter", "mailbox_key")):
        op.add_column(table, sa.Column(column, sa.String(22), nullable=False, server_default=""))
    op.drop_index("ix_contact_kind_address", "contact")
    op.drop_index("ix_letter_address", "letter")
    for table, columns in _SEALED.items():
        _seal(connection, table, columns)
    op.create_index("ix_contact_kind_address_key", "contact", ["kind", "address_key"])
    op.create_index("ix_letter_address_key", "letter", ["address_key"])
    op.create_index("ix_letter_mailbox_key", "letter", ["mailbox_key", "sent_at"])


def _seal(connection: sa.Connection, table: str, columns: tuple[str, ...]) -> None:
    keyed = table in ("contact", "letter")
    added = [*(["address_key"] if keyed else []), *(["mailbox_key"] if table == "letter" else [])]
    number: sa.ColumnClause[int] = sa.column(_KEY.get(table, "id"))
    there = sa.table(table, number, *map(sa.column, (*columns, *added)))
    update = sa.update(there).where(number == sa.bindparam("number"))
    update = update.values({name: sa.bindparam(f"new_{name}") for name in (*columns, *added)})
    kept = sa.select(number, *(there.c[name] for name in columns)).order_by(number).limit(_AT_ONCE)
    last = -1
    while rows := connection.execute(kept.where(number > last)).all():
        ring = keys_of(connection.dialect)
        connection.execute(update, [_row(ring, table, columns, tuple(row)) for row in rows])
        last = rows[-1][0]


def _row(ring: KeyRing, table: str, columns: tuple[str, ...], row: Sequence[object]) -> dict[str, object]:
    number, *texts = row
    found: dict[str, object] = {"number": number}
    for column, text in zip(columns, texts, strict=True):
        found[f"new_{column}"] = ring.seal(f"{table}.{column}".encode(), str(text)) if text else text
    if "address" in columns:
        address = str(texts[columns.index("address")])
        found["new_address_key"] = ring.fingerprint(address)
        if table == "letter":
            found["new_mailbox_key"] = ring.fingerprint(_mailbox(address))
    return found


def _mailbox(address: str) -> str:
    local, _, domain = address.lower().rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"
