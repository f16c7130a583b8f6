"""The desk channel: for ways that need a person — 広報車, a call to the press, 自治会 by bicycle.

Its far end is the city's own desk: a hand-over puts a task there, people tick its start and
its end in the console, and their ticks are the receipts. Until then it is on the desk, no more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import ClassVar

from pydantic import Field

from alertd.channel import (
    ByHand,
    ChannelSettings,
    InDoubt,
    Inquiry,
    Medium,
    Message,
    Outcome,
    Part,
    Reason,
    Receipt,
    Target,
    Traits,
)


class DeskSettings(ChannelSettings):
    """`[channels.NAME] kind = "desk"`; times are in seconds. A recipient's address says who does it, and how."""

    #: it is read out, with the words of loudspeakers; false: it is handed over as it is written
    read_out: bool = True
    #: from its coming to the desk until somebody should have set out
    start_within: float = Field(default=600.0, gt=0)
    #: from setting out until it should be done
    finish_within: float = Field(default=3600.0, gt=0)


class DeskChannel:
    """Puts tasks on the desk, and knows of each only what people have ticked."""

    Settings: ClassVar[type[ChannelSettings]] = DeskSettings

    def __init__(self, name: str, settings: DeskSettings, /) -> None:
        self.name = name
        self._settings = settings

    @property
    def traits(self) -> Traits:
        settings = self._settings
        start, finish = timedelta(seconds=settings.start_within), timedelta(seconds=settings.finish_within)
        return Traits(
            medium=Medium.OUTDOOR if settings.read_out else Medium.TEXT,
            report_within=start,
            # a task that was put down twice is one task
            in_doubt=InDoubt.RESEND,
            by_hand=ByHand(start_within=start, finish_within=finish),
        )

    def send(self, message: Message, targets: Sequence[Target], /) -> Iterator[Receipt]:
        """Puts a task for each target on the desk."""
        self._settings.must_carry(message.status)
        for target in targets:
            if target.address.strip():
                yield Receipt(key=target.key, outcome=Outcome.ACCEPTED, detail="on the desk")
            else:
                detail = "the list does not say who does it"
                yield Receipt(
                    key=target.key, outcome=Outcome.FAILED, reason=Reason.BAD_ADDRESS, detail=detail
                )

    def ask(self, inquiry: Inquiry, /) -> Receipt | None:
        """Still open, because nobody has ticked its end; when its time is over, that is the last word."""
        key, started = inquiry.target.key, inquiry.ref is not None
        if inquiry.asked_at < inquiry.message.expires:
            return Receipt(key=key, outcome=Outcome.ACCEPTED)
        if started:
            detail = "somebody set out, and nobody said that it was done"
            return Receipt(
                key=key, outcome=Outcome.ACCEPTED, reason=Reason.UNCONFIRMED, ref=inquiry.ref, detail=detail
            )
        detail = "nobody took it in hand"
        return Receipt(key=key, outcome=Outcome.FAILED, reason=Reason.NO_ANSWER, detail=detail)

    def recall(self, inquiry: Inquiry, /) -> Receipt | None:
        """A task that nobody has started is taken off the desk; who is under way is told there."""
        return None if inquiry.ref is None else self.ask(inquiry)

    def preview(self, message: Message, /) -> Sequence[Part]:
        """The words of the sheet."""
        return (Part("読み上げ文 / Words", "text/plain", message.text),)

    def close(self) -> None:
        """There is nothing to let go of."""
