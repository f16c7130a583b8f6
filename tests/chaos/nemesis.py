"""The nemesis: strikes a town by a schedule that a seed decides, and remembers what it did."""

from __future__ import annotations

import random
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select

from alertd import store, worker
from alertd.db import reading
from alertd.relay import NOBODY_LOOKS
from alertd.tables import DeliveryRow
from tests.chaos.town import Town
from tests.chaos.wire import Trouble, Wire
from tests.nursery import Child
from tests.servers import Server


class Kind(StrEnum):
    """What is done."""

    #: kill -9 of the worker
    WORKER = "worker killed"
    #: kill -9 of the relay
    RELAY = "relay killed"
    #: kill -9 of the broker
    BROKER = "broker killed"
    #: everything in the broker is thrown away
    FLUSH = "broker flushed"
    #: pieces that are no rings of ours lie in every queue of the broker
    NONSENSE = "broker told nonsense"
    #: the broker takes connections and answers nothing
    FREEZE = "broker frozen"
    #: the worker stands still, mostly for longer than its lease
    STALL = "worker stalled"
    #: kill -9 of the public pages: callbacks of calls go nowhere
    WEB = "web killed"
    #: the database server ends at once, and recovers
    DATABASE = "database crashed"
    #: all of our processes at the same moment
    POWER = "all killed"
    #: something is wrong with one of the wires: to the mail server, the telephone network, the broker, the database
    WIRE = "wire troubled"


#: how often each is drawn
_WEIGHTS = {
    Kind.WORKER: 36,
    Kind.RELAY: 16,
    Kind.BROKER: 10,
    Kind.FLUSH: 8,
    Kind.NONSENSE: 6,
    Kind.FREEZE: 4,
    Kind.STALL: 8,
    Kind.WEB: 4,
    Kind.DATABASE: 8,
    Kind.POWER: 6,
    Kind.WIRE: 16,
}


#: what is no JSON, what is none of a message, and a message about somebody else's task
NONSENSE = (
    "nonsense",
    "[]",
    "{}",
    '{"body":"W1tdLHt9LG51bGxd","headers":{"task":"os.system","id":"1"},"content-type":"application/json",'
    '"content-encoding":"utf-8","properties":{"delivery_mode":2,"delivery_tag":"1","body_encoding":"base64",'
    '"delivery_info":{"exchange":"","routing_key":"look"}}}',
)


@dataclass(frozen=True, slots=True)
class Fault:
    """One blow: `after` so many seconds of peace; what it hits is away for `seconds`.

    A `patient` one waits until mails flow again after the blow before; the others also
    strike what has not recovered yet.
    """

    kind: Kind
    after: float
    seconds: float
    patient: bool = False
    #: of `Kind.WIRE`: what is wrong, and which wire it is, as a share of all
    trouble: Trouble = Trouble.CUT
    where: float = 0.0


@dataclass(frozen=True, slots=True)
class Struck:
    """A blow that was dealt: when, and how many senders died of it (or lost their leases)."""

    fault: Fault
    at: datetime
    senders: int


def schedule(seed: int, number: int, *, interval: float, kinds: Sequence[Kind] = tuple(Kind)) -> list[Fault]:
    """So many faults; the same seed gives the same ones. `interval` is their mean distance in seconds."""
    dice = random.Random(seed)
    weights = [_WEIGHTS[kind] for kind in kinds]
    return [
        Fault(
            dice.choices(kinds, weights)[0],
            interval * dice.uniform(0.4, 1.6),
            dice.choices((0.1, dice.uniform(1.0, 5.0)), (3, 1))[0],
            dice.random() < 0.7,
            dice.choice(list(Trouble)),
            dice.random(),
        )
        for _ in range(number)
    ]


class Nemesis:
    """Strikes one town; `tend` is called several times a second and restarts what is to run."""

    def __init__(self, town: Town) -> None:
        self._town = town
        #: what stands still, and until when
        self._asleep: list[tuple[float, subprocess.Popen[bytes] | Child]] = []
        #: what is wrong with wires, and until when
        self._hurt: list[tuple[float, Wire]] = []
        #: what is not started again before its time
        self._away: dict[str, float] = {}
        self.struck: list[Struck] = []

    def strike(self, fault: Fault) -> None:
        """Deals one blow."""
        town, at = self._town, self._town.site.clock.now()
        senders = 0
        match fault.kind:
            case Kind.WORKER:
                senders = self._kill_sender("worker", fault)
            case Kind.RELAY:
                senders = self._kill_sender("relay", fault)
            case Kind.BROKER:
                self._kill("broker", fault)
            case Kind.WEB:
                self._kill("web", fault)
            case Kind.FLUSH:
                town.ask_broker("FLUSHALL")
            case Kind.NONSENSE:
                for name in town.population.channels:
                    for piece in NONSENSE:
                        town.ask_broker(f"RPUSH alertd_{worker.queue(name)} '{piece}'")
            case Kind.FREEZE:
                self._stop("broker", fault.seconds)
            case Kind.STALL:
                seconds = max(fault.seconds, 1.0)
                if self._stop("worker", seconds):
                    senders = int(seconds > town.site.config.worker.lease / 2)
            case Kind.DATABASE:
                senders = self._crash_database(fault)
            case Kind.POWER:
                senders = self._kill_sender("worker", fault) + self._kill_sender("relay", fault)
                self._kill("broker", fault)
                self._kill("web", fault)
            case Kind.WIRE:
                senders = self._hurt_wire(fault)
        self.struck.append(Struck(fault, at, senders))

    def tend(self) -> None:
        """Wakes what has slept long enough, and restarts what is dead and may run."""
        now = time.monotonic()
        for until, process in [sleeper for sleeper in self._asleep if sleeper[0] <= now]:
            self._asleep.remove((until, process))
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
        for until, wire in [one for one in self._hurt if one[0] <= now]:
            self._hurt.remove((until, wire))
            wire.mend()
        self._town.tend(away={name for name, until in self._away.items() if until > now})

    def rest(self) -> None:
        """Wakes everything at once: the blows are over."""
        self._asleep = [(0.0, process) for _, process in self._asleep]
        self._hurt = [(0.0, wire) for _, wire in self._hurt]
        self._away.clear()
        self.tend()

    def _kill_sender(self, name: str, fault: Fault) -> int:
        """Returns 1 when it may have been sending: somebody's leases ran on after its death."""
        running = name == "worker" or self._alarmed()
        return int(self._kill(name, fault) and running and self._leases_run())

    def _kill(self, name: str, fault: Fault) -> bool:
        """Whether there was something to kill."""
        server = self._town.programs.get(name)
        if server is None or server.process is None:
            return False
        server.kill()
        self._away[name] = time.monotonic() + fault.seconds
        return True

    def _stop(self, name: str, seconds: float) -> bool:
        server = self._town.programs.get(name)
        if server is None or server.process is None or server.process.poll() is not None:
            return False
        server.process.send_signal(signal.SIGSTOP)
        self._asleep.append((time.monotonic() + seconds, server.process))
        return True

    def _hurt_wire(self, fault: Fault) -> int:
        """Returns 1 when mails may have been left in doubt, or leases been lost: as after a sender's death."""
        names = sorted(self._town.wires)
        name = names[int(fault.where * len(names))]
        self._town.wires[name].hurt(fault.trouble)
        self._hurt.append((time.monotonic() + max(fault.seconds, 1.0), self._town.wires[name]))
        return int(name in ("mail", "database") and fault.trouble is not Trouble.SLOW and self._leases_run())

    def _crash_database(self, fault: Fault) -> int:
        """Senders may lose their leases when it is away for longer than they renew them."""
        server = self._town.postgres
        if server is None:
            return 0
        began = time.monotonic()
        _end_at_once(server)
        time.sleep(fault.seconds)
        server.start()
        return int(time.monotonic() - began > self._town.site.config.worker.lease / 2)

    def _alarmed(self) -> bool:
        """A relay sends only when it has stepped in."""
        with reading(self._town.site.engine) as session:
            return any(alarm.name == NOBODY_LOOKS for alarm in store.alarms(session))

    def _leases_run(self) -> bool:
        now = self._town.site.clock.now()
        with reading(self._town.site.engine) as session:
            leased = session.scalar(
                select(DeliveryRow.id)
                .where(DeliveryRow.owner.is_not(None), DeliveryRow.claimed_until > now)
                .limit(1)
            )
        return leased is not None


def _end_at_once(server: Server) -> None:
    """PostgreSQL's immediate shutdown: no check point, recovery at the next start."""
    assert server.process is not None
    server.process.send_signal(signal.SIGQUIT)
    server.process.wait(20)
    server.process = None
