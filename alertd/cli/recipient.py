"""`alertd recipient`: lists of recipients, read, written and printed; trial calls."""

from __future__ import annotations

import getpass
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from alertd import address, audit, people, recipient_list, register
from alertd.cli.app import say
from alertd.cli.document import content_of
from alertd.cli.installation import AsOption, ConfigOption, JsonFlag, opened, print_json
from alertd.cli.writing import areas_named, wrong_use
from alertd.db import reading, writing
from alertd.errors import Problem, WrongInput, WrongRecipients
from alertd.recipient_list import RecipientList
from alertd.site import Site

app = typer.Typer(
    help="Import, export, check, print and try recipients.",
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
    _keep(file, document)
    say(f"{file} holds personal data: keep it safe")


@app.command("call-list")
def call_list_command(
    context: typer.Context,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE.pdf", help="The file to write.")],
    area: Annotated[
        list[str] | None,
        typer.Option("--area", metavar="A", help="Code or name; may be repeated. Default: all."),
    ] = None,
    english: Annotated[bool, typer.Option("--english", help="Headings in English.")] = False,
    config: Path | None = ConfigOption,
) -> None:
    """Print names and telephone numbers on A4, for the day when everything else is down.

    Each neighbourhood association begins on a page of its own; who needs support comes first.

    \b
    Example: alertd recipient call-list --area 嵐南 -o 電話名簿.pdf
    """
    from alertd import call_list, sheet  # the printing costs time

    with opened(context, config) as site:
        with wrong_use("--area"):
            codes = [row.code for row in areas_named(site, area or ())]
        with writing(site.engine) as session:
            people = call_list.listed(session, codes)
            now = site.clock.now()
            audit.note(
                session,
                at=now,
                actor=f"shell:{getpass.getuser()}",
                action="recipients.printed",
                subject="recipients",
                detail={"areas": codes, "people": len(people)},
            )
        made = call_list.call_sheet(people, site.config.city, now, "en" if english else "ja")
        _keep(output, sheet.pdf(made, site.config.paper.font))
    say(f"{len(people)} people; {output} holds personal data: keep it safe")


@app.command("test-call")
def test_call(
    context: typer.Context,
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="A telephone number, as people write it.")],
    person: str = AsOption,
    wait: Annotated[bool, typer.Option("--wait", help="Return when the call has ended.")] = False,
    config: Path | None = ConfigOption,
    as_json: JsonFlag = False,
) -> None:
    """Call one recipient with a fixed test message, to see that the number is right.

    Nobody else hears it. Not at night, not while a real alert goes out, and each number
    once in ten minutes. With --wait the exit code is 1 when nobody answered.

    \b
    Example: alertd recipient test-call 0256-00-0001 --as 窓口 --wait
    """
    from alertd import trial_call  # brings the whole engine along
    from alertd.cli.sign_in import signed_in

    with opened(context, config) as site:
        with reading(site.engine) as session:
            recipient = register.owner_of(session, "voice", address.phone(number))
        dispatch = trial_call.begin(site, recipient, signed_in(site, person))
        trial = None
        while wait and (trial is None or not trial.over):
            time.sleep(0.5)
            with reading(site.engine) as session:
                trial = trial_call.last_trials(session, [recipient]).get(recipient)
    told = {
        "id": dispatch,
        "recipient": recipient,
        "outcome": trial.outcome if trial is not None else None,
        "reason": trial.reason if trial is not None else None,
        "answer": trial.answer if trial is not None else None,
    }
    if as_json:
        print_json(told)
    elif trial is None:
        print(
            f"test call {dispatch} to recipient {recipient}; `alertd alert show {dispatch} --watch` follows it"
        )
    else:
        print(" ".join(str(word) for word in (trial.outcome, trial.reason, trial.answer) if word))
    if trial is not None and not trial.heard:
        raise typer.Exit(1)


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


def _keep(file: Path, document: bytes) -> None:
    try:
        file.touch(mode=0o600)
        file.write_bytes(document)
    except OSError as error:
        raise WrongInput(Problem("file", f"cannot write {file}: {error.strerror}")) from error


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
