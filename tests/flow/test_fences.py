"""The fences: who has lost a lease, or speaks of another attempt, writes nothing."""

from __future__ import annotations

import pytest

from alertd import plan, store
from alertd.channel import Outcome
from alertd.db import writing
from alertd.delivery import Next, Word
from alertd.store import crowds
from tests import factories
from tests.flow.conftest import City
from tests.flow.test_in_doubt_flow import LEASE, take

ACCEPTED = Next(Word(1, Outcome.ACCEPTED), None, handed=False)


@pytest.fixture
def held(city: City) -> City:
    """A city whose one delivery is leased to `mine` and not marked yet."""
    factories.add_people(city.site, ["p@example.jp"])
    dispatch = factories.submit(city.site)
    factories.approve(city.site, dispatch)
    plan.plan(city.site, dispatch)
    take(city, "mine", hand=False)
    return city


def mark(city: City, owner: str) -> frozenset[int]:
    with writing(city.site.engine) as session:
        return store.mark_handed(session, owner, [1], city.clock.now())


def conclude(city: City, owner: str, following: Next) -> frozenset[int]:
    with writing(city.site.engine) as session:
        return crowds.conclude(session, owner, following, [1])


def test_only_who_holds_a_living_lease_marks(held: City) -> None:
    assert mark(held, "somebody else") == frozenset()
    assert mark(held, "mine") == {1}


def test_a_lease_that_has_lapsed_marks_nothing_though_nobody_took_it(held: City) -> None:
    held.clock.advance(LEASE)
    assert mark(held, "mine") == frozenset()


def test_only_the_owner_concludes_only_this_attempt_and_only_what_says_more(held: City) -> None:
    mark(held, "mine")
    assert conclude(held, "somebody else", ACCEPTED) == frozenset()
    later = Next(Word(2, Outcome.ACCEPTED), None, handed=False)
    assert conclude(held, "mine", later) == frozenset(), "an attempt that there has not been"
    waits = Next(Word(1, Outcome.DELIVERED), held.clock.now() + LEASE, handed=True)
    assert conclude(held, "mine", waits) == {1}
    held.clock.advance(2 * LEASE)
    with writing(held.site.engine) as session:
        now = held.clock.now()
        store.claim(session, "mail", "mine", handed=True, limit=1, now=now, until=now + LEASE)
    assert conclude(held, "mine", ACCEPTED) == frozenset(), "good news wins for ever"


def test_what_somebody_has_leased_no_stream_takes(held: City) -> None:
    with writing(held.site.engine) as session:
        now = held.clock.now()
        taken = crowds.claim_and_mark(session, "mail", "another", limit=9, now=now, until=now + LEASE)
    assert taken == []
