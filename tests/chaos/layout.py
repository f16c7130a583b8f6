"""The layout of a town under test: its configuration, its far ends, its programs and its people."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from alertd import broker
from alertd.config import Config
from alertd.db import writing
from alertd.recipient import RecipientKind
from alertd.register import install
from alertd.site import Site
from alertd.tables import OperatorRow
from tests import factories
from tests.chaos.wire import Address
from tests.nursery import Nursery
from tests.servers import Server

#: the station plays, loudspeakers speak, and telephones ring, so many times faster than life
STATION_SPEED, RADIO_SPEED, TELEPHONE_SPEED = 5.0, 20.0, 60.0
#: the station's queue
QUEUE = "emergency"

_CONFIGURATION = """\
storage = "var"
[database]
url = {database}
[broker]
url = {broker}
[web]
port = {console}
public_port = {public}
[approval]
real_per_hour = 100000
[worker]
lease = {lease}
patience = {patience}
[channels.mail]
kind = "email"
host = "127.0.0.1"
port = {mail_wire}
sender = "bosai@sanjo.example.jp"
carries = ["Actual", "Exercise", "Test"]
simulated = true
sessions = {sessions}
attempts = 100
retry_after = [1]
[channels.phone]
kind = "voice"
api_url = "http://127.0.0.1:{phone_wire}"
account_sid = "AC51515151515151515151515151515151"
auth_token_file = "telephone-token"
caller_id = "+81256000100"
carries = ["Actual", "Exercise", "Test"]
simulated = true
lines = 30
calls_per_second = 20
attempts = 2
retry_after = [2]
retry_after_reason = {{ busy = 1, unreachable = 1, rate_limited = 1 }}
report_within = 8
reconcile_after = {reconcile}
[channels.fm]
kind = "fm"
host = "127.0.0.1"
port = {station}
queue = "{queue}"
speed = {speed}
carries = ["Actual", "Exercise", "Test"]
simulated = true
[channels.radio]
kind = "radio"
interface = "127.0.0.1"
speed = {radio_speed}
carries = ["Actual", "Exercise", "Test"]
simulated = true
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """How many contacts there are on each channel."""

    mail: int
    phone: int = 8
    #: stations, 0 or 1
    fm: int = 1
    #: zones of loudspeakers
    radio: int = 3

    @property
    def channels(self) -> tuple[str, ...]:
        """The channels that reach anybody."""
        numbers = {"fm": self.fm, "radio": self.radio, "phone": self.phone, "mail": self.mail}
        return tuple(name for name, number in numbers.items() if number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Seconds; shorter than the product's own, so that more deaths fit into a run."""

    lease: float = 3.0
    patience: float = 6.0
    #: after which a call that cannot be found was never placed; longer than a sender may stall
    reconcile: float = 10.0
    #: how long the mail server thinks over each mail: holds a dispatch up until it can be struck
    mail_delay: float = 0.0
    #: connections to the mail server
    sessions: int = 4


def free_ports() -> dict[str, int]:
    """Ports that nothing listens at now."""
    probes = {name: socket.socket() for name in ("console", "public", "mail", "phone", "station", "radio")}
    try:
        for probe in probes.values():
            probe.bind(("127.0.0.1", 0))
        found = {name: int(probe.getsockname()[1]) for name, probe in probes.items()}
        return {**found, "radio": found["radio"] & ~1}  # RTP has an even one; it is UDP, so nobody minds
    finally:
        for probe in probes.values():
            probe.close()


def write_configuration(
    folder: Path, ports: Mapping[str, int], database: str, timing: Timing, population: Population
) -> Path:
    """Writes `alertd.toml` with a section for every channel that reaches anybody."""
    (folder / "telephone-token").write_text("simulated-token\n")
    text = _CONFIGURATION.format(
        database=json.dumps(database),
        broker=json.dumps(f"redis+socket://{broker_wire(folder)}"),
        queue=QUEUE,
        speed=STATION_SPEED,
        radio_speed=RADIO_SPEED,
        reconcile=timing.reconcile,
        lease=timing.lease,
        patience=timing.patience,
        sessions=timing.sessions,
        **ports,
    )
    head, *sections = text.split("[channels.")
    wanted = [section for section in sections if section.partition("]")[0] in population.channels]
    file = folder / "alertd.toml"
    file.write_text("[channels.".join([head, *wanted]))
    return file


def near_ends() -> dict[str, socket.socket]:
    """Bound sockets for the wires that have ports, by what they lead to."""
    found = {}
    for name in ("mail", "phone"):
        found[name] = socket.socket()
        found[name].bind(("127.0.0.1", 0))
    return found


def broker_wire(folder: Path) -> Path:
    """Where the programs find the broker: a wire that leads to it."""
    return folder / "broker.sock"


def database_wire(folder: Path) -> Path:
    """Where the programs find PostgreSQL; its URL names the folder."""
    return folder / ".s.PGSQL.5432"


def edges(
    folder: Path,
    near: Mapping[str, socket.socket],
    ports: Mapping[str, int],
    config: Config,
    postgres: Server | None,
) -> dict[str, tuple[Address, Address]]:
    """The wires between our programs and what they speak to, by name: near end, far end."""
    found: dict[str, tuple[Address, Address]] = {
        "mail": (near["mail"], ports["mail"]),
        "phone": (near["phone"], ports["phone"]),
        "broker": (broker_wire(folder), config.broker_socket),
    }
    if postgres is not None:
        found["database"] = (database_wire(folder), postgres.folder / "data" / ".s.PGSQL.5432")
    return found


def far_ends(
    folder: Path,
    ports: Mapping[str, int],
    timing: Timing,
    population: Population,
    nursery: Nursery | None = None,
) -> Iterator[Server]:
    """The simulated far ends, each with `ledger-CHANNEL.jsonl` in the folder."""
    delay = ["--fault", f"dot=delay {timing.mail_delay}"] if timing.mail_delay else []
    speed = ["--speed", f"{TELEPHONE_SPEED}", "--per-second", "30"]
    for name, module, words in (
        ("mail", "smtp_server", ["--port", f"{ports['mail']}", *delay]),
        ("phone", "telephone_network", ["--port", f"{ports['phone']}", *speed]),
        ("fm", "station", ["--port", f"{ports['station']}", "--speed", f"{STATION_SPEED}"]),
        ("radio", "loudspeakers", zones(population, ports)),
    ):
        if name in population.channels:
            ledger = ["--ledger", str(ledger_file(folder, name))]
            command = [sys.executable, "-m", f"alertd.demo.{module}", *words, *ledger]
            yield _server(folder, f"far-end-{name}", command, nursery, says="simulated")


def programs(
    folder: Path, file: Path, config: Config, population: Population, nursery: Nursery | None = None
) -> Iterator[Server]:
    """Broker, worker, relay, and the public pages when there are calls; in the order of their start."""
    command = broker.command(config.broker_socket)
    assert command is not None, "no Valkey is installed"
    path = config.broker_socket
    yield _server(folder, "broker", list(command), nursery, ready=lambda: broker.answers(path))
    here = [sys.executable, "-m", "alertd", "--config", str(file)]
    yield _server(folder, "worker", [*here, "worker"], nursery)
    yield _server(folder, "relay", [*here, "relay"], nursery)
    if population.phone:
        yield _server(folder, "web", [*here, "web", "--only", "public"], nursery)


def ledger_file(folder: Path, channel: str) -> Path:
    """What really happened at a channel's far end, as JSON lines."""
    return folder / f"ledger-{channel}.jsonl"


def zones(population: Population, ports: Mapping[str, int]) -> list[str]:
    """The addresses of the loudspeakers."""
    return [f"239.192.77.{number}:{ports['radio']}" for number in range(1, population.radio + 1)]


def settle(site: Site, population: Population, ports: Mapping[str, int]) -> None:
    """Makes the tables, two operators, and everybody who is to be reached."""
    install(site)
    with writing(site.engine) as session:
        for person in (factories.WRITER, factories.APPROVER):
            session.add(
                OperatorRow(
                    id=person.id,
                    name=person.name,
                    password_hash="-",
                    roles=sorted(person.roles),
                    created_at=site.clock.now(),
                )
            )
    # who is called has a number of its own each, so that two calls to one number are two calls to one person
    numbers = [f"+8125600{number + 1000:04}" for number in range(population.phone)]
    factories.add_people(site, numbers, kind="voice", needs_support=True)
    factories.add_people(site, [QUEUE] * population.fm, kind="fm", who=RecipientKind.STATION)
    factories.add_people(site, zones(population, ports), kind="radio", who=RecipientKind.LOUDSPEAKER)
    factories.add_people(site, [f"p{number}@example.jp" for number in range(population.mail)], kind="email")


def _server(
    folder: Path,
    name: str,
    command: list[str],
    nursery: Nursery | None,
    *,
    says: str | None = None,
    ready: Callable[[], bool] = lambda: True,
) -> Server:
    """A program with a folder of its own for its log; ready at once, or when it `says` a word."""
    place = folder / "programs" / name
    place.mkdir(parents=True)
    check = ready if says is None else lambda: says in (place / "log").read_text()
    return Server(command, url="", folder=place, user=0, ready=check, nursery=nursery)
