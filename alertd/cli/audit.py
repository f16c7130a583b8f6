"""`alertd audit`: prove that nobody changed the record of who did what, and hand it out."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from alertd.cli.app import say
from alertd.cli.installation import ConfigOption, JsonFlag, opened, print_json

app = typer.Typer(
    help="Prove and export the record of who did what.",
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
)


@app.command()
def verify(
    context: typer.Context,
    anchors: Path | None = typer.Option(
        None, "--anchors", metavar="FILE", help="Default: the file of [audit] anchors."
    ),
    config: Path | None = ConfigOption,
    as_json: JsonFlag = False,
) -> None:
    """Check every row of the audit trail, and its head against the anchors; exit code 1 when it does not fit.

    \b
    Examples:
      alertd audit verify
      alertd audit verify --anchors /mnt/auditor/anchors.jsonl
    """
    from alertd import anchor
    from alertd.db import reading

    with opened(context, config) as site:
        file = anchors or site.config.audit.anchors
        known = anchor.read(file) if file is not None and (anchors or file.exists()) else []
        with reading(site.engine) as session:
            last, finding = anchor.verify(session, known)
    if as_json:
        print_json(
            {
                "rows": last.rows,
                "head": last.entry_hash,
                "anchors": len(known),
                "intact": finding is None,
                "first_wrong_row": finding.row if finding else None,
            }
        )
    elif finding is None:
        print(f"{last.rows} rows fit, the last is {last.entry_hash}")
        say(
            f"all {len(known)} anchors fit"
            if known
            else "no anchors: a trail whose end was cut off would look the same; set anchors in [audit]"
        )
    if finding is not None:
        say(f"alertd: audit: {finding.problem}", f"  {finding.problem_ja}")
        raise typer.Exit(1)


@app.command("anchor")
def write_anchor(
    context: typer.Context, config: Path | None = ConfigOption, as_json: JsonFlag = False
) -> None:
    """Print the head of the trail, to be kept where nobody who can write the database can reach it.

    \b
    Example: alertd audit anchor | mail -s anchor auditor@city.example
    """
    from alertd import audit
    from alertd.db import reading

    with opened(context, config) as site, reading(site.engine) as session:
        head = audit.head(session)
        at = site.clock.now().isoformat(timespec="seconds")
    line = {"at": at, "rows": head.rows, "head": head.entry_hash}
    if as_json:
        print_json(line)
    else:
        print(json.dumps(line))


@app.command()
def export(
    context: typer.Context,
    subject: str | None = typer.Option(
        None, "--subject", metavar="S", help="Only of this, e.g. dispatch:12 or operator:3."
    ),
    as_csv: Annotated[bool, typer.Option("--csv", help="For a spreadsheet; else one JSON a line.")] = False,
    config: Path | None = ConfigOption,
) -> None:
    """Write the trail to standard output, oldest first, with the hashes that prove it.

    \b
    Examples:
      alertd audit export > trail.jsonl
      alertd audit export --csv --subject dispatch:12 > dispatch-12.csv
    """
    from sqlalchemy import select

    from alertd.db import reading
    from alertd.spreadsheet import guarded
    from alertd.tables import AuditRow

    query = select(AuditRow).order_by(AuditRow.id).execution_options(yield_per=1000)
    if subject is not None:
        query = query.where(AuditRow.subject == subject)
    table = csv.writer(sys.stdout)
    names = ("id", "at", "actor", "action", "subject", "detail", "previous_hash", "entry_hash")
    if as_csv:
        sys.stdout.write("\ufeff")
        table.writerow(names)
    with opened(context, config) as site, reading(site.engine) as session:
        for row in session.scalars(query):
            entry = {name: getattr(row, name) for name in names} | {"at": row.at.isoformat()}
            if as_csv:
                entry["detail"] = json.dumps(row.detail, ensure_ascii=False)
                table.writerow([guarded(str(entry[name])) for name in names])
            else:
                print(json.dumps(entry, ensure_ascii=False))
            session.expunge(row)
