"""A token of the API: shown once, stored by its hash, limited to its scopes, and revocable.

It acts as an operator of its own who cannot sign in and may at most write and submit:
nothing that comes by the API was ever approved by it.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from alertd import audit
from alertd.dispatch import Person, Role
from alertd.errors import NotFound, Problem, WrongInput
from alertd.tables import OperatorRow, TokenRow

#: so that a token is known for one wherever it turns up
PREFIX = "alertd_"
#: no password fits this
_NO_PASSWORD = "!"  # noqa: S105 - no hash is this
#: the time of last use is noted once in so long
_NOTED = timedelta(minutes=1)


class Scope(StrEnum):
    """What a token may do."""

    #: see alerts and what became of them
    READ = "alerts:read"
    #: submit alerts, which another person then approves
    SUBMIT = "alerts:submit"
    #: hand in CAP documents and telegrams as drafts
    DRAFTS = "drafts:write"


@dataclass(frozen=True, slots=True)
class Bearer:
    """Who a token is."""

    number: int
    person: Person
    scopes: frozenset[Scope]
    #: its use should be noted again
    unnoted: bool


def add(
    session: Session,
    *,
    name: str,
    scopes: Iterable[Scope],
    expires_at: datetime | None,
    now: datetime,
    by: str = audit.ENGINE,
) -> str:
    """A new token; what is returned is never shown again. Raises WrongInput."""
    wanted = sorted(set(scopes))
    problems = []
    if not name.strip() or len(name) > 60 or not name.isprintable():
        problems.append(Problem("name", "give a name of 1 to 60 printable characters"))
    if session.scalar(select(TokenRow.id).where(TokenRow.name == name)) is not None:
        problems.append(Problem("name", f"there is a token “{name}” already; names are not used twice"))
    if not wanted:
        problems.append(Problem("scope", f"give at least one of {', '.join(Scope)}"))
    if problems:
        raise WrongInput(problems)
    operator = OperatorRow(
        name=f"api:{name}",
        password_hash=_NO_PASSWORD,
        roles=sorted({Role.VIEW, *({Role.DRAFT} if Scope.SUBMIT in wanted else ())}),
        active=False,
        created_at=now,
    )
    session.add(operator)
    session.flush()
    token = PREFIX + secrets.token_urlsafe(32)
    row = TokenRow(
        name=name,
        token_hash=_hash(token),
        operator_id=operator.id,
        scopes=list(wanted),
        created_at=now,
        expires_at=expires_at,
    )
    session.add(row)
    session.flush()
    audit.note(
        session,
        at=now,
        actor=by,
        action="token.added",
        subject=f"token:{row.id}",
        detail={"name": name, "scopes": wanted},
    )
    return token


def bearer(session: Session, token: str, now: datetime) -> Bearer | None:
    """Who this token is; None when it is unknown, revoked or has run out."""
    row = session.scalar(select(TokenRow).where(TokenRow.token_hash == _hash(token)))
    if row is None or row.revoked_at is not None or (row.expires_at is not None and row.expires_at <= now):
        return None
    # by column: the public server's role may not read what proves an operator (see `alertd.grants`)
    columns = (OperatorRow.id, OperatorRow.name, OperatorRow.roles)
    operator = session.execute(select(*columns).where(OperatorRow.id == row.operator_id)).one()
    roles = frozenset(Role(role) for role in operator.roles) & {Role.VIEW, Role.DRAFT}
    return Bearer(
        row.id,
        Person(operator.id, operator.name, roles),
        frozenset(Scope(scope) for scope in row.scopes),
        unnoted=row.used_at is None or row.used_at < now - _NOTED,
    )


def used(session: Session, number: int, now: datetime) -> None:
    """Notes that a token was used."""
    row = session.get(TokenRow, number)
    if row is not None:
        row.used_at = now


def tokens(session: Session) -> Sequence[TokenRow]:
    """All tokens by name."""
    return session.scalars(select(TokenRow).order_by(TokenRow.name)).all()


def revoke(session: Session, name: str, now: datetime, *, by: str = audit.ENGINE) -> None:
    """Ends a token at once. Twice is harmless. Raises NotFound."""
    row = session.scalar(select(TokenRow).where(TokenRow.name == name))
    if row is None:
        raise NotFound(f"there is no token “{name}”; `alertd token list` shows them")
    if row.revoked_at is None:
        row.revoked_at = now
        audit.note(session, at=now, actor=by, action="token.revoked", subject=f"token:{row.id}")


def _hash(token: str) -> str:
    """A token has 256 random bits, so a quick hash is enough."""
    return hashlib.sha256(token.encode()).hexdigest()
