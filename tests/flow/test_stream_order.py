"""The order of a stream: an alert that threatens lives goes before what of a notice is ready to go."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence

from alertd import plan
from alertd.alert import Severity
from alertd.audience import Audience
from alertd.channel import Message, Receipt, Target
from alertd.outbox import Outbox
from alertd.testing.fake import FakeSettings, ledger
from tests import factories
from tests.flow.conftest import City, MakeCity
from tests.flow.test_stream_flow import StreamingChannel

#: parcels that are ready when the feeder is waited for: so few that it claims more
READY = 10
FEW = 20


class _Pausing(StreamingChannel):
    """After so many mails something happens meanwhile; then it pauses until the next ones were claimed."""

    pauses_after = 30
    meanwhile: Callable[[], None]
    outbox: Outbox
    #: mails so far, and when it paused
    sent = paused_after = 0

    def stream(self, outbox: Outbox, /) -> None:
        self.outbox = outbox
        super().stream(outbox)

    def send(self, message: Message, targets: Sequence[Target], /) -> Iterator[Receipt]:
        self.sent += 1
        if self.sent == self.pauses_after:
            self.meanwhile()
        if self.sent >= self.pauses_after and not self.paused_after and self.outbox.waiting <= READY:
            self.paused_after = self.sent
            deadline = time.monotonic() + 20
            while self.outbox.waiting <= READY:
                assert time.monotonic() < deadline, "nothing more was claimed"
                threading.Event().wait(0.005)
        yield from super().send(message, targets)


def test_what_threatens_lives_goes_before_what_is_ready_of_a_notice(make_city: MakeCity) -> None:
    city = make_city()
    settings = city.site.settings["mail"]
    assert isinstance(settings, FakeSettings)
    channel = city.site._channels["mail"] = _Pausing("mail", settings)
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
    assert channel.paused_after and heard.count("notice") == 300
    before = channel.paused_after
    assert heard[before : before + FEW] == ["grave"] * FEW, "nothing of the notice before or between"
    assert heard[before + FEW :] == ["notice"] * (300 - before)


def _submitted(city: City, identifier: str, severity: Severity, audience: Audience | None = None) -> int:
    alert = factories.make_alert(identifier=identifier, severity=severity)
    return factories.submit(city.site, alert, audience=audience)
