"""The tally on screen: one dispatch at one moment, channel by channel, with bars that need no script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from alertd import forecast, store
from alertd.airing import Airing, airings
from alertd.channel import Answer, Outcome, Reason
from alertd.checklist import TICKS, Task, checklist
from alertd.dispatch import Role, State
from alertd.eta import Eta
from alertd.halt import Stop, stops
from alertd.help_wanted import HelpWanted, help_wanted
from alertd.link_test import Link, links
from alertd.report import PENDING, ChannelTally, Report, report
from alertd.running_tally import RunningTallies
from alertd.site import Site
from alertd.store.deliveries import unconfirmed
from alertd.store.published import alert_in
from alertd.tables import AlertRow, ChannelStateRow, DispatchRow
from operator_console import labels
from operator_console.alarm import Alarm, alarms
from operator_console.help_wanted import shown as calls
from operator_console.page import channel_name
from operator_console.under_way import may_stop
from operator_console.visit import Visit

#: the width of a bar, in the units of its picture
WIDTH = 1000
#: names of a channel that the board itself shows; the others are one click away
NAMED = 12
_REACHED = (Outcome.ACCEPTED, Outcome.DELIVERED, Outcome.ACKNOWLEDGED, PENDING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What a board shows; two are equal when they show the same."""

    report: Report
    #: contacts by channel that were counted at submission; shown until deliveries are planned
    expected: Mapping[str, int]
    #: channels whose far end is down
    down: frozenset[str]
    #: when each far end last gave a sign of life
    links: Mapping[str, Link]
    #: names of those who have not confirmed it, by channel
    unconfirmed: Mapping[str, tuple[str, ...]]
    #: each use of a transmitter so far
    airings: Sequence[Airing]
    alarms: Sequence[Alarm]
    #: who has called for help, also those whom somebody looks after
    help: Sequence[HelpWanted]
    #: how long channels with lines will still take
    remaining: Mapping[str, Eta] = field(compare=False)
    #: what staff does by hand
    checklist: Sequence[Task]
    #: channels that somebody has stopped
    stops: Mapping[str, Stop]
    taken_at: datetime = field(compare=False)


@dataclass(frozen=True, slots=True)
class Bar:
    """One piece of a channel's bar."""

    outcome: str
    x: int
    width: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One channel of the tally."""

    name: str
    label: str
    simulated: bool
    down: bool
    link: Link
    #: at most `NAMED` names
    unconfirmed: tuple[str, ...]
    #: deliveries, or contacts as long as none is planned
    planned: int
    tally: ChannelTally
    bars: Sequence[Bar]
    #: None = nothing is open, or the channel has no lines
    eta: Eta | None
    #: None = it is not stopped
    stop: Stop | None


def snapshot(session: Session, site: Site, number: int, running: RunningTallies | None = None) -> Snapshot:
    """The dispatch as it is now. Raises NotFound."""
    told = report(session, number, running=running)
    row = store.dispatch(session, number)
    asked = any(Answer.HELP in tally.answers for tally in told.channels.values())
    silent = any(Reason.UNCONFIRMED in tally.reasons for tally in told.channels.values())
    states = [session.get(ChannelStateRow, name) for name in told.channels]
    return Snapshot(
        report=told,
        expected=_expected(row) if row is not None else {},
        down=frozenset(state.channel for state in states if state is not None and state.failures),
        links={link.channel: link for link in links(session, tuple(told.channels))},
        unconfirmed=unconfirmed(session, number, limit=NAMED) if silent else {},
        airings=airings(session, number),
        alarms=alarms(session),
        help=help_wanted(session, number, taken=True) if asked else (),
        remaining=forecast.remaining(
            session, site, number, {name: tally.open for name, tally in told.channels.items()}
        ),
        stops=stops(row) if row is not None else {},
        checklist=_checklist(session, site, row) if row is not None else (),
        taken_at=site.clock.now(),
    )


def _expected(row: DispatchRow) -> Mapping[str, int]:
    """Contacts by channel, as long as none is planned; those of a prepared correction are the alert's, not its own."""
    if row.planned_at is not None or row.corrects_id is not None:
        return {}
    return {name: int(count) for name, count in row.counts.items()}


def _checklist(session: Session, site: Site, row: DispatchRow) -> Sequence[Task]:
    alert = alert_in(session.get_one(AlertRow, row.alert_id).document)
    return checklist(session, site.config.checklist, row, alert, site.clock.now())


def shown(visit: Visit, snapshot: Snapshot) -> dict[str, Any]:
    """The values for the templates `_tally.html`, `_alarms.html` and `_help.html`."""
    told = snapshot.report
    settings = visit.site.settings
    lines = [
        Line(
            name=name,
            label=channel_name(visit.language, name, settings.get(name)),
            simulated=name in settings and settings[name].simulated,
            down=name in snapshot.down,
            link=snapshot.links[name],
            unconfirmed=snapshot.unconfirmed.get(name, ()),
            planned=tally.planned or snapshot.expected.get(name, 0),
            tally=tally,
            bars=bars(tally),
            eta=snapshot.remaining.get(name),
            stop=snapshot.stops.get(name),
        )
        for name, tally in told.channels.items()
    ]
    totals = {
        outcome: sum(tally.outcomes[outcome] for tally in told.channels.values())
        for outcome in labels.OUTCOMES
    }
    return {
        "report": told,
        "lines": lines,
        "totals": totals,
        "unreached": sum(count for outcome, count in totals.items() if outcome not in _REACHED),
        "airings": [
            (channel_name(visit.language, one.channel, settings.get(one.channel)), one, times)
            for one, times in alike(snapshot.airings)
        ],
        "taken_at": snapshot.taken_at,
        "checklist": snapshot.checklist,
        "ticks": visit.may(*TICKS),
        "can_halt": may_stop(visit, told.status) and told.state in (State.APPROVED, State.SENDING),
        "can_go_on": visit.may(Role.SEND, Role.APPROVE)
        and told.state in (State.APPROVED, State.SENDING, State.FINISHED),
        "left": told.expires_at - snapshot.taken_at,
        "alarms": snapshot.alarms,
        **calls(visit, snapshot.help, board=True),
    }


def alike(airings: Sequence[Airing]) -> Sequence[tuple[Airing, int]]:
    """Airings of which a board would say the same, each once, and how many they are."""
    found: dict[tuple[object, ...], list[Airing]] = {}
    for one in airings:
        moments = [
            at and at.replace(microsecond=0)
            for at in (one.requested_at, one.on_air_at, one.released_at or one.ends_by)
        ]
        over = one.released_at is not None
        found.setdefault((one.channel, one.state, one.repeat, over, *moments), []).append(one)
    return [(same[0], len(same)) for same in found.values()]


def bars(tally: ChannelTally) -> Sequence[Bar]:
    """The pieces of a bar, best news first, together `WIDTH` wide."""
    made: list[Bar] = []
    done = 0
    for outcome in labels.OUTCOMES:
        before = done
        done += tally.outcomes[outcome]
        if done > before:
            x, end = before * WIDTH // tally.planned, done * WIDTH // tally.planned
            made.append(Bar(outcome, x, end - x))
    return made
