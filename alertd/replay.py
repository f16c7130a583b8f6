"""The replay: what was known of a dispatch at each second, folded from its receipts as they came in."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from alertd import store
from alertd.channel import Answer, Outcome
from alertd.delivery import Word
from alertd.errors import NotFound
from alertd.report import PENDING, ChannelTally
from alertd.store.replay import said
from alertd.tables import DeliveryRow, DispatchRow

_NONE = {**{outcome.value: 0 for outcome in Outcome}, PENDING: 0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What was known up to the end of one second."""

    at: datetime
    #: every delivery of each channel in exactly one outcome
    channels: dict[str, ChannelTally]

    @property
    def help_wanted(self) -> int:
        """How many had called for help."""
        return sum(tally.answers.get(Answer.HELP, 0) for tally in self.channels.values())


@dataclass(slots=True)
class _Known:
    """The fold so far."""

    planned: dict[str, int]
    words: dict[int, Word] = field(default_factory=dict)
    outcomes: dict[str, Counter[str]] = field(default_factory=dict)
    answers: dict[str, Counter[str]] = field(default_factory=dict)

    def hear(self, delivery: int, channel: str, word: Word) -> None:
        """Takes in one receipt; the word of the highest rank speaks."""
        before = self.words.get(delivery)
        if before is not None and before.rank >= word.rank:
            return
        self.words[delivery] = word
        outcomes = self.outcomes.setdefault(channel, Counter())
        answers = self.answers.setdefault(channel, Counter())
        outcomes[word.outcome] += 1
        if word.answer is not None:
            answers[word.answer] += 1
        if before is not None:
            outcomes[before.outcome] -= 1
            if before.answer is not None:
                answers[before.answer] -= 1

    def frame(self, at: datetime) -> Frame:
        """What is known now."""
        return Frame(at=at, channels={name: self._tally(name) for name in self.planned})

    def _tally(self, name: str) -> ChannelTally:
        heard = {outcome: count for outcome, count in self.outcomes.get(name, Counter()).items() if count}
        answered = {answer: count for answer, count in self.answers.get(name, Counter()).items() if count}
        waiting = self.planned[name] - sum(heard.values())
        return ChannelTally(self.planned[name], {**_NONE, **heard, PENDING: waiting}, {}, answered, 0)


def frames(session: Session, dispatch_id: int, *, until: datetime | None = None) -> Iterator[Frame]:
    """A frame for each second in which something became known, in their order. Raises NotFound.

    Contacts that were tried only after others count as still to be sent from the
    beginning. What a later visit put right is in, as it was known then.
    """
    row = store.dispatch(session, dispatch_id)
    if row is None:
        raise NotFound(f"there is no dispatch {dispatch_id}; `alertd alert list` shows them")
    known = _Known(_planned(session, row))
    second: datetime | None = None
    for delivery, channel, word, at in said(session, dispatch_id, until=until):
        now = at.replace(microsecond=0)
        if second is not None and now != second:
            yield known.frame(second)
        second = now
        known.hear(delivery, channel, word)
    if second is not None:
        yield known.frame(second)


def frame(session: Session, dispatch_id: int, at: datetime) -> Frame:
    """What was known at the end of that second. Raises NotFound."""
    row = store.dispatch(session, dispatch_id)
    if row is None:
        raise NotFound(f"there is no dispatch {dispatch_id}; `alertd alert list` shows them")
    known = deque(frames(session, dispatch_id, until=at + timedelta(seconds=1)), maxlen=1)
    if known:
        return Frame(at=at, channels=known[0].channels)
    planned = row.planned_at is not None and row.planned_at < at + timedelta(seconds=1)
    return _Known(_planned(session, row) if planned else dict.fromkeys(row.channels, 0)).frame(at)


def _planned(session: Session, row: DispatchRow) -> dict[str, int]:
    counted = session.execute(
        select(DeliveryRow.channel, func.count())
        .where(DeliveryRow.dispatch_id == row.id)
        .group_by(DeliveryRow.channel)
    )
    return {**dict.fromkeys(row.channels, 0), **{name: count for name, count in counted}}
