"""Calls over a telephone network that lies: it loses, repeats, shuffles, delays and forges.

    python -m tests.calls_chaos [--calls 10000] [--seed 20261123] [--workers 2] [--json]

So many households are called by the real engine and the real voice channel. The network
answers some requests with 429 or 500, before or after it has placed the call, drops
replies, and drops, repeats, delays and forges callbacks; what it does to whom depends on
the seed alone. Its own ledger is the judge. Exits 1 when a promise was broken.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from sqlalchemy import select

from alertd.channel import Outcome, Reason
from alertd.clock import stopwatch
from alertd.db import reading
from alertd.demo.telephone_call import Call
from alertd.demo.telephone_faults import Faults
from alertd.demo.telephone_household import city
from alertd.demo.telephone_ledger import Entry
from alertd.demo.telephone_network import TelephoneNetwork
from alertd.tables import ContactRow, DeliveryRow
from tests.flow.call_city import CallCity, call_city

FAULTS = Faults(
    reply_lost=0.05,
    error_before=0.05,
    error_after=0.05,
    too_many=0.05,
    reply_late=0.02,
    callback_dropped=0.1,
    callback_repeated=0.1,
    callback_late=0.2,
    callback_late_by=2.0,
    callback_forged=0.05,
)
ATTEMPTS = 3
_ENDED_WITHOUT = {"busy": Reason.BUSY, "no-answer": Reason.NO_ANSWER, "completed": Reason.HUNG_UP}


@dataclass(kw_only=True)
class Verdict:
    """What the network's ledger says of the engine."""

    seed: int
    households: int
    calls: int
    seconds: float
    forged_refused: int
    #: calls that should not have been: one attempt twice, two at once, one too many, one after the answer
    double_calls: int
    #: deliveries without a last word
    unresolved: int
    #: deliveries whose last word is not what happened
    wrong: int
    examples: list[str] = field(default_factory=list)

    @property
    def kept(self) -> bool:
        return not (self.double_calls or self.unresolved or self.wrong)


def run(
    folder: Path, *, calls: int, seed: int, workers: int = 2, speed: float = 100.0, patience: float = 60.0
) -> Verdict:
    """Calls so many households; raises AssertionError when nothing moves for `patience` seconds."""
    network = TelephoneNetwork(rule=city(seed), seed=seed, faults=FAULTS, speed=speed, per_second=1000)
    numbers = [f"+81256{200000 + n}" for n in range(calls)]
    with call_city(
        folder,
        f"sqlite:///{folder / 'alertd.db'}",
        network,
        calls_per_second=100,
        lines=100,
        attempts=ATTEMPTS,
        retry_after=(1.0,),
        retry_after_extreme=(),
        retry_after_reason={Reason.RATE_LIMITED: 1.0},
        report_within=15.0,
        reconcile_after=4.0,
        timeout=8.0,
    ) as town:
        began = stopwatch()
        town.begin(numbers)
        with town.working(workers):
            _wait(town, patience)
        return _judge(town, seed, calls, stopwatch() - began)


def _wait(town: CallCity, patience: float) -> None:
    moved, left, pause = stopwatch(), -1, threading.Event()
    while left or not town.network.idle():
        pause.wait(1.0)
        with reading(town.site.engine) as session:
            now_left = len(
                session.scalars(select(DeliveryRow.id).where(DeliveryRow.due_at.is_not(None))).all()
            )
        if now_left != left:
            moved, left = stopwatch(), now_left
            if sys.stderr.isatty():
                sys.stderr.write(f"{left} still open\n")
        if stopwatch() - moved > patience:
            return


def _judge(town: CallCity, seed: int, households: int, seconds: float) -> Verdict:
    network = town.network
    verdict = Verdict(
        seed=seed,
        households=households,
        calls=len(network.calls()),
        seconds=round(seconds, 1),
        forged_refused=town.forged,
        double_calls=0,
        unresolved=0,
        wrong=0,
    )
    for complaint in _doubles(network.ledger.entries()):
        verdict.double_calls += 1
        verdict.examples.append(complaint)
    with reading(town.site.engine) as session:
        rows = session.execute(
            select(DeliveryRow, ContactRow.address).join(ContactRow, ContactRow.id == DeliveryRow.contact_id)
        ).all()
    for row, number in rows:
        believed = (row.outcome, row.reason)
        if row.due_at is not None or row.outcome in (
            None,
            Outcome.ACCEPTED,
            Outcome.UNKNOWN,
            Outcome.DEFERRED,
        ):
            verdict.unresolved += 1
            verdict.examples.append(f"{number}: {believed} is no last word")
        elif believed not in (right := list(_expected(network.calls(number)))):
            verdict.wrong += 1
            verdict.examples.append(f"{number}: {believed} instead of {right}")
    return verdict


def _doubles(entries: Sequence[Entry]) -> Iterator[str]:
    """Every call that should not have been, in the order of the ledger."""
    attempts: set[tuple[str, str]] = set()
    open_calls: dict[str, str] = {}
    total: dict[str, int] = defaultdict(int)
    answered: set[str] = set()
    for entry in entries:
        number = str(entry.get("to"))
        if entry["event"] == "created":
            query = parse_qs(urlsplit(str(entry["url"])).query)
            attempt = (query["key"][0], query["attempt"][0])
            total[number] += 1
            if attempt in attempts:
                yield f"{number}: attempt {attempt[1]} was called twice"
            elif number in open_calls:
                yield f"{number}: called while another call to it was under way"
            elif number in answered:
                yield f"{number}: called although somebody had listened to the end"
            elif total[number] > ATTEMPTS:
                yield f"{number}: called {total[number]} times"
            attempts.add(attempt)
            open_calls[number] = str(entry["sid"])
        elif entry["event"] == "ended":
            if open_calls.get(number) == entry["sid"]:
                del open_calls[number]
            if entry["heard"] or "1" in str(entry["pressed"]):
                answered.add(number)


def _expected(calls: Sequence[Call]) -> Iterator[tuple[Outcome, Reason | None]]:
    """What may be believed of a number after these calls."""
    if any("1" in call.pressed for call in calls):
        yield Outcome.ACKNOWLEDGED, None
    elif any(call.heard for call in calls):
        yield Outcome.DELIVERED, None
    elif calls[-1].answered_by.startswith("machine"):
        yield Outcome.FAILED, Reason.MACHINE
    elif calls[-1].state == "failed":
        # the Call resource, unlike the callback, does not say why
        yield Outcome.FAILED, Reason.UNREACHABLE
        yield Outcome.FAILED, Reason.BAD_ADDRESS if calls[-1].sip == "404" else Reason.REFUSED
    else:
        yield Outcome.FAILED, _ENDED_WITHOUT[calls[-1].state]


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.calls_chaos",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--calls", type=int, default=10_000, help="households (default 10000)")
    parser.add_argument("--seed", type=int, default=20261123)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--speed", type=float, default=100.0, help="simulated seconds in a real one")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="alertd-calls-") as folder:
        verdict = run(
            Path(folder), calls=given.calls, seed=given.seed, workers=given.workers, speed=given.speed
        )
    facts = asdict(verdict)
    facts["examples"] = facts["examples"][:20]
    if given.json:
        sys.stdout.write(json.dumps(facts, ensure_ascii=False, indent=2) + "\n")
    else:
        sys.stdout.writelines(f"{name:16} {value}\n" for name, value in facts.items())
    sys.exit(0 if verdict.kept else 1)


if __name__ == "__main__":
    main()
