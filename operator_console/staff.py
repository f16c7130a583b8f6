"""The operators: who may sign in and what they may do, for those who administer."""

from __future__ import annotations

from fastapi import Response
from fastapi.responses import RedirectResponse

from alertd import operators, second_factor, session_end
from alertd.db import reading, writing
from alertd.dispatch import Role
from alertd.errors import NotFound, Problem, WrongInput
from alertd.session_end import Ended
from alertd.tables import OperatorRow
from operator_console import labels, paging
from operator_console.page import page
from operator_console.visit import Visit, Visited

#: who sees and changes this page
ADMINISTERS = frozenset({Role.ADMINISTER})


def show(visit: Visited) -> Response:
    """GET /operators?q=…&from=NUMBER"""
    return _page(visit)


def add(visit: Visited) -> Response:
    """POST /operators: a new operator."""
    try:
        with writing(visit.site.engine) as session:
            operators.add(
                session,
                visit.site.clock,
                name=visit.field("name"),
                password=_password(visit),
                roles=_roles(visit),
                by=visit.operator.name,
                city=visit.site.config.city,
            )
    except WrongInput as error:
        problems = [visit.problem(problem) for problem in error.problems]
        return _page(visit, problems=problems, status=422)
    return RedirectResponse("/operators", 303)


def change(number: int, visit: Visited) -> Response:
    """POST /operators/N: one of roles, password, device, off, on; effective at their next click."""
    what = visit.field("change")
    try:
        with writing(visit.site.engine) as session:
            row = session.get(OperatorRow, number)
            if row is None:
                raise NotFound(f"there is no operator {number}")
            if what == "roles":
                _not_oneself(visit, row)
                operators.set_roles(
                    session, visit.site.clock, name=row.name, roles=_roles(visit), by=visit.operator.name
                )
            elif what == "password":
                operators.set_password(
                    session,
                    visit.site.clock,
                    name=row.name,
                    password=_password(visit),
                    by=visit.operator.name,
                    city=visit.site.config.city,
                )
            elif what == "device":
                second_factor.remove(session, row, visit.now, visit.operator.name)
                session_end.end_all(session, row.id, Ended.DEVICE, visit.now)
            elif what in ("off", "on"):
                _not_oneself(visit, row)
                operators.set_active(
                    session, visit.site.clock, name=row.name, active=what == "on", by=visit.operator.name
                )
    except WrongInput as error:
        problems = [visit.problem(problem) for problem in error.problems]
        return _page(visit, problems=problems, status=422)
    return RedirectResponse("/operators", 303)


def _page(visit: Visit, *, problems: list[str] | None = None, status: int = 200) -> Response:
    with reading(visit.site.engine) as session:
        rows = [row for row in operators.everybody(session) if not row.name.startswith("shell:")]
    asked = paging.wanted(visit)
    found = [row for row in rows if all(_fits(visit, row, word) for word in asked.words)]
    return page(
        visit,
        "operators.html",
        status=status,
        rows=found[asked.start : asked.start + paging.SIZE],
        part=paging.part(asked, len(found)),
        roles=labels.ROLES,
        length=operators.PASSWORD_LENGTH,
        name=visit.field("name"),
        problems=problems or [],
    )


def _fits(visit: Visit, row: OperatorRow, word: str) -> bool:
    said = (row.name, *(visit.say(labels.ROLES[Role(role)]) for role in row.roles))
    return any(word.casefold() in text.casefold() for text in said)


def _password(visit: Visit) -> str:
    return (visit.form.get("password") or ("",))[-1]


def _roles(visit: Visit) -> list[Role]:
    return [Role(role) for role in visit.fields("role") if role in list(Role)]


def _not_oneself(visit: Visit, row: OperatorRow) -> None:
    """Who administers gives neither roles to themselves nor locks themselves out."""
    if row.id == visit.operator.id:
        raise WrongInput(
            Problem(
                "name",
                "another administrator has to change your own roles",
                "自分の役割や利用停止は、ほかの管理者が変更してください。",
            )
        )
