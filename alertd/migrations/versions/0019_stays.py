"""The database itself keeps the audit trail as it is, and lets nobody approve a real alert of their own.

Whoever owns the tables can take a trigger away; the anchors of the trail are against that.
"""

from __future__ import annotations

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

#: a real alert that is no correction, approved by its author without the emergency override
_ALONE = (
    "NEW.approved_by = NEW.submitted_by AND NEW.override_reason IS NULL AND NEW.corrects_id IS NULL "
    "AND EXISTS (SELECT 1 FROM alert WHERE alert.id = NEW.alert_id AND alert.status = 'Actual')"
)
_STAYS = "the audit trail is only ever added to"
_TWO = "a real alert is not approved by its author"

_SQLITE = (
    f"CREATE TRIGGER audit_not_changed BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, '{_STAYS}'); END",
    f"CREATE TRIGGER audit_not_erased BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, '{_STAYS}'); END",
    f"CREATE TRIGGER two_people BEFORE UPDATE OF approved_by ON dispatch WHEN {_ALONE} "
    f"BEGIN SELECT RAISE(ABORT, '{_TWO}'); END",
    f"CREATE TRIGGER two_people_at_once BEFORE INSERT ON dispatch WHEN {_ALONE} "
    f"BEGIN SELECT RAISE(ABORT, '{_TWO}'); END",
)
_POSTGRESQL = (
    "CREATE FUNCTION audit_stays() RETURNS trigger LANGUAGE plpgsql AS "
    f"$$ BEGIN RAISE EXCEPTION '{_STAYS}'; END $$",
    "CREATE TRIGGER audit_not_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
    "FOR EACH STATEMENT EXECUTE FUNCTION audit_stays()",
    "CREATE FUNCTION two_people() RETURNS trigger LANGUAGE plpgsql AS "
    f"$$ BEGIN IF {_ALONE} THEN RAISE EXCEPTION '{_TWO}'; END IF; RETURN NEW; END $$",
    "CREATE TRIGGER two_people BEFORE INSERT OR UPDATE OF approved_by ON dispatch "
    "FOR EACH ROW EXECUTE FUNCTION two_people()",
)


def upgrade() -> None:
    for statement in _SQLITE if op.get_bind().dialect.name == "sqlite" else _POSTGRESQL:
        op.execute(statement)


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for name in ("audit_not_changed", "audit_not_erased", "two_people", "two_people_at_once"):
            op.execute(f"DROP TRIGGER {name}")
    else:
        op.execute("DROP TRIGGER audit_not_changed ON audit")
        op.execute("DROP TRIGGER two_people ON dispatch")
        op.execute("DROP FUNCTION audit_stays()")
        op.execute("DROP FUNCTION two_people()")
