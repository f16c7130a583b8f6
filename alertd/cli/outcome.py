"""What a command says of a dispatch at its end, and shows before it is approved."""

from __future__ import annotations

import typer

from alertd import people, settled, store
from alertd.audience import Audience
from alertd.cli import tally
from alertd.cli.app import say
from alertd.cli.installation import print_json
from alertd.db import reading
from alertd.dispatch import State
from alertd.freeze import Scope, frozen
from alertd.report import Report
from alertd.site import Site
from alertd.tables import AlertRow


def conclude(site: Site, number: int, *, wait: bool, as_json: bool) -> None:
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


def show_words(site: Site, number: int) -> str:
    """Shows what the approver approves; returns its hash."""
    found: Report = tally.now(site, number)
    with reading(site.engine) as session:
        row = store.dispatch(session, number)
        assert row is not None
        alert = session.get_one(AlertRow, row.alert_id)
        made = store.artefacts(session, number)
        counts = row.counts
        audience = Audience.from_json(row.audience)
        anew = row.anew
        names = {area.code: area.name for area in people.areas(session)}
    say(f"{alert.identifier}  [{alert.status}]  {alert.headline}")
    for apart in audience.elsewhere:
        where = "、".join(names.get(code, code) for code in apart.areas) or "全域 the whole city"
        say(f"OTHER AREAS: {apart.channel} goes to {where}: {audience.why}")
    if anew:
        say(f"NO UPDATE OF THE ALERT BEFORE: {anew}")
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


def held_back(site: Site) -> list[str]:
    """What keeps an approved alert from going out now, and the command that ends that."""
    with reading(site.engine) as session:
        freezes = frozen(session, site.clock.now())
        sections = settled.held(session)
    said = []
    for one in freezes:
        if one.scope is Scope.MAINTENANCE:
            said.append(
                f"IT DOES NOT GO OUT YET: maintenance until {one.until:%H:%M} UTC ({one.reason}); "
                "two people end it: alertd maintenance end --as NAME"
            )
        else:
            what = "everything is" if one.scope is Scope.EVERYTHING else "drills are"
            said.append(
                f"IT DOES NOT GO OUT YET: {what} frozen ({one.reason}); "
                f"two people: alertd freeze lift {one.scope} --as NAME"
            )
    if sections:
        said.append(
            f"REAL ALERTS WAIT on {', '.join(sections)}: changed settings; two people: alertd config changes"
        )
    return said
