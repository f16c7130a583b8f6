"""The tally of a dispatch as people read it in a terminal: a live table, or plain lines."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator

from rich.console import Console
from rich.live import Live
from rich.table import Table

from alertd import report
from alertd.cli.app import say
from alertd.db import reading
from alertd.report import PENDING, ChannelTally, Report
from alertd.site import Site

#: what is shown, in this order: the outcome, and what people call it
COLUMNS = {
    PENDING: "待ち pending",
    "accepted": "受付 accepted",
    "delivered": "到達 delivered",
    "acknowledged": "確認 acknowledged",
    "deferred": "再試行 deferred",
    "failed": "不達 failed",
    "unknown": "不明 unknown",
    "expired": "期限切れ expired",
    "cancelled": "中止 cancelled",
}
#: shown even when they are all zero
_ALWAYS = (PENDING, "accepted", "delivered", "acknowledged", "deferred", "failed")
#: seconds between two looks
EVERY = 0.5


def now(site: Site, dispatch_id: int) -> Report:
    """The report at this moment. Raises NotFound."""
    with reading(site.engine) as session:
        return report.report(session, dispatch_id)


def watch(site: Site, dispatch_id: int, *, stop: threading.Event | None = None) -> Iterator[Report]:
    """Shows the tally on standard error until every delivery is final; yields each look.

    A table that stays in its place on a terminal; elsewhere a line for each change.
    """
    stop = stop or threading.Event()
    found = now(site, dispatch_id)
    if sys.stderr.isatty():
        with Live(table(found), console=Console(stderr=True), auto_refresh=False) as live:
            while True:
                live.update(table(found), refresh=True)
                yield found
                if found.final or stop.wait(EVERY):
                    return
                found = now(site, dispatch_id)
    told = ""
    while True:
        words = line(found)
        if words != told:
            say(words)
            told = words
        yield found
        if found.final or stop.wait(EVERY):
            return
        found = now(site, dispatch_id)


def table(found: Report) -> Table:
    """The tally as a table, a row for each channel and one for all."""
    shown = [
        name for name in COLUMNS if name in _ALWAYS or any(t.outcomes[name] for t in found.channels.values())
    ]
    title = f"{found.id}  {found.headline}  [{found.status}]  {found.state}"
    made = Table(title=title, title_justify="left")
    made.add_column("")
    made.add_column("計画 planned", justify="right")
    for name in shown:
        made.add_column(COLUMNS[name].replace(" ", "\n"), justify="right")
    for channel, tally in found.channels.items():
        made.add_row(channel, str(tally.planned), *(str(tally.outcomes[name]) for name in shown))
    made.add_section()
    totals = (str(sum(tally.outcomes[name] for tally in found.channels.values())) for name in shown)
    made.add_row("合計 all", str(found.planned), *totals)
    return made


def line(found: Report) -> str:
    """The tally in one line."""
    return f"{found.state}: " + "; ".join(f"{name} {_short(tally)}" for name, tally in found.channels.items())


def show(found: Report) -> None:
    """The tally on standard output, with the reasons and answers below."""
    Console(width=None if sys.stdout.isatty() else 120).print(table(found))
    for name, tally in found.channels.items():
        for what, counts in (("reasons", tally.reasons), ("answers", tally.answers)):
            if counts:
                print(f"{name} {what}: " + ", ".join(f"{key} {number}" for key, number in counts.items()))
    if found.corrects is not None:
        print(f"corrects {found.corrects}")
    if found.corrected_by is not None:
        print(f"corrected by {found.corrected_by}")


def _short(tally: ChannelTally) -> str:
    parts = [f"{number} {name}" for name, number in tally.outcomes.items() if number]
    return f"{tally.planned} ({', '.join(parts)})" if parts else "not planned yet"
