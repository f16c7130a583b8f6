"""Calls that are made while they are handed over: a stop is heard in the middle, and nothing rings on."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from alertd import issue
from alertd.channel import Message, Outcome, Reason, Receipt, Target, Traits
from alertd.testing import FakeChannel
from alertd.testing.fake import FakeSettings
from tests import factories
from tests.flow.conftest import MakeCity


class Telephones(FakeChannel):
    """Rings for as long as it sends; nobody answers."""

    def __init__(self, name: str, settings: FakeSettings) -> None:
        super().__init__(name, settings)
        self.rings, self._silent = threading.Event(), threading.Event()

    @property
    def traits(self) -> Traits:
        return replace(super().traits, exclusive=True, batch_size=2)

    def send(self, message: Message, targets: Sequence[Target], /) -> Iterator[Receipt]:
        self.rings.set()
        assert self._silent.wait(20), "nobody said that it should fall silent"
        for target in targets:
            yield Receipt(key=target.key, outcome=Outcome.DEFERRED, reason=Reason.NO_ANSWER)

    def fall_silent(self) -> None:
        self._silent.set()


def test_a_stop_silences_what_rings_and_nothing_more_is_called(make_city: MakeCity) -> None:
    city = make_city()
    telephones = Telephones("mail", city.far_end.settings())
    city.site._channels["mail"] = telephones
    factories.add_people(city.site, [f"{n}@example.jp" for n in range(5)])
    dispatch = factories.submit(city.site)
    factories.approve(city.site, dispatch)
    city.tick()
    with ThreadPoolExecutor(1) as worker:
        drained = worker.submit(city.drain)
        assert telephones.rings.wait(20)
        issue.cancel(city.site, dispatch, factories.APPROVER, reason="まちがい", correct=False)
        assert drained.result(2) == 2, "within two seconds, and no second group"
    assert city.mail(dispatch).outcomes["cancelled"] == 5
