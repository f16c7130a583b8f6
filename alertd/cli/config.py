"""`alertd config`: what changed in the settings that send, what it would send, and two people who confirm it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from alertd.cli.app import say
from alertd.cli.installation import AsOption, ConfigOption, JsonFlag, opened, print_json

if TYPE_CHECKING:
    from alertd.dry_run import Would
    from alertd.settled import Pending
    from alertd.site import Site

app = typer.Typer(
    help="Confirm what changed in the settings that send: two people.",
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
)
#: digits of the fingerprint that are typed
_DIGITS = 8
SeenArgument = typer.Argument(metavar="FINGERPRINT", help="As `alertd config changes` prints it.")


@app.command()
def changes(context: typer.Context, config: Path | None = ConfigOption, as_json: JsonFlag = False) -> None:
    """Show what waits to be confirmed, key by key, and what it would send to whom. Secrets are masked.

    \b
    Example: alertd config changes
    """
    with opened(context, config) as site:
        waiting, would = _waiting(site)
    if as_json:
        print_json(_as_json(waiting, would))
        return
    if not waiting.differences:
        say("every setting that sends is confirmed")
        return
    for one in waiting.differences:
        print(f"[{one.section}]" + (f"  confirmed by {one.agreed_by}" if one.agreed_by else ""))
        for key, (before, after) in one.keys.items():
            print(f"  {key}: {before or '-'} -> {after or '-'}")
    for send in would:
        new = "  NEW" if send.new else ""
        where = " ".join(f"{key}={value}" for key, value in send.where.items())
        print(f"{send.channel} would send {send.status}{new} to {send.contacts} contacts  {where}")
        print(f"    {send.headline} / {send.begins}")
    if waiting.holds:
        say(f"real alerts over {', '.join(waiting.holds)} wait")
    say(f"two people: alertd config confirm {waiting.digest[:_DIGITS]} --as NAME")


@app.command()
def confirm(
    context: typer.Context,
    seen: str = SeenArgument,
    as_name: str | None = AsOption,
    config: Path | None = ConfigOption,
) -> None:
    """Say that the changes are right; with the word of a second person real alerts go by them.

    \b
    Example: alertd config confirm 3f9c01ab --as 管理
    """
    if as_name is None:
        raise typer.BadParameter("say who confirms", param_hint="--as")

    from alertd import settled
    from alertd.cli.sign_in import signed_in

    with opened(context, config) as site:
        person = signed_in(site, as_name)
        done = settled.confirm(site, person, seen=_whole(site, seen))
    say("confirmed" if done else "noted; another person must confirm it too")


@app.command()
def alone(
    context: typer.Context,
    seen: str = SeenArgument,
    reason: str = typer.Option(..., "--reason", help="Why nobody else can confirm; it stays in the trail."),
    as_name: str | None = AsOption,
    config: Path | None = ConfigOption,
) -> None:
    """In an emergency: let the changes send by the word of one person; the alarm stays until two confirm.

    \b
    Example: alertd config alone 3f9c01ab --reason 堤防決壊 --as 承認
    """
    if as_name is None:
        raise typer.BadParameter("say who lets it send", param_hint="--as")

    from alertd import settled
    from alertd.cli.sign_in import signed_in

    with opened(context, config) as site:
        person = signed_in(site, as_name)
        settled.let_go_alone(site, person, seen=_whole(site, seen), reason=reason)
    say("it sends; two people must still confirm it")


def _whole(site: Site, seen: str) -> str:
    """The fingerprint of what waits when the typed digits are its first ones, else the digits."""
    waiting, _ = _waiting(site)
    whole = waiting.digest
    return whole if len(seen) >= _DIGITS and whole.startswith(seen) else seen


def _waiting(site: Site) -> tuple[Pending, list[Would]]:
    from alertd.db import reading
    from alertd.dry_run import dry_run
    from alertd.settled import pending

    with reading(site.engine) as session:
        waiting = pending(session, site.clock.now())
        return waiting, dry_run(session, site, waiting.differences)


def _as_json(waiting: Pending, would: list[Would]) -> dict[str, object]:
    return {
        "fingerprint": waiting.digest[:_DIGITS],
        "holds": waiting.holds,
        "sections": [
            {
                "section": one.section,
                "live": one.live,
                "keys": {key: {"before": old, "after": new} for key, (old, new) in one.keys.items()},
                "agreed_by": one.agreed_by,
                "alone_by": one.alone_by,
            }
            for one in waiting.differences
        ],
        "dry_run": [
            {
                "channel": send.channel,
                "status": send.status,
                "new": send.new,
                "contacts": send.contacts,
                "where": send.where,
                "headline": send.headline,
                "begins": send.begins,
            }
            for send in would
        ],
    }
