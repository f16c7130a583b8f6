"""`alertd db`: the tables of the database, its backup, and its return."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer
from pydantic import SecretStr

from alertd.cli.app import say
from alertd.cli.installation import ConfigOption, JsonFlag, opened, print_json, settings
from alertd.errors import Problem, WrongInput
from alertd.register import install
from alertd.settings import secret_in
from alertd.site import Site

app = typer.Typer(
    help="The tables of the database, its backup, and its return.",
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
)


@app.command()
def upgrade(context: typer.Context, config: Path | None = ConfigOption) -> None:
    """Bring the tables up to this version; may be run twice.

    \b
    Example: alertd db upgrade --config /etc/alertd.toml
    """
    site = Site.open(settings(context, config))
    try:
        install(site)
    finally:
        site.close()
    say(f"the tables are up to date: {site.engine.url.render_as_string(hide_password=True)}")


@app.command()
def backup(
    context: typer.Context,
    file: Path = typer.Argument(metavar="FILE", help="Is written anew; keep it away from this machine."),
    config: Path | None = ConfigOption,
) -> None:
    """Copy the database while everything runs. Keep a copy of storage/secret too, somewhere else.

    \b
    Example: alertd db backup /mnt/backup/alertd-2026-11-23.db
    """
    from rich.progress import Progress

    from alertd import backup as copies

    with opened(context, config) as site, Progress(transient=True) as bar:
        task = bar.add_task("copying", total=None)
        copies.backup(site, file, lambda done, total: bar.update(task, completed=done, total=total))
    say(f"{file}: {file.stat().st_size / 1e6:.1f} MB; what it holds open is held when it is restored")


@app.command()
def restore(
    context: typer.Context,
    file: Path = typer.Argument(metavar="FILE", help="Of `alertd db backup`."),
    yes: Annotated[
        bool, typer.Option("--yes", help="Everything is stopped, and the database may be replaced.")
    ] = False,
    config: Path | None = ConfigOption,
    as_json: JsonFlag = False,
) -> None:
    """Bring a backup in place of the database. Nothing of it goes out before a person releases it.

    \b
    Example: alertd db restore /mnt/backup/alertd-2026-11-23.db --yes
    """
    from alertd import backup as copies

    if not yes:
        raise typer.BadParameter(
            "stop workers, relay and console, and say that the database may be replaced", param_hint="--yes"
        )
    held = copies.restore(settings(context, config), file, lambda: time.strftime("%Y%m%dT%H%M%S"))
    if as_json:
        print_json({"held": held})
    else:
        for number in held:
            print(number)
    say(
        f"restored; {len(held)} held: alertd alert release ID --as NAME lets one go on, alert cancel stops it"
    )


@app.command("rotate-key")
def rotate_key(
    context: typer.Context,
    name: str = typer.Option("", "--as", metavar="NAME", help="Who did it, for the audit trail."),
    config: Path | None = ConfigOption,
) -> None:
    """Make a new key for personal data and encrypt all of it anew; everything may go on meanwhile.

    Old keys stay in storage/keys, because backups need them. Copy the folder to every machine of
    the installation, and where you keep copies of storage/secret.

    \b
    Example: alertd db rotate-key --as suzuki
    """
    from rich.progress import Progress

    from alertd.rotation import rotate

    with opened(context, config) as site, Progress(transient=True) as bar:
        task = bar.add_task("encrypting", total=None)
        rows = rotate(site, by=name or "alertd", progress=lambda done: bar.update(task, completed=done))
        folder = site.config.storage / "keys"
    say(f"{rows} rows are encrypted with a new key; keep a copy of {folder} beside that of storage/secret")


@app.command()
def grants(
    context: typer.Context,
    prefix: str = typer.Option("alertd", help="Of the roles' names: …_app, …_public and …_auditor."),
    api: Annotated[
        bool, typer.Option("--api", help="The public server may submit alerts for other systems.")
    ] = False,
    carry_out: Annotated[
        bool, typer.Option("--apply", help="Run it, as the user of [database] url, who owns the tables.")
    ] = False,
    passwords: Path | None = typer.Option(
        None, metavar="FOLDER", help="With --apply: has a file for each role with a password, named as it."
    ),
    config: Path | None = ConfigOption,
) -> None:
    """Print the SQL of roles that own nothing, for PostgreSQL; once more after each upgrade.

    \b
    Example: alertd db grants | psql alertd
    """
    from alertd import grants as roles

    if passwords is not None and not carry_out:
        raise typer.BadParameter("nothing is set without --apply", param_hint="--passwords")
    made = roles.grantees(prefix, api=api)
    if not carry_out:
        for one in made:
            print(f"-- {one.name}: {one.what_for}", *(f"{line};" for line in roles.statements(one)), sep="\n")
        return
    site = Site.open(settings(context, config))
    try:
        known = _passwords(passwords, [one.name for one in made]) if passwords else {}
        roles.carry_out(site.engine, made, known)
    finally:
        site.close()
    say(*(f"{one.name}: {one.what_for}" for one in made))
    without = [one.name for one in made if one.name not in known]
    if without:
        say(f"no password was set for {', '.join(without)}: ALTER ROLE … PASSWORD …")


def _passwords(folder: Path, names: Iterable[str]) -> dict[str, SecretStr]:
    """The passwords of those roles that have a file there."""
    try:
        return {name: secret_in(folder / name) for name in names if (folder / name).exists()}
    except ValueError as error:
        raise WrongInput(Problem("passwords", str(error))) from None


@app.command()
def check(context: typer.Context, config: Path | None = ConfigOption, as_json: JsonFlag = False) -> None:
    """Look at every page of the database and every row of the audit trail; exit code 1 when one is wrong.

    \b
    Example: alertd db check
    """
    from alertd import backup as copies

    with opened(context, config) as site:
        health = copies.check(site)
    if as_json:
        print_json(
            {
                "sound": health.sound,
                "damage": list(health.damage),
                "audit_rows": health.audit.rows,
                "first_wrong_row": health.finding.row if health.finding else None,
            }
        )
    else:
        say(*(f"alertd: {line}" for line in health.damage))
        if health.finding is not None:
            say(f"alertd: audit: {health.finding.problem}", f"  {health.finding.problem_ja}")
        if health.sound:
            print(f"sound; {health.audit.rows} audit rows fit")
    if not health.sound:
        raise typer.Exit(1)
