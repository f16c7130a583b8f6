"""Callbacks: what far ends say at `/callbacks/NAME`, judged by the channel and written down in groups.

A callback is answered when what it says is committed, not before: a far end that was
told “heard” does not say it again.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary, ref

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


def callback(site: Site, name: str, request: Callback) -> Reply:
    """The answer to a request of a far end, when what it says is committed.

    `request` comes without target and message. Raises ForgedCallback, or NotFound when
    no channel of that name takes callbacks.
    """
    judged = told(site, name, request) or answered(site, name, request)
    for written in write_down(site, judged.said):
        written.result()
    return judged.reply


def told(site: Site, name: str, request: Callback) -> Judged | None:
    """Judges a callback that can be judged by itself, without a look at the database; None = `answered`."""
    channel = _reporting(site, name)
    reply = channel.told(request) if isinstance(channel, Tells) else None
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


def write_down(site: Site, said: Sequence[Said]) -> list[Future[None]]:
    """Done when it is committed; what is known already is not written again."""
    return _book(site).write_down(said) if said else []


def _reporting(site: Site, name: str) -> Reports:
    channel = site.channel(name)
    if not isinstance(channel, Reports):
        raise NotFound(f"channel “{name}” takes no callbacks")
    return channel


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


class _Book:
    """Writes down the callbacks of an installation; most of them say what is known already."""

    def __init__(self, site: Site) -> None:
        self._site = ref(site)
        self._together: GroupCommit[Said] = GroupCommit(self._write)
        #: hand-overs whose `accepted` is committed; receipts are never taken back
        self._accepted: set[tuple[int, int]] = set()

    def write_down(self, said: Sequence[Said]) -> list[Future[None]]:
        new = [one for one in said if not self._known(one)]
        return [self._together.add(one) for one in new]

    def _known(self, one: Said) -> bool:
        return one.receipt.outcome is Outcome.ACCEPTED and (one.delivery_id, one.attempt) in self._accepted

    def _write(self, said: Sequence[Said]) -> None:
        site = self._site()
        assert site is not None
        fresh = self._fresh(site, said)
        if fresh:
            with writing(site.engine) as session:
                receive.record_all(session, site, fresh, site.clock.now())
        if len(self._accepted) > _MOST_KNOWN:
            self._accepted.clear()
        self._accepted.update((one.delivery_id, one.attempt) for one in said if _is_acceptance(one))

    def _fresh(self, site: Site, said: Sequence[Said]) -> list[Said]:
        """Without the acceptances that are known: they need no transaction that writes."""
        accepted = {one.delivery_id for one in said if _is_acceptance(one)}
        if not accepted:
            return list(said)
        with reading(site.engine) as session:
            known = store.words_of(session, accepted)
        return [one for one in said if not (_is_acceptance(one) and one.word in known[one.delivery_id])]


def _is_acceptance(one: Said) -> bool:
    return one.receipt.outcome is Outcome.ACCEPTED


_books: WeakKeyDictionary[Site, _Book] = WeakKeyDictionary()
_books_guard = threading.Lock()


def _book(site: Site) -> _Book:
    """The book of an installation; the same one for as long as it is open."""
    with _books_guard:
        if site not in _books:
            _books[site] = _Book(site)
        return _books[site]
