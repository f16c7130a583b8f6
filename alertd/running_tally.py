"""The running tally: the counts of a large dispatch, carried on by what was said since the last look.

To count a million deliveries takes a third of a second. What is known of a delivery is the
fold of its receipts, so its place at the last look is the fold of the receipts of then:
only what was said of since moves, from that place to where it stands now. Whatever cannot
be told for certain is counted anew, and so is everything now and then.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from alertd import store
from alertd.channel import Answer, Outcome, Reason
from alertd.clock import stopwatch
from alertd.delivery import Word, fold
from alertd.store import frontier, tallies
from alertd.store.frontier import Frontier
from alertd.store.tallies import Count
from alertd.tables import DeliveryRow, DispatchRow, ReceiptRow

#: a channel with fewer deliveries is counted each time: that is quicker, and knows every case
LARGE = 20_000
#: after so many new rows of a table counting is quicker
MOST = 50_000
#: after so many seconds everything is counted anew
ANEW = 60.0
#: dispatches that are remembered
_REMEMBERED = 100

#: channel, outcome, reason, answer
_Place = tuple[str, Outcome | None, Reason | None, Answer | None]


@dataclass(slots=True)
class _Look:
    """How a dispatch stood when it was last looked at."""

    counted_at: float
    #: what changes deliveries without a receipt changes this
    moves: tuple[object, ...]
    channels: frozenset[str]
    deliveries: Counter[_Place]
    #: of them, those that will be looked at again
    due: Counter[_Place]
    planned: Frontier
    said: Frontier


class _Uncertain(Exception):
    """Where a delivery stood cannot be told; count anew."""


class RunningTallies:
    """The tallies of all dispatches that somebody looks at; one for each process."""

    def __init__(self, large: int = LARGE) -> None:
        self._large = large
        #: how many times everything was counted
        self.counted = 0
        self._looks: dict[int, _Look] = {}
        self._guard = threading.Lock()

    def tally(self, session: Session, row: DispatchRow) -> Sequence[Count]:
        """The same counts as `store.tally`, from one snapshot of the database; in no order."""
        with self._guard:
            look = self._looks.get(row.id)
            if look is not None and look.moves == _moves(row) and stopwatch() - look.counted_at < ANEW:
                try:
                    _carry_on(session, row.id, look)
                    others = set(row.channels) - look.channels
                    few = store.tally(session, row.id, others) if others else []
                    return [*few, *_counts(look)]
                except _Uncertain:
                    pass
            if len(self._looks) >= _REMEMBERED:
                self._looks.clear()
            self._looks.pop(row.id, None)
            counts = store.tally(session, row.id, row.channels)
            self.counted += 1
            large = _channels(counts, self._large)
            if large:
                self._looks[row.id] = _look(session, row, large, counts)
            return counts


def _look(session: Session, row: DispatchRow, large: frozenset[str], counts: Iterable[Count]) -> _Look:
    look = _Look(
        counted_at=stopwatch(),
        moves=_moves(row),
        channels=large,
        deliveries=Counter(),
        due=Counter(),
        planned=frontier.here(session, DeliveryRow.id),
        said=frontier.here(session, ReceiptRow.id),
    )
    for count in counts:
        if count.channel in large:
            _add(look, count)
    return look


def _carry_on(session: Session, dispatch_id: int, look: _Look) -> None:
    """Brings a look up to this snapshot; afterwards it is right, or _Uncertain was raised."""
    planned, said = look.planned, look.said
    for number, before in ((DeliveryRow.id, planned), (ReceiptRow.id, said)):
        if frontier.newest(session, number) - before.last > MOST:
            raise _Uncertain
    new = tallies.tally_beyond(session, dispatch_id, look.channels, planned)
    changed = tallies.changed(session, dispatch_id, look.channels, planned, said)
    spoken = [one.delivery for one in changed if one.delivery is not None]
    words, withdrawn = tallies.said_within(session, spoken, said)
    if withdrawn:
        raise _Uncertain
    reached = frontier.moved(session, DeliveryRow.id, planned), frontier.moved(session, ReceiptRow.id, said)
    moves: list[tuple[_Place, bool, Count]] = []
    for one in changed:
        place: _Place = (one.count.channel, None, None, None)
        if one.delivery is not None:
            place = (one.count.channel, *_stood(words[one.delivery]))
        elif one.before is not None:
            place = (one.count.channel, *_stood([one.before]))
        moves.append((place, _was_due(look, place), one.count))
    for place, due, count in moves:
        look.deliveries[place] -= count.deliveries
        look.due[place] -= count.deliveries if due else 0
    for _, _, count in moves:
        _add(look, count)
    for count in new:
        _add(look, count)
    if any(not 0 <= look.due[place] <= number for place, number in look.deliveries.items()):
        raise _Uncertain
    look.planned, look.said = reached


def _stood(words: Collection[Word]) -> tuple[Outcome, Reason | None, Answer | None]:
    """What was known of a delivery of which so much had been said."""
    spoke = fold(words)
    if spoke is None:
        raise _Uncertain
    equal = [word for word in words if word.rank == spoke.rank]
    if any((word.reason, word.answer) != (spoke.reason, spoke.answer) for word in equal):
        raise _Uncertain
    return spoke.outcome, spoke.reason, spoke.answer


def _was_due(look: _Look, place: _Place) -> bool:
    """Whether a delivery at a place was to be looked at again: where all or none were, so was this one."""
    due, deliveries = look.due[place], look.deliveries[place]
    if not deliveries or 0 < due < deliveries:
        raise _Uncertain
    return due > 0


def _add(look: _Look, count: Count) -> None:
    place = (count.channel, count.outcome, count.reason, count.answer)
    look.deliveries[place] += count.deliveries
    look.due[place] += count.due


def _counts(look: _Look) -> list[Count]:
    return [Count(*place, number, look.due[place]) for place, number in look.deliveries.items() if number]


def _channels(counts: Iterable[Count], least: int) -> frozenset[str]:
    """Those with so many deliveries."""
    sizes: Counter[str] = Counter()
    for count in counts:
        sizes[count.channel] += count.deliveries
    return frozenset(name for name, size in sizes.items() if size >= least)


def _moves(row: DispatchRow) -> tuple[object, ...]:
    """What says that people or the relay have moved deliveries without a word of their own."""
    return (row.state, str(row.stops), row.hold_until, row.superseded_by_id, row.planned_at)
