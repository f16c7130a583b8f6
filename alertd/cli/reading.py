"""`alertd reading`: how names are spoken; import, check and list them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from alertd.cli.app import say
from alertd.cli.document import content_of
from alertd.cli.installation import ConfigOption, JsonFlag, opened, print_json
from alertd.errors import NotFound
from alertd.site import Site
from alertd.speech import CheckedName, KeepsReadings

app = typer.Typer(
    help="How names are spoken: import, check and list readings.",
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
)

#: so many names are shown; --json has all
SHOWN = 20
FileArgument = typer.Argument(
    metavar="FILE.csv",
    help="Names and their kana: the post office's KEN_ALL, open data, or columns surface,reading. "
    "UTF-8 or CP932; “-” is standard input.",
)


@app.command("import")
def import_file(
    context: typer.Context,
    file: Path = FileArgument,
    name: str | None = typer.Option(
        None, "--name", metavar="NAME", help="What the list is called. Default: the name of the file."
    ),
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be learnt.")] = False,
    config: Path | None = ConfigOption,
    as_json: JsonFlag = False,
) -> None:
    """Teach the voice those names of a list that it reads wrong so far.

    A name that it reads right is not kept, because every entry may spoil another word. The
    same list again replaces what was learnt from it. A row that is wrong is named and
    nothing is kept. Exit code 1 when a name is still read wrong: a person must look at it.

    \b
    Example: alertd reading import 町名.csv --dry-run
    """
    document = content_of(file)
    called = name or ("standard-input" if str(file) == "-" else file.name)
    with opened(context, config) as site:
        done = _dictionary(site).import_readings(document, called, dry_run=dry_run)
    if as_json:
        print_json(
            {
                "dry_run": dry_run,
                "already_right": done.already_right,
                "learnt": _as_json(done.learnt),
                "still_wrong": _as_json(done.still_wrong),
                "file": str(done.file) if done.file else None,
            }
        )
    else:
        _show(done.learnt)
        _complain(done.still_wrong)
        would = "would be " if dry_run else ""
        print(
            f"{len(done.learnt)} {would}learnt, {done.already_right} right already, "
            f"{len(done.still_wrong)} still wrong"
        )
    if done.still_wrong:
        raise typer.Exit(1)


@app.command()
def check(
    context: typer.Context,
    file: Path = FileArgument,
    config: Path | None = ConfigOption,
    as_json: JsonFlag = False,
) -> None:
    """Say how the names of a list are read now; nothing is kept. Exit code 1 when one is wrong.

    \b
    Example: alertd reading check 町名.csv
    """
    document = content_of(file)
    with opened(context, config) as site:
        found = _dictionary(site).check_readings(document)
    wrong = [name for name in found if not name.right]
    if as_json:
        print_json({"names": len(found), "right": len(found) - len(wrong), "wrong": _as_json(wrong)})
    else:
        _complain(wrong)
        print(f"{len(found) - len(wrong)} of {len(found)} names are read right")
    if wrong:
        raise typer.Exit(1)


@app.command("list")
def list_all(context: typer.Context, config: Path | None = ConfigOption, as_json: JsonFlag = False) -> None:
    """List every reading that the voice is taught: word, kana, source, who verified it.

    \b
    Example: alertd reading list
    """
    with opened(context, config) as site:
        entries = _dictionary(site).readings()
    if as_json:
        print_json(
            [
                {
                    "surface": entry.reading.surface,
                    "reading": entry.reading.kana,
                    "pronunciation": entry.reading.pronunciation,
                    "accent": entry.reading.accent,
                    "source": entry.source,
                    "verified_by": entry.verified_by,
                }
                for entry in entries
            ]
        )
        return
    for entry in entries:
        print(f"{entry.reading.surface}\t{entry.reading.kana}\t{entry.source}\t{entry.verified_by}")


def _dictionary(site: Site) -> KeepsReadings:
    """The synthesizer's dictionary. Raises NotFound when the installed one keeps none."""
    synthesizer = site.synthesizer
    if not isinstance(synthesizer, KeepsReadings):
        raise NotFound("the installed synthesizer keeps no dictionary of readings")
    return synthesizer


def _as_json(names: Sequence[CheckedName]) -> list[dict[str, str]]:
    return [{"surface": name.surface, "reading": name.kana, "heard": name.heard} for name in names]


def _show(names: Sequence[CheckedName]) -> None:
    for name in names[:SHOWN]:
        print(f"{name.surface}\t{name.kana}")
    if len(names) > SHOWN:
        print(f"… and {len(names) - SHOWN} more; --json names all")


def _complain(names: Sequence[CheckedName]) -> None:
    for name in names[:SHOWN]:
        say(f"{name.surface}: {name.kana} was given, {name.heard or 'nothing'} is heard")
    if len(names) > SHOWN:
        say(f"… and {len(names) - SHOWN} more; --json names all")
