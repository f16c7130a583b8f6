"""`alertd operator`: who may sign in, and what they may do."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from alertd import audit, operators, session_end
from alertd.cli.app import say
from alertd.cli.installation import ConfigOption, JsonFlag, opened, print_json
from alertd.cli.sign_in import ask_code, ask_password
from alertd.db import reading, writing
from alertd.dispatch import Role
from alertd.errors import WrongInput
from alertd.session_end import Ended

app = typer.Typer(
    help="Who may sign in, and what they may do.",
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
)
RoleOption = typer.Option([], "--role", help=f"One of {', '.join(Role)}; may be repeated.")


@app.command()
def add(
    context: typer.Context,
    name: str,
    role: list[Role] = RoleOption,
    config: Path | None = ConfigOption,
) -> None:
    """Add an operator; the password is asked for, or read from standard input.

    \b
    Example: alertd operator add 佐藤 --role view --role draft
    """
    with opened(context, config) as site:
        password = ask_password(f"New password of {name} ({operators.PASSWORD_LENGTH} characters or more): ")
        with writing(site.engine) as session:
            row = operators.add(
                session, site.clock, name=name, password=password, roles=role, city=site.config.city
            )
        say(f"{row.name} can sign in, with {', '.join(row.roles)}")


@app.command("list")
def list_all(context: typer.Context, config: Path | None = ConfigOption, as_json: JsonFlag = False) -> None:
    """List the operators and their roles.

    \b
    Example: alertd operator list --json
    """
    with opened(context, config) as site, reading(site.engine) as session:
        rows = operators.everybody(session)
        if as_json:
            print_json([{"name": row.name, "roles": row.roles, "active": row.active} for row in rows])
            return
        for row in rows:
            print(f"{row.name}\t{', '.join(row.roles)}{'' if row.active else chr(9) + '(cannot sign in)'}")
        if not rows:
            say("there is no operator yet; `alertd operator add NAME --role draft` makes one")


@app.command()
def role(
    context: typer.Context,
    name: str,
    roles: list[Role] = RoleOption,
    config: Path | None = ConfigOption,
) -> None:
    """Give an operator these roles and no others.

    \b
    Example: alertd operator role 佐藤 --role view --role approve
    """
    if not roles:
        raise typer.BadParameter(f"name at least one of {', '.join(Role)}", param_hint="--role")
    with opened(context, config) as site, writing(site.engine) as session:
        operators.set_roles(session, site.clock, name=name, roles=roles)
    say(f"{name} has {', '.join(sorted(set(roles)))}")


@app.command()
def password(context: typer.Context, name: str, config: Path | None = ConfigOption) -> None:
    """Give an operator a new password; open sessions end.

    \b
    Example: alertd operator password 佐藤
    """
    with opened(context, config) as site:
        new = ask_password(f"New password of {name} ({operators.PASSWORD_LENGTH} characters or more): ")
        with writing(site.engine) as session:
            operators.set_password(session, site.clock, name=name, password=new, city=site.config.city)
    say(f"{name} has a new password")


@app.command("second-factor")
def second_factor(
    context: typer.Context,
    name: str,
    remove: Annotated[bool, typer.Option("--remove", help="Forget the device, when it was lost.")] = False,
    config: Path | None = ConfigOption,
) -> None:
    """Set up an operator's device with a code in the terminal, or forget a lost one.

    \b
    Examples:
      alertd operator second-factor 佐藤
      alertd operator second-factor 佐藤 --remove
    """
    import segno

    from alertd import second_factor as factor

    with opened(context, config) as site:
        if remove:
            with writing(site.engine) as session:
                row = operators.by_name(session, name)
                factor.remove(session, row, site.clock.now(), audit.ENGINE)
                session_end.end_all(session, row.id, Ended.DEVICE, site.clock.now())
            say(f"{name} signs in without a device, and can set up a new one")
            return
        with reading(site.engine) as session:
            if operators.by_name(session, name).second_factor is not None:
                raise WrongInput(f"{name} has a device; --remove forgets it")
        secret = factor.new_secret()
        address = factor.address(secret, name, site.config.city.name)
        segno.make(address, error="m").terminal(out=sys.stderr, compact=True)
        say(f"Scan this with an authenticator app, or type the key: {secret}")
        code = ask_code(name)
        with writing(site.engine) as session:
            row = operators.by_name(session, name)
            factor.enrol(session, site.secret, row, secret, code, site.clock.now(), audit.ENGINE)
        say(f"{name} needs the code of this device from now on")
