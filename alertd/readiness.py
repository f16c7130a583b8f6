"""Readiness: whether an alert that is approved now would go out, seen from the machine that is asked."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.exc import SQLAlchemyError

from alertd import broker, pulse, settled, store
from alertd.db import reading
from alertd.dispatch import State
from alertd.site import Site
from alertd.store import freezes

#: with less room than this nothing can be stored any more, in bytes
LEAST = 50_000_000
#: what the relay takes at the most to see an approval, in seconds
PATIENCE = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One thing that was looked at; without what is `vital` no alert goes out."""

    what: str
    well: bool
    vital: bool
    finding: str


def readiness(site: Site) -> list[Look]:
    """Database, disk, relay, freeze, settings, workers and broker, each told by what it does and not by what it says."""
    now = site.clock.now()
    looks: list[tuple[str, bool, Callable[[Site, datetime], str]]] = [
        ("database", True, _database),
        ("storage", True, _storage),
        ("relay", True, _relay),
        ("freeze", True, _freeze),
        ("settings", True, _settings),
        *((f"worker of {name}", False, _worker(name)) for name in site.settings),
        ("broker", False, _broker),
    ]
    return list(_told(site, now, looks))


def ready(looks: list[Look]) -> bool:
    """Whether nothing vital is missing. Without workers or broker the relay sends by itself, more slowly."""
    return all(look.well for look in looks if look.vital)


def _told(
    site: Site, now: datetime, looks: list[tuple[str, bool, Callable[[Site, datetime], str]]]
) -> Iterator[Look]:
    for what, vital, look in looks:
        try:
            finding = look(site, now)
        except SQLAlchemyError:
            finding = "the database does not answer"
        except OSError as error:
            finding = error.strerror or type(error).__name__
        yield Look(what=what, well=not finding, vital=vital, finding=finding or "well")


def _database(site: Site, now: datetime) -> str:
    """It answers, and nothing that was approved lies there unseen."""
    with reading(site.engine) as session:
        left = [
            row.approved_at
            for row in store.dispatches_in(session, State.APPROVED)
            if row.approved_at is not None and (now - row.approved_at).total_seconds() > _hold(site)
        ]
    return f"{len(left)} approved alerts wait for a relay" if left else ""


def _freeze(site: Site, now: datetime) -> str:
    """Nobody holds real alerts back."""
    with reading(site.engine) as session:
        held = [row for row in freezes.freezes(session, now) if row.scope != freezes.Scope.DRILLS]
    if not held:
        return ""
    since = f"{held[0].set_at:%Y-%m-%d %H:%M} UTC"
    if held[0].ends_at is None:
        return f"everything is frozen since {since}"
    return f"maintenance since {since}, until {held[0].ends_at:%H:%M} UTC"


def _settings(site: Site, now: datetime) -> str:
    """No section that carries real alerts waits for people to confirm it."""
    with reading(site.engine) as session:
        held = settled.held(session)
    return f"changed, and two people must confirm it: {', '.join(held)}" if held else ""


def _hold(site: Site) -> float:
    return PATIENCE + site.config.approval.hold


def _storage(site: Site, now: datetime) -> str:
    folder = site.config.storage
    if not os.access(folder, os.W_OK):
        return "cannot be written"
    return "the disk is full" if shutil.disk_usage(folder).free < LEAST else ""


def _relay(site: Site, now: datetime) -> str:
    return _dead(site, "relay", now)


def _worker(channel: str) -> Callable[[Site, datetime], str]:
    return lambda site, now: _dead(site, pulse.of_worker(channel), now)


def _dead(site: Site, program: str, now: datetime) -> str:
    with reading(site.engine) as session:
        life = pulse.lives(session, now).get(program)
    if life is None:
        return "was not seen for a day"
    silent = now - life.at
    return f"was last seen {silent.total_seconds():.0f} s ago" if silent > pulse.DEAD else ""


def _broker(site: Site, now: datetime) -> str:
    config = site.config
    if config.embedded_broker:
        return "" if broker.answers(config.broker_socket) else "does not answer"
    import redis

    client = redis.Redis.from_url(config.broker_url, socket_timeout=1, socket_connect_timeout=1)
    try:
        client.ping()
    except redis.RedisError:
        return "does not answer"
    finally:
        client.close()
    return ""
