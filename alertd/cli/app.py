"""The program `alertd`: finds the command, and turns what goes wrong into a sentence and an exit code.

Exit codes: 0 done, 1 did not work, 2 wrong use, 130 interrupted. Commands are loaded
when they are called, so that `alertd --help` answers at once.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from alertd.errors import AlertdError, Problem, WrongInput
from alertd.extras import remedy

_EXAMPLES = """\
Examples:
  alertd demo                                  a demo city, without any set-up
  alertd alert send --template flood-4 --set river=五十嵐川 --area 嵐南 --exercise
  alertd alert approve 1 --as 承認
  alertd alert show 1 --watch
"""

#: what there is: the module of each command and what it is for
COMMANDS = {
    "demo": "A demo city with simulated far ends: one alert over four channels.",
    "up": "Run everything on this machine: broker, workers, relay, console.",
    "alert": "Send, approve, show, list and cancel alerts.",
    "freeze": "Hold everything back: set by one person, lifted by two.",
    "maintenance": "Leave every far end alone while contractors work; ends by itself.",
    "config": "Confirm what changed in the settings that send: two people.",
    "drill": "Schedule, arm, run, report and rehearse drills.",
    "recipient": "Import, export and check recipients.",
    "area": "Import and list areas.",
    "channel": "List and probe channels; hear what they would say.",
    "reading": "How names are spoken: import, check and list readings.",
    "subscriber": "Subscribers of the mail list: register, import, export, erase; poster.",
    "mail": "Take in mail: blank mails, bounces, canaries.",
    "operator": "Who may sign in, and what they may do.",
    "token": "Tokens of the API: make, list, revoke.",
    "draft": "Drafts from outside: read, list, submit, dismiss; look at feeds.",
    "shelter": "Designated shelters: import, list, export.",
    "audit": "Prove and export the record of who did what.",
    "retention": "Take away personal data that is old enough.",
    "sbom": "Print every package that this installation runs on, with its licence.",
    "db": "The tables of the database, its backup, and its return.",
    "metrics": "Print the present figures for a monitoring system.",
    "pulse": "Whether a program of this machine is alive, for health checks.",
    "doctor": "Look at everything that is needed before the day.",
    "worker": "Run one worker.",
    "relay": "Run one relay.",
    "web": "Run the console and the public pages.",
}


class _Commands(TyperGroup):
    """The commands, each loaded when it is called."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        command = typer.main.get_command(import_module(f"alertd.cli.{cmd_name}").app)
        command.name = cmd_name
        return command

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        formatter.write("\n" + _EXAMPLES)


app = typer.Typer(
    cls=_Commands,
    help="One alert, every channel, one honest tally.",
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=True,
)


@app.callback()
def root(
    context: typer.Context,
    config: Path | None = typer.Option(None, "--config", metavar="FILE", help="Default: alertd.toml."),
) -> None:
    context.obj = config


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit code."""
    command = typer.main.get_command(app)
    try:
        command.main(args=None if arguments is None else list(arguments), prog_name="alertd")
    except SystemExit as exit:
        return exit.code if isinstance(exit.code, int) else int(bool(exit.code))
    except AlertdError as error:
        say(*problems(error))
        return 1
    except ModuleNotFoundError as error:
        if (missing := remedy(error)) is None:
            raise
        say(missing)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    except Exception as error:
        if (words := _database_trouble(error)) is None:
            raise
        say(words)
        return 1
    return 0


def say(*sentences: str) -> None:
    """Tells people something; standard output is for what was asked for."""
    for sentence in sentences:
        print(sentence, file=sys.stderr, flush=True)


def problems(error: AlertdError) -> list[str]:
    """The sentences of an error, one for each problem."""
    if not isinstance(error, WrongInput):
        return [f"alertd: {error}"]
    return [f"alertd: {_both(problem)}" for problem in error.problems]


def _both(problem: Problem) -> str:
    return f"{problem}\n  {problem.message_ja}" if problem.message_ja else str(problem)


def _database_trouble(error: Exception) -> str | None:
    """A sentence for a database that cannot be used; None for any other error."""
    if "sqlalchemy" not in sys.modules:
        return None
    from sqlalchemy.exc import DBAPIError

    if not isinstance(error, DBAPIError):
        return None
    why = str(error.orig).strip().splitlines()[0] if error.orig is not None else type(error).__name__
    return f"alertd: the database cannot be used: {why}\n  Is [database] url right, and has `alertd db upgrade` been run?"
