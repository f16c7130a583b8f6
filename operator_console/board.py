"""The board: what became of one dispatch so far, kept up to date by server-sent events."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator

from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from fastapi.sse import format_sse_event
from starlette.concurrency import run_in_threadpool

from alertd import store
from alertd.clock import stopwatch
from alertd.db import reading
from alertd.dispatch import State
from alertd.follow_up import FollowUp
from alertd.hold import is_held
from alertd.report import Report
from alertd.running_tally import RunningTallies
from alertd.site import Site
from operator_console import help_wanted, wrong_send
from operator_console.follow_ups import can_follow
from operator_console.page import fragment, page
from operator_console.reach import elsewhere
from operator_console.stored import Stored, stored
from operator_console.tally import Snapshot, shown, snapshot
from operator_console.under_way import may_stop
from operator_console.visit import Visit, Visited

#: between two looks at the tally, in seconds
EVERY = 1.0
#: how many times as long as a look has taken nobody looks again
SPARING = 16
#: so many open boards are served every `EVERY` seconds; more of them take turns, so that the pages of
#: many onlookers do not take the machine from the senders
AT_ONCE = 5
#: after which the browser connects anew, so that its session is looked at again, in seconds
CONNECTION = 30.0
_STOPPABLE = (State.SUBMITTED, State.APPROVED, State.SENDING, State.FINISHED)
#: dispatches that are remembered
_MOST = 100


def can_stop(visit: Visit, told: Report) -> bool:
    """Whether the visitor may stop the dispatch, and there is something to stop or correct."""
    return may_stop(visit, told.status) and told.state in _STOPPABLE


def _follow_ups(visit: Visit, dispatch: Stored, told: Report) -> tuple[FollowUp, ...]:
    """The ways in which this visitor can follow the alert up."""
    written = can_follow(visit, dispatch)
    called_off = can_stop(visit, told) and told.corrects is None
    return tuple(how for how in FollowUp if (called_off if how is FollowUp.CANCEL else written))


class Boards:
    """The boards of every dispatch.

    A snapshot serves all that are open: it is taken at most once in `EVERY` seconds, and
    where it takes long, no more often than leaves the database to the senders.
    """

    def __init__(self, site: Site) -> None:
        self._site = site
        #: by dispatch: until when it serves, on the stopwatch
        self._taken: dict[int, tuple[float, Snapshot]] = {}
        self._tallies = RunningTallies()
        self._guard = threading.Lock()
        #: boards that are open now
        self._open = 0

    def show(self, number: int, visit: Visited) -> Response:
        """GET /alerts/N"""
        with reading(self._site.engine) as session:
            dispatch = stored(session, self._site, number)
            now = snapshot(session, self._site, number, self._tallies)
            follows = dispatch.row.follows_id
            before = store.dispatch(session, follows) if follows is not None else None
            after = store.followed_by(session, number)
            correction = wrong_send.offered(session, visit, dispatch)
            put_right = wrong_send.ran(session, dispatch.row)
        return page(
            visit,
            "board.html",
            dispatch=dispatch,
            elsewhere=elsewhere(visit, dispatch.audience),
            held=is_held(dispatch.row),
            follows=before,
            followed_by=after,
            correction=correction,
            put_right=put_right,
            follow_ups=_follow_ups(visit, dispatch, now.report),
            **shown(visit, now),
        )

    async def events(self, number: int, request: Request, visit: Visited) -> Response:
        """GET /alerts/N/events: `tally`, `help`, `checklist` and `alarms` when they have changed, `final` at the end."""
        await run_in_threadpool(self._snapshot, number)
        return StreamingResponse(
            self._events(number, visit, help_wanted.seen(request)),
            media_type="text/event-stream",
            headers={"X-Accel-Buffering": "no"},
        )

    async def _events(self, number: int, visit: Visit, help_seen: str) -> AsyncIterator[bytes]:
        self._open += 1
        try:
            async for event in self._changes(number, visit, help_seen):
                yield event
        finally:
            self._open -= 1

    async def _changes(self, number: int, visit: Visit, help_seen: str) -> AsyncIterator[bytes]:
        last: Snapshot | None = None
        began = self._site.clock.now()
        until = stopwatch() + CONNECTION
        while stopwatch() < until:
            now = await run_in_threadpool(self._snapshot, number)
            if last is None or now.alarms != last.alarms:
                yield await run_in_threadpool(_event, visit, "alarms", now)
            # a snapshot that is older than the page would turn its list back
            if now.taken_at >= began and help_wanted.digest(now.help) != help_seen:
                help_seen = help_wanted.digest(now.help)
                yield await run_in_threadpool(help_wanted.event, visit, now.help, board=True)
            if now != last:
                yield await run_in_threadpool(_event, visit, "tally", now)
            if now.checklist and (last is None or now.checklist != last.checklist):
                yield await run_in_threadpool(_event, visit, "checklist", now)
            last = now
            if now.report.final:
                yield format_sse_event(data_str="final", event="final")
                return
            await asyncio.sleep(EVERY * max(1.0, self._open / AT_ONCE))

    def _snapshot(self, number: int) -> Snapshot:
        with self._guard:
            known = self._taken.get(number)
            if known is not None and stopwatch() < known[0]:
                return known[1]
            began = stopwatch()
            with reading(self._site.engine) as session:
                taken = snapshot(session, self._site, number, self._tallies)
            if len(self._taken) >= _MOST:
                self._taken.clear()
            ended = stopwatch()
            self._taken[number] = (max(began + EVERY, ended + SPARING * (ended - began)), taken)
            return taken


def _event(visit: Visit, name: str, now: Snapshot) -> bytes:
    return format_sse_event(
        data_str=fragment(visit, f"_{name}.html", **shown(visit, now)), event=name, retry=1000
    )
