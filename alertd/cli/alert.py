"""`alertd alert`: send, approve, show, list and cancel alerts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from alertd import issue, report, store
from alertd.cli import tally
from alertd.cli.app import say
from alertd.cli.installation import ConfigOption, JsonFlag, opened, print_json
from alertd.cli.sign_in import AsOption, actor, signed_in
from alertd.cli.writing import document_in, submission
from alertd.db import reading
from alertd.dispatch import State
from alertd.report import Report
from alertd.site import Site
from alertd.tables import AlertRow

app = typer.Typer(
    help="Send, approve, show, list and cancel alerts.",
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
)
IdArgument = typer.Argument(metavar="ID", help="The number that `alert send` and `alert list` show.")


@app.command()
def send(
    context: typer.Context,
    file: Path | None = typer.Argument(
        None, metavar="[FILE.xml]", help="A CAP 1.2 document; “-” is standard input."
    ),
    template: str | None = typer.Option(
        None, "--template", metavar="T", help="A prepared text, e.g. flood-4."
    ),
    values: list[str] = typer.Option([], "--set", metavar="k=v", help="Fills a blank; may be repeated."),
    readings: list[str] = typer.Option(
        [], "--reading", metavar="w=kana", help="How a word is read in this alert; may be repeated."
    ),
    area: list[str] = typer.Option(
        [], "--area", metavar="A", help="Code or name; “all” is every area; may be repeated."
    ),
    channel: list[str] = typer.Option(
        [], "--channel", metavar="C", help="May be repeated. Default: all that carry the status."
    ),
    group: list[str] = typer.Option([], "--group", metavar="G", help="Members of a group; may be repeated."),
    everybody: Annotated[bool, typer.Option("--everybody", help="The whole register.")] = False,
    exercise: Annotated[
        bool, typer.Option("--exercise", help="A drill: every text is marked as one.")
    ] = False,
    hours: float = typer.Option(6.0, "--hours", min=0.05, max=168.0, help="How long it may be sent."),
    as_name: str | None = AsOption,
    wait: Annotated[
        bool, typer.Option("--wait", help="Until it was approved and every delivery is final.")
    ] = False,
    config: Path | None = ConfigOption,
    as_json: JsonFlag = False,
) -> None:
    """Hand an alert in; it goes out when an operator approves it.

    Prints the number of the dispatch. Without --as a drill is handed in by the owner
    of this shell; an Actual alert always needs an operator.

    \b
    Examples:
      alertd alert send --template flood-4 --set river=五十嵐川 --area 嵐南 --exercise
      alertd alert send --template flood-4 --set river=五十嵐川 --area 下田 --reading 下田=しただ
      alertd alert send warning.xml --everybody --channel mail --as 起案
    """
    document = document_in(file)
    with opened(context, config) as site:
        handed_in = submission(
            site,
            document=document,
            template_id=template,
            values=values,
            readings=readings,
            areas=area,
            groups=group,
            everybody=everybody,
            channels=channel,
            exercise=exercise,
            hours=hours,
        )
        person = actor(site, as_name, handed_in.alert.status)
        number = issue.submit(site, handed_in, person)
        say(f"submitted; another operator approves it: alertd alert approve {number} --as NAME")
        _conclude(site, number, wait=wait, as_json=as_json)


@app.command()
def approve(
    context: typer.Context,
    number: int = IdArgument,
    as_name: str | None = AsOption,
    wait: Annotated[bool, typer.Option("--wait", help="Until every delivery is final.")] = False,
    config: Path | None = ConfigOption,
    as_json: JsonFlag = False,
) -> None:
    """Read what would be sent and let it go out; always needs an operator's password.

    \b
    Example: alertd alert approve 1 --as 承認
    """
    if as_name is None:
        raise typer.BadParameter("say who approves", param_hint="--as")
    with opened(context, config) as site:
        seen = _show_words(site, number)
        person = signed_in(site, as_name)
        issue.approve(site, number, person, seen=seen)
        say("approved")
        _conclude(site, number, wait=wait, as_json=as_json)


@app.command()
def show(
    context: typer.Context,
    number: int = IdArgument,
    watch: Annotated[bool, typer.Option("--watch", help="Live, until every delivery is final.")] = False,
    config: Path | None = ConfigOption,
    as_json: JsonFlag = False,
) -> None:
    """Show what became of an alert.

    \b
    Example: alertd alert show 1 --watch
    """
    with opened(context, config) as site:
        if watch:
            for _ in tally.watch(site, number):
                pass
        found = tally.now(site, number)
        if as_json:
            print_json(found.as_json())
        else:
            tally.show(found)


@app.command("list")
def list_all(
    context: typer.Context,
    limit: int = typer.Option(20, "--limit", min=1, help="The latest so many."),
    config: Path | None = ConfigOption,
    as_json: JsonFlag = False,
) -> None:
    """List the latest alerts, newest first.

    \b
    Example: alertd alert list --limit 5
    """
    with opened(context, config) as site, reading(site.engine) as session:
        rows = [
            (row, alert)
            for row, alert in store.dispatches(session, limit=limit)
            if row.state is not State.DRAFT
        ]
        if as_json:
            print_json([report.report(session, row.id).as_json() for row, _ in rows])
            return
        for row, alert in rows:
            print(
                f"{row.id}\t{row.state}\t{alert.status}\t{row.submitted_at:%Y-%m-%d %H:%MZ}\t{alert.headline}"
            )
        if not rows:
            say("there is no alert yet")


@app.command()
def cancel(
    context: typer.Context,
    number: int = IdArgument,
    correct: Annotated[
        bool, typer.Option("--correct/--no-correct", help="Tell those whom it has reached that it was wrong.")
    ] = True,
    reason: str = typer.Option("", "--reason", help="For the audit trail."),
    as_name: str | None = AsOption,
    config: Path | None = ConfigOption,
    as_json: JsonFlag = False,
) -> None:
    """Stop what has not been handed over and correct what has.

    \b
    Example: alertd alert cancel 1 --reason 誤配信 --as 承認
    """
    with opened(context, config) as site:
        person = actor(site, as_name, tally.now(site, number).status)
        correction = issue.cancel(site, number, person, reason=reason, correct=correct)
        say("stopped")
        if correction is not None:
            say(f"its correction goes out: alertd alert show {correction} --watch")
        _conclude(site, number, wait=False, as_json=as_json)


def _conclude(site: Site, number: int, *, wait: bool, as_json: bool) -> None:
    """Prints the number or the report; with `wait` when all is final, and 1 when it never went out."""
    found = tally.now(site, number)
    if wait:
        for latest in tally.watch(site, number):
            found = latest
    if as_json:
        print_json(found.as_json())
    elif wait:
        tally.show(found)
    else:
        print(number)
    if wait and found.state is not State.FINISHED:
        raise typer.Exit(1)


def _show_words(site: Site, number: int) -> str:
    """Shows what the approver approves; returns its hash."""
    found: Report = tally.now(site, number)
    with reading(site.engine) as session:
        row = store.dispatch(session, number)
        assert row is not None
        alert = session.get_one(AlertRow, row.alert_id)
        made = store.artefacts(session, number)
        counts = row.counts
    say(f"{alert.identifier}  [{alert.status}]  {alert.headline}")
    for one in made:
        sound = f"  (sound {one.audio_seconds:.0f} s)" if one.audio_seconds else ""
        say(
            f"\n— {one.channel}, {one.language}, {counts.get(one.channel, 0)} contacts{sound}",
            one.headline,
            one.text,
        )
        if one.reading:
            say(f"READ AS: {one.reading}")
        if one.unread:
            say(f"NOT READ ALOUD: {one.unread}")
    say("")
    return found.content_hash
