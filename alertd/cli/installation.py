"""The installation that a command works on: its configuration, opened."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alertd import config as configuration
from alertd.config import Config
from alertd.log_line import LogLine

if TYPE_CHECKING:
    from alertd.site import Site

#: the option that every command has, also before the command
ConfigOption = typer.Option(
    None, "--config", metavar="FILE", help="Default: alertd.toml, else the built-in one."
)
#: the option that names the operator
AsOption = typer.Option(
    None, "--as", metavar="NAME", help="The operator; the password is asked for, or read from standard input."
)
#: what an alert is to one of its kind that went before within minutes
UpdateOption = typer.Option(None, "--update-of", metavar="ID", min=1, help="The alert of which it is news.")
NewOption = typer.Option(
    "", "--new-because", metavar="WHY", help="Why it is a new alert; whoever approves reads it."
)
#: one JSON document on standard output and nothing else there
JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


def settings(context: typer.Context, option: Path | None) -> Config:
    """The configuration that was named. Raises WrongConfiguration."""
    before = context.find_root().obj
    return configuration.load(configuration.find(option or before))


@contextmanager
def opened(context: typer.Context, option: Path | None) -> Iterator[Site]:
    """The site, closed at the end. An SQLite database that has no tables yet gets them."""
    from alertd.site import Site  # costs time, and a configuration that is wrong needs none of it

    site = Site.open(settings(context, option))
    try:
        prepare(site)
        yield site
    finally:
        site.close()


def prepare(site: Site) -> None:
    """Makes the tables of a new SQLite database; on a server that is a person's decision."""
    from sqlalchemy import inspect  # costs time, and --help needs none of it

    from alertd.register import install

    if site.engine.dialect.name == "sqlite" and not inspect(site.engine).has_table("dispatch"):
        install(site)


def log_to_stderr(level: int = logging.INFO) -> None:
    """For the long-running commands: a line for each event, with its time in UTC."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LogLine())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.getLogger("flufl.bounce").setLevel(
        logging.CRITICAL
    )  # a traceback for each odd mail of a stranger
    for noisy in ("alembic", "urllib3", "twilio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def print_json(document: object) -> None:
    """The one JSON document of a command."""
    print(json.dumps(document, ensure_ascii=False, indent=2))
