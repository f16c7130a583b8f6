"""Metrics for a monitoring system, counted by the database at the moment they are asked for.

Prometheus' text format 0.0.4. No name, number, address or word of an alert is among them.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from alertd import audit, pulse, store
from alertd.channel import Outcome
from alertd.dispatch import State
from alertd.site import Site
from alertd.tables import ChannelStateRow, DeliveryRow, DispatchRow, LetterRow

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
#: what has finished is counted for so long
RECENT = timedelta(hours=24)

#: values by the labels they belong to
_Values = Sequence[tuple[Mapping[str, str], float]]


@dataclass(frozen=True, slots=True)
class Metric:
    """One gauge: its name without the prefix, what it means, and its values."""

    name: str
    meaning: str
    values: _Values

    def text(self) -> str:
        """The metric in the text format."""
        name = f"alertd_{self.name}"
        lines = [f"# HELP {name} {self.meaning}", f"# TYPE {name} gauge"]
        for labels, value in self.values:
            inside = ",".join(f'{key}="{_escaped(word)}"' for key, word in labels.items())
            lines.append(f"{name}{{{inside}}} {value:g}" if inside else f"{name} {value:g}")
        return "\n".join(lines) + "\n"


def metrics(session: Session, site: Site) -> str:
    """All metrics as text."""
    now = site.clock.now()
    return "".join(metric.text() for metric in _metrics(session, site, now))


def _metrics(session: Session, site: Site, now: datetime) -> Iterable[Metric]:
    recent = (
        select(DispatchRow.id)
        .where(or_(DispatchRow.finished_at.is_(None), DispatchRow.finished_at > now - RECENT))
        .where(DispatchRow.planned_at.is_not(None))
    )
    counted = session.execute(
        select(DeliveryRow.channel, DeliveryRow.outcome, func.count())
        .where(DeliveryRow.dispatch_id.in_(recent))
        .group_by(DeliveryRow.channel, DeliveryRow.outcome)
    ).all()
    yield Metric(
        "deliveries",
        "Deliveries of the last day's dispatches by channel and outcome.",
        [
            ({"channel": channel, "outcome": outcome or "pending"}, number)
            for channel, outcome, number in counted
        ],
    )
    yield Metric(
        "in_doubt",
        "Deliveries of which nobody knows whether they arrived.",
        [
            ({"channel": channel}, number)
            for channel, outcome, number in counted
            if outcome is Outcome.UNKNOWN
        ],
    )
    states = session.execute(select(DispatchRow.state, func.count()).group_by(DispatchRow.state)).all()
    yield Metric(
        "dispatches",
        "Dispatches by state.",
        [({"state": state}, number) for state, number in states if state is not State.DRAFT],
    )
    yield from _queues(session, site, now)
    yield from _ways(session, site, now)
    kinds: dict[str, int] = {}
    for row in store.alarms(session):
        kind = row.name.partition(":")[0]
        kinds[kind] = kinds.get(kind, 0) + 1
    yield Metric("alarms", "Alarms that are on, by kind.", [({"kind": kind}, n) for kind, n in kinds.items()])
    lives = pulse.lives(session, now)
    yield Metric(
        "program_alive_seconds",
        "Age of the last sign of life of the relays and of the workers of each channel, on any machine.",
        [({"program": name}, (now - life.at).total_seconds()) for name, life in lives.items()],
    )
    yield Metric(
        "programs_alive",
        "Processes of relays and of each channel's workers that are alive.",
        [({"program": name}, life.alive) for name, life in lives.items()],
    )
    yield Metric(
        "storage_free_bytes",
        "Room on the disk of the storage folder.",
        [({}, shutil.disk_usage(site.config.storage).free)],
    )
    letters = session.scalar(select(func.count(LetterRow.id)).where(LetterRow.due_at.is_not(None)))
    yield Metric("letters_waiting", "Mails about registrations that wait.", [({}, letters or 0)])
    yield Metric("audit_rows", "Rows of the audit trail.", [({}, audit.head(session).rows)])


def _queues(session: Session, site: Site, now: datetime) -> Iterable[Metric]:
    figures: dict[str, list[tuple[Mapping[str, str], float]]]
    figures = {name: [] for name in ("due", "overdue", "claimed", "lease", "lapsed")}
    for name in site.settings:
        queue = store.queue(session, name, now)
        waited = (now - queue.oldest_at).total_seconds() if queue.oldest_at else 0
        left = (queue.leased_until - now).total_seconds() if queue.leased_until else 0
        told = {"due": queue.due, "overdue": waited, "claimed": queue.leased, "lease": left}
        for what, number in (told | {"lapsed": queue.lapsed}).items():
            figures[what].append(({"channel": name}, number))
    yield Metric("due", "Deliveries that could be handed over or asked about now.", figures["due"])
    yield Metric("overdue_seconds", "How long the oldest due delivery has waited.", figures["overdue"])
    yield Metric("claimed", "Deliveries that a worker has leased.", figures["claimed"])
    yield Metric("lease_seconds", "How long the last lease still runs.", figures["lease"])
    yield Metric("lapsed", "Deliveries whose sender died, and nobody has looked yet.", figures["lapsed"])


def _ways(session: Session, site: Site, now: datetime) -> Iterable[Metric]:
    rows = {name: session.get(ChannelStateRow, name) for name in site.settings}
    known = {name: row for name, row in rows.items() if row is not None}
    yield Metric(
        "channel_failures",
        "How often in a row the far end took nothing over.",
        [({"channel": name}, row.failures) for name, row in known.items()],
    )
    signs = {
        name: max((at for at in (row.answered_at, row.succeeded_at) if at is not None), default=None)
        for name, row in known.items()
    }
    yield Metric(
        "channel_alive_seconds",
        "Age of the far end's last sign of life.",
        [({"channel": name}, (now - at).total_seconds()) for name, at in signs.items() if at is not None],
    )
    yield Metric(
        "channel_looked_seconds",
        "Age of a worker's last look for due deliveries.",
        [
            ({"channel": name}, (now - row.looked_at).total_seconds())
            for name, row in known.items()
            if row.looked_at is not None
        ],
    )


def _escaped(word: str) -> str:
    return word.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
