"""The door list: whom to visit, on paper for each neighbourhood association, and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from alertd.channel import Outcome
from alertd.sheet import BOX, Block, Heading, PageBreak, Sheet, Table, Text
from alertd.spreadsheet import guarded
from alertd.taking import Visit as Result
from alertd.unreached import Tried, Unreached
from operator_console import labels
from operator_console.page import clock, moment, phone
from operator_console.stored import Stored
from operator_console.visit import Visit

#: people on one list
MOST = 5000
#: of the columns, as shares of the page
_WIDTHS = (2.2, 2.6, 6, 6.5, 6.5, 8, 10.5, 5)
#: the results line by line, as they fit
_BOXES = ((Result.SAFE, Result.EVACUATED), (Result.STAYING,), (Result.NEEDS_HELP, Result.ABSENT))


def door_sheet(
    visit: Visit, dispatch: Stored, people: Sequence[Unreached], channels: Mapping[str, str]
) -> Sheet:
    """The list as a sheet: each association on pages of its own, who needs support first."""
    alert, city = dispatch.alert, visit.site.config.city
    headline = alert.infos[0].headline or alert.infos[0].event
    state_at = visit.say("State at")
    blocks: list[Block] = []
    for place, found in _by_place(people):
        if blocks:
            blocks.append(PageBreak())
        need = sum(one.needs_support for one in found)
        counted = visit.say("%(people)s people, of them %(need)s need support", people=len(found), need=need)
        blocks += [
            Heading(f"{place or visit.say('Association not known')}　{counted}"),
            Text(f"{headline}　{state_at} {moment(visit.now)}"),
            Table(_heads(visit), _WIDTHS, [_row(visit, one, channels) for one in found]),
        ]
    if not people:
        blocks = [Text(visit.say("Nobody."))]
    name = city.name if visit.language == "ja" else city.name_en
    return Sheet(
        title=visit.say("Visits to those who were not reached"),
        blocks=blocks,
        status=alert.status,
        foot=visit.say(
            "%(city)s, made %(time)s by %(name)s. Personal data: hand back or shred after use.",
            city=name,
            time=moment(visit.now),
            name=visit.operator.name,
        ),
        language=visit.language,
        wide=True,
    )


def door_csv(visit: Visit, people: Sequence[Unreached], channels: Mapping[str, str]) -> bytes:
    """The same for spreadsheets: UTF-8 with BOM, CRLF; no cell is computed."""
    output = io.StringIO(newline="")
    writer = csv.writer(output, lineterminator="\r\n")
    writer.writerow(
        [
            visit.say("No."),
            visit.say("Area"),
            visit.say("Neighbourhood association"),
            visit.say("Support"),
            visit.say("Name"),
            visit.say("Kana"),
            visit.say("Address"),
            visit.say("Telephone"),
            visit.say("What was tried"),
            visit.say("Result"),
            visit.say("Remark"),
        ]
    )
    for _, found in _by_place(people):
        for one in found:
            last = _last_visit(one)
            cells = [
                str(one.recipient_id),
                one.area_name,
                one.association,
                visit.say("needs support") if one.needs_support else "",
                one.name,
                one.kana,
                one.street,
                " / ".join(_numbers(one)),
                " / ".join(_told(visit, way, channels) for way in one.tried),
                visit.say(labels.VISITS[Result(last.result)]) if last is not None and last.result else "",
                "",
            ]
            writer.writerow([guarded(cell) for cell in cells])
    return b"\xef\xbb\xbf" + output.getvalue().encode()


def _by_place(people: Sequence[Unreached]) -> Iterator[tuple[str, list[Unreached]]]:
    """The people of each association; areas and associations by name, support first, then by kana."""

    def place(one: Unreached) -> tuple[str, str]:
        return one.area_name, one.association

    ordered = sorted(people, key=lambda one: (*place(one), not one.needs_support, one.kana or one.name))
    for (area, association), found in groupby(ordered, key=place):
        yield f"{area}　{association}".strip(), list(found)


def _heads(visit: Visit) -> list[str]:
    return [
        visit.say("No."),
        visit.say("Support"),
        visit.say("Name"),
        visit.say("Address"),
        visit.say("Telephone"),
        visit.say("What was tried"),
        visit.say("Result"),
        visit.say("Remark"),
    ]


def _row(visit: Visit, one: Unreached, channels: Mapping[str, str]) -> list[str]:
    boxes = "\n".join(
        "　".join(f"{BOX} {visit.say(labels.VISITS[result])}" for result in line) for line in _BOXES
    )
    last = _last_visit(one)
    before = ""
    if last is not None and last.result is not None and last.visited_at is not None:
        before = f"{clock(last.visited_at)[:5]} {visit.say(labels.VISITS[Result(last.result)])}"
    return [
        str(one.recipient_id),
        visit.say("support") if one.needs_support else "",
        "\n".join(filter(None, (one.name, one.kana))),
        one.street,
        "\n".join(_numbers(one)),
        "\n".join(_told(visit, way, channels) for way in one.tried),
        boxes,
        before,
    ]


def _numbers(one: Unreached) -> list[str]:
    """The telephone numbers that were called, with whose they are."""
    return [f"{phone(way.address)} {way.holder}".strip() for way in one.tried if way.address.startswith("+")]


def _told(visit: Visit, way: Tried, channels: Mapping[str, str]) -> str:
    """Telephone (phone): no answer, 3 times"""
    why = visit.say(labels.REASONS[way.reason] if way.reason else labels.OUTCOMES[way.outcome])
    times = visit.say("%(count)s times", count=way.attempts) if way.attempts > 1 else ""
    name = channels.get(way.channel, way.channel)
    again = visit.say(labels.OUTCOMES[Outcome.DEFERRED]) if way.open else ""
    return f"{name} {', '.join(filter(None, (why, times, again)))}"


def _last_visit(one: Unreached) -> Tried | None:
    return next((way for way in reversed(one.tried) if way.result is not None), None)
