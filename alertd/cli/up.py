"""`alertd up`: everything on this machine, in one command."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import typer

from alertd import config as configuration
from alertd.cli.app import say
from alertd.cli.installation import ConfigOption, log_to_stderr
from alertd.register import install
from alertd.site import Site
from alertd.supervise import Supervisor
from alertd.up import alone, programs

app = typer.Typer(rich_markup_mode=None, add_completion=False)

#: how long the programs may take to come up, in seconds
READY_WITHIN = 60.0


@app.command()
def up(context: typer.Context, config: Path | None = ConfigOption) -> None:
    """Run everything on this machine: broker, worker, relay, console. Ctrl-C ends it.

    \b
    Example: alertd up --config /etc/alertd.toml
    """
    log_to_stderr()
    file = configuration.find(config or context.find_root().obj)
    found = configuration.load(file)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with alone(found.storage):
        site = Site.open(found)
        install(site)
        site.close()
        with Supervisor(found.storage / "log") as supervisor:
            for program in programs(found, file):
                supervisor.start(program)
            supervisor.wait_ready(within=READY_WITHIN, stop=stop)
            if not stop.is_set():
                say(
                    f"ready: console {found.console_url}  public {found.public_url}  logs {found.storage / 'log'}"
                )
            while not stop.wait(0.1):
                supervisor.tend()
            say("stopping")
