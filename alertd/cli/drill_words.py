"""What the commands say of a drill: previews, lists, one drill, its countdown and its report."""

from __future__ import annotations

import sys
import threading
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from alertd import store
from alertd.cli.app import say
from alertd.cli.installation import print_json
from alertd.db import reading
from alertd.drill import arm, armed, stage
from alertd.drill import sheet as drill_sheet
from alertd.drill.file import read, shipped
from alertd.drill.ics import Entry, calendar
from alertd.drill.preview import Message, preview, standing_in_the_way
from alertd.drill.report import DrillReport, drill_report
from alertd.drill.scenario import ZONE, Scenario
from alertd.errors import NotFound
from alertd.result import words as result_words
from alertd.result.pace import SHARES
from alertd.sheet import pdf as printed
from alertd.site import Site
from alertd.store import drills
from alertd.tables import DrillRow, OccurrenceRow, OperatorRow

#: between two looks while a command waits, in seconds
_EVERY = 1.0


def local(moment: datetime) -> str:
    """2027-06-27 07:00 JST"""
    return f"{moment.astimezone(ZoneInfo(ZONE)):%Y-%m-%d %H:%M} JST"


def show_preview(site: Site, scenario: Scenario, start: datetime, *, speak: bool, as_json: bool) -> bool:
    """Shows what would be said to whom and when; returns whether every message could be handed in."""
    messages = preview(site, scenario, start, speak=speak)
    fit = not any(one.problems for one in messages)
    if as_json:
        print_json(
            {
                "name": scenario.name,
                "title": scenario.title["ja"],
                "starts_at": start.isoformat(),
                "would_work": fit,
                "messages": [_message_json(one) for one in messages],
            }
        )
        return fit
    print(f"{scenario.title['ja']}  {local(start)}  (dry run: nothing is stored, nothing is sent)")
    for number, one in enumerate(messages, start=1):
        when = local(one.due_at) if one.due_at is not None else "if it is broken off"
        meant = ", ".join(one.step.meant)
        print(f"\n{number}. {when}  {one.step.part}  {one.step.template}  to {meant}")
        for saying in one.sayings:
            length = f", {saying.seconds:.0f} s" if saying.seconds is not None else ""
            print(f"   {saying.channel}/{saying.language}: {saying.contacts} contacts{length}")
            print(f"      {saying.headline}")
        for sentence in one.warnings:
            print(f"   note: {sentence}")
        for sentence in one.problems:
            print(f"   WRONG: {sentence}")
    if (standing := standing_in_the_way(site)) is not None:
        say(f"note: {standing}; no drill could begin now")
    say("" if fit else "it could not be held like this; see the lines marked WRONG")
    return fit


def show_scenarios(*, as_json: bool) -> None:
    """Shows the shipped scenarios."""
    rows = [(name, read(text).title["ja"]) for name, text in shipped().items()]
    if as_json:
        print_json([{"name": name, "title": title} for name, title in rows])
        return
    for name, title in rows:
        print(f"{name}\t{title}")


def show_list(site: Site, *, limit: int, as_json: bool) -> None:
    """Shows the latest occurrences."""
    with reading(site.engine) as session:
        rows = [
            (row, drill, stage(row, drills.steps(session, row.id)))
            for row, drill in drills.occurrences(session, limit=limit)
        ]
    if as_json:
        print_json(
            [
                {
                    "id": row.id,
                    "name": drill.name,
                    "title": drill.title,
                    "starts_at": row.starts_at.isoformat(),
                    "stage": how,
                    "ending": row.ending,
                    "recurring": drill.once_at is None,
                }
                for row, drill, how in rows
            ]
        )
        return
    for row, drill, how in rows:
        again = "\trecurring" if drill.once_at is None else ""
        print(f"{row.id}\t{local(row.starts_at)}\t{row.ending or how}\t{drill.title}{again}")
    if not rows:
        say("there is no drill yet; `alertd drill list --scenarios` shows what can be scheduled")


def show_one(site: Site, number: int, *, words: bool = False, as_json: bool = False) -> str:
    """Shows one drill; returns the hash of what could be armed now. Raises NotFound."""
    now = site.clock.now()
    with reading(site.engine) as session:
        row, drill = _found(session, number)
        steps, dispatches = drills.steps(session, number), drills.step_dispatches(session, number)
        checks = drills.checks(session, number)
        seen = arm.arming_hash(arm.armable(steps, now), dispatches)
        names = {
            step.armed_by: session.get_one(OperatorRow, step.armed_by).name for step in steps if step.armed_by
        }
        made = {one.id: store.artefacts(session, one.id) for one in dispatches.values()}
    if as_json:
        print_json(
            {
                "id": row.id,
                "name": drill.name,
                "title": drill.title,
                "starts_at": row.starts_at.isoformat(),
                "stage": stage(row, steps),
                "ending": row.ending,
                "why": row.why,
                "messages": [
                    {
                        "position": step.position,
                        "part": step.part,
                        "due_at": step.due_at.isoformat() if step.due_at else None,
                        "dispatch": dispatches[step.id].id if step.id in dispatches else None,
                        "counts": dispatches[step.id].counts if step.id in dispatches else {},
                        "armed": armed(step),
                        "armed_by": names[step.armed_by] if step.armed_by else None,
                        "fired_at": step.fired_at.isoformat() if step.fired_at else None,
                    }
                    for step in steps
                ],
                "checks": {str(minutes): check.problems for minutes, check in checks.items()},
            }
        )
        return seen
    print(f"{drill.title}  {local(row.starts_at)}  {row.ending or stage(row, steps)}")
    if row.why:
        print(f"  {row.why}")
    for step in steps:
        when = local(step.due_at) if step.due_at is not None else "if it is broken off"
        dispatch = dispatches.get(step.id)
        if step.fired_at is not None:
            state = f"went out at {local(step.fired_at)}"
        else:
            state = f"armed by {names[step.armed_by]}" if armed(step) and step.armed_by else "not armed"
        print(f"  {step.part}  {when}  {state}{f'  dispatch {dispatch.id}' if dispatch else ''}")
        for one in made[dispatch.id] if dispatch is not None and words else ():
            sound = f"  (sound {one.audio_seconds:.0f} s)" if one.audio_seconds else ""
            count = dispatch.counts.get(one.channel, 0) if dispatch is not None else 0
            print(f"\n    — {one.channel}, {one.language}, {count} contacts{sound}")
            print("\n".join(f"    {line}" for line in one.text.splitlines()))
    for minutes, check in checks.items():
        print(f"  check {minutes} min before: {'; '.join(check.problems) or 'all well'}")
    return seen


def watch(site: Site, number: int) -> str | None:
    """Waits until the drill has ended, with a countdown on terminals; returns how it ended."""
    pause, last = threading.Event(), ""
    while True:
        with reading(site.engine) as session:
            row, _ = _found(session, number)
            steps = drills.steps(session, number)
        if row.ended_at is not None:
            say(f"ended: {row.ending}{f' ({row.why})' if row.why else ''}")
            return row.ending
        left = row.starts_at - site.clock.now()
        now = f"{stage(row, steps)}, {sum(1 for step in steps if step.fired_at)} messages sent"
        if sys.stderr.isatty():
            ahead = f"T−{left}".partition(".")[0] if left > timedelta() else f"T+{-left}".partition(".")[0]
            print(f"\r{ahead}  {now}   ", end="", file=sys.stderr, flush=True)
        elif now != last:
            say(now)
        last = now
        pause.wait(_EVERY)


def ended(site: Site, number: int) -> str | None:
    """How the drill ended."""
    with reading(site.engine) as session:
        return _found(session, number)[0].ending


def show_report(
    site: Site,
    number: int,
    *,
    pdf: Path | None = None,
    table: Path | None = None,
    language: str = "ja",
    as_json: bool = False,
) -> None:
    """Shows the report; writes it to the files that were named."""
    with reading(site.engine) as session:
        found = drill_report(session, number)
    made = f"{local(site.clock.now())}  alertd"
    if pdf is not None:
        sheet = drill_sheet.sheet(found, {}, language, foot=made)
        pdf.write_bytes(printed(sheet, site.config.paper.font))
        say(f"written: {pdf}")
    if table is not None:
        table.write_bytes(drill_sheet.table(found))
        say(f"written: {table}")
    if as_json:
        print_json(found.as_json())
    elif pdf is None and table is None:
        _print_report(found, language)


def calendar_of(site: Site) -> bytes:
    """The drills that are known, as a calendar file."""
    with reading(site.engine) as session:
        rows = list(drills.occurrences(session, limit=500))
    entries = []
    for row, drill in rows:
        scenario = read(drill.document)
        last = max((step.after for step in scenario.steps if step.after is not None), default=timedelta())
        entries.append(
            Entry(
                uid=f"drill-{row.id}@{site.config.city.sender.partition('@')[2]}",
                title=drill.title,
                description=f"{site.config.city.name}　{site.config.console_url}/drills/{row.id}",
                starts_at=row.starts_at,
                lasts=max(last, timedelta(minutes=30)),
                cancelled=row.ending is not None and row.ending != "finished",
            )
        )
    return calendar(entries, made_at=site.clock.now(), city=site.config.city.name)


def _print_report(found: DrillReport, language: str) -> None:
    for name, value in drill_sheet.facts(found, language):
        print(f"{name}: {value}")
    for number, one in enumerate(found.messages, start=1):
        print(f"\n{number}. {one.result.headline}  {result_words.local(one.fired_at)}")
        for name, pace in one.result.by_channel.items():
            times = "  ".join(
                f"{'first' if share == 0 else f'{share}%'} {result_words.length('en', pace.seconds[share])}"
                for share in SHARES
            )
            print(f"   {name}: {pace.reached} of {pace.planned} reached  {times}")
        if said := drill_sheet.correction_words(one, language):
            print(f"   {said}")
    for before in found.earlier:
        print(f"\n{result_words.local(before.starts_at)}: {before.percent:.1f} %")


def _found(session: Session, number: int) -> tuple[OccurrenceRow, DrillRow]:
    row = drills.occurrence(session, number)
    if row is None:
        raise NotFound(f"there is no drill {number}; `alertd drill list` shows them")
    return row, session.get_one(DrillRow, row.drill_id)


def _message_json(one: Message) -> dict[str, object]:
    return {
        "part": one.step.part,
        "due_at": one.due_at.isoformat() if one.due_at is not None else None,
        "template": one.step.template,
        "audience": list(one.step.meant),
        "siren": one.step.siren,
        "counts": dict(one.counts),
        "sayings": [
            {
                "channel": saying.channel,
                "language": saying.language,
                "contacts": saying.contacts,
                "seconds": saying.seconds,
                "headline": saying.headline,
                "text": saying.text,
            }
            for saying in one.sayings
        ],
        "warnings": list(one.warnings),
        "problems": list(one.problems),
    }
