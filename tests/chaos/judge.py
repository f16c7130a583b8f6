"""The judge: holds what the database says against what the far ends' ledgers say."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qs, urlsplit

from sqlalchemy import select
from sqlalchemy.orm import Session

from alertd import audit
from alertd.channel import Outcome
from alertd.db import reading
from alertd.delivery import Word, fold
from alertd.dispatch import State
from alertd.messages import DELIVERY
from alertd.tables import AuditRow, DeliveryRow, DispatchRow, ReceiptRow
from alertd.token import unseal
from tests.chaos.nemesis import Kind, Struck
from tests.chaos.town import Town

#: mails that a dead sender may leave in doubt: the group that was being handed over, and the next
DOUBLES_PER_DEATH = 50
#: clocks of the ledgers and of the database server are those of one machine
_SAME_CLOCK = timedelta(milliseconds=50)
#: the death of one program
_DEATHS = (Kind.WORKER, Kind.RELAY, Kind.BROKER, Kind.WEB, Kind.DATABASE)


@dataclass(kw_only=True)
class Verdict:
    """What came of a run; `broken` has a sentence for every promise that was not kept."""

    deliveries: int = 0
    #: planned, and nothing was heard of it at the far end
    lost: int = 0
    #: mails beyond the first of a delivery
    doubles: int = 0
    sender_deaths: int = 0
    #: calls to somebody whose earlier call for the same alert was heard or still went on
    double_calls: int = 0
    #: airings and pages beyond the first of a delivery
    double_airings: int = 0
    #: from the death of one program to the next mail while mails were waiting, seconds: the longest
    slowest_recovery: float = 0.0
    #: whose death that was
    slowest_after: str = ""
    #: the same of all other blows, and of several that fell before the next mail: from the first of them
    slowest_of_many: float = 0.0
    broken: list[str] = field(default_factory=list)

    def must(self, kept: bool, sentence: str) -> None:
        """Notes a promise that was not kept."""
        if not kept:
            self.broken.append(sentence)


@dataclass(frozen=True, slots=True)
class _Effect:
    """Something that happened at a far end, for one delivery."""

    delivery: int
    at: datetime
    entry: dict[str, Any]


def judge(town: Town, struck: Sequence[Struck]) -> Verdict:
    """Compares everything that was approved with everything that was heard.

    1. Each dispatch: finished, adds up, exactly the approved audience, one audit row a step.
    2. Each delivery: what is stored is the fold of its receipts; what is said to have
       arrived has arrived; nothing arrived before the approval or for nobody.
    3. Doubles, by the keys that the far ends wrote down.
    """
    verdict = Verdict(sender_deaths=sum(blow.senders for blow in struck))
    with reading(town.site.engine) as session:
        verdict.must(audit.verify(session) is None, "the audit trail is broken")
        # the database before the ledgers: what it says has arrived must be in them by then, even
        # when a dispatch has not finished in time and still goes on
        told = {number: _told(session, number) for number in town.dispatches}
        effects = {name: _effects(town, name, verdict) for name in town.population.channels}
        known: set[int] = set()
        for number, status in town.dispatches.items():
            row, rows, words = told[number]
            known |= {one.id for one in rows}
            verdict.deliveries += len(rows)
            _check_dispatch(town, session, row, rows, verdict)
            _check_deliveries(rows, words, effects, verdict)
            for name, heard in effects.items():
                ours = {one.id for one in rows if one.channel == name}
                for effect in heard:
                    if effect.delivery in ours:
                        _check_effect(name, effect, row, status, verdict)
        strangers = sum(effect.delivery not in known for heard in effects.values() for effect in heard)
        verdict.must(not strangers, f"{strangers} effects belong to no delivery")
    _count_doubles(town, effects, verdict)
    limit = DOUBLES_PER_DEATH * verdict.sender_deaths
    verdict.must(verdict.doubles <= limit, f"{verdict.doubles} mails twice, more than {limit}")
    verdict.must(not verdict.lost, f"{verdict.lost} deliveries were lost")
    verdict.must(not verdict.double_calls, f"{verdict.double_calls} people were called twice")
    verdict.must(not verdict.double_airings, f"{verdict.double_airings} airings were repeated")
    _time_recoveries(effects.get("mail", []), told, struck, verdict)
    return verdict


def _told(
    session: Session, number: int
) -> tuple[DispatchRow, Sequence[DeliveryRow], Mapping[int, Sequence[Word]]]:
    """What the database says of a dispatch, of its deliveries, and of each by its receipts."""
    row = session.get_one(DispatchRow, number)
    rows = session.scalars(select(DeliveryRow).where(DeliveryRow.dispatch_id == number)).all()
    words: dict[int, list[Word]] = defaultdict(list)
    for said in session.scalars(
        select(ReceiptRow)
        .join(DeliveryRow, DeliveryRow.id == ReceiptRow.delivery_id)
        .where(DeliveryRow.dispatch_id == number)
    ):
        # how an airing goes is no word on what became of it
        if said.phase is None or not said.phase.under_way:
            words[said.delivery_id].append(Word(said.attempt, said.outcome, said.reason, said.answer))
    return row, rows, words


def _check_dispatch(
    town: Town, session: Session, row: DispatchRow, rows: Sequence[DeliveryRow], verdict: Verdict
) -> None:
    verdict.must(row.state is State.FINISHED, f"dispatch {row.id} is {row.state}, not finished")
    planned = Counter(one.channel for one in rows)
    verdict.must(
        planned == Counter(row.counts), f"dispatch {row.id}: planned {planned}, approved {row.counts}"
    )
    contacts = {one.contact_id for one in rows}
    verdict.must(len(contacts) == len(rows), f"dispatch {row.id} has a contact twice")
    tally = town.report(row.id)
    for name, channel in tally.channels.items():
        said = sum(channel.outcomes.values())
        verdict.must(said == channel.planned == planned[name], f"the tally of {name} does not add up")
        verdict.must(not channel.open, f"{channel.open} deliveries of {name} are open")
    steps = Counter(
        session.scalars(
            # an airing that was taken off after its sender's death is noted, too, and may happen
            select(AuditRow.action).where(
                AuditRow.subject == f"dispatch:{row.id}", AuditRow.action.startswith("dispatch.")
            )
        ).all()
    )
    wanted = Counter(f"dispatch.{step}" for step in ("submitted", "approved", "planned", "finished"))
    verdict.must(steps == wanted, f"the audit trail of dispatch {row.id} has {dict(steps)}")


def _check_deliveries(
    rows: Sequence[DeliveryRow],
    words: Mapping[int, Sequence[Word]],
    effects: Mapping[str, Sequence[_Effect]],
    verdict: Verdict,
) -> None:
    heard = {name: Counter(effect.delivery for effect in found) for name, found in effects.items()}
    wrong = unexplained = 0
    unheard: list[str] = []
    for one in rows:
        word, times = fold(words[one.id]), heard[one.channel][one.id]
        wrong += word is None or (word.outcome, word.reason) != (one.outcome, one.reason)
        # what is unknown waits for a person: it is not silently lost
        verdict.lost += not times and one.outcome is not Outcome.UNKNOWN
        if not times and one.outcome in _ARRIVED:
            unheard.append(
                f"{one.channel} {one.id}: {[f'{said.attempt} {said.outcome}' for said in words[one.id]]}"
            )
        unexplained += times > one.attempt
    verdict.must(not wrong, f"{wrong} deliveries are not what their receipts say")
    verdict.must(
        not unheard,
        f"{len(unheard)} deliveries are said to have arrived and never did: {', '.join(unheard[:5])}",
    )
    verdict.must(not unexplained, f"{unexplained} deliveries were heard more often than they were tried")


_ARRIVED = (Outcome.ACCEPTED, Outcome.DELIVERED, Outcome.ACKNOWLEDGED)


def _check_effect(name: str, effect: _Effect, row: DispatchRow, status: str, verdict: Verdict) -> None:
    assert row.approved_at is not None
    if effect.at < row.approved_at - _SAME_CLOCK:
        verdict.broken.append(f"something was heard on {name} before dispatch {row.id} was approved")
    marked = effect.entry.get("status") if name in ("mail", "fm") else status
    if marked != status:
        verdict.broken.append(f"something on {name} is marked {marked}, not {status}")


def _effects(town: Town, name: str, verdict: Verdict) -> list[_Effect]:
    """What happened at a far end, by delivery."""
    found = []
    pages: set[tuple[str, int]] = set()
    for entry in town.ledger(name):
        match name, entry.get("event", "mail"):
            case ("mail", _) | ("fm", "airing") | ("radio", "page"):
                key = entry["key"]
            case ("phone", "created"):
                key = parse_qs(urlsplit(entry["url"]).query)["key"][0]
            case _:
                continue
        if name == "radio":
            # a sender that stood still for a while goes on with its page: loudspeakers note two pieces
            page = (entry["group"], entry["ssrc"])
            if page in pages:
                continue
            pages.add(page)
        number = unseal(town.site.secret, DELIVERY, key or "")
        verdict.must(number is not None, f"something on {name} has no key of ours")
        if number is not None:
            begun = entry.get("start") or entry["at"]
            found.append(_Effect(number, datetime.fromisoformat(begun), entry))
    return found


def _count_doubles(town: Town, effects: dict[str, list[_Effect]], verdict: Verdict) -> None:
    for name, heard in effects.items():
        extra = len(heard) - len({effect.delivery for effect in heard})
        if name == "mail":
            verdict.doubles += extra
        elif name in ("fm", "radio"):
            verdict.double_airings += extra
        else:
            verdict.double_calls += _double_calls(town, heard)


def _double_calls(town: Town, heard: Sequence[_Effect]) -> int:
    """Calls that followed one that was heard, answered with a key, or not over yet."""
    ended = {entry["sid"]: entry for entry in town.ledger("phone") if entry["event"] == "ended"}
    calls: dict[int, list[_Effect]] = defaultdict(list)
    doubles = 0
    for call in heard:
        for earlier in calls[call.delivery]:
            end = ended.get(earlier.entry["sid"])
            over = end is not None and datetime.fromisoformat(end["at"]) <= call.at
            if end is None or not over or end["heard"] or end["pressed"]:
                doubles += 1
                break
        calls[call.delivery].append(call)
    return doubles


def _time_recoveries(
    mails: Sequence[_Effect],
    told: Mapping[int, tuple[DispatchRow, Sequence[DeliveryRow], Mapping[int, Sequence[Word]]]],
    struck: Sequence[Struck],
    verdict: Verdict,
) -> None:
    """How long nothing went out after each blow; only blows between two mails of one dispatch count."""
    dispatch_of = {one.id: number for number, (_, rows, _) in told.items() for one in rows}
    times: dict[int, list[datetime]] = defaultdict(list)
    for mail in sorted(mails, key=lambda one: one.at):
        if mail.delivery in dispatch_of:
            times[dispatch_of[mail.delivery]].append(mail.at)
    silences = sorted(pair for one in times.values() for pair in pairwise(one))
    for before, after in silences:
        blows = [blow for blow in struck if before < blow.at <= after]
        if not blows:
            continue
        seconds = (after - blows[0].at).total_seconds()
        lasting = (one for one in struck if one.at < blows[0].at)
        alone = all(one.at + timedelta(seconds=one.fault.seconds) <= blows[0].at for one in lasting)
        if len(blows) == 1 and alone and blows[0].fault.kind in _DEATHS:
            if seconds > verdict.slowest_recovery:
                verdict.slowest_recovery, verdict.slowest_after = seconds, str(blows[0].fault.kind)
        else:
            verdict.slowest_of_many = max(verdict.slowest_of_many, seconds)
