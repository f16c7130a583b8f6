"""Planning a million on PostgreSQL: fingerprints sort by their bytes, and two checks of each row go.

That dispatch and recipient of a delivery exist needs no check of its own there: a contact, which
is still checked, keeps its recipient, and the artefacts of a dispatch keep that. They took a
third of the time.
"""

from __future__ import annotations

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_FINGERPRINTS = (
    ("contact", "address_key"),
    ("suppression", "address_key"),
    ("letter", "address_key"),
    ("letter", "mailbox_key"),
)


def upgrade() -> None:
    if op.get_context().dialect.name != "postgresql":
        return
    for name in ("dispatch_id", "recipient_id"):
        op.drop_constraint(f"fk_delivery_{name}", "delivery", type_="foreignkey")
    for table, column in _FINGERPRINTS:
        op.execute(f'ALTER TABLE {table} ALTER COLUMN {column} TYPE VARCHAR(22) COLLATE "C"')


def downgrade() -> None:
    if op.get_context().dialect.name != "postgresql":
        return
    for name in ("dispatch", "recipient"):
        op.create_foreign_key(f"fk_delivery_{name}_id", "delivery", name, [f"{name}_id"], ["id"])
    for table, column in _FINGERPRINTS:
        op.execute(f'ALTER TABLE {table} ALTER COLUMN {column} TYPE VARCHAR(22) COLLATE "default"')
