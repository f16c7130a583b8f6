"""`alertd relay`: one relay process."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import typer

from alertd import broker
from alertd.cli.installation import ConfigOption, log_to_stderr, settings
from alertd.config import Config
from alertd.relay import Relay, Ring
from alertd.site import Site
from alertd.worker import bell

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def relay(context: typer.Context, config: Path | None = ConfigOption) -> None:
    """Run one relay until it is told to stop: it sees to it that what was promised moves.

    \b
    Example: alertd relay --config /etc/alertd.toml
    """
    log_to_stderr()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    found = settings(context, config)
    site = Site.open(found)
    try:
        Relay(site, _ring(found)).run(stop)
    finally:
        site.close()


def _ring(config: Config) -> Ring | None:
    """The bell; None where no broker can be: then the relay dispatches by itself at once."""
    if config.embedded_broker and broker.command(config.broker_socket) is None:
        return None
    return bell(config)
