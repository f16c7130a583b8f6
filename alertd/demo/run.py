"""The demo: a city of invented people, simulated far ends, and one drill over four channels.

Everything between the operators and the far ends is real: database, broker, worker,
relay, console, SMTP, Twilio's API, Liquidsoap's commands, RTP.
"""

from __future__ import annotations

import secrets
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from sqlalchemy import func, select, update

from alertd import config as configuration
from alertd import issue, operators, outline, register, report
from alertd.alert import Alert, Area, NamedValue, Status
from alertd.audience import Audience
from alertd.clock import stopwatch
from alertd.db import reading, writing
from alertd.demo.city import PREFIX, WATERMARK, cars, on_air, outlines, people, stations
from alertd.demo.far_ends import QUEUE, SPEED, Ports, far_ends, free_ports, write_configuration
from alertd.demo.further import Further
from alertd.demo.truth import Comparison, compare, disagreements
from alertd.dispatch import Role, State
from alertd.errors import NotFound, WrongInput
from alertd.language import spoken_in
from alertd.report import Report
from alertd.site import Site
from alertd.supervise import Supervisor
from alertd.tables import OperatorRow, RecipientRow
from alertd.template import Spoken, fill, template
from alertd.up import alone, programs

#: who drafts, who approves, and who learns it in the drill room
DRAFTER, APPROVER, TRAINEE = "起案", "承認", "訓練生"
_ROLES = {
    DRAFTER: (Role.VIEW, Role.DRAFT),
    APPROVER: (Role.VIEW, Role.APPROVE, Role.SEND, Role.ADMINISTER, Role.AUDITOR),
    TRAINEE: (Role.TRAINEE,),
}
#: the prepared text that is sent, and what fills it
TEMPLATE, BLANKS = "flood-4", {"river": "五十嵐川"}
#: the channels, the air first
CHANNELS = ("fm", "radio", "phone", "mail")
#: how long programs may take to come up, in seconds
READY_WITHIN = 90.0
#: how long the last calls may take to hang up after all is known of them, in seconds
HANG_UP_WITHIN = 10.0
#: what is spoken: shorter than the prepared text, so that a demo does not take minutes
SPOKEN = "警戒レベル4、避難指示。五十嵐川が、氾濫する、おそれがあります。今すぐ、避難してください。"


def time_limit(recipients: int) -> float:
    """Seconds until a dispatch to so many people must be final."""
    return 120.0 + recipients / 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the demo is asked for."""

    recipients: int
    folder: Path
    #: SQLAlchemy URL; empty = SQLite in the folder
    database: str = ""
    #: "embedded" or redis://
    broker: str = "embedded"
    #: go on with the database of the last time
    keep: bool = False
    #: what goes wrong at the far end of a channel, as words of its command line
    troubles: Mapping[str, Sequence[str]] = field(default_factory=dict)
    #: installed channels besides the demo's own, whose far ends the user runs
    further: Sequence[Further] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """A demo that runs; `passwords` by operator."""

    site: Site
    supervisor: Supervisor
    folder: Path
    passwords: Mapping[str, str]
    recipients: int
    #: what the drill goes out by
    channels: tuple[str, ...] = CHANNELS


@contextmanager
def running(wishes: Wishes, say: Callable[[str], None]) -> Iterator[Demo]:
    """The demo city, coming up inside the block; ends what it has started.

    1. An empty folder (with `keep`, all but the database), a configuration, free ports.
    2. Tables and people. A database that has other people is refused.
    3. Far ends, broker, relay, worker, web; they come up while the words are made.
    """
    folder = wishes.folder.resolve()
    with alone(folder), Supervisor(folder / "log") as supervisor:
        _clear(folder, keep=wishes.keep)
        ports = free_ports()
        sections = "".join(one.section for one in wishes.further)
        file = write_configuration(
            folder, ports, database=wishes.database, broker=wishes.broker, sections=sections
        )
        config = configuration.load(file)
        for program in far_ends(folder, ports, wishes.troubles):
            supervisor.start(program)
        site = Site.open(config)
        try:
            say(f"{WATERMARK}")
            say("simulated far ends: no mail leaves this machine, nobody's telephone rings, nothing is aired")
            say(
                f"telephones, station and loudspeakers live {SPEED:.0f} times as fast as people; retries come within seconds"
            )
            passwords = _seed(site, wishes, ports)
            say(f"{wishes.recipients} invented people in 12 zones of Sanjo")
            for program in programs(config, file):
                supervisor.start(program)
            yield Demo(
                site=site,
                supervisor=supervisor,
                folder=folder,
                passwords=passwords,
                recipients=wishes.recipients,
                channels=(*CHANNELS, *(one.name for one in wishes.further)),
            )
        finally:
            site.close()


def send(demo: Demo) -> int:
    """One Exercise to everybody: one operator submits it, another approves it."""
    site = demo.site
    with reading(site.engine) as session:
        drafter = operators.person(operators.by_name(session, DRAFTER))
        approver = operators.person(operators.by_name(session, APPROVER))
    submission = issue.Submission(
        alert=_drill(site),
        audience=Audience(everybody=True),
        channels=demo.channels,
        template=TEMPLATE,
        life_threat=template(TEMPLATE).life_threat,
    )
    number = issue.submit(site, submission, drafter)
    with reading(site.engine) as session:
        seen = report.report(session, number).content_hash
    issue.approve(site, number, approver, seen=seen)
    return number


def verdict(demo: Demo, found: Report, seconds: float) -> tuple[list[str], list[Comparison]]:
    """What is wrong with the end of the drill, in sentences (none = all is well), and the ground truth."""
    wrong = []
    if found.state is not State.FINISHED:
        wrong.append(f"not every delivery is final after {seconds:.0f} s")
    for name, tally in found.channels.items():
        if not tally.planned:
            wrong.append(f"nothing was planned on {name}")
        if sum(tally.outcomes.values()) != tally.planned or tally.open:
            wrong.append(f"the outcomes of {name} do not add up to what was planned")
    truth = _truth(demo, found)
    wrong += [
        f"{row.channel}: {row.what}: the tally says {row.tally}, the far end {row.ledger}"
        for row in disagreements(truth)
    ]
    return wrong, truth


def _truth(demo: Demo, found: Report) -> list[Comparison]:
    """The comparison, when the last calls have hung up: what was heard of them came before their end."""
    deadline = stopwatch() + HANG_UP_WITHIN
    truth = list(compare(demo.folder, found))
    while disagreements(truth) and stopwatch() < deadline:
        threading.Event().wait(0.2)
        truth = list(compare(demo.folder, found))
    return truth


def _clear(folder: Path, *, keep: bool) -> None:
    """Removes what the last demo left, but for sounds, which are made again only when words change.

    What speaks of the database goes with it: a new one would be taken for a backup that was
    restored, and be held.
    """
    shutil.rmtree(folder / "log", ignore_errors=True)
    (folder / "log").mkdir(parents=True)
    if not keep:
        shutil.rmtree(folder / "hand-over", ignore_errors=True)
    patterns = ["ledger-*.jsonl"] if keep else ["ledger-*.jsonl", "alertd.db*", "watermark"]
    for file in (file for pattern in patterns for file in folder.glob(pattern)):
        file.unlink()


def _seed(site: Site, wishes: Wishes, ports: Ports) -> Mapping[str, str]:
    """Tables, zones, people and operators; returns the operators' new passwords."""
    register.install(site)
    number = wishes.recipients
    wanted = [*on_air(QUEUE, ports.speakers), *stations(), *cars(), *people(number)]
    wanted += [recipient for one in wishes.further for recipient in one.recipients]
    _refuse_others(site)
    register.register(site, wanted, by="demo")
    passwords = {name: secrets.token_urlsafe(12) for name in _ROLES}
    with writing(site.engine) as session:
        outline.keep(session, outlines())
        listed = [one.external_id for one in wanted[:13]]
        session.execute(
            update(RecipientRow)
            .where(
                RecipientRow.external_id > f"{PREFIX}{number:06}",
                RecipientRow.external_id < f"{PREFIX}999999",
                RecipientRow.external_id.not_in(listed),
            )
            .values(active=False)
        )
        for name, password in passwords.items():
            try:
                operators.set_password(session, site.clock, name=name, password=password, by="demo")
            except NotFound:
                operators.add(
                    session, site.clock, name=name, password=password, roles=_ROLES[name], by="demo"
                )
    return passwords


def _refuse_others(site: Site) -> None:
    """A database with people who are not the demo's is somebody's: it is left alone."""
    others = func.coalesce(RecipientRow.external_id, "").not_like(f"{PREFIX}%")
    with reading(site.engine) as session:
        strangers = session.scalar(select(func.count()).select_from(RecipientRow).where(others))
        named = set(session.scalars(select(OperatorRow.name))) - set(_ROLES)
        if strangers or any(not name.startswith("shell:") for name in named):
            raise WrongInput(
                "this database is not the demo's: it has other people; give an empty one with --database"
            )


def _drill(site: Site) -> Alert:
    """The prepared text, with a short form for the ear."""
    now = site.clock.now()
    alert = fill(
        template(TEMPLATE),
        BLANKS,
        city=site.config.city,
        status=Status.EXERCISE,
        identifier=f"{site.config.city.code}-{now:%Y%m%dT%H%M%S}-{secrets.token_hex(4)}",
        sent=now,
        expires=now + timedelta(hours=1),
        areas=(Area(description=f"{site.config.city.name}全域"),),
    )
    brief: dict[str, str] = {Spoken.CALL: SPOKEN, Spoken.OUTDOOR: SPOKEN}
    infos = (
        replace(
            info,
            parameters=tuple(NamedValue(one.name, brief.get(one.name, one.value)) for one in info.parameters),
        )
        if spoken_in(info) == "ja"
        else info
        for info in alert.infos
    )
    return replace(alert, infos=tuple(infos))
