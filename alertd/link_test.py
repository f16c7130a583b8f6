"""The link test: every far end is asked for a sign of life now and then, and nobody hears it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from alertd import lane, store
from alertd.channel import Probes
from alertd.db import reading, writing
from alertd.errors import ChannelError, ChannelMisconfigured, WrongConfiguration
from alertd.site import Site
from alertd.store import freezes
from alertd.tables import ChannelStateRow

#: what the name of an alarm about a far end that gave no sign of life begins with
ALARM = "link:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """What is known of the way to one far end."""

    channel: str
    #: it was tried; None = never yet, or it cannot be tried without being heard
    tried_at: datetime | None
    #: the last sign of life: an answer to a link test, or something that it took over
    alive_at: datetime | None
    #: why it cannot be reached now; None = it can, as far as is known
    trouble: str | None


def links(session: Session, names: Sequence[str]) -> list[Link]:
    """The ways to these channels, in their order."""
    found: list[Link] = []
    for name in names:
        row = session.get(ChannelStateRow, name)
        if row is None:
            found.append(Link(channel=name, tried_at=None, alive_at=None, trouble=None))
            continue
        signs = [at for at in (row.answered_at, row.succeeded_at) if at is not None]
        trouble = row.trouble
        if row.failures and trouble is None:
            trouble = "it took nothing over"
        elif trouble is not None and row.succeeded_at is not None and row.probed_at is not None:
            # what was handed over since then says more than the test
            trouble = None if row.succeeded_at > row.probed_at else trouble
        found.append(
            Link(channel=name, tried_at=row.probed_at, alive_at=max(signs, default=None), trouble=trouble)
        )
    return found


def due(site: Site, now: datetime) -> list[str]:
    """The channels whose link test is due; none in the maintenance mode."""
    every = timedelta(seconds=site.config.worker.probe_every)
    if not every:
        return []
    with reading(site.engine) as session:
        if freezes.maintained(session, now):
            return []
        rows = {name: session.get(ChannelStateRow, name) for name in site.settings}
    return [name for name, row in rows.items() if row is None or _is_due(row, every, now)]


def try_link(site: Site, name: str) -> bool | None:
    """Tries one channel; whether it answered. None = somebody else has, or it would be heard.

    By a channel of its own, so that nothing that is being sent is disturbed.
    """
    every, now = timedelta(seconds=site.config.worker.probe_every), site.clock.now()
    with writing(site.engine) as session:
        row = lane.lane(session, name)
        if not _is_due(row, every, now):
            return None
        row.probed_at = now
    try:
        trouble = _tried(site, name)
    except _CannotBeTried:
        return None
    with writing(site.engine) as session:
        row, now = lane.lane(session, name), site.clock.now()
        row.trouble = trouble[:500] if trouble is not None else None
        if trouble is None:
            row.answered_at = now
            store.clear_alarm(session, ALARM + name)
        else:
            store.raise_alarm(session, ALARM + name, trouble, now)
    return trouble is None


def _is_due(row: ChannelStateRow, every: timedelta, now: datetime) -> bool:
    return row.probed_at is None or row.probed_at + every <= now


class _CannotBeTried(Exception):
    """The channel has no way to be tried without being heard."""


def _tried(site: Site, name: str) -> str | None:
    """What is wrong; None = the far end answered."""
    try:
        shared = site.channel(name)
        if not isinstance(shared, Probes):
            raise _CannotBeTried
        own = type(shared)(name, site.settings[name])
        try:
            own.probe()
        finally:
            own.close()
    except (ChannelError, WrongConfiguration) as error:
        kind = "a person must act: " if isinstance(error, ChannelMisconfigured) else ""
        return f"{kind}{error}"
    return None
