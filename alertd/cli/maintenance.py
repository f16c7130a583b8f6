"""`alertd maintenance`: leave every far end alone for hours, and end that before its time by two people."""

from __future__ import annotations

from pathlib import Path

import typer

from alertd.cli.app import say
from alertd.cli.installation import AsOption, ConfigOption, JsonFlag, opened, print_json

app = typer.Typer(
    help="Leave every far end alone while contractors work: set by an administrator, ends by itself.",
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
)


@app.command()
def begin(
    context: typer.Context,
    reason: str = typer.Option(..., "--reason", help="What is done; it stands in the bar of every page."),
    hours: float = typer.Option(2.0, "--hours", help="It ends by itself after so many, at most 8."),
    as_name: str | None = AsOption,
    config: Path | None = ConfigOption,
) -> None:
    """Begin: nothing is handed to any far end, tests included, until the time is over or two people end it.

    \b
    Example: alertd maintenance begin --reason 受信機の交換 --hours 3 --as 管理
    """
    if as_name is None:
        raise typer.BadParameter("say who begins it", param_hint="--as")

    from alertd import maintenance
    from alertd.cli.sign_in import signed_in

    with opened(context, config) as site:
        new = maintenance.begin(site, signed_in(site, as_name), reason=reason, hours=hours)
    say(f"maintenance for {hours:g} h" if new else f"maintenance goes on, for {hours:g} h from now")


@app.command()
def end(context: typer.Context, as_name: str | None = AsOption, config: Path | None = ConfigOption) -> None:
    """Say that it may end before its time; with the word of a second person it does, and what waits goes out.

    \b
    Example: alertd maintenance end --as 承認
    """
    if as_name is None:
        raise typer.BadParameter("say who ends it", param_hint="--as")

    from alertd.cli.sign_in import signed_in
    from alertd.freeze import Scope, lift

    with opened(context, config) as site:
        ended = lift(site, Scope.MAINTENANCE, signed_in(site, as_name))
    say("maintenance is over" if ended else "maintenance goes on until another person says so too")


@app.command()
def show(context: typer.Context, config: Path | None = ConfigOption, as_json: JsonFlag = False) -> None:
    """Show whether far ends are left alone, by whom, why and until when.

    \b
    Example: alertd maintenance show --json
    """
    from alertd.db import reading
    from alertd.freeze import Scope, frozen

    with opened(context, config) as site, reading(site.engine) as session:
        held = [one for one in frozen(session, site.clock.now()) if one.scope is Scope.MAINTENANCE]
    if as_json:
        print_json(held[0].as_json() if held else None)
        return
    for one in held:
        print(f"{one.at:%Y-%m-%d %H:%MZ}\tuntil {one.until:%Y-%m-%d %H:%MZ}\t{one.by}\t{one.reason}")
    if not held:
        say("no maintenance")
