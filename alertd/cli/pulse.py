"""`alertd pulse`: whether a program of this machine is alive, for the health check of its container."""

from __future__ import annotations

from pathlib import Path

import typer

from alertd.cli.installation import ConfigOption, opened

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def pulse(
    context: typer.Context,
    programs: list[str] = typer.Argument(help="relay, or worker.NAME for a channel."),
    config: Path | None = ConfigOption,
) -> None:
    """Exit 0 when these programs were alive on this machine within half a minute, else 1.

    \b
    Example: alertd pulse worker.mail
    """
    from alertd.db import reading
    from alertd.pulse import alive_here

    with opened(context, config) as site, reading(site.engine) as session:
        silent = sorted(set(programs) - alive_here(session, site.clock.now()))
    if silent:
        print(f"silent: {', '.join(silent)}")
        raise typer.Exit(1)
