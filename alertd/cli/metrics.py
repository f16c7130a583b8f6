"""`alertd metrics`: the present figures for a monitoring system."""

from __future__ import annotations

from pathlib import Path

import typer

from alertd.cli.installation import ConfigOption, opened

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def metrics(context: typer.Context, config: Path | None = ConfigOption) -> None:
    """Print the present figures in Prometheus' text format, for its textfile collector.

    \b
    Example: alertd metrics > /var/lib/node_exporter/alertd.prom.new
    """
    from alertd.db import reading
    from alertd.metrics import metrics as figures

    with opened(context, config) as site, reading(site.engine) as session:
        print(figures(session, site), end="")
