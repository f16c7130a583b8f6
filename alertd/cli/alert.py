"""`alertd alert`: send, approve, show, list and cancel alerts.

What reads the database is imported by the commands themselves, after they have looked at
what was handed to them: a bad document or a wrong option is answered at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from alertd.cli.app import say
from alertd.cli.document import document_in
from alertd.cli.installation import (
    AsOption,
    ConfigOption,
    JsonFlag,
    NewOption,
    UpdateOption,
    opened,
    print_json,
)

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
    area_for: list[str] = typer.Option(
        [],
        "--area-for",
        metavar="C=A",
        help="Channel C goes to area A and not to --area; “all” is the whole city; may be repeated.",
    ),
    reason: str = typer.Option("", "--reason", help="Why --area-for; whoever approves reads it."),
    exercise: Annotated[
        bool, typer.Option("--exercise", help="A drill: every text is marked as one.")
    ] = False,
    siren: Annotated[
        bool | None,
        typer.Option(
            "--siren/--no-siren", help="Sounds loudspeakers' siren, or not, whatever the level and kind."
        ),
    ] = None,
    hours: float = typer.Option(6.0, "--hours", min=0.05, max=168.0, help="How long it may be sent."),
    update_of: int | None = UpdateOption,
    new_because: str = NewOption,
    as_name: str | None = AsOption,
    wait: Annotated[
        bool, typer.Option("--wait", help="Until it was approved and every delivery is final.")
    ] = False,
    config: Path | None = ConfigOption,
    as_json: JsonFlag = False,
) -> None:
    """Hand an alert in; it goes out when an operator approves it.

    Prints the number of the dispatch. Without --as a drill is handed in by the owner
    of this shell; an Actual alert always needs an operator. One of the same kind for
    the same area within ten minutes needs --update-of or --new-because.

    \b
    Examples:
      alertd alert send --template flood-4 --set river=五十嵐川 --area 嵐南 --exercise
      alertd alert send --template flood-4 --set river=五十嵐川 --area 下田 --reading 下田=しただ
      alertd alert send --template flood-4 --set river=五十嵐川 --area 嵐南 --area-for fm=all --reason 広域避難に備える
      alertd alert send warning.xml --everybody --channel mail --as 起案
    """
    document = document_in(file)

    from alertd import issue
    from alertd.cli.outcome import conclude
    from alertd.cli.sign_in import actor
    from alertd.cli.writing import submission
    from alertd.request import following_up

    if update_of is not None and new_because:
        raise typer.BadParameter("it is an update, or a new alert, and not both", param_hint="--update-of")
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
            areas_for=area_for,
            reason=reason,
            channels=channel,
            exercise=exercise,
            siren=siren,
            hours=hours,
        )
        handed_in = following_up(site, handed_in, update_of=update_of, new_because=new_because)
        person = actor(site, as_name, handed_in.alert.status)
        number = issue.submit(site, handed_in, person)
        say(f"submitted; another operator approves it: alertd alert approve {number} --as NAME")
        conclude(site, number, wait=wait, as_json=as_json)


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

    from alertd import issue
    from alertd.cli.outcome import conclude, held_back, show_words
    from alertd.cli.sign_in import signed_in

    with opened(context, config) as site:
        seen = show_words(site, number)
        person = signed_in(site, as_name)
        issue.approve(site, number, person, seen=seen)
        say("approved", *held_back(site))
        conclude(site, number, wait=wait, as_json=as_json)


@app.command()
def permit(
    context: typer.Context,
    number: int = IdArgument,
    as_name: str | None = AsOption,
    config: Path | None = ConfigOption,
) -> None:
    """Agree to one alert beyond the hourly number; needs the role administer, and another person approves it.

    \b
    Example: alertd alert permit 13 --as 管理
    """
    if as_name is None:
        raise typer.BadParameter("say who agrees", param_hint="--as")

    from alertd import hourly
    from alertd.cli.outcome import show_words
    from alertd.cli.sign_in import signed_in

    with opened(context, config) as site:
        show_words(site, number)
        hourly.permit(site, number, signed_in(site, as_name))
        say(f"permitted; it may be approved now: alertd alert approve {number} --as NAME")


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
    from alertd.cli import tally

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
    from alertd import report, store
    from alertd.db import reading
    from alertd.dispatch import State

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
    from alertd import issue
    from alertd.cli import tally
    from alertd.cli.outcome import conclude
    from alertd.cli.sign_in import actor

    with opened(context, config) as site:
        person = actor(site, as_name, tally.now(site, number).status)
        correction = issue.cancel(site, number, person, reason=reason, correct=correct)
        say("stopped")
        if correction is not None:
            say(f"its correction goes out: alertd alert show {correction} --watch")
        conclude(site, number, wait=False, as_json=as_json)


@app.command("air-again")
def air_again(
    context: typer.Context,
    number: int = IdArgument,
    channel: str = typer.Option(..., "--channel", metavar="C", help="The station's section."),
    as_name: str | None = AsOption,
    config: Path | None = ConfigOption,
    as_json: JsonFlag = False,
) -> None:
    """Let a station air an alert once more, after you have asked there what was heard of it.

    \b
    Example: alertd alert air-again 12 --channel fm --as 承認
    """
    if as_name is None:
        raise typer.BadParameter("say who decides it", param_hint="--as")

    from alertd.air_again import air_again as decide
    from alertd.cli.outcome import conclude
    from alertd.cli.sign_in import signed_in

    with opened(context, config) as site:
        decide(site, number, channel, signed_in(site, as_name))
        say("is aired again")
        conclude(site, number, wait=False, as_json=as_json)


@app.command()
def release(
    context: typer.Context,
    number: int = IdArgument,
    as_name: str | None = AsOption,
    config: Path | None = ConfigOption,
    as_json: JsonFlag = False,
) -> None:
    """Let an alert go on that is held because the database was restored; some may be reached twice.

    \b
    Example: alertd alert release 12 --as 承認
    """
    if as_name is None:
        raise typer.BadParameter("say who releases", param_hint="--as")

    from alertd import hold
    from alertd.cli.outcome import conclude
    from alertd.cli.sign_in import signed_in

    with opened(context, config) as site:
        hold.release(site, number, signed_in(site, as_name))
        say("goes on")
        conclude(site, number, wait=False, as_json=as_json)
