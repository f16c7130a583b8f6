"""`alertd recipient`: import, export and check lists of recipients."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from alertd import people, recipient_list, register
from alertd.cli.app import say
from alertd.cli.document import content_of
from alertd.cli.installation import ConfigOption, JsonFlag, opened, print_json
from alertd.db import reading
from alertd.errors import Problem, WrongInput, WrongRecipients
from alertd.recipient_list import RecipientList
from alertd.site import Site

app = typer.Typer(
    help="Import, export and check recipients.",
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
)

#: so many problems are shown; --json has all
SHOWN = 20
FileArgument = typer.Argument(metavar="FILE.csv", help="UTF-8, CP932 or UTF-16; “-” is standard input.")


@app.command("import")
def import_file(
    context: typer.Context,
    file: Path = FileArgument,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
    config: Path | None = ConfigOption,
    as_json: JsonFlag = False,
) -> None:
    """Add and change recipients; nobody is deleted, and who has left stays away.

    Rows with a problem are named and not taken; then the exit code is 1.

    \b
    Example: alertd recipient import 名簿.csv --dry-run
    """
    document = content_of(file)
    with opened(context, config) as site:
        found = _read(site, document)
        with progress("recipients", len(found.recipients)) as moved:
            by = f"shell:{getpass.getuser()}"
            done = register.register(site, found.recipients, by=by, dry_run=dry_run, progress=moved)
    refused = [problem for problem in found.problems if not problem.taken]
    if as_json:
        counts = {"new": done.new, "changed": done.changed, "unchanged": done.unchanged, "left": done.left}
        print_json({"dry_run": dry_run, **counts, "refused": len(refused), "problems": _problems(found)})
    else:
        _show_problems(found)
        left = f", {done.left} addresses whose owners have left stay off" if done.left else ""
        would = "would be " if dry_run else ""
        print(
            f"{done.new} {would}new, {done.changed} {would}changed, {done.unchanged} unchanged, "
            f"{len(refused)} rows refused{left}"
        )
    if refused:
        raise typer.Exit(1)


@app.command()
def check(
    context: typer.Context,
    file: Path = FileArgument,
    config: Path | None = ConfigOption,
    as_json: JsonFlag = False,
) -> None:
    """Read a list and name every problem; nothing is stored. Exit code 1 when there is one.

    \b
    Example: alertd recipient check 名簿.csv
    """
    document = content_of(file)
    with opened(context, config) as site:
        found = _read(site, document)
    refused = sum(not problem.taken for problem in found.problems)
    if as_json:
        print_json({"recipients": len(found.recipients), "refused": refused, "problems": _problems(found)})
    else:
        _show_problems(found)
        print(f"{len(found.recipients)} recipients can be taken, {refused} rows cannot")
    if found.problems:
        raise typer.Exit(1)


@app.command()
def export(
    context: typer.Context,
    file: Path = typer.Argument(metavar="FILE.csv", help="“-” is standard output."),
    config: Path | None = ConfigOption,
) -> None:
    """Write all recipients as CSV for spreadsheets; `import` takes it back.

    \b
    Example: alertd recipient export 名簿.csv
    """
    with opened(context, config) as site, reading(site.engine) as session:
        document = recipient_list.write(register.registered(session))
    if str(file) == "-":
        sys.stdout.buffer.write(document)
        return
    try:
        file.touch(mode=0o600)
        file.write_bytes(document)
    except OSError as error:
        raise WrongInput(Problem("file", f"cannot write {file}: {error.strerror}")) from error
    say(f"{file} holds personal data: keep it safe")


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """A progress bar for long work, when people look; called with how many are done."""
    if not sys.stderr.isatty() or total < register.CHUNK:
        yield lambda done: None
        return
    from rich.console import Console  # only where there is a terminal
    from rich.progress import Progress

    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.update(task, completed=done)


def _read(site: Site, document: bytes) -> RecipientList:
    with reading(site.engine) as session:
        areas = {row.code: row.name for row in people.areas(session)}
    if not areas:
        raise WrongRecipients("there is no area yet; `alertd area import FILE.csv` adds them")
    return recipient_list.read(document, areas=areas)


def _problems(found: RecipientList) -> list[dict[str, object]]:
    return [
        {
            "line": problem.line,
            "column": problem.column,
            "message": problem.message_en,
            "message_ja": problem.message,
            "taken": problem.taken,
        }
        for problem in found.problems
    ]


def _show_problems(found: RecipientList) -> None:
    for problem in found.problems[:SHOWN]:
        say(f"line {problem.line}, {problem.column}: {problem.message_en}", f"  {problem.message}")
    if len(found.problems) > SHOWN:
        say(f"… and {len(found.problems) - SHOWN} more; --json names all")
