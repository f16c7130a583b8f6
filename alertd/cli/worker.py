"""`alertd worker`: one worker process."""

from __future__ import annotations

from pathlib import Path

import typer

from alertd import worker as worker_process
from alertd.cli.installation import ConfigOption, log_to_stderr, settings
from alertd.config import shared
from alertd.site import Site

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def worker(
    context: typer.Context,
    channel: list[str] = typer.Option([], "--channel", help="Only these; may be repeated. Default: all."),
    of: int = typer.Option(
        1, "--of", min=1, help="One of so many on this machine: they share connections and paces of lanes."
    ),
    config: Path | None = ConfigOption,
) -> None:
    """Run one worker until it is told to stop; run as many as you like, on any machine.

    \b
    Examples: alertd worker --channel mail
              alertd worker --of 2    # and once more: two that have a section's `sessions` together
    """
    log_to_stderr()
    site = Site.open(shared(settings(context, config), of))
    try:
        for name in channel:
            site.line(name)
        worker_process.run(site, channel or list(site.settings))
    finally:
        site.close()
