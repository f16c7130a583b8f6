"""Areas, presets and groups on screen: who lives where, what is chosen together, who belongs to what."""

from __future__ import annotations

from fastapi import Response
from fastapi.responses import RedirectResponse

from alertd import audit, directory, outline, people
from alertd.db import reading, writing
from alertd.dispatch import Role
from alertd.errors import NotFound, WrongInput
from alertd.store.places import (
    Inhabitants,
    areas_of,
    found_areas,
    found_groups,
    group_size,
    inhabitants,
    members,
)
from operator_console import download, paging
from operator_console.page import page
from operator_console.visit import Visit, Visited

#: who gives areas their outlines
DRAWS = frozenset({Role.ADMINISTER})
#: members of a group on one page
PAGE = 50


def show(visit: Visited) -> Response:
    """GET /areas?q=…&from=NUMBER"""
    return _page(visit)


def draw(visit: Visited) -> Response:
    """POST /areas/outlines: a GeoJSON file with the outlines of areas; in the audit trail."""
    document = visit.files.get("file", b"")
    if not document:
        return _page(visit, problem=visit.say("Please choose a file."), status=422)
    try:
        with writing(visit.site.engine) as session:
            drawn = outline.keep(session, document)
            audit.note(
                session,
                at=visit.now,
                actor=visit.operator.name,
                action="area.drawn",
                subject="areas",
                detail={"outlines": drawn},
            )
    except WrongInput as error:
        return _page(visit, problem=" ".join(visit.problem(one) for one in error.problems[:10]), status=422)
    return RedirectResponse("/areas", 303)


def spreadsheet(visit: Visited) -> Response:
    """GET /areas.csv: as `alertd area import` takes it back, and how many people there are."""
    with reading(visit.site.engine) as session:
        rows, known = people.areas(session), inhabitants(session)
    heads = [
        "code",
        "name",
        "name_kana",
        "name_en",
        "households",
        "recipients",
        "need_support",
        "subscribers",
    ]
    cells = []
    for row in rows:
        there = known.get(row.code, Inhabitants())
        counts = [there.recipients, there.need_support, there.subscribers]
        cells.append([row.code, row.name, row.name_kana, row.name_en, row.households, *counts])
    return download.spreadsheet("areas", [heads, *cells])


def groups(visit: Visited) -> Response:
    """GET /groups?q=…&from=NUMBER"""
    asked = paging.wanted(visit)
    with reading(visit.site.engine) as session:
        found, total = found_groups(session, asked.words, start=asked.start, limit=paging.SIZE)
    part = paging.part(asked, total)
    return page(visit, "groups.html", groups=found, part=part, first=_told_first(visit))


def group(visit: Visited) -> Response:
    """GET /groups/members?name=…&after=RECIPIENT"""
    name, given = visit.query.get("name", ""), visit.query.get("after", "")
    after = int(given) if given.isascii() and given.isdigit() and len(given) < 18 else 0
    with reading(visit.site.engine) as session:
        counted = group_size(session, name)
        if not counted:
            raise NotFound(f"there is no group {name!r}")
        numbers = members(session, name, after=after, limit=PAGE + 1)
        found = [directory.entry(session, number) for number in numbers[:PAGE]]
    return page(
        visit,
        "group.html",
        name=name,
        members=counted,
        people=[one for one in found if one is not None],
        start=after,
        following=numbers[PAGE - 1] if len(numbers) > PAGE else None,
    )


def _page(visit: Visit, *, problem: str | None = None, status: int = 200) -> Response:
    asked, presets = paging.wanted(visit), visit.site.config.presets
    with reading(visit.site.engine) as session:
        rows, total = found_areas(session, asked.words, start=asked.start, limit=paging.SIZE)
        known = inhabitants(session, [row.code for row in rows])
        chosen = areas_of(session, {code for codes in presets.values() for code in codes})
    return page(
        visit,
        "areas.html",
        status=status,
        areas=[(row, known.get(row.code, Inhabitants())) for row in rows],
        part=paging.part(asked, total),
        presets={
            name: [chosen[code].name if code in chosen else code for code in codes]
            for name, codes in presets.items()
        },
        may_draw=visit.may(*DRAWS),
        problem=problem,
    )


def _told_first(visit: Visit) -> dict[str, list[str]]:
    """The channels that tell a group first, by group."""
    found: dict[str, list[str]] = {}
    for channel, settings in visit.site.settings.items():
        for name in settings.first_groups:
            found.setdefault(name, []).append(channel)
    return found
