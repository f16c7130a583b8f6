"""Callbacks: what far ends say at `/callbacks/NAME`, judged by the channel and written down in groups.

A callback is answered when what it says is committed, not before: a far end that was
told “heard” does not say it again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import cast

from alertd import messages, receive, store
from alertd.channel import Answers, Callback, Outcome, Receipt, Reply, Reports, Target, Tells
from alertd.db import reading, writing
from alertd.dispatch import State
from alertd.errors import NotFound
from alertd.group_commit import GroupCommit
from alertd.in_force import in_force
from alertd.messages import DELIVERY
from alertd.receive import Said
from alertd.site import Site
from alertd.token import unseal

#: hand-overs that are remembered to be known as taken over
_MOST_KNOWN = 200_000


@dataclass(frozen=True, slots=True)
class Judged:
    """A genuine callback: the answer, to be given once `said` is written down."""

    reply: Reply
    said: tuple[Said, ...] = ()


def told(site: Site, name: str, request: Callback) -> Judged | None:
    """Judges a callback that can be judged by itself, without a look at the database; None = `answered`."""
    channel = _reporting(site, name)
    reply = cast(Tells, channel).told(request) if _fits(type(channel), Tells) else None
    if reply is None:
        return None
    number, attempt = _hand_over(site, request)
    if number is None:
        return Judged(replace(reply, receipts=()))
    key = request.query.get("key")
    return Judged(reply, tuple(Said(number, attempt, one, name) for one in reply.receipts if one.key == key))


def answered(site: Site, name: str, request: Callback) -> Judged:
    """Judges any callback; the channel is given the hand-over that its URL names."""
    channel = _reporting(site, name)
    request = _named(site, name, request)
    caller = channel.caller(request) if isinstance(channel, Answers) else None
    if caller is not None and isinstance(channel, Answers):
        with reading(site.engine) as session:
            heard = in_force(session, site, name, caller, site.clock.now())
        reply = channel.answer(request, heard)
        targets = [one.target for one in heard if one.target is not None]
    else:
        reply = channel.receive(request)
        targets = [request.target] if request.target is not None else []
    return Judged(reply, tuple(_said(site, name, targets, reply.receipts)))


def takes(site: Site, name: str) -> bool:
    """Whether the channel of this name takes callbacks. Raises what opening a channel raises."""
    return _fits(type(site.channel(name)), Reports)


def _reporting(site: Site, name: str) -> Reports:
    channel = site.channel(name)
    if not _fits(type(channel), Reports):
        raise NotFound(f"channel “{name}” takes no callbacks")
    return cast(Reports, channel)


@cache
def _fits(kind: type, port: type) -> bool:
    """Whether a channel's class has a port's methods: it is asked for every callback, and slow to find out."""
    return issubclass(kind, port)


def _hand_over(site: Site, request: Callback) -> tuple[int | None, int]:
    """Delivery and attempt that a callback's URL names; None = it names none of ours."""
    number = unseal(site.secret, DELIVERY, request.query.get("key", ""))
    attempt = request.query.get("attempt", "")
    if number is None or not attempt.isascii() or not attempt.isdigit() or not 0 < int(attempt[:7]) < 10**6:
        return None, 0
    return number, int(attempt)


def _named(site: Site, name: str, request: Callback) -> Callback:
    """The callback with the hand-over that its URL names, and whether nothing more is wanted of it."""
    number, attempt = _hand_over(site, request)
    if number is None:
        return replace(request, closed=True)
    with reading(site.engine) as session:
        there = store.handed_over(session, number)
        if there is None or there.channel != name or not 1 <= attempt <= there.attempt:
            return replace(request, closed=True)
        target = messages.target(site, name, number, attempt, there.address, there.contact_id)
        try:
            message = messages.book(site, name).of(session, there.dispatch_id).messages.get(there.language)
        except messages.NotAsApproved:
            return replace(request, target=target, closed=True)
    closed = there.due_at is None or there.state is State.CANCELLED or not there.usable
    return replace(request, target=target, message=message, closed=closed)


def _said(site: Site, name: str, targets: Sequence[Target], receipts: Sequence[Receipt]) -> list[Said]:
    attempts = {one.key: one.attempt for one in targets}
    numbers = {key: unseal(site.secret, DELIVERY, key) for key in attempts}
    return [
        Said(number, attempts[one.key], one, name)
        for one in receipts
        if (number := numbers.get(one.key)) is not None
    ]


class Book:
    """Writes down what far ends say to an installation; most of it is known already. For one event loop."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._together: GroupCommit[Said] = GroupCommit(self.write)
        #: hand-overs whose `accepted` is committed; receipts are never taken back
        self._accepted: set[tuple[int, int]] = set()

    async def write_down(self, said: Sequence[Said]) -> None:
        """Returns when it is committed; what is known already is not written again."""
        new = [one for one in said if not self._known(one)]
        if new:
            await self._together.add(new)

    def write(self, said: Sequence[Said]) -> None:
        """Writes these in one transaction, unless all of them are known."""
        site = self._site
        if not all(map(_is_acceptance, said)) or self._anything_new(said):
            with writing(site.engine) as session:
                receive.record_all(session, site, said, site.clock.now())
        if len(self._accepted) > _MOST_KNOWN:
            self._accepted.clear()
        self._accepted.update((one.delivery_id, one.attempt) for one in said if _is_acceptance(one))

    def _known(self, one: Said) -> bool:
        return _is_acceptance(one) and (one.delivery_id, one.attempt) in self._accepted

    def _anything_new(self, said: Sequence[Said]) -> bool:
        with reading(self._site.engine) as session:
            known = store.words_of(session, {one.delivery_id for one in said})
        return any(one.word not in known[one.delivery_id] for one in said)


def _is_acceptance(one: Said) -> bool:
    return one.receipt.outcome is Outcome.ACCEPTED
