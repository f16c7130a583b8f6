"""`alertd drill rehearse`: a drill of the whole city on simulated far ends, many times as fast as life."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from alertd.cli.app import say
from alertd.cli.installation import ConfigOption, JsonFlag

ScenarioArgument = typer.Argument(
    metavar="SCENARIO", help="A YAML file, or the name of a shipped one (`drill list --scenarios`)."
)


def rehearse(
    context: typer.Context,
    scenario: str = ScenarioArgument,
    speed: float = typer.Option(60.0, "--speed", min=1.0, max=600.0, help="Times as fast as life."),
    recipients: int = typer.Option(300, "--recipients", min=10, max=100_000, metavar="N"),
    bad_day: Annotated[
        bool,
        typer.Option(
            "--bad-day/--good-day", help="A dead station, a dark area, engaged lines, full mailboxes."
        ),
    ] = True,
    dark: str = typer.Option("嵐南", "--dark", metavar="AREA", help="The area without telephones and mail."),
    folder: Path = typer.Option(Path("var/rehearsal"), "--folder", metavar="DIR"),
    pdf: Path | None = typer.Option(None, "--pdf", metavar="FILE", help="The report on paper."),
    config: Path | None = ConfigOption,
    as_json: JsonFlag = False,
) -> None:
    """Rehearse a drill of the whole city on simulated far ends, many times as fast as life.

    Nobody is reached: invented people, simulated mail server, telephones, station and
    loudspeakers. The console runs meanwhile, so that staff can watch and stop.

    \b
    Examples:
      alertd drill rehearse flood-yearly --speed 60
      alertd drill rehearse flood-yearly --speed 600 --good-day --json
    """
    if (config or context.find_root().obj) is not None:
        raise typer.BadParameter("a rehearsal writes its own configuration", param_hint="--config")

    from alertd.cli import drill_words
    from alertd.demo import rehearsal
    from alertd.drill.file import find

    wishes = rehearsal.Wishes(
        scenario=find(scenario), speed=speed, recipients=recipients, bad_day=bad_day, dark=dark, folder=folder
    )
    with rehearsal.rehearsed(wishes, say) as (site, number):
        drill_words.show_report(site, number, pdf=pdf, as_json=as_json)
        if drill_words.ended(site, number) != "finished":
            raise typer.Exit(1)
