"""`alertd retention`: take away what is old enough, as `[retention]` says."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from alertd.cli.app import say
from alertd.cli.installation import ConfigOption, JsonFlag, opened, print_json

app = typer.Typer(
    help="Take away personal data that is old enough.",
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
)


@app.callback()
def _group() -> None:
    """Take away personal data that is old enough."""


@app.command()
def run(
    context: typer.Context,
    name: str = typer.Option("alertd", "--as", metavar="NAME", help="Who did it, for the audit trail."),
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what it would be.")] = False,
    config: Path | None = ConfigOption,
    as_json: JsonFlag = False,
) -> None:
    """Erase what `[retention]` says is old enough; let a timer call it every night.

    \b
    Examples:
      alertd retention run --dry-run
      alertd retention run --as suzuki
    """
    from alertd import retention

    with opened(context, config) as site:
        found = retention.run(site, by=name, dry_run=dry_run)
    if as_json:
        print_json({"dry_run": dry_run, **asdict(found)})
        return
    would = "would be " if dry_run else ""
    say(
        f"{would}erased: {found.contacts} contacts, the words of {found.receipts} receipts, "
        f"{found.notes} notes, {found.sounds} sounds, the deliveries of {found.dispatches} alerts"
    )
