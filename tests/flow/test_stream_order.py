"""The order of a stream: an alert that threatens lives goes before what of a notice is ready to go."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

from alertd import plan
from alertd.alert import Severity
from alertd.audience import Audience
from alertd.channel import Message, Receipt, Target
from alertd.journal import Journal
from alertd.look_again import notes
from alertd.store.claims import Claimed
from alertd.store.crowds import Marked
from alertd.stream import _Outbox, _Ready
from alertd.testing.fake import FakeSettings, ledger
from tests import factories
from tests.flow.conftest import City, MakeCity
from tests.flow.test_stream_flow import StreamingChannel

#: fewer than are claimed at once
FEW = 10
URGENT, NOTICE = 0, 3


def _ready(slot: int, priority: int) -> _Ready:
    claimed = Claimed(slot, 1, 1, "ja", 1, 0, 0, None, None)
    return _Ready(cast("Message", None), Marked(claimed, "", active=True), slot, priority)


def test_what_is_more_urgent_is_taken_before_what_waits(city: City) -> None:
    journal = Journal.open(notes(city.site), "mail", "owner", 8)
    assert journal is not None
    outbox: Any = _Outbox(city.site, "mail", "owner", journal)
    outbox._address = str
    outbox.add([_ready(1, NOTICE), _ready(2, NOTICE)])
    outbox.add([_ready(3, URGENT), _ready(4, URGENT), _ready(5, NOTICE)])
    assert outbox.waiting == 5
    assert [outbox.take().slot for _ in range(3)] == [3, 4, 1]
    outbox.add([_ready(6, URGENT)])
    assert [outbox.take().slot for _ in range(3)] == [6, 2, 5]
    assert outbox.take() is None
    outbox.add([_ready(7, URGENT), _ready(8, NOTICE)])
    assert [outbox.take().slot for _ in range(2)] == [7, 8]
    journal.close()


class _Interrupted(StreamingChannel):
    """After so many mails something happens meanwhile."""

    after = 30
    meanwhile: Callable[[], None]
    sent = 0

    def send(self, message: Message, targets: Sequence[Target], /) -> Iterator[Receipt]:
        self.sent += 1
        if self.sent == self.after:
            self.meanwhile()
        yield from super().send(message, targets)


def test_nothing_of_a_notice_goes_between_what_threatens_lives(make_city: MakeCity) -> None:
    city = make_city()
    settings = city.site.settings["mail"]
    assert isinstance(settings, FakeSettings)
    channel = city.site._channels["mail"] = _Interrupted("mail", settings)
    factories.add_people(city.site, [f"p{n}@example.jp" for n in range(300)])
    notice = _submitted(city, "notice", Severity.MINOR)
    factories.approve(city.site, notice)
    plan.plan(city.site, notice)
    factories.add_people(city.site, [f"n{n}@example.jp" for n in range(FEW)], area="RHK")
    grave = _submitted(city, "grave", Severity.EXTREME, Audience(areas=("RHK",)))

    def meanwhile() -> None:
        factories.approve(city.site, grave)
        plan.plan(city.site, grave)

    channel.meanwhile = meanwhile
    city.drain()
    heard = [line["identifier"] for line in ledger(city.far_end.folder)]
    first = heard.index("grave")
    assert heard[first : first + FEW] == ["grave"] * FEW
    assert channel.after <= first and heard[-1] == "notice" and len(heard) == 300 + FEW


def _submitted(city: City, identifier: str, severity: Severity, audience: Audience | None = None) -> int:
    alert = factories.make_alert(identifier=identifier, severity=severity)
    return factories.submit(city.site, alert, audience=audience)
