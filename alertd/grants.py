"""Grants: roles for PostgreSQL that own nothing, so that no program can take a trigger or a table away.

The owner of the tables upgrades and restores; everything else signs in as one of these.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from pydantic import SecretStr
from sqlalchemy import Engine, text

from alertd.errors import Problem, WrongConfiguration, WrongInput
from alertd.tables import Base

_NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")
_CHANGES = ("SELECT", "INSERT", "UPDATE", "DELETE")
#: operators without what proves them
_NAMES = ("SELECT (id, name, roles, active, created_at)",)
#: that somebody was there, and not what they wrote about the person
_VISITS = ("SELECT (delivery_id, taken_by, taken_at, result, visited_at)",)
#: what is set so stands in no statement, and so in no log of the server
_GIVE = (
    "DO $$ BEGIN EXECUTE 'ALTER ROLE NAME PASSWORD ' || quote_literal(current_setting('alertd.word')); END $$"
)


@dataclass(frozen=True, slots=True)
class Grantee:
    """One role and what it may do, by table; a privilege may name columns: `UPDATE (state)`."""

    name: str
    what_for: str
    tables: Mapping[str, tuple[str, ...]]
    #: tables that it may vacuum, where the server knows of such a right (PostgreSQL 17)
    cleans: frozenset[str] = frozenset()


def grantees(prefix: str = "alertd", *, api: bool = False) -> tuple[Grantee, ...]:
    """The roles: `…_app`, `…_public` and `…_auditor`; with `api` the public one may submit alerts.

    Raises WrongInput for a prefix that is no plain name.
    """
    if not _NAME.fullmatch(prefix):
        raise WrongInput(Problem("prefix", "small letters, digits and _ only, a letter first"))
    return (
        Grantee(f"{prefix}_app", "console, worker, relay and commands", _app(), frozenset({"delivery"})),
        Grantee(f"{prefix}_public", "alertd web --only public", _public(api)),
        Grantee(f"{prefix}_auditor", "alertd audit, and questions by hand", _auditor()),
    )


def statements(grantee: Grantee) -> Iterator[str]:
    """The SQL that makes the role if need be, takes away what it had, and gives it what it needs.

    May be run twice, and must be run after each upgrade: new tables are nobody's before.
    """
    name = grantee.name
    yield (
        f"DO $$ BEGIN IF to_regrole('{name}') IS NULL THEN "
        f"CREATE ROLE {name} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS; "
        "END IF; END $$"
    )
    yield "REVOKE CREATE ON SCHEMA public FROM PUBLIC"
    yield f"REVOKE ALL ON SCHEMA public FROM {name}"
    yield f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {name}"
    yield f"REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM {name}"
    yield f"GRANT USAGE ON SCHEMA public TO {name}"
    for table, privileges in sorted(grantee.tables.items()):
        yield f"GRANT {', '.join(privileges)} ON public.{table} TO {name}"
    if any("INSERT" in privileges for privileges in grantee.tables.values()):
        yield f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {name}"
    for table in sorted(grantee.cleans):
        yield (
            "DO $$ BEGIN IF current_setting('server_version_num')::int >= 170000 THEN "
            f"EXECUTE 'GRANT MAINTAIN ON public.{table} TO {name}'; END IF; END $$"
        )


def carry_out(
    engine: Engine, made: Iterable[Grantee], passwords: Mapping[str, SecretStr] | None = None
) -> None:
    """Runs every statement in one transaction; the engine's user owns the tables and may make roles.

    `passwords` by role: the others keep what they have; without one the server lets nobody in.
    Raises WrongConfiguration where there are no roles (SQLite).
    """
    if engine.dialect.name != "postgresql":
        raise WrongConfiguration(
            Problem("database.url", "roles are PostgreSQL's; who may read an SQLite file decides the system")
        )
    with engine.begin() as connection:
        for one in made:
            for statement in statements(one):
                connection.exec_driver_sql(statement)
            if passwords and one.name in passwords:
                word = {"word": passwords[one.name].get_secret_value()}
                connection.execute(text("SELECT set_config('alertd.word', :word, true)"), word)
                connection.exec_driver_sql(_GIVE.replace("NAME", one.name))


def _app() -> dict[str, tuple[str, ...]]:
    """Everything but the past: the audit trail is added to, and the tables stay as they are."""
    may = dict.fromkeys(Base.metadata.tables, _CHANGES)
    return {**may, "audit": ("SELECT", "INSERT"), "alembic_version": ("SELECT",)}


def _auditor() -> dict[str, tuple[str, ...]]:
    """What was done, by whom, and what became of it; nobody's name or address, no password, no session."""
    told = (
        "audit", "alembic_version", "alert", "dispatch", "artefact", "delivery", "rolled_up", "receipt", "airing",
        "alarm", "area", "drill", "drill_occurrence", "drill_step", "drill_check",
    )  # fmt: skip
    return {**dict.fromkeys(told, ("SELECT",)), "operator": _NAMES, "taking": _VISITS}


def _public(api: bool) -> dict[str, tuple[str, ...]]:
    """Registrations, what far ends report, what anybody may read; no session, no note, no approval."""
    may: dict[str, tuple[str, ...]] = dict.fromkeys(_READ_BY_PUBLIC, ("SELECT",))
    may.update(dict.fromkeys(("recipient", "contact", "letter", "subscription", "suppression"), _CHANGES))
    may.update(
        {
            "subscribed_area": ("SELECT", "INSERT", "DELETE"),
            "membership": ("SELECT", "INSERT", "DELETE"),
            "departure": ("SELECT", "INSERT"),
            "delivery": ("SELECT", "UPDATE"),
            "receipt": ("SELECT", "INSERT"),
            "alarm": ("SELECT", "INSERT", "UPDATE"),
            "audit": ("SELECT", "INSERT"),
            "api_token": ("SELECT", "UPDATE (used_at)"),
            "api_repeat": _CHANGES,
            "operator": _NAMES,
            "taking": _VISITS,
            "unsettled": ("SELECT (section, live, alone_at)",),
        }
    )
    if api:
        may["alert"] = may["artefact"] = ("SELECT", "INSERT")
        may["dispatch"] = ("SELECT", "INSERT", "UPDATE (content_hash, corrects_id)")
    return may


#: of what happened and what is set, for feeds, callbacks and figures
_READ_BY_PUBLIC = (
    "alembic_version", "alert", "dispatch", "artefact", "airing", "rolled_up", "channel_state", "claim", "pulse", "freeze", "area",
    "area_outline", "shelter", "jma_notice", "feed", "inbox", "drill", "drill_occurrence", "drill_step",
)  # fmt: skip
