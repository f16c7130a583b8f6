"""Planning a million on PostgreSQL: the contact of each delivery is not looked for any more.

No contact is taken away while deliveries are made, and none of which there is one, so the check
of each row could never fail. It locked every contact and took a third of the time.
"""

from __future__ import annotations

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_CHECK = "fk_delivery_contact_id"


def upgrade() -> None:
    if op.get_context().dialect.name == "postgresql":
        op.drop_constraint(_CHECK, "delivery", type_="foreignkey")


def downgrade() -> None:
    if op.get_context().dialect.name == "postgresql":
        op.create_foreign_key(_CHECK, "delivery", "contact", ["contact_id"], ["id"])
