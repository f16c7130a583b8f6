"""`alertd subscriber`: subscribers of the mail list: register, import, export, erase; hygiene; poster."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path
from typing import Annotated

import typer

from alertd import (
    address,
    canary,
    hygiene,
    people,
    personal_data,
    poster,
    postman,
    subscribe,
    subscriber_list,
    take_over,
)
from alertd.category import EVERYTHING, NAMES, Category
from alertd.cli.app import say
from alertd.cli.document import content_of
from alertd.cli.installation import ConfigOption, JsonFlag, opened, print_json
from alertd.db import reading
from alertd.errors import NotFound, Problem, WrongInput, WrongRecipients
from alertd.language import NAMES as LANGUAGES
from alertd.site import Site
from alertd.store import subscriptions
from alertd.subscribe import Done
from alertd.subscription import Choice

app = typer.Typer(
    help="Subscribers of the mail list: register, import, export, erase; hygiene; poster.",
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
)

#: so many problems of a list are shown
SHOWN = 20
AddressArgument = typer.Argument(metavar="ADDRESS", help="A mail address.")
FileArgument = typer.Argument(metavar="FILE.csv", help="“-” is standard input.")


@app.command()
def add(
    context: typer.Context,
    who: str = AddressArgument,
    area: Annotated[list[str] | None, typer.Option("--area", help="Code or name; none = all.")] = None,
    category: Annotated[list[str] | None, typer.Option("--category", help="None = all.")] = None,
    language: Annotated[str, typer.Option("--language", help="ja, ja-easy, en …")] = "ja",
    config: Path | None = ConfigOption,
) -> None:
    """Register somebody who asked for it on paper or by telephone; a letter tells them.

    \b
    Example: alertd subscriber add hana@example.jp --area 嵐南 --category wildlife
    """
    checked = address.email(who)
    with opened(context, config) as site:
        choice = Choice(
            language=_language(language),
            areas=_areas(site, area or []),
            categories=_categories(category or []),
        )
        done = subscribe.register(site, checked, choice, by=_by())
    print("registered" if done is Done.REGISTERED else "changed")


@app.command("import")
def import_file(
    context: typer.Context,
    file: Path = FileArgument,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
    config: Path | None = ConfigOption,
    as_json: JsonFlag = False,
) -> None:
    """Take over subscribers of another service; who has left here stays away. Nobody is written to.

    Rows with a problem are named and not taken; then the exit code is 1.

    \b
    Example: alertd subscriber import 登録者.csv --dry-run
    """
    document = content_of(file)
    with opened(context, config) as site:
        found = subscriber_list.read(document, areas=_named_areas(site))
        done = take_over.take_over(site, found.subscribers, by=_by(), dry_run=dry_run)
    if as_json:
        problems = [
            {"line": one.line, "column": one.column, "message": one.message_en, "message_ja": one.message}
            for one in found.problems
        ]
        counts = {"new": done.new, "changed": done.changed, "unchanged": done.unchanged, "left": done.left}
        print_json({"dry_run": dry_run, **counts, "problems": problems})
    else:
        for one in found.problems[:SHOWN]:
            say(f"line {one.line}, {one.column}: {one.message_en}", f"  {one.message}")
        would = "would be " if dry_run else ""
        print(
            f"{done.new} {would}new, {done.changed} {would}changed, {done.unchanged} unchanged, "
            f"{done.left} have left and stay off, {len(found.problems)} rows refused"
        )
    if found.problems:
        raise typer.Exit(1)


@app.command()
def export(
    context: typer.Context,
    who: str = typer.Argument(metavar="ADDRESS|FILE.csv", help="One address, or a file for all."),
    config: Path | None = ConfigOption,
) -> None:
    """With an address: everything that is stored about it, as JSON. With a file: all subscribers as CSV.

    \b
    Examples:
      alertd subscriber export hana@example.jp
      alertd subscriber export 登録者.csv
    """
    with opened(context, config) as site:
        if "@" in who:
            print_json(personal_data.about(site, address.email(who)))
            return
        areas = _named_areas(site)
        with reading(site.engine) as session:
            document = subscriber_list.write(subscriptions.subscribers(session), areas=areas)
    _write(Path(who), document)


@app.command()
def erase(
    context: typer.Context,
    who: str = AddressArgument,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    config: Path | None = ConfigOption,
) -> None:
    """Erase an address and whoever it alone belonged to; what was sent stays countable.

    \b
    Example: alertd subscriber erase hana@example.jp
    """
    if not yes:
        typer.confirm("Erase everything about this address? It cannot be undone", abort=True)
    with opened(context, config) as site:
        number = personal_data.erase(site, address.email(who), by=_by())
    print(f"erased: {number} contact{'' if number == 1 else 's'}")


@app.command("hygiene")
def hygiene_report(
    context: typer.Context,
    config: Path | None = ConfigOption,
    as_json: JsonFlag = False,
) -> None:
    """The state of the list: addresses that fail, by mail domain; which are dead; canaries.

    \b
    Example: alertd subscriber hygiene
    """
    with opened(context, config) as site:
        found, birds = hygiene.report(site), canary.canaries(site)
    dead = sum(one.dead for one in found.ailing)
    if as_json:
        print_json(
            {
                "addresses": found.addresses,
                "ailing": len(found.ailing),
                "dead": dead,
                "suspended": found.suspended,
                "domains": [
                    {
                        "domain": one.name,
                        "addresses": one.addresses,
                        "ailing": one.ailing,
                        "suspended": one.suspended,
                    }
                    for one in found.domains
                ],
                "canaries": [
                    {"address": one.address, "arrived_at": one.arrived_at and one.arrived_at.isoformat()}
                    for one in birds
                ],
            }
        )
        return
    print(f"{found.addresses} addresses, {len(found.ailing)} fail, {found.suspended} were taken off")
    for one in found.domains:
        if one.ailing or one.suspended:
            print(f"  {one.name}: {one.addresses} addresses, {one.ailing} fail, {one.suspended} taken off")
    for bird in birds:
        when = bird.arrived_at.isoformat(timespec="minutes") if bird.arrived_at else "never yet"
        print(f"  canary at {bird.address.rpartition('@')[2]}: mail last arrived {when}")


@app.command("poster")
def print_poster(
    context: typer.Context,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE.pdf")] = Path("poster.pdf"),
    config: Path | None = ConfigOption,
) -> None:
    """An A4 page for notice boards with the QR code of the registration page.

    \b
    Example: alertd subscriber poster -o poster.pdf
    """
    with opened(context, config) as site:
        try:
            sender = postman.writes_from(site)
        except NotFound:
            sender = site.config.city.sender
        blank = site.config.inbox.blank_mail
        document = poster.poster(
            site.config.city,
            url=f"{site.config.public_url}/register",
            blank_mail=blank[0] if blank else None,
            sender=sender,
            font=site.config.paper.font,
        )
    _write(output, document, personal=False)


# private steps ------------------------------------------------------------------------


def _by() -> str:
    return f"shell:{getpass.getuser()}"


def _named_areas(site: Site) -> dict[str, str]:
    with reading(site.engine) as session:
        areas = {row.code: row.name for row in people.areas(session)}
    if not areas:
        raise WrongRecipients("there is no area yet; `alertd area import FILE.csv` adds them")
    return areas


def _areas(site: Site, wanted: list[str]) -> tuple[str, ...]:
    areas = _named_areas(site)
    by_name = {name: code for code, name in areas.items()} | {code: code for code in areas}
    for word in wanted:
        if word.removesuffix("地区") not in by_name:
            raise typer.BadParameter(f"there is no area “{word}”; there are: {', '.join(areas.values())}")
    return tuple(by_name[word.removesuffix("地区")] for word in wanted) or tuple(areas)


def _categories(wanted: list[str]) -> tuple[Category, ...]:
    known = {name: one for one, names in NAMES.items() for name in (str(one), *names)}
    for word in wanted:
        if word not in known:
            raise typer.BadParameter(f"there is no category “{word}”; there are: {', '.join(Category)}")
    return tuple(known[word] for word in wanted) or EVERYTHING


def _language(wanted: str) -> str:
    if wanted not in LANGUAGES:
        raise typer.BadParameter(f"there is no language “{wanted}”; there are: {', '.join(LANGUAGES)}")
    return wanted


def _write(file: Path, document: bytes, *, personal: bool = True) -> None:
    if str(file) == "-":
        sys.stdout.buffer.write(document)
        return
    try:
        if personal:
            file.touch(mode=0o600)
        file.write_bytes(document)
    except OSError as error:
        raise WrongInput(Problem("file", f"cannot write {file}: {error.strerror}")) from error
    say(f"{file} holds personal data: keep it safe" if personal else f"{file} is ready to be printed")
