"""The replay: what was known of a dispatch at each second, from its receipts as they came in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from sqlalchemy.orm import Session

from alertd import store
from alertd.channel import Answer, Outcome
from alertd.errors import NotFound
from alertd.report import PENDING, ChannelTally
from alertd.store.replay import Change, changes
from alertd.tables import DispatchRow

_NONE = {**{outcome.value: 0 for outcome in Outcome}, PENDING: 0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What was known up to the end of one second."""

    at: datetime
    #: every delivery of each channel in exactly one outcome; of the answers, calls for help only
    channels: Mapping[str, ChannelTally]

    @property
    def help_wanted(self) -> int:
        """How many had called for help."""
        return sum(tally.answers.get(Answer.HELP, 0) for tally in self.channels.values())


def frames(session: Session, dispatch_id: int, *, until: datetime | None = None) -> Iterator[Frame]:
    """A frame for each second before `until` in which something became known. Raises NotFound.

    Contacts that were tried only after others count as still to be sent from the
    beginning. What a later visit put right is in, as it was known then.
    """
    planned = _planned(session, _row(session, dispatch_id))
    known: dict[str, Counter[str]] = {name: Counter() for name in planned}
    for second, found in groupby(changes(session, dispatch_id, until=until), key=lambda one: one.at):
        for change in found:
            _take_in(known[change.channel], change)
        yield Frame(at=second, channels=_tallies(planned, known))


def frame(session: Session, dispatch_id: int, at: datetime) -> Frame:
    """What was known at the end of that second. Raises NotFound."""
    row, end = _row(session, dispatch_id), at + timedelta(seconds=1)
    found = list(frames(session, dispatch_id, until=end))
    if found:
        return Frame(at=at, channels=found[-1].channels)
    planned = row.planned_at is not None and row.planned_at < end
    counts = _planned(session, row) if planned else dict.fromkeys(row.channels, 0)
    return Frame(at=at, channels=_tallies(counts, {name: Counter() for name in counts}))


def _take_in(known: Counter[str], change: Change) -> None:
    known[change.after] += change.deliveries
    if change.before is not None:
        known[change.before] -= change.deliveries
    known[Answer.HELP] += change.deliveries * (change.help_after - change.help_before)


def _tallies(planned: Mapping[str, int], known: Mapping[str, Counter[str]]) -> dict[str, ChannelTally]:
    made = {}
    for name, number in planned.items():
        outcomes = {outcome.value: known[name][outcome] for outcome in Outcome}
        outcomes[PENDING] = number - sum(outcomes.values())
        calls = known[name][Answer.HELP]
        made[name] = ChannelTally(
            number, {**_NONE, **outcomes}, {}, {Answer.HELP.value: calls} if calls else {}, 0
        )
    return made


def _row(session: Session, dispatch_id: int) -> DispatchRow:
    row = store.dispatch(session, dispatch_id)
    if row is None:
        raise NotFound(f"there is no dispatch {dispatch_id}; `alertd alert list` shows them")
    return row


def _planned(session: Session, row: DispatchRow) -> dict[str, int]:
    found = dict.fromkeys(row.channels, 0)
    for count in store.tally(session, row.id, row.channels):
        found[count.channel] = found.get(count.channel, 0) + count.deliveries
    return found
