"""Who acts from the command line: an operator who signs in, or the owner of this shell for drills."""

from __future__ import annotations

import getpass
import sys

from alertd import operators
from alertd.alert import Status
from alertd.db import reading, writing
from alertd.dispatch import Person, Role
from alertd.errors import MoveRefused, NotFound
from alertd.site import Site
from alertd.tables import OperatorRow

#: no password fits this
_NO_PASSWORD = "!"  # noqa: S105 - no hash is this


def signed_in(site: Site, name: str) -> Person:
    """The operator after asking for the password. Raises MoveRefused."""
    password = ask_password(f"Password of {name}: ")
    with reading(site.engine) as session:
        code = ask_code(name) if operators.has_second_factor(session, name) else ""
    person = operators.sign_in(site, name, password, code)
    if person is None:
        raise MoveRefused(
            f"no operator “{name}” has this password and code; `alertd operator list` shows the names"
        )
    return person


def actor(site: Site, name: str | None, status: Status) -> Person:
    """Who drafts or stops: the operator that is named, else, for drills only, whoever owns this shell.

    Who can run this command with this configuration can write to the database anyway,
    so a drill needs no password to be drafted; approving always does.
    """
    if name is not None:
        return signed_in(site, name)
    if status is Status.ACTUAL:
        raise MoveRefused(f"an {status} alert needs an operator: add --as NAME")
    with writing(site.engine) as session:
        shell = f"shell:{getpass.getuser()}"
        try:
            row = operators.by_name(session, shell)
        except NotFound:
            row = OperatorRow(
                name=shell,
                password_hash=_NO_PASSWORD,
                roles=[Role.DRAFT],
                active=False,
                created_at=site.clock.now(),
            )
            session.add(row)
            session.flush()
        return operators.person(row)


def ask_password(prompt: str) -> str:
    """From the terminal without echo, else the first line of standard input."""
    if sys.stdin.isatty():
        return getpass.getpass(prompt)
    return sys.stdin.readline().rstrip("\r\n")


def ask_code(name: str) -> str:
    """The six digits of the second factor: from the terminal, else the next line of standard input."""
    if sys.stdin.isatty():
        return input(f"Code of {name}'s second factor: ")
    return sys.stdin.readline().strip()
