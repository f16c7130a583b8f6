"""The Outbox: what is ready to go out on a fast channel, and where it is noted how far each came.

A channel that `Streams` takes the next parcel whenever it has a line free; nothing waits
for the end of a group, and what one slow line holds up is one parcel. The engine refills
the outbox and records what has ended, in crowds, beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol, runtime_checkable

from alertd.channel import Message, Receipt, Target


class Parcel(NamedTuple):
    """One target and what to say to it; `slot` is the outbox's own."""

    message: Message
    target: Target
    slot: int


class Outbox(Protocol):
    """Parcels in the order in which they are due; for one thread beside the engine's.

    Each parcel that was taken is put back, postponed, or begun; what was begun is ended.
    """

    @property
    def open(self) -> bool:
        """Whether more may still come."""
        ...

    @property
    def waiting(self) -> int:
        """How many can be taken now."""
        ...

    def take(self) -> Parcel | None:
        """The next one; None = there is none now."""
        ...

    def put_back(self, parcel: Parcel) -> None:
        """It was not begun after all and is the next to be taken."""
        ...

    def postpone(self, parcel: Parcel, seconds: float) -> None:
        """It was not begun; it is due again after so many seconds. Not an attempt."""
        ...

    def begin(self, parcel: Parcel) -> bool:
        """From now on the far end may have it: said just before that can be so.

        False = it is nobody's to hand over here any more; it must be left, without a word.
        """
        ...

    def end(self, parcel: Parcel, receipt: Receipt) -> None:
        """What became of it: said as soon as it is known. Begun or not."""
        ...

    def listen(self, wake: Callable[[], None]) -> None:
        """`wake` is called, from another thread, whenever there is more, or no more will come."""
        ...


@runtime_checkable
class Streams(Protocol):
    """A channel that takes from an outbox, many at a time, and never waits for a group's end."""

    def stream(self, outbox: Outbox, /) -> None:
        """Hands over what is in the outbox until no more will come and all that was begun has ended.

        Raises ChannelUnavailable and ChannelMisconfigured as `Channel.send` does; what was
        begun has ended by then, the rest is tried again.
        """
        ...
