"""Help wanted: who has called for help, on the board and on a page of its own, until somebody goes there."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any

from fastapi import Request, Response
from fastapi.responses import RedirectResponse, StreamingResponse
from fastapi.sse import format_sse_event
from starlette.concurrency import run_in_threadpool

from alertd import taking
from alertd.clock import stopwatch
from alertd.db import reading, writing
from alertd.help_wanted import HelpWanted, help_wanted
from alertd.site import Site
from operator_console.page import fragment, page
from operator_console.personal import ENTERS, SEES
from operator_console.visit import Visit, Visited

#: between two looks, in seconds
EVERY = 1.0
#: after which the browser connects anew, so that its session is looked at again, in seconds
CONNECTION = 30.0
#: calls that were looked after, on the page of all
LATEST = 50
#: alerts whose calls the page of all shows; older ones are on their boards
RECENT = timedelta(hours=72)


def shown(visit: Visit, wanted: Sequence[HelpWanted], *, board: bool) -> dict[str, Any]:
    """The values for the template `_help.html`: who waits, who is looked after, who was."""
    return {
        "waiting": [one for one in wanted if one.open],
        "taken": [one for one in wanted if not one.open and one.result is None],
        "over": [one for one in wanted if not one.open and one.result is not None],
        "on_board": board,
        "enters": visit.may(*ENTERS),
        "sees_addresses": visit.may(*SEES),
        "help_digest": digest(wanted),
    }


def digest(wanted: Sequence[HelpWanted]) -> str:
    """What tells two states of the list apart; a page that shows this one is not sent it again."""
    return hashlib.sha256(repr(tuple(wanted)).encode()).hexdigest()[:16]


def seen(request: Request) -> str:
    """The state that a connecting page shows already: the last that it was sent, else its own."""
    return request.headers.get("last-event-id") or request.query_params.get("seen", digest(()))


def event(visit: Visit, wanted: Sequence[HelpWanted], *, board: bool) -> bytes:
    """The list as a server-sent event."""
    said = fragment(visit, "_help.html", **shown(visit, wanted, board=board))
    return format_sse_event(data_str=said, event="help", id=digest(wanted), retry=1000)


class Calls:
    """The page of all calls for help; a look serves all that have it open."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._taken_at = float("-inf")
        self._wanted: tuple[HelpWanted, ...] = ()
        self._guard = threading.Lock()

    def show(self, visit: Visited) -> Response:
        """GET /help"""
        return _page(visit)

    async def events(self, request: Request, visit: Visited) -> Response:
        """GET /help/events?seen=…: `help` when it has changed."""
        return StreamingResponse(
            self._events(visit, seen(request)),
            media_type="text/event-stream",
            headers={"X-Accel-Buffering": "no"},
        )

    async def _events(self, visit: Visit, last: str) -> AsyncIterator[bytes]:
        began = stopwatch()
        while stopwatch() < began + CONNECTION:
            taken_at, now = await run_in_threadpool(self._look)
            # a look that is older than the page would turn it back
            if taken_at >= began and digest(now) != last:
                last = digest(now)
                yield await run_in_threadpool(event, visit, now, board=False)
            await asyncio.sleep(EVERY)

    def _look(self) -> tuple[float, tuple[HelpWanted, ...]]:
        """Who calls for help, and when that was looked at, on the stopwatch."""
        with self._guard:
            if stopwatch() - self._taken_at >= EVERY:
                self._taken_at = stopwatch()
                self._wanted = _all(self._site)
            return self._taken_at, self._wanted


def take(delivery: int, visit: Visited) -> Response:
    """POST /help/N/take: I look after this."""
    with writing(visit.site.engine) as session:
        mine = taking.take(session, delivery, visit.operator, visit.now)
    if not mine:
        return _page(visit, problem=visit.say("Somebody else was faster and looks after this."), status=409)
    return _back(visit)


def give_back(delivery: int, visit: Visited) -> Response:
    """POST /help/N/give-back: I cannot go after all."""
    with writing(visit.site.engine) as session:
        taking.give_back(session, delivery, visit.operator, visit.now)
    return _back(visit)


def _back(visit: Visit) -> Response:
    board = visit.field("board")
    return RedirectResponse(f"/alerts/{int(board)}" if board.isascii() and board.isdigit() else "/help", 303)


def _page(visit: Visit, *, problem: str | None = None, status: int = 200) -> Response:
    wanted = _all(visit.site)
    return page(visit, "help.html", status=status, problem=problem, **shown(visit, wanted, board=False))


def _all(site: Site) -> tuple[HelpWanted, ...]:
    """Everybody who waits since recent alerts, and the latest of the others."""
    with reading(site.engine) as session:
        found = help_wanted(session, taken=True, since=site.clock.now() - RECENT)
    settled = [one for one in found if not one.open][-LATEST:]
    return (*(one for one in found if one.open), *settled)
