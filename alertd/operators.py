"""Operators: who can sign in, and the proof that it is they."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from sqlalchemy import select
from sqlalchemy.orm import Session

from alertd import audit, second_factor, session_end
from alertd.city import City
from alertd.clock import Clock
from alertd.common_password import too_common
from alertd.db import reading, writing
from alertd.dispatch import Person, Role
from alertd.errors import NotFound, Problem, WrongInput
from alertd.session_end import Ended
from alertd.site import Site
from alertd.tables import OperatorRow

#: a password has at least so many characters; no other rule (OWASP ASVS 5.0, 6.2)
PASSWORD_LENGTH = 12
_LONGEST_PASSWORD = 128

#: Argon2id with OWASP's smallest memory: a sign-in costs some 50 ms and 19 MiB
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
#: so that a flood of sign-ins leaves the processor to the alerts
_AT_ONCE = threading.Semaphore(2)


@cache
def _nobody() -> str:
    """What an unknown name is checked against, so that it takes as long as a known one."""
    return _HASHER.hash("nobody has this password")


def add(
    session: Session,
    clock: Clock,
    *,
    name: str,
    password: str,
    roles: Iterable[Role],
    by: str = audit.ENGINE,
    city: City | None = None,
) -> OperatorRow:
    """A new operator. Raises WrongInput naming the field; no password is made of the names of `city`."""
    problems = []
    name = name.strip()
    if not name or len(name) > 64 or not name.isprintable():
        problems.append(
            Problem(
                "name", "give a name of 1 to 64 printable characters", "名前は1～64文字で入力してください。"
            )
        )
    if session.scalar(select(OperatorRow.id).where(OperatorRow.name == name)) is not None:
        problems.append(
            Problem("name", f"there is an operator “{name}” already", f"「{name}」はすでに登録されています。")
        )
    if (problem := _password_problem(password, name, city)) is not None:
        problems.append(problem)
    wanted = sorted(set(roles))
    if not wanted:
        problems.append(
            Problem("roles", f"give at least one of {', '.join(Role)}", "役割を1つ以上選んでください。")
        )
    if problems:
        raise WrongInput(problems)
    now = clock.now()
    row = OperatorRow(name=name, password_hash=_HASHER.hash(password), roles=list(wanted), created_at=now)
    session.add(row)
    session.flush()
    audit.note(
        session,
        at=now,
        actor=by,
        action="operator.added",
        subject=f"operator:{row.id}",
        detail={"name": name, "roles": wanted},
    )
    return row


def set_password(
    session: Session,
    clock: Clock,
    *,
    name: str,
    password: str,
    by: str = audit.ENGINE,
    city: City | None = None,
) -> None:
    """Gives an operator a new password and signs them out everywhere. Raises NotFound or WrongInput."""
    row = by_name(session, name)
    if (problem := _password_problem(password, name, city)) is not None:
        raise WrongInput(problem)
    row.password_hash = _HASHER.hash(password)
    session_end.end_all(session, row.id, Ended.PASSWORD, clock.now())
    audit.note(session, at=clock.now(), actor=by, action="operator.password", subject=f"operator:{row.id}")


def set_roles(
    session: Session, clock: Clock, *, name: str, roles: Iterable[Role], by: str = audit.ENGINE
) -> None:
    """Gives an operator these roles and no others; effective at the next request. Raises NotFound or WrongInput."""
    row, wanted = by_name(session, name), sorted(set(roles))
    if not wanted:
        raise WrongInput(
            Problem("roles", f"give at least one of {', '.join(Role)}", "役割を1つ以上選んでください。")
        )
    row.roles = list(wanted)
    audit.note(
        session,
        at=clock.now(),
        actor=by,
        action="operator.roles",
        subject=f"operator:{row.id}",
        detail={"roles": row.roles},
    )


def set_active(session: Session, clock: Clock, *, name: str, active: bool, by: str = audit.ENGINE) -> None:
    """Lets an operator sign in, or not any more: then their sessions end at once. Raises NotFound."""
    row = by_name(session, name)
    row.active = active
    if not active:
        session_end.end_all(session, row.id, Ended.OFF, clock.now())
    action = "operator.on" if active else "operator.off"
    audit.note(session, at=clock.now(), actor=by, action=action, subject=f"operator:{row.id}")


def everybody(session: Session) -> Sequence[OperatorRow]:
    """All operators by name."""
    return session.scalars(select(OperatorRow).order_by(OperatorRow.name)).all()


def with_role(session: Session, role: Role) -> Sequence[OperatorRow]:
    """Who may sign in and has the role, by name."""
    return [row for row in everybody(session) if row.active and role in row.roles]


def by_name(session: Session, name: str) -> OperatorRow:
    """The operator of that name. Raises NotFound."""
    row = session.scalar(select(OperatorRow).where(OperatorRow.name == name))
    if row is None:
        raise NotFound(f"there is no operator “{name}”; `alertd operator list` shows them")
    return row


def person(row: OperatorRow) -> Person:
    """The operator as the rules of a dispatch see one."""
    return Person(row.id, row.name, frozenset(Role(role) for role in row.roles))


def sign_in(site: Site, name: str, password: str, code: str) -> Person | None:
    """The person, when name, password and, for who has a second factor, its code fit.

    Takes the same time when the name or the password does not. The database is not kept
    waiting while the password is looked at.
    """
    with reading(site.engine) as session:
        row = session.scalar(select(OperatorRow).where(OperatorRow.name == name))
    stranger = _nobody()  # made at the first sign-in, whoever it is
    genuine = _verify(row.password_hash if row is not None else stranger, password)
    if row is None or not row.active or not genuine:
        return None
    if row.second_factor is not None:
        with writing(site.engine) as session:
            present = session.get_one(OperatorRow, row.id)
            if not second_factor.take(session, site.secret, present, code, site.clock.now()):
                return None
    return person(row)


def has_second_factor(session: Session, name: str) -> bool:
    """Whether the sign-in of that name needs a code."""
    return (
        session.scalar(
            select(OperatorRow.id).where(OperatorRow.name == name, OperatorRow.second_factor.is_not(None))
        )
        is not None
    )


def _verify(password_hash: str, password: str) -> bool:
    if len(password) > _LONGEST_PASSWORD:
        return False
    with _AT_ONCE:
        try:
            return _HASHER.verify(password_hash, password)
        except (Argon2Error, InvalidHashError):
            return False


def _password_problem(password: str, name: str, city: City | None) -> Problem | None:
    names = [name, *([city.name, city.name_kana, city.name_en] if city is not None else [])]
    if PASSWORD_LENGTH <= len(password) <= _LONGEST_PASSWORD:
        if not too_common(password, names):
            return None
        return Problem(
            "password",
            "this password is guessed soon: it is made of words, names or rows that many take; "
            "a sentence of your own is good",
            "このパスワードは、よく使われる言葉や名前、並びでできていて推測されやすいものです。"
            "自分だけの文にしてください。",
        )
    return Problem(
        "password",
        f"give {PASSWORD_LENGTH} to {_LONGEST_PASSWORD} characters; a sentence is good",
        f"パスワードは{PASSWORD_LENGTH}～{_LONGEST_PASSWORD}文字にしてください。文にすると覚えやすくなります。",
    )
