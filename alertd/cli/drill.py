"""`alertd drill`: schedule, list, show, arm, run, cancel, report, export and rehearse drills."""

from __future__ import annotations

from datetime import date, time, timedelta
from pathlib import Path
from typing import Annotated

import typer

from alertd.cli.app import say
from alertd.cli.drill_rehearsal import ScenarioArgument, rehearse
from alertd.cli.installation import AsOption, ConfigOption, JsonFlag, opened

app = typer.Typer(
    help="Schedule, arm, run and report drills.",
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
)
NumberArgument = typer.Argument(metavar="ID", help="The number that `drill schedule` and `drill list` show.")
DryRunFlag = Annotated[bool, typer.Option("--dry-run", help="Only show what would be said to whom and when.")]


@app.command()
def schedule(
    context: typer.Context,
    scenario: str = ScenarioArgument,
    on: str | None = typer.Option(
        None, "--date", metavar="DATE", help="Once, on that day: 2027-06-27. Default: by the scenario's rule."
    ),
    at: str | None = typer.Option(
        None, "--time", metavar="HH:MM", help="With --date: at that time instead of the scenario's."
    ),
    dry_run: DryRunFlag = False,
    sounds: Annotated[
        bool, typer.Option("--sounds", help="With --dry-run: let the voices say how long each sound is.")
    ] = False,
    as_name: str | None = AsOption,
    config: Path | None = ConfigOption,
    as_json: JsonFlag = False,
) -> None:
    """Schedule a drill; nothing goes out before a second person has armed it.

    Prints the number of its next occurrence.

    \b
    Examples:
      alertd drill schedule flood-yearly --dry-run
      alertd drill schedule flood-yearly --date 2027-06-27 --as 起案
      alertd drill schedule 訓練.yaml
    """
    from alertd.alert import Status
    from alertd.cli import drill_words
    from alertd.cli.sign_in import actor
    from alertd.drill import schedule as drill_schedule
    from alertd.drill.calendar import instant
    from alertd.drill.file import find

    read = find(scenario)
    day, moment = _day(on), _time(at)
    if moment is not None and day is None:
        raise typer.BadParameter("belongs to --date", param_hint="--time")
    once = instant(day, moment or read.at, read.zone) if day is not None else None
    with opened(context, config) as site:
        start = once or drill_schedule.next_start(read, site.clock.now())
        if dry_run:
            if not drill_words.show_preview(site, read, start, speak=sounds, as_json=as_json):
                raise typer.Exit(1)
            return
        number = drill_schedule.schedule(site, read, actor(site, as_name, Status.EXERCISE), once_at=once)
        if as_json:
            drill_words.show_one(site, number, as_json=True)
        else:
            print(number)
        say(
            f"scheduled for {drill_words.local(start)}; within 24 hours before, another operator arms it: "
            f"{site.config.console_url}/drills/{number} or `alertd drill arm {number} --as NAME`"
        )


@app.command("list")
def list_all(
    context: typer.Context,
    scenarios: Annotated[bool, typer.Option("--scenarios", help="List the shipped scenarios.")] = False,
    limit: int = typer.Option(20, "--limit", min=1, help="The latest so many."),
    config: Path | None = ConfigOption,
    as_json: JsonFlag = False,
) -> None:
    """List drills, those still to come first.

    \b
    Examples:
      alertd drill list
      alertd drill list --scenarios
    """
    from alertd.cli import drill_words

    if scenarios:
        drill_words.show_scenarios(as_json=as_json)
        return
    with opened(context, config) as site:
        drill_words.show_list(site, limit=limit, as_json=as_json)


@app.command()
def show(
    context: typer.Context,
    number: int = NumberArgument,
    words: Annotated[bool, typer.Option("--words", help="Every word that would be sent.")] = False,
    config: Path | None = ConfigOption,
    as_json: JsonFlag = False,
) -> None:
    """Show a drill: its messages, their times, who armed them, and what the checks found.

    \b
    Example: alertd drill show 3 --words
    """
    from alertd.cli import drill_words

    with opened(context, config) as site:
        drill_words.show_one(site, number, words=words, as_json=as_json)


@app.command()
def arm(
    context: typer.Context,
    number: int = NumberArgument,
    as_name: str | None = AsOption,
    config: Path | None = ConfigOption,
) -> None:
    """Read what would be sent and let the messages of the next 24 hours go out at their times.

    Always needs the password of an operator who may approve, and another one than who
    scheduled the drill.

    \b
    Example: alertd drill arm 3 --as 承認
    """
    if as_name is None:
        raise typer.BadParameter("say who arms it", param_hint="--as")

    from alertd.cli import drill_words
    from alertd.cli.sign_in import signed_in
    from alertd.drill import arm as drill_arm
    from alertd.drill import prepare

    with opened(context, config) as site:
        prepare.prepare(site, number)
        seen = drill_words.show_one(site, number, words=True)
        person = signed_in(site, as_name)
        armed = drill_arm.arm(site, number, person, seen=seen)
        say(f"armed: {armed} messages go out at their times; `alertd drill cancel {number}` stops them")


@app.command()
def run(
    context: typer.Context,
    scenario: str = ScenarioArgument,
    minutes: float = typer.Option(
        3.0, "--in", min=0.5, max=1440.0, metavar="MINUTES", help="So many minutes from now."
    ),
    as_name: str | None = AsOption,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Until it has ended.")] = True,
    config: Path | None = ConfigOption,
    as_json: JsonFlag = False,
) -> None:
    """Hold a drill now: it begins in a few minutes, when another operator has armed it by then.

    Shows a countdown and what goes out; exits 1 when the drill did not take place.

    \b
    Examples:
      alertd drill run call-out-monthly --as 起案
      alertd drill run 訓練.yaml --in 10
    """
    from alertd.alert import Status
    from alertd.cli import drill_words
    from alertd.cli.sign_in import actor
    from alertd.drill import prepare
    from alertd.drill import schedule as drill_schedule
    from alertd.drill.file import find

    read = find(scenario)
    with opened(context, config) as site:
        person = actor(site, as_name, Status.EXERCISE)
        start = (site.clock.now() + timedelta(minutes=minutes)).replace(microsecond=0)
        number = drill_schedule.schedule(site, read, person, once_at=start)
        say(f"drill {number} begins at {drill_words.local(start)}; making its words and sounds …")
        if not prepare.prepare(site, number):
            drill_words.show_one(site, number)
            raise typer.Exit(1)
        say(
            f"arm it: {site.config.console_url}/drills/{number} or `alertd drill arm {number} --as NAME`",
        )
        ended = drill_words.watch(site, number) if wait else None
        if as_json:
            drill_words.show_report(site, number, as_json=True)
        elif wait:
            drill_words.show_report(site, number)
        else:
            print(number)
        if wait and ended != "finished":
            raise typer.Exit(1)


@app.command()
def cancel(
    context: typer.Context,
    number: int = NumberArgument,
    reason: str = typer.Option("", "--reason", help="For the audit trail."),
    series: Annotated[
        bool, typer.Option("--series", help="A recurring drill does not take place again.")
    ] = False,
    as_name: str | None = AsOption,
    config: Path | None = ConfigOption,
) -> None:
    """Stop a drill, before it begins or while it goes on; those who heard of it are told.

    \b
    Example: alertd drill cancel 3 --reason 大雨のため
    """
    from alertd.alert import Status
    from alertd.cli.sign_in import actor
    from alertd.drill import fire

    with opened(context, config) as site:
        person = actor(site, as_name, Status.EXERCISE)
        fire.stop(site, number, person, reason=reason or "stopped on the command line", series=series)
        say("stopped")


@app.command()
def report(
    context: typer.Context,
    number: int = NumberArgument,
    pdf: Path | None = typer.Option(None, "--pdf", metavar="FILE", help="On paper, with charts."),
    table: Path | None = typer.Option(None, "--csv", metavar="FILE", help="For a spreadsheet."),
    language: str = typer.Option("ja", "--lang", help="ja or en."),
    config: Path | None = ConfigOption,
    as_json: JsonFlag = False,
) -> None:
    """Report a drill: who was reached, how soon, what failed and why, beside earlier drills.

    \b
    Examples:
      alertd drill report 3
      alertd drill report 3 --pdf 報告.pdf --csv 報告.csv
    """
    from alertd.cli import drill_words

    with opened(context, config) as site:
        drill_words.show_report(site, number, pdf=pdf, table=table, language=language, as_json=as_json)


@app.command()
def export(
    context: typer.Context,
    output: Path | None = typer.Option(
        None, "-o", "--output", metavar="FILE.ics", help="Default: standard output."
    ),
    config: Path | None = ConfigOption,
) -> None:
    """Export the drills as a calendar file (.ics) for the calendars of those who take part.

    \b
    Example: alertd drill export -o drills.ics
    """
    from alertd.cli import drill_words

    with opened(context, config) as site:
        document = drill_words.calendar_of(site)
    if output is None:
        print(document.decode(), end="")
    else:
        output.write_bytes(document)
        say(f"written: {output}")


app.command()(rehearse)


def _day(words: str | None) -> date | None:
    try:
        return date.fromisoformat(words) if words is not None else None
    except ValueError:
        raise typer.BadParameter("write it as 2027-06-27", param_hint="--date") from None


def _time(words: str | None) -> time | None:
    try:
        return time.fromisoformat(words.zfill(5)) if words is not None else None
    except ValueError:
        raise typer.BadParameter("write it as 07:00", param_hint="--time") from None
