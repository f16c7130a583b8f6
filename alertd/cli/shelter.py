"""`alertd shelter`: designated shelters."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from alertd import shelter, shelter_list
from alertd.cli.app import say
from alertd.cli.document import content_of
from alertd.cli.installation import ConfigOption, JsonFlag, opened, print_json
from alertd.db import reading, writing
from alertd.hazard import Hazard

app = typer.Typer(
    help="Designated shelters (指定緊急避難場所, 指定避難所): import, list, export.",
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
)


@app.command("import")
def import_file(
    context: typer.Context,
    file: Path = typer.Argument(metavar="FILE.csv"),
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be stored, and store nothing.")
    ] = False,
    config: Path | None = ConfigOption,
) -> None:
    """Add or change shelters by a published list, in any of its three formats.

    \b
    Example: alertd shelter import 指定緊急避難場所一覧.csv --dry-run
    """
    found = shelter_list.read(content_of(file))
    for repair in found.repairs:
        say(repair)
    if dry_run:
        say(f"{len(found.shelters)} shelters would be stored")
        return
    with opened(context, config) as site, writing(site.engine) as session:
        count = shelter.store(session, found.shelters)
    say(f"{count} shelters")


@app.command("list")
def list_all(
    context: typer.Context,
    hazard: Hazard | None = typer.Option(None, "--for", help="Only those that may be named in this danger."),
    config: Path | None = ConfigOption,
    as_json: JsonFlag = False,
) -> None:
    """List the shelters, and what they are designated for.

    \b
    Example: alertd shelter list --for flood
    """
    with opened(context, config) as site, reading(site.engine) as session:
        rows = shelter.shelters(session)
    if hazard is not None:
        rows = shelter.offered(rows, hazard)
    if as_json:
        print_json(
            [
                {
                    "id": row.id,
                    "name": row.name,
                    "address": row.address,
                    "latitude": row.latitude,
                    "longitude": row.longitude,
                    "designated_for": [
                        str(kind) for kind in shelter.Designation if kind in row.designated_for
                    ],
                }
                for row in rows
            ]
        )
        return
    for row in rows:
        kinds = " ".join(kind for kind in shelter.Designation if kind in row.designated_for) or "指定避難所"
        print(f"{row.id}\t{row.name}\t{kinds}")
    if not rows:
        say("there is no such shelter; `alertd shelter import FILE.csv` adds them")


@app.command()
def export(context: typer.Context, config: Path | None = ConfigOption) -> None:
    """Write all shelters to standard output, in the standard format (39 columns).

    \b
    Example: alertd shelter export > shelters.csv
    """
    with opened(context, config) as site, reading(site.engine) as session:
        sys.stdout.buffer.write(shelter_list.write(shelter.shelters(session)))
