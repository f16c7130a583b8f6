"""The second factor of the person who is signed in: set up with a device, or taken away again."""

from __future__ import annotations

import segno
from fastapi import Response
from fastapi.responses import RedirectResponse

from alertd import second_factor
from alertd.cipher import decrypt, encrypt
from alertd.db import reading, writing
from alertd.errors import WrongInput, WrongSecret
from alertd.tables import OperatorRow
from operator_console.page import page
from operator_console.visit import Visit, Visited


def show(visit: Visited) -> Response:
    """GET /second-factor"""
    return _page(visit)


def _page(
    visit: Visit, *, secret: str | None = None, problem: str | None = None, status: int = 200
) -> Response:
    with reading(visit.site.engine) as session:
        enrolled = session.get_one(OperatorRow, visit.operator.id).second_factor is not None
    secret = secret or second_factor.new_secret()
    city = visit.site.config.city
    issuer = city.name if visit.language == "ja" else city.name_en
    code = segno.make(second_factor.address(secret, visit.operator.name, issuer), error="m")
    return page(
        visit,
        "second_factor.html",
        status=status,
        enrolled=enrolled,
        picture=code.svg_inline(scale=5, border=4, dark="#000", light="#fff"),
        typed_secret=" ".join(secret[at : at + 4] for at in range(0, len(secret), 4)),
        sealed=encrypt(visit.site.secret, _purpose(visit), secret),
        must=visit.site.config.approval.second_factor == "required",
        problem=problem,
    )


def set_up(visit: Visited) -> Response:
    """POST /second-factor: takes the device when it shows the right code."""
    try:
        secret = decrypt(visit.site.secret, _purpose(visit), visit.field("sealed"))
    except WrongSecret:
        return _page(
            visit, problem=visit.say("The page was too old. Please scan the new picture."), status=422
        )
    with writing(visit.site.engine) as session:
        row = session.get_one(OperatorRow, visit.operator.id)
        if row.second_factor is not None:
            return RedirectResponse("/second-factor", 303)
        try:
            second_factor.enrol(
                session, visit.site.secret, row, secret, visit.field("code"), visit.now, visit.operator.name
            )
        except WrongInput as error:
            problem = visit.problem(error.problems[0])
            return _page(visit, secret=secret, problem=problem, status=422)
    return RedirectResponse("/second-factor", 303)


def remove(visit: Visited) -> Response:
    """POST /second-factor/remove: needs a code of the device that is given up."""
    with writing(visit.site.engine) as session:
        row = session.get_one(OperatorRow, visit.operator.id)
        if row.second_factor is not None:
            if not second_factor.take(session, visit.site.secret, row, visit.field("code"), visit.now):
                return _page(
                    visit,
                    problem=visit.say(
                        "The code does not fit or was used before. Please wait for the next one."
                    ),
                    status=422,
                )
            second_factor.remove(session, row, visit.now, visit.operator.name)
    return RedirectResponse("/second-factor", 303)


def _purpose(visit: Visit) -> str:
    return f"set-up:{visit.operator.id}"
