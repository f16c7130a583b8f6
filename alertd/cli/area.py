"""`alertd area`: the parts of the city that can be alerted."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import typer

from alertd import outline, people
from alertd.cli.app import say
from alertd.cli.document import content_of
from alertd.cli.installation import ConfigOption, JsonFlag, opened, print_json
from alertd.db import reading, writing
from alertd.errors import Problem, WrongInput
from alertd.tables import AreaRow

app = typer.Typer(
    help="Import and list areas.", rich_markup_mode=None, add_completion=False, no_args_is_help=True
)

_COLUMNS = ("code", "name", "name_kana", "name_en", "households")


@app.command("import")
def import_file(
    context: typer.Context,
    file: Path = typer.Argument(metavar="FILE.csv"),
    config: Path | None = ConfigOption,
) -> None:
    """Add or change areas; columns code, name, name_kana, name_en, households.

    \b
    Example: alertd area import areas.csv
    """
    rows = _read(content_of(file))
    with opened(context, config) as site, writing(site.engine) as session:
        for position, values in enumerate(rows, start=1):
            session.merge(AreaRow(**values, position=position))
    say(f"{len(rows)} areas")


@app.command("outline")
def outlines(
    context: typer.Context,
    file: Path = typer.Argument(metavar="FILE.geojson"),
    config: Path | None = ConfigOption,
) -> None:
    """Add or change the outlines of areas by a GeoJSON FeatureCollection with the property code or name.

    \b
    Example: alertd area outline zones.geojson
    """
    document = content_of(file)
    with opened(context, config) as site, writing(site.engine) as session:
        number = outline.keep(session, document)
    say(f"{number} outlines")


@app.command("list")
def list_all(context: typer.Context, config: Path | None = ConfigOption, as_json: JsonFlag = False) -> None:
    """List the areas in the order of the screen.

    \b
    Example: alertd area list
    """
    with opened(context, config) as site, reading(site.engine) as session:
        rows = people.areas(session)
        if as_json:
            print_json([{name: getattr(row, name) for name in _COLUMNS} for row in rows])
            return
        for row in rows:
            print(f"{row.code}\t{row.name}\t{row.households}")
        if not rows:
            say("there is no area yet; `alertd area import FILE.csv` adds them")


def _read(document: bytes) -> list[dict[str, object]]:
    try:
        rows = list(csv.DictReader(io.StringIO(document.decode("utf-8-sig"))))
    except (UnicodeDecodeError, csv.Error) as error:
        raise WrongInput(Problem("file", f"it is not CSV in UTF-8 ({error})")) from error
    missing = [name for name in ("code", "name") if rows and name not in rows[0]]
    if missing or not rows:
        raise WrongInput(Problem("file", f"the first line must name the columns {', '.join(_COLUMNS)}"))
    areas: list[dict[str, object]] = []
    for line, row in enumerate(rows, start=2):
        households = (row.get("households") or "0").strip()
        if not (row["code"] or "").strip() or not (row["name"] or "").strip() or not households.isdecimal():
            raise WrongInput(Problem(f"line {line}", "give a code, a name and a whole number of households"))
        texts = {name: (row.get(name) or "").strip() for name in _COLUMNS[:-1]}
        areas.append({**texts, "households": int(households)})
    return areas
