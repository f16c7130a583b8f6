"""`alertd demo`: one drill through a demo city, with a live tally."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import Annotated

import typer

from alertd.cli import tally
from alertd.cli.app import say
from alertd.cli.installation import ConfigOption, JsonFlag, print_json
from alertd.clock import stopwatch
from alertd.demo import run
from alertd.demo.further import read_further
from alertd.demo.truth import Comparison
from alertd.report import Report

app = typer.Typer(rich_markup_mode=None, add_completion=False)

#: where the demo keeps its database, sounds, ledgers and logs
FOLDER = Path("var/demo")


@app.command()
def demo(
    context: typer.Context,
    recipients: int = typer.Option(500, "--recipients", min=1, max=1_000_000, metavar="N"),
    once: Annotated[bool, typer.Option("--once", help="End when every delivery is final.")] = False,
    database: str = typer.Option(
        "", "--database", metavar="URL", help="postgresql://… Default: SQLite in var/demo."
    ),
    broker: str = typer.Option(
        "embedded", "--broker", metavar="URL", help="redis://… Default: a server of its own."
    ),
    keep: Annotated[bool, typer.Option("--keep", help="Go on with the database of the last time.")] = False,
    channel: Path | None = typer.Option(
        None, "--channel", metavar="FILE", help="[channels.NAME] of an installed channel, with addresses."
    ),
    folder: Path = typer.Option(FOLDER, "--folder", metavar="DIR", help="Where all its files go."),
    config: Path | None = ConfigOption,
    as_json: JsonFlag = False,
) -> None:
    """A demo city with simulated far ends: one drill over four channels, then the console. Ctrl-C ends it.

    With --once it exits 0 when every delivery is final, the tally adds up and the far
    ends' own ledgers agree with it, else 1.

    \b
    Examples:
      alertd demo
      alertd demo --once --json --recipients 2000
      alertd demo --database postgresql://user@host/demo --broker redis://host
      alertd demo --once --channel pager.toml
    """
    if (config or context.find_root().obj) is not None:
        raise typer.BadParameter("the demo writes its own configuration", param_hint="--config")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    wishes = run.Wishes(
        recipients=recipients,
        folder=folder,
        database=database,
        broker=broker,
        keep=keep,
        further=read_further(channel) if channel is not None else (),
    )
    try:
        wrong = _demonstrate(wishes, once=once, as_json=as_json)
    except KeyboardInterrupt:
        say("stopped")
        raise typer.Exit(130 if once else 0) from None
    if wrong:
        raise typer.Exit(1)


def _demonstrate(wishes: run.Wishes, *, once: bool, as_json: bool) -> list[str]:
    """Runs the demo to its end; returns what was wrong with it."""
    with run.running(wishes, say) as demo:
        web = demo.site.config
        for name, password in demo.passwords.items():
            say(f"sign in as {name} with the password {password}")
        say(f"console {web.console_url}  public pages {web.public_url}")
        say(f"drill room, for {run.TRAINEE} alone: http://{web.web.drill_host}:{web.web.drill_port}")
        say("making the words and sounds of one drill (避難指示の訓練) …")
        number = run.send(demo)
        say(f"submitted by {run.DRAFTER}, approved by {run.APPROVER}")
        demo.supervisor.wait_ready(within=run.READY_WITHIN, stop=threading.Event())
        found, started = tally.now(demo.site, number), stopwatch()
        limit = run.time_limit(wishes.recipients)
        for latest in tally.watch(demo.site, number):
            found = latest
            demo.supervisor.tend()
            if stopwatch() - started > limit:
                break
        seconds = stopwatch() - started
        wrong, truth = run.verdict(demo, found, seconds)
        _tell(found, truth, wrong, seconds, as_json=as_json)
        if not once:
            say(f"still running: {web.console_url} (Ctrl-C ends it)")
            while True:
                threading.Event().wait(0.2)
                demo.supervisor.tend()
        return wrong


def _tell(found: Report, truth: list[Comparison], wrong: list[str], seconds: float, *, as_json: bool) -> None:
    if as_json:
        rows = [row.as_json() for row in truth]
        print_json({**found.as_json(), "seconds": round(seconds, 1), "ground_truth": rows, "wrong": wrong})
    else:
        tally.show(found)
        print("what the simulated far ends wrote down themselves:")
        for row in truth:
            print(f"  {row.channel:6} {row.what}: {row.ledger}, the tally says {row.tally}")
    say(*(f"WRONG: {sentence}" for sentence in wrong))
    say(
        f"{'all is final and adds up' if not wrong else 'the demo did not work'}, {seconds:.1f} s after approval"
    )
