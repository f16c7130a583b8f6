"""The board: what became of one dispatch so far, kept up to date by server-sent events."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from fastapi import Response
from fastapi.responses import RedirectResponse, StreamingResponse
from fastapi.sse import format_sse_event
from starlette.concurrency import run_in_threadpool

from alertd import issue, store
from alertd.channel import Outcome
from alertd.clock import stopwatch
from alertd.db import reading
from alertd.dispatch import Role, State
from alertd.errors import MoveRefused
from alertd.report import PENDING, ChannelTally, Report, report
from alertd.site import Site
from alertd.tables import ChannelStateRow
from operator_console import labels
from operator_console.page import channel_name, fragment, page
from operator_console.refusal import refusal
from operator_console.stored import stored
from operator_console.visit import Visit, Visited

#: between two looks at the tally, in seconds
EVERY = 1.0
#: after which the browser connects anew, so that the session is looked at again
CONNECTION = timedelta(seconds=30)
#: stopped, for these reasons; the operator's own words are added
_REASONS = 300
#: the width of a bar, in the units of its picture
_WIDTH = 1000


@dataclass(frozen=True, slots=True)
class Bar:
    """One piece of a channel's bar."""

    outcome: str
    x: int
    width: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One channel on the board."""

    name: str
    label: str
    simulated: bool
    #: counted at submission; shown until deliveries are planned
    expected: int
    tally: ChannelTally
    bars: Sequence[Bar]
    state: ChannelStateRow | None


def show(number: int, visit: Visited) -> Response:
    """GET /alerts/N"""
    with reading(visit.site.engine) as session:
        dispatch = stored(session, visit.site, number)
        told = report(session, number)
        alarms = store.alarms(session)
    return page(
        visit,
        "board.html",
        dispatch=dispatch,
        report=told,
        alarms=alarms,
        can_stop=_can_stop(visit, told),
        **_board(visit, told),
    )


def _board(visit: Visit, told: Report) -> dict[str, Any]:
    with reading(visit.site.engine) as session:
        row = store.dispatch(session, told.id)
        states = {name: session.get(ChannelStateRow, name) for name in told.channels}
    counts = row.counts if row is not None else {}
    lines = [
        Line(
            name=name,
            label=channel_name(visit.language, name, visit.site.settings.get(name)),
            simulated=name in visit.site.settings and visit.site.settings[name].simulated,
            expected=int(counts.get(name, 0)),
            tally=tally,
            bars=_bars(tally),
            state=states[name],
        )
        for name, tally in told.channels.items()
    ]
    totals = {
        outcome: sum(tally.outcomes[outcome] for tally in told.channels.values())
        for outcome in labels.OUTCOMES
    }
    return {"lines": lines, "totals": totals, "unreached": _unreached(told), "seen_at": visit.now}


def _bars(tally: ChannelTally) -> Sequence[Bar]:
    """The pieces of a bar, best news first, together `_WIDTH` wide."""
    bars: list[Bar] = []
    done = 0
    for outcome in labels.OUTCOMES:
        before = done
        done += tally.outcomes[outcome]
        if done > before:
            x, end = before * _WIDTH // tally.planned, done * _WIDTH // tally.planned
            bars.append(Bar(outcome, x, end - x))
    return bars


def _unreached(told: Report) -> int:
    reached = (Outcome.ACCEPTED, Outcome.DELIVERED, Outcome.ACKNOWLEDGED, PENDING)
    return sum(
        count
        for tally in told.channels.values()
        for name, count in tally.outcomes.items()
        if name not in reached
    )


def _can_stop(visit: Visit, told: Report) -> bool:
    return visit.may(Role.SEND, Role.APPROVE, Role.DRAFT) and told.state in (
        State.SUBMITTED,
        State.APPROVED,
        State.SENDING,
        State.FINISHED,
    )


class Ticker:
    """Each dispatch's report, made at most once in `EVERY` seconds however many boards are open."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._reports: dict[int, tuple[float, Report]] = {}
        self._guard = threading.Lock()

    def report(self, number: int) -> Report:
        """The report, at most `EVERY` seconds old. Raises NotFound."""
        with self._guard:
            known = self._reports.get(number)
            if known is not None and stopwatch() - known[0] < EVERY:
                return known[1]
            with reading(self._site.engine) as session:
                told = report(session, number)
            if len(self._reports) > 100:
                self._reports.clear()
            self._reports[number] = (stopwatch(), told)
            return told

    async def events(self, number: int, visit: Visited) -> Response:
        """GET /alerts/N/events: the tally whenever it has changed, and `final` when it will not any more."""
        await run_in_threadpool(self.report, number)
        return StreamingResponse(
            self._events(number, visit), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"}
        )

    async def _events(self, number: int, visit: Visit) -> AsyncIterator[bytes]:
        shown: Report | None = None
        until = stopwatch() + CONNECTION.total_seconds()
        while stopwatch() < until:
            told = await run_in_threadpool(self.report, number)
            if told != shown:
                shown = told
                tally = await run_in_threadpool(self._fragment, visit, told)
                yield format_sse_event(data_str=tally, event="tally", retry=1000)
            if told.final:
                yield format_sse_event(data_str="final", event="final")
                return
            await asyncio.sleep(EVERY)

    def _fragment(self, visit: Visit, told: Report) -> str:
        return fragment(visit, "_tally.html", report=told, **_board(visit, told))


def stop_page(number: int, visit: Visited) -> Response:
    """GET /alerts/N/stop"""
    return _stop_page(visit, number)


def _stop_page(visit: Visit, number: int, *, problem: str | None = None, status: int = 200) -> Response:
    with reading(visit.site.engine) as session:
        dispatch = stored(session, visit.site, number)
        told = report(session, number)
        correction = store.correction_of(session, number)
        words = store.artefacts(session, correction.id) if correction is not None else []
    return page(
        visit,
        "stop.html",
        status=status,
        dispatch=dispatch,
        report=told,
        correction=words,
        problem=problem,
        can_stop=_can_stop(visit, told),
    )


def stop(number: int, visit: Visited) -> Response:
    """POST /alerts/N/stop: nothing more is handed over; with `correct`, those reached are told."""
    reason = visit.field("reason")
    if not reason:
        return _stop_page(visit, number, problem=visit.say("Please choose or write a reason."), status=422)
    try:
        correction = issue.cancel(
            visit.site,
            number,
            visit.operator,
            reason=" ".join(filter(None, (reason, visit.field("note"))))[:_REASONS],
            correct=visit.field("correct") == "yes",
        )
    except MoveRefused as error:
        return _stop_page(visit, number, problem=refusal(visit, error), status=409)
    return RedirectResponse(f"/alerts/{correction or number}", 303)
