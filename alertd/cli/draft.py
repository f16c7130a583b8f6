"""`alertd draft`: documents from outside: read, list, show, submit, dismiss; look at feeds."""

from __future__ import annotations

import secrets
import signal
import threading
from pathlib import Path
from typing import Annotated

import typer

from alertd import feeds, hook, incoming, issue, people, proposal
from alertd.alert import Status
from alertd.audience import Audience
from alertd.cli.app import say
from alertd.cli.document import content_of
from alertd.cli.installation import (
    AsOption,
    ConfigOption,
    JsonFlag,
    NewOption,
    UpdateOption,
    log_to_stderr,
    opened,
    print_json,
)
from alertd.cli.sign_in import actor, signed_in
from alertd.db import reading
from alertd.proposal import Proposal
from alertd.request import following_up
from alertd.site import Site
from alertd.tables import InboxRow

app = typer.Typer(
    help="Drafts from outside: CAP documents and telegrams of JMA.",
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
)
NumberArgument = typer.Argument(metavar="N", help="The number that `draft list` shows.")
#: seconds between two rounds of `watch`: webhooks are told soon, feeds when they are due
EVERY = 2.0


@app.command()
def read(
    context: typer.Context,
    files: list[Path] = typer.Argument(metavar="FILE…", help="CAP 1.2 or 1.1, or 気象庁防災情報XML."),
    config: Path | None = ConfigOption,
) -> None:
    """Take documents in as drafts; the same one twice is one draft.

    \b
    Example: alertd draft read warning.xml
    """
    documents = [(file, content_of(file)) for file in files]
    with opened(context, config) as site:
        for file, document in documents:
            receipt = incoming.take(site, document, f"file:{file.name}")
            number = f" {receipt.number}" if receipt.number is not None else ""
            print(f"{file}\t{receipt.taken}{number}\t{receipt.headline}")


@app.command("list")
def list_all(context: typer.Context, config: Path | None = ConfigOption, as_json: JsonFlag = False) -> None:
    """List the drafts that wait for a person, the newest first.

    \b
    Example: alertd draft list
    """
    with opened(context, config) as site, reading(site.engine) as session:
        rows = incoming.waiting(session)
    if as_json:
        print_json([_json(row) for row in rows])
        return
    for row in rows:
        print(f"{row.id}\t{row.status}\t{row.sender}\t{row.headline}")
    if not rows:
        say("no draft waits")


@app.command()
def show(context: typer.Context, number: int = NumberArgument, config: Path | None = ConfigOption) -> None:
    """Show a draft: what it says, for which areas, and what was guessed or mended.

    \b
    Example: alertd draft show 3
    """
    with opened(context, config) as site, reading(site.engine) as session:
        found = proposal.proposal(session, site, incoming.draft(session, number))
        names = {row.code: row.name for row in people.areas(session)}
    where = "全域 the whole city" if found.whole_city else "、".join(names[code] for code in found.areas)
    print(f"{found.version} · {' / '.join(found.statuses)} · {where or '?'}")
    for info in found.alert.infos:
        print(
            f"\n[{info.language}] {info.headline}\n{info.description or ''}\n{info.instruction or ''}".rstrip()
        )
    for note in found.notes:
        say(f"! {note.field}: {note.message}\n  {note.message_en}")


@app.command()
def submit(
    context: typer.Context,
    number: int = NumberArgument,
    area: list[str] = typer.Option([], "--area", metavar="CODE", help="Default: those of the document."),
    everybody: Annotated[bool, typer.Option("--everybody", help="The whole register.")] = False,
    channel: list[str] = typer.Option(
        [], "--channel", metavar="C", help="Default: all that carry the status."
    ),
    status: Status = typer.Option(Status.EXERCISE, "--status", help="Actual, Exercise or Test."),
    hours: float = typer.Option(6.0, "--hours", min=0.05, max=168.0, help="How long it may be sent."),
    update_of: int | None = UpdateOption,
    new_because: str = NewOption,
    as_name: str | None = AsOption,
    config: Path | None = ConfigOption,
) -> None:
    """Submit a draft as an alert of the city; another operator approves it.

    \b
    Example: alertd draft submit 3 --area RNN --status Actual --as 起案
    """
    with opened(context, config) as site:
        with reading(site.engine) as session:
            found = proposal.proposal(session, site, incoming.draft(session, number))
        person = actor(site, as_name, status)
        now = site.clock.now()
        made = proposal.submission(
            site,
            found,
            status=status,
            audience=_audience(found, area, everybody=everybody),
            channels=channel or _carriers(site, status),
            hours=hours,
            identifier=f"{site.config.city.code}-{now:%Y%m%dT%H%M%S}-{secrets.token_hex(4)}",
            sent=now,
        )
        made = following_up(site, made, update_of=update_of, new_because=new_because)
        dispatch = issue.submit(site, made, person)
        incoming.submitted(site, number, dispatch, person)
        say(f"submitted; another operator approves it: alertd alert approve {dispatch} --as NAME")
        print(dispatch)


@app.command()
def dismiss(
    context: typer.Context,
    number: int = NumberArgument,
    as_name: str = typer.Option(..., "--as", metavar="NAME", help="The operator; the password is asked for."),
    config: Path | None = ConfigOption,
) -> None:
    """Put a draft aside: nothing goes out.

    \b
    Example: alertd draft dismiss 3 --as 起案
    """
    with opened(context, config) as site:
        incoming.dismiss(site, number, signed_in(site, as_name))
    say(f"draft {number} is put aside")


@app.command()
def poll(context: typer.Context, config: Path | None = ConfigOption) -> None:
    """Look once at every feed that is due, and tell the webhooks.

    \b
    Example: alertd draft poll
    """
    with opened(context, config) as site:
        for receipt in feeds.poll(site):
            print(f"{receipt.taken}\t{receipt.number or ''}\t{receipt.headline}")
        told = hook.tell(site)
        if told:
            say(f"{told} messages to webhooks")


@app.command()
def watch(context: typer.Context, config: Path | None = ConfigOption) -> None:
    """Look at the feeds and tell the webhooks until it is told to stop.

    \b
    Example: alertd draft watch
    """
    log_to_stderr()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with opened(context, config) as site:
        while not stop.is_set():
            feeds.poll(site)
            hook.tell(site)
            stop.wait(EVERY)


def _audience(found: Proposal, areas: list[str], *, everybody: bool) -> Audience:
    if areas:
        return Audience(areas=tuple(areas), everybody=everybody)
    return Audience(areas=() if everybody else found.areas, everybody=everybody or found.whole_city)


def _carriers(site: Site, status: Status) -> tuple[str, ...]:
    return tuple(name for name, settings in site.settings.items() if status in settings.carries)


def _json(row: InboxRow) -> dict[str, object]:
    return {
        "number": row.id,
        "origin": row.origin,
        "source": row.source,
        "sender": row.sender,
        "identifier": row.identifier,
        "sent": row.sent.isoformat(),
        "status": row.status,
        "headline": row.headline,
    }
