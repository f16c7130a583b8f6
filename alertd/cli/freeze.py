"""`alertd freeze`: hold everything back, and let it go on again by the word of two people."""

from __future__ import annotations

from pathlib import Path

import typer

from alertd.cli.app import say
from alertd.cli.installation import AsOption, ConfigOption, JsonFlag, opened, print_json
from alertd.store.freezes import Scope

app = typer.Typer(
    help="Hold everything back: set by one person, lifted by two.",
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
)
ScopeArgument = typer.Argument(
    Scope.EVERYTHING, metavar="[everything|drills]", help="Drills alone, or real alerts too."
)


@app.command("set")
def set_it(
    context: typer.Context,
    scope: Scope = ScopeArgument,
    reason: str = typer.Option(..., "--reason", help="Why; it stands in the bar of every page."),
    as_name: str | None = AsOption,
    config: Path | None = ConfigOption,
) -> None:
    """Freeze: nothing new is handed over on any channel until two people lift it.

    \b
    Example: alertd freeze set --reason 誤配信の疑い --as 承認
    """
    if as_name is None:
        raise typer.BadParameter("say who freezes", param_hint="--as")

    from alertd.cli.sign_in import signed_in
    from alertd.freeze import set_freeze

    with opened(context, config) as site:
        new = set_freeze(site, scope, signed_in(site, as_name), reason=reason)
    say(f"{scope}: frozen" if new else f"{scope}: was frozen already and stays so")


@app.command()
def lift(
    context: typer.Context,
    scope: Scope = ScopeArgument,
    as_name: str | None = AsOption,
    config: Path | None = ConfigOption,
) -> None:
    """Say that a freeze may be lifted; with the word of a second person it is, and what waits goes out.

    \b
    Example: alertd freeze lift --as 承認
    """
    if as_name is None:
        raise typer.BadParameter("say who lifts it", param_hint="--as")

    from alertd.cli.sign_in import signed_in
    from alertd.freeze import lift as say_so

    with opened(context, config) as site:
        lifted = say_so(site, scope, signed_in(site, as_name))
    say(f"{scope}: goes on" if lifted else f"{scope}: stays frozen until another person says so too")


@app.command()
def show(context: typer.Context, config: Path | None = ConfigOption, as_json: JsonFlag = False) -> None:
    """Show what is frozen, by whom and why.

    \b
    Example: alertd freeze show --json
    """
    from alertd.db import reading
    from alertd.freeze import frozen

    with opened(context, config) as site, reading(site.engine) as session:
        held = frozen(session, site.clock.now())
    if as_json:
        print_json([one.as_json() for one in held])
        return
    for one in held:
        print(
            f"{one.scope}\t{one.at:%Y-%m-%d %H:%MZ}\t{one.by}\t{one.reason}\t{one.lifted_by or ''}".rstrip()
        )
    if not held:
        say("nothing is frozen")
