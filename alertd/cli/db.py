"""`alertd db`: the tables of the database."""

from __future__ import annotations

from pathlib import Path

import typer

from alertd.cli.app import say
from alertd.cli.installation import ConfigOption, settings
from alertd.register import install
from alertd.site import Site

app = typer.Typer(
    help="The tables of the database.", rich_markup_mode=None, add_completion=False, no_args_is_help=True
)


@app.callback()
def noun() -> None:
    """The tables of the database."""


@app.command()
def upgrade(context: typer.Context, config: Path | None = ConfigOption) -> None:
    """Bring the tables up to this version; may be run twice.

    \b
    Example: alertd db upgrade --config /etc/alertd.toml
    """
    site = Site.open(settings(context, config))
    try:
        install(site)
    finally:
        site.close()
    say(f"the tables are up to date: {site.engine.url.render_as_string(hide_password=True)}")
