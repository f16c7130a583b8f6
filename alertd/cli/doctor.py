"""`alertd doctor`: what an installation needs before the day, looked at one thing after the other."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from alertd.cli.app import say
from alertd.cli.installation import ConfigOption, JsonFlag, opened, print_json

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def doctor(
    context: typer.Context,
    strict: Annotated[bool, typer.Option("--strict", help="A worry is a failure too.")] = False,
    config: Path | None = ConfigOption,
    as_json: JsonFlag = False,
) -> None:
    """Look at everything that is needed before the day: changes nothing, and nobody hears it.

    Exit code 1 when alerts would not go out as they should.

    \b
    Examples:
      alertd doctor
      alertd doctor --strict --json
    """
    from alertd.doctor import Grade, examine

    marks = {Grade.WELL: "良 ok  ", Grade.WORRY: "注意 !! ", Grade.ILL: "異常 ILL"}
    signs = []
    with opened(context, config) as site:
        for sign in examine(site):
            signs.append(sign)
            if not as_json:
                remedy = f"\n\t\t→ {sign.remedy}" if sign.remedy else ""
                print(f"{marks[sign.grade]}\t{sign.what}: {sign.finding}{remedy}")
    ill = sum(sign.grade is Grade.ILL for sign in signs)
    worries = sum(sign.grade is Grade.WORRY for sign in signs)
    if as_json:
        print_json(
            [
                {"what": sign.what, "grade": sign.grade, "finding": sign.finding, "remedy": sign.remedy}
                for sign in signs
            ]
        )
    say(f"{len(signs) - ill - worries} well, {worries} to look at, {ill} ill")
    if ill or (strict and worries):
        raise typer.Exit(1)
