"""`alertd token`: tokens of the API."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import typer

from alertd import api_token, hook
from alertd.api_token import Scope
from alertd.cli.app import say
from alertd.cli.installation import ConfigOption, JsonFlag, opened, print_json
from alertd.db import reading, writing

app = typer.Typer(
    help="Tokens of the API: make, list, revoke.",
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
)
ScopeOption = typer.Option([], "--scope", help=f"One of {', '.join(Scope)}; may be repeated.")


@app.command()
def add(
    context: typer.Context,
    name: str,
    scope: list[Scope] = ScopeOption,
    days: float | None = typer.Option(None, "--days", min=0.01, help="How long it works. Default: for ever."),
    config: Path | None = ConfigOption,
) -> None:
    """Make a token and print it, once.

    \b
    Example: alertd token add 県防災システム --scope drafts:write --days 365
    """
    with opened(context, config) as site, writing(site.engine) as session:
        now = site.clock.now()
        expires = now + timedelta(days=days) if days is not None else None
        made = api_token.add(session, name=name, scopes=scope, expires_at=expires, now=now)
    say(f"{name} may {', '.join(scope)}; keep this token, it is not shown again:")
    print(made)


@app.command("list")
def list_all(context: typer.Context, config: Path | None = ConfigOption, as_json: JsonFlag = False) -> None:
    """List the tokens, what they may do, and when they were last used.

    \b
    Example: alertd token list --json
    """
    with opened(context, config) as site, reading(site.engine) as session:
        rows = api_token.tokens(session)
    found = [
        {
            "name": row.name,
            "scopes": row.scopes,
            "expires_at": row.expires_at.isoformat() if row.expires_at else None,
            "used_at": row.used_at.isoformat() if row.used_at else None,
            "revoked_at": row.revoked_at.isoformat() if row.revoked_at else None,
        }
        for row in rows
    ]
    if as_json:
        print_json(found)
        return
    for one in found:
        state = "revoked" if one["revoked_at"] else f"used {one['used_at'] or 'never'}"
        print(f"{one['name']}\t{', '.join(one['scopes'] or ())}\t{state}")
    if not found:
        say("there is no token yet; `alertd token add NAME --scope alerts:read` makes one")


@app.command()
def revoke(context: typer.Context, name: str, config: Path | None = ConfigOption) -> None:
    """End a token at once.

    \b
    Example: alertd token revoke 県防災システム
    """
    with opened(context, config) as site, writing(site.engine) as session:
        api_token.revoke(session, name, site.clock.now())
    say(f"{name} is revoked")


@app.command("hook-secret")
def hook_secret(context: typer.Context, url: str, config: Path | None = ConfigOption) -> None:
    """Print the secret that signs what a webhook of [feeds] is told.

    \b
    Example: alertd token hook-secret https://example.jp/alertd
    """
    with opened(context, config) as site:
        print(hook.secret(site, url))
