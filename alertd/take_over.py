"""Taking over: the subscribers of another service become ours; nobody is written to, and who left stays away."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from alertd import audit
from alertd.db import writing
from alertd.site import Site
from alertd.store import subscriptions
from alertd.subscription import Choice, How, OptIn
from alertd.suppression import suppressed
from alertd.tables import ContactRow

#: subscribers that are stored in one transaction
CHUNK = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenOver:
    """What an import of subscribers changed, or would change."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    #: they left here: an import brings nobody back
    left: int = 0


def take_over(
    site: Site, subscribers: Sequence[tuple[str, Choice]], *, by: str, dry_run: bool = False
) -> TakenOver:
    """Stores subscribers of another service; twice is the same as once, and nobody is written to.

    Each thousand is one transaction. With `dry_run` nothing is written.
    """
    counts: Counter[str] = Counter()
    opt_in = OptIn(how=How.STAFF, by=by, text_version="import")
    for begin in range(0, len(subscribers), CHUNK):
        with writing(site.engine) as session:
            now = site.clock.now()
            part = [(subscriptions.KIND, address) for address, _ in subscribers[begin : begin + CHUNK]]
            gone = suppressed(session, part)
            for address, choice in subscribers[begin : begin + CHUNK]:
                contacts = subscriptions.contacts_at(session, address)
                known = subscriptions.choice_of(session, contacts[0]) if contacts else None
                erased = not contacts and (subscriptions.KIND, address) in gone
                step = "left" if erased else _step(contacts, known, choice)
                counts[step] += 1
                if dry_run or step in ("unchanged", "left"):
                    continue
                contact = (
                    contacts[0] if contacts else subscriptions.add_contact(session, address, choice, now)
                )
                subscriptions.keep_choice(session, contact, choice, None if known else opt_in, now)
    if not dry_run and subscribers:
        with writing(site.engine) as session:
            detail = dict(counts)
            now, action = site.clock.now(), "subscribers.imported"
            audit.note(session, at=now, actor=by, action=action, subject="subscribers", detail=detail)
    return TakenOver(**{name: counts[name] for name in ("new", "changed", "unchanged", "left")})


def _step(contacts: Sequence[ContactRow], known: Choice | None, choice: Choice) -> str:
    if not contacts:
        return "new"
    if not contacts[0].active:
        return "left"
    same = known is not None and replace(known, areas=()) == replace(choice, areas=())
    return "unchanged" if known and same and set(known.areas) == set(choice.areas) else "changed"
