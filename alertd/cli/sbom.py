"""`alertd sbom`: the bill of materials of this installation."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from alertd.cli.installation import print_json

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def sbom(
    lock: Path | None = typer.Option(
        None, "--lock", metavar="FILE", exists=True, dir_okay=False, help="requirements.lock, for the hashes."
    ),
    licences: Annotated[
        bool, typer.Option("--licences", help="Only each package's version and licence, a line each.")
    ] = False,
) -> None:
    """Print every package that this installation runs on, as CycloneDX JSON. Asks no network.

    \b
    Examples:
      alertd sbom --lock requirements.lock > alertd.cdx.json
      alertd sbom --licences
    """
    from alertd.clock import SystemClock
    from alertd.sbom import bill

    document = bill(lock.read_text() if lock is not None else "", SystemClock().now())
    if not licences:
        print_json(document)
        return
    for one in document["components"]:
        (said,) = one["licenses"]
        print(f"{one['name']} {one['version']}\t{said.get('expression') or said['license']['name']}")
